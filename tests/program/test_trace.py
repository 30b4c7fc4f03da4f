"""What `step` may say, and the error for everything else: the line, and what to write instead."""

import importlib.util
import textwrap

import pytest
import torch
from program.interpreter import forward, leaves

from throughtime.errors import TraceError
from throughtime.program.hints import HINTS
from throughtime.program.symbol import SUPPORTED

pytestmark = pytest.mark.usefixtures("unchecked")

HEADER = """\
import math

import numpy
import torch
import torch.nn.functional as F
from torch import nn

from throughtime import Cell, Chrono, affine, mask, noise, parameter
from throughtime.program import Negative


class Mine(Cell):
    states = {states}

    def step(self, x, {arguments}):
"""


def write(tmp_path, body, states='("h",)', arguments="h"):
    """A cell in a file of its own, outside of the package."""
    text = HEADER.format(states=states, arguments=arguments)
    text += textwrap.indent(textwrap.dedent(body).strip(), " " * 8) + "\n"
    path = tmp_path / "mine.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("mine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Mine()


# what is traced: the equation of the new h, from h (B, 4), a = 0.7, and what it should be
EXPRESSIONS = {
    "h + 1": lambda h: h + 1,
    "1 + h": lambda h: 1 + h,
    "h - 1": lambda h: h - 1,
    "1 - h": lambda h: 1 - h,
    "h * 2": lambda h: h * 2,
    "2 * h": lambda h: 2 * h,
    "h / 2": lambda h: h / 2,
    "2 / (h + 9)": lambda h: 2 / (h + 9),
    "h ** 2": lambda h: h**2,
    "2 ** h": lambda h: 2**h,
    "-h": lambda h: -h,
    "+h": lambda h: +h,
    "abs(h)": abs,
    "h + h * h": lambda h: h + h * h,
    "torch.tensor(2.0) * h": lambda h: 2.0 * h,
    "h - torch.tensor(2.0)": lambda h: h - 2.0,
    "torch.tensor(2.0) - h": lambda h: 2.0 - h,
    "numpy.sqrt(2) * h": lambda h: 2**0.5 * h,
    "h / numpy.float32(2)": lambda h: h / 2,
    "numpy.float64(2) - h": lambda h: 2 - h,
    "h.tanh()": torch.tanh,
    "h.sigmoid() * h.exp()": lambda h: h.sigmoid() * h.exp(),
    "h.add(h).mul(3)": lambda h: 6 * h,
    "h.clamp(0, 1)": lambda h: h.clamp(0, 1),
    "h.clamp(min=0)": lambda h: h.clamp(min=0),
    "torch.clamp(h, max=0.1)": lambda h: h.clamp(max=0.1),
    "torch.clamp(h, h * 0.5, h * h + 1)": lambda h: torch.clamp(h, h * 0.5, h * h + 1),
    "torch.clamp(h, min=0.5 * h)": lambda h: torch.maximum(h, 0.5 * h),
    "h.square() + torch.pow(h, 3)": lambda h: h * h + h**3,
    "torch.rsub(h, 2)": lambda h: 2 - h,
    "torch.add(input=h, other=h)": lambda h: 2 * h,
    "torch.add(h, 1, alpha=1)": lambda h: h + 1,
    "torch.mul(h, other=0.5)": lambda h: 0.5 * h,
    "F.softplus(h, beta=2)": lambda h: torch.nn.functional.softplus(h, beta=2),
    "F.leaky_relu(h, 0.2)": lambda h: torch.nn.functional.leaky_relu(h, 0.2),
    "F.hardtanh(h, min_val=-0.1)": lambda h: h.clamp(-0.1, 1),
    "F.gelu(h, approximate='tanh')": lambda h: torch.nn.functional.gelu(h, approximate="tanh"),
    "nn.Tanh()(h) + nn.SiLU()(h)": lambda h: h.tanh() + torch.nn.functional.silu(h),
    "nn.ReLU()(h) + nn.ELU(0.5)(h)": lambda h: h.relu() + torch.nn.functional.elu(h, 0.5),
    "nn.SELU()(h) + nn.Hardswish()(h)": lambda h: torch.selu(h) + torch.nn.functional.hardswish(h),
    "nn.LayerNorm(4, elementwise_affine=False)(h)": lambda h: torch.layer_norm(h, (4,)),
    "F.layer_norm(h, (4,), eps=0.1)": lambda h: torch.layer_norm(h, (4,), eps=0.1),
    "F.layer_norm(h, (4,), h, 2 * h)": lambda h: torch.layer_norm(h, (4,)) * h + 2 * h,
    "h - h.mean(-1, True)": lambda h: h - h.mean(-1, True),
    "h * torch.sum(h, dim=1, keepdim=True)": lambda h: h * h.sum(1, True),
    "h * h.var(dim=-1, keepdim=True)": lambda h: h * h.var(-1, keepdim=True),
    "h * torch.var(h, (-1,), unbiased=False, keepdim=True)": lambda h: (
        h * h.var(-1, correction=0, keepdim=True)
    ),
    "torch.where(h > 0, h, -2)": lambda h: torch.where(h > 0, h, -2.0),
    "h.where(0 >= h, 1.0)": lambda h: torch.where(h <= 0, h, 1.0),
    "torch.where(h, 1.0, h)": torch.ones_like,
    "torch.where((h > 0) & (h < 1) | ~(h != 5), h, 0)": lambda h: torch.where(
        (h > 0) & (h < 1), h, 0.0
    ),
    "(h > 0) * h": torch.relu,
    "1 - (h > 0)": lambda h: (h <= 0).double(),
    "-(h == h)": lambda h: -torch.ones_like(h),
    "(h > 0) + (h > 0)": lambda h: 2 * (h > 0).double(),
    "torch.mean(h > 0, -1, True)": lambda h: (h > 0).double().mean(-1, True).expand(-1, 4),
    "h >= 0": lambda h: (h >= 0).double(),
    "sum([h, h, 1])": lambda h: 2 * h + 1,
    "3": lambda h: torch.full_like(h, 3.0),
    "h.mean(dim=-1, keepdim=True)": lambda h: h.mean(-1, True).expand(-1, 4),
    "[h]": lambda h: h,
    "h * h.width": lambda h: h * 4,
    "torch.lerp(h, 2 * h, 0.25)": lambda h: 1.25 * h,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_means_what_it_says(tmp_path, expression):
    program = write(tmp_path, f"return {expression}").program(3, 4)
    _, _, normal = leaves(program, 5, torch.Generator().manual_seed(1))
    x, h = normal(5, 3), normal(5, 4)
    new = forward(program, {}, x, {"h": h})[program.outputs["h"]]
    torch.testing.assert_close(new, EXPRESSIONS[expression](h), rtol=1e-12, atol=1e-12)


def test_parameters_are_declared_in_order(tmp_path):
    program = write(
        tmp_path,
        """
        u = parameter("u", 2, init=0.5)
        z = affine("deep", h, C, x, x, h * 2, size=2, bias=False, init={"C": "orthogonal"})
        return affine("out", u * z, bias_init=1.0), C
        """,
        states='{"h": None, "C": 5}',
        arguments="h, C",
    ).program(3, 4)
    assert program.states == {"h": 4, "C": 5}
    assert {name: p.shape for name, p in program.parameters.items()} == {
        "u": (2,),
        "deep_h": (2, 4),
        "deep_C": (2, 5),
        "deep_x": (2, 3),
        "deep_3": (2, 3),
        "deep_4": (2, 4),
        "out_0": (4, 2),
        "out_bias": (4,),
    }
    kinds = {name: type(p.init).__name__ for name, p in program.parameters.items()}
    assert (kinds["deep_C"], kinds["deep_h"], kinds["u"]) == ("Orthogonal", "Uniform", "Constant")
    assert (program.vectors, program.output) == (("u",), "h")


def test_what_is_not_used_keeps_its_parameters(tmp_path):
    program = write(tmp_path, 'affine("idle", h, x); parameter("rest"); return h').program(3, 4)
    assert {*program.parameters} == {"idle_h", "idle_x", "idle_bias", "rest"}
    assert [program.nodes[a].attributes["name"] for a in program.affines] == ["idle"]


def test_noise_and_masks(tmp_path):
    body = "return h + noise(1) * mask(0.25) + mask(1, 4, fixed=True) + noise()"
    program = write(tmp_path, body).program(3, 4)
    drawn = [(n.width, *n.attributes.values()) for n in program.randoms]
    assert drawn == [
        (1, "noise0", "normal", 0.0, "step"),
        (4, "mask1", "bernoulli", 0.25, "step"),
        (4, "mask2", "bernoulli", 1.0, "sequence"),
        (4, "noise3", "normal", 0.0, "step"),
    ]


def test_variables_name_the_nodes(tmp_path):
    program = write(tmp_path, "gate = torch.sigmoid(h)\nnew = gate * h\nreturn new").program(3, 4)
    assert [n.name for n in program.nodes if n.op in ("sigmoid", "mul")] == ["gate", "new"]


def test_tracing_twice_gives_the_same(tmp_path):
    cell = write(tmp_path, 'return torch.tanh(affine("a", h, x))')
    assert cell.program(3, 4).json == cell.program(3, 4).json


def test_the_profiler_of_the_caller_goes_on(tmp_path):
    import sys

    def profiler(frame, event, argument):
        return None

    sys.setprofile(profiler)
    try:
        write(tmp_path, "return h").program(3, 4)
        with pytest.raises(TraceError):
            write(tmp_path, "return h[0]").program(3, 4)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)


def test_a_cell_is_traced_under_cprofile_which_goes_on(tmp_path):
    import cProfile

    cell, plain = write(tmp_path, "new = torch.tanh(h)\nreturn new"), cProfile.Profile()
    want = cell.program(3, 4).json

    def afterwards():
        return None

    got = plain.runcall(lambda: (cell.program(3, 4).json, afterwards())[0])
    assert got == want
    assert afterwards.__code__ in {entry.code for entry in plain.getstats()}


# the line that is wrong, what is wrong with it, and what to write instead
REFUSED = {
    "if h > 0: pass": ("truth of a symbol is not known", "torch.where"),
    "h > 0 and h < 1": ("truth of a symbol is not known", "torch.where(condition, a, b)"),
    "not h": ("truth of a symbol is not known", "`not`"),
    "max(h, 1)": ("truth of a symbol", "torch.where"),
    "for part in h: pass": ("no parts to select, count or loop over", 'affine("name", ...)'),
    "h[0]": ("no parts to select", 'affine("name", ...)'),
    "h[:, 1:2]": ("no parts to select", 'affine("name", ...)'),
    "h[0] = 1": ("no parts to select", 'affine("name", ...)'),
    "a, b = h": ("no parts to select", 'affine("name", ...)'),
    "len(h)": ("no parts to select, count", 'affine("name", ...)'),
    "1 in h": ("no parts to select", 'affine("name", ...)'),
    "math.tanh(h)": ("not a number or an array", "torch.tanh"),
    "float(h)": ("not a number or an array", "torch.tanh"),
    "int(h)": ("not a number or an array", "torch.tanh"),
    "range(h)": ("not a number or an array", "torch.tanh"),
    "numpy.tanh(h)": ("not a number or an array", "not `math.tanh` or `numpy.tanh`"),
    "numpy.ones(4) * h": ("not a number or an array", "torch.tanh"),
    "numpy.asarray(h)": ("not a number or an array", "torch.tanh"),
    "h @ h": ("no @, //, %", 'affine("name", x)'),
    "2 @ h": ("no @, //, %", 'affine("name", x)'),
    "h // 2": ("no @, //, %", "+ - * / **"),
    "h % 2": ("no @, //, %", "+ - * / **"),
    "torch.fft.fft(h)": ("fft_fft cannot be traced", "Known: abs, add"),
    "torch.softmax(h, -1)": ("softmax cannot be traced", "/ torch.sum(e, dim=-1, keepdim=True)"),
    "h.softmax(-1)": ("no attribute 'softmax'", "e = torch.exp(z - torch.mean(z, dim=-1, keep"),
    "nn.Softmax(-1)(h)": ("softmax cannot be traced", "/ torch.sum(e, dim=-1, keepdim=True)"),
    "F.log_softmax(h, -1)": ("log_softmax cannot be traced", "torch.log(torch.sum(torch.exp(e)"),
    "torch.cat([h, x], -1)": ("cat cannot be traced", 'affine("name", x, h)'),
    "torch.stack([h, h])": ("stack cannot be traced", 'affine("name", x, h)'),
    "torch.chunk(h, 2, -1)": ("chunk cannot be traced", 'affine("a", h, x)'),
    "h.chunk(2, -1)": ("no attribute 'chunk'", 'affine("b", h, x)'),
    "h.split(2)": ("no attribute 'split'", 'affine("a", h, x)'),
    "h.matmul(h)": ("no attribute 'matmul'", 'affine("name", x)'),
    "torch.zeros_like(h)": ("zeros_like cannot be traced", "the number itself"),
    "h.view(2, -1)": ("no attribute 'view'", "one row of units"),
    "torch.amax(h, -1)": ("amax cannot be traced", "torch.maximum"),
    "torch.linalg.norm(h)": ("linalg_norm cannot be traced", "torch.sqrt(torch.sum(z * z"),
    "F.dropout(h, 0.1)": ("dropout cannot be traced", "throughtime.mask(0.9) / 0.9"),
    "torch.randn_like(h)": ("randn_like cannot be traced", "throughtime.noise()"),
    "h.detach()": ("no attribute 'detach'", "leave it out"),
    "h.size(-1)": ("no attribute 'size'", "`.width`"),
    "torch.rand_like(h)": ("rand_like cannot be traced", "Known:"),
    "torch.sigmoid_(h)": ("sigmoid_ cannot be traced", "Did you mean sigmoid?"),
    "torch.atan(h)": ("atan cannot be traced", "Did you mean tanh?"),
    "F.hardshrink(h)": ("hardshrink cannot be traced", "Did you mean"),
    "h.tan()": ("no attribute 'tan'", "Did you mean 'tanh'?"),
    "h.clamp_min(0)": ("no attribute 'clamp_min'", "Did you mean 'clamp'?"),
    "h.shape": ("no attribute 'shape'", "`.width`"),
    "h.with": ("no attribute", "width"),
    "h.add_(1)": ("no attribute 'add_'", "Did you mean 'add'?"),
    "F.relu(h, inplace=True)": ("relu(inplace=True)", "drop inplace"),
    "nn.ReLU(inplace=True)(h)": ("relu(inplace=True)", "drop inplace"),
    "nn.Linear(4, 4)(h)": ("linear mixes a tensor", 'affine("name", x)'),
    "torch.ones(3, 4) * h": ("Tensor among the equations", 'parameter("name", size)'),
    "h + torch.ones(4)": ("Tensor among the equations", 'parameter("name", size)'),
    "torch.matmul(h, torch.ones(4, 4))": ("matmul mixes a tensor", 'affine("name", x)'),
    "nn.LayerNorm(4)(h)": ("Parameter among the equations", 'parameter("name", size)'),
    "h + 'a'": ("str among the equations", "numbers, symbols"),
    "h + None": ("NoneType among the equations", "numbers, symbols"),
    "h + x": ("add of widths 4 and 3", 'affine("name", ..., size=...)'),
    "torch.where(h > 0, x, x)": ("where of widths 4 and 3 and 3", "size="),
    "torch.maximum(h, x)": ("maximum of widths 4 and 3", "size="),
    "torch.add(h, 1, alpha=2)": ("add with 2 arguments ['alpha']", "It takes 2"),
    "torch.div(h, 2, rounding_mode='floor')": ("div with 2 arguments ['rounding_mode']", "takes 2"),
    "F.leaky_relu(h, h)": ("an option of leaky_relu is not a number", "plain number"),
    "h.clamp()": ("clamp without a bound", "min, max or both"),
    "torch.mean(h)": ("mean with dim=None", "torch.mean(x, dim=-1, keepdim=True)"),
    "torch.sum(h, -1)": ("sum with dim=-1, keepdim=False", "torch.sum(x, dim=-1, keepdim=True)"),
    "h.var(0, keepdim=True)": ("variance with dim=0", "torch.var(x, dim=-1, keepdim=True)"),
    "torch.mean(h, -1, True, dtype=torch.float32)": ("mean with dtype", "dim and keepdim"),
    "torch.var(h, -1, False, True)": ("too many positional arguments", "by name"),
    "torch.var(h.mean(-1, True), -1, keepdim=True)": ("variance of 1 unit", "correction=0"),
    "F.layer_norm(h, (3,))": ("layer_norm over (3,)", "A row has 4 units"),
    'affine("a")': ("affine('a') has no operand", 'affine("a", h, x)'),
    'affine("a b", h)': ("a parameter is named 'a b_h'", "letters, digits"),
    'affine("a", h, size=0)': ("affine('a') has size=0", "whole number"),
    'affine("a", h, size=-3)': ("affine('a') has size=-3", "whole number"),
    'affine("a", h, torch.ones(4))': ("Tensor among the equations", "numbers, symbols"),
    'affine("a", 1.0)': ("affine('a') of a number", "bias does the same"),
    'affine("a", h, init={"C": 1.0})': ("affine('a') has init for 'C'", "operands are h"),
    'affine("a", h, init="normal")': ("'a_h': init is 'normal'", "'orthogonal'"),
    'affine("a", h, bias_init="orthogonal")': ("Orthogonal(gain=1.0) for a vector", "a number"),
    'parameter("u", init=Negative("v"))': ("negative of 'v'", "Declare that one first"),
    'parameter("two words")': ("a parameter is named 'two words'", "letters, digits"),
    "parameter(7)": ("a parameter is named 7", "letters, digits"),
    "affine(h, x)": ("affine without a name", "the name comes first"),
    'affine("a", h, size="3")': ("affine('a') has size='3'", "whole number"),
    'parameter("")': ("a parameter is named ''", "letters, digits"),
    'parameter("u", 0)': ("parameter('u') has size=0", "whole number"),
    "noise(0)": ("noise has size=0", "whole number"),
    "mask(1.5)": ("mask has probability=1.5", "from 0 to 1"),
    'parameter("u") + parameter("u")': ("'u' is there already", "its own name"),
    'affine("a", h) + affine("a", h)': ("'a_h' is there already", "its own name"),
    'affine("a", h) + parameter("a_h")': ("'a_h' is there already", "its own name"),
}


def test_hints_say_what_can_be_traced(tmp_path):
    """What they tell people to write is a softmax, its logarithm, a norm."""
    wanted = {
        "softmax": lambda h: h.softmax(-1),
        "log_softmax": lambda h: h.log_softmax(-1),
        "norm": lambda h: h.norm(dim=-1, keepdim=True).expand(-1, 4),
    }
    for name in wanted:
        *first, last = HINTS[name].split("`")[1::2]
        program = write(tmp_path, "\n".join(["z = h", *first, f"return {last}"])).program(3, 4)
        _, _, normal = leaves(program, 5, torch.Generator().manual_seed(1))
        x, h = normal(5, 3), normal(5, 4)
        new = forward(program, {}, x, {"h": h})[program.outputs["h"]]
        torch.testing.assert_close(new, wanted[name](h), rtol=1e-12, atol=1e-12)
    assert not {*HINTS} & {*SUPPORTED}, "a hint for what can be traced"


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_traced_names_the_line_and_the_remedy(tmp_path, line):
    if line == "h.with":  # a keyword: any other name that is nearly `width`
        line = "h.widht"
        fact, remedy = REFUSED["h.with"]
    else:
        fact, remedy = REFUSED[line]
    cell = write(tmp_path, f"y = torch.tanh(h)\n{line}\nreturn y")
    with pytest.raises(TraceError) as caught:
        cell.program(3, 4)
    message = str(caught.value)
    number = HEADER.count("\n") + 2
    assert message.startswith(f"mine.py:{number}: `{line}`: "), message
    assert fact in message
    assert remedy in message
    assert isinstance(caught.value, TypeError)


def test_the_line_is_that_of_a_function_the_cell_calls(tmp_path):
    cell = write(tmp_path, "def gate(z):\n    return z[0]\nreturn gate(h)")
    with pytest.raises(TraceError, match=rf"mine.py:{HEADER.count(chr(10)) + 2}: `return z\[0\]`"):
        cell.program(3, 4)


# what `step` gives back, with two states
RETURNED = {
    "return h": ("returns 1 value; expected 2, the new h, C", "in their order"),
    "return h, C, h": ("returns 3 values; expected 2", "in their order"),
    "return h, None": ("returns NoneType as the new C", "computed from x"),
    "pass": ("returns 1 value; expected 2", "in their order"),
    "return h, 'C'": ("returns str as the new C", "computed from x"),
    "return h, torch.zeros(4)": ("returns Tensor as the new C", "computed from x"),
    "return h, x": ("the new C has width 3; expected 4", "size=C.width"),
    "return affine('a', x, size=7), C": ("the new h has width 7; expected 4", "size=h.width"),
}


@pytest.mark.parametrize("body", RETURNED)
def test_what_is_returned_fits_the_states(tmp_path, body):
    cell = write(tmp_path, body, states='("h", "C")', arguments="h, C")
    with pytest.raises(TraceError) as caught:
        cell.program(3, 4)
    fact, remedy = RETURNED[body]
    assert str(caught.value).startswith("`Mine.step`: ")
    assert fact in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("states", "fact"),
    [
        ('"h"', "states is 'h'; expected a tuple of names"),
        ("()", "states is (); expected a tuple of names"),
        ("7", "states is 7"),
        ('("h", "h")', "states is ('h', 'h'); expected different names"),
        ('("h", 1)', "expected different names"),
        ('("x",)', "a state is named 'x'"),
        ('("bias",)', "a state is named 'bias'"),
        ('("two words",)', "a state is named 'two words'"),
        ('{"h": 0}', "the state h has width 0; expected a whole number"),
        ('{"h": 1.5}', "the state h has width 1.5"),
        ('{"h": True}', "the state h has width True"),
        ('{"h": "4"}', "the state h has width '4'"),
        ('("h", "C")', "`Mine.step`: does not take x, h, C"),
    ],
)
def test_states_are_names_with_widths(tmp_path, states, fact):
    with pytest.raises(TraceError) as caught:
        write(tmp_path, "return h", states=states).program(3, 4)
    assert fact in str(caught.value)


@pytest.mark.parametrize("call", ['affine("a")', 'parameter("u")', "noise()", "mask(0.5)"])
def test_outside_of_a_cell(call):
    import throughtime

    with pytest.raises(TraceError, match=r"is outside of a cell. Call it in the `step` of a Cell"):
        eval(call, vars(throughtime) | {n: getattr(throughtime, n) for n in
                                        ("affine", "parameter", "noise", "mask")})  # fmt: skip


def test_a_symbol_of_another_cell(tmp_path):
    cell = write(tmp_path, "return h + stolen.setdefault('h', h)")
    cell.step.__globals__["stolen"] = {}
    cell.program(3, 4)
    with pytest.raises(TraceError, match="a symbol of another cell is used here"):
        cell.program(3, 4)


def test_an_error_of_the_cell_itself_is_its_own(tmp_path):
    cell = write(tmp_path, "raise KeyError('mine')")
    with pytest.raises(KeyError, match="mine"):
        cell.program(3, 4)
    with pytest.raises(TraceError, match="outside of a cell"):
        import throughtime

        throughtime.parameter("u")

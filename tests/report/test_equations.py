# ruff: noqa: E501 (equations are as long as they are)
"""What the equations say is what the network computes; and how they read."""

import importlib
import xml.etree.ElementTree as ET
from pathlib import Path

import expecttest
import pytest
import torch
import torch.nn.functional as F
from catalogue import CELLS
from hypothesis import given, settings
from hypothesis import strategies as st
from program.interpreter import leaves
from program.random_programs import random_program
from report.reader import Weight, rows, values

from throughtime import GRU, LSTM, RNN, Cell, adjoint, affine, mask, noise, parameter
from throughtime import nn as drop_in
from throughtime.engines import Call, Packed
from throughtime.engines.derived import plan
from throughtime.engines.reference import forward as reference
from throughtime.errors import OptionError
from throughtime.program import Program, trace
from throughtime.program.regularise import expected, variational, zoneout
from throughtime.report import latex, mathml
from throughtime.report.names import _pieces

BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "cells"
COPIED = {
    "copied_lstm": "CopiedLSTM",
    "feed_forward": "FeedForward",
    "layer_normalised_lstm": "LayerNormalisedLSTM",
    "peephole_lstm": "PeepholeLSTM",
    "reset_before_gru": "ResetBeforeGRU",
}
DROP_IN = {
    "nn-rnn": drop_in._RNN("relu"),
    "nn-lstm": drop_in._LSTM(None),
    "nn-lstm-proj": drop_in._LSTM(3),
    "nn-gru": drop_in._GRU(),
}


class Odd(Cell):
    """A little of everything that the others lack."""

    def step(self, x, h):
        tau = parameter("tau", init=1.5)
        chosen = torch.where((h > 0) & (h <= 1), h, 2 * h) * -h
        scarce = F.leaky_relu(h, 0.25) * mask(0.5) * mask(0.25, fixed=True) + noise()
        power = 1e-5 * torch.abs(h) ** 3 * 2**h - h * h * h * 0.5
        spread = torch.var(h, -1, keepdim=True) * (h - (1 - h))
        return chosen / (-tau * tau) - (h - scarce) * -2 + power - -spread + torch.clamp(h, -0.5)


class Reused(Cell):
    """Names that the author gave twice, took from a state, or did not give."""

    states = ("h", "C")

    def step(self, x, h, C):
        x = torch.tanh(affine("x", x)) * 0.5
        h = affine("inner", torch.relu(affine("inner0", h, x)), torch.sigmoid(x) * C)
        return h * torch.square(torch.exp(-C)) / (torch.exp(-C) + 1), h


def copied(name: str) -> Cell:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, COPIED[name])()


def every_cell() -> dict[str, Cell]:
    return CELLS | DROP_IN | {n: copied(n) for n in COPIED} | {"odd": Odd(), "reused": Reused()}


def exact(program: Program) -> bool:
    """Whether four digits, which is what is printed, are all that its numbers have."""
    given = [v for node in program.nodes for v in node.attributes.values()]
    return all(float(f"{v:.4g}") == v for v in given if isinstance(v, float))


def check(program: Program, batch: int = 3) -> None:
    """One step on the reference engine, beside the equations read from the page."""
    parameters, randoms, normal = leaves(program, batch, torch.Generator().manual_seed(0))
    x, drawn = normal(batch, program.input_size), randoms()
    states = {name: normal(batch, width) for name, width in program.states.items()}
    schedule = plan(program)
    biases = [
        parameters[b] if isinstance(b, str) else torch.zeros(b, dtype=x.dtype)
        for b in schedule.biases
    ]
    call = Call(
        x[None],
        tuple(states.values()),
        (),
        Packed(
            tuple(torch.cat([parameters[w] for w in p.weights]) for p in schedule.products),
            torch.cat(biases) if biases else None,
        ),
        tuple(parameters[name] for name in program.vectors),
        tuple(
            drawn[node.attributes["name"]][None if node.attributes["scope"] == "step" else ...]
            for node in program.randoms
        ),
    )
    want = reference.forward(program, call).final

    known = {"xt": x} | {f"{name}t−1": value for name, value in states.items()}
    for a in program.affines:
        name, weights = program.nodes[a].attributes["name"], program.nodes[a].attributes["weights"]
        for w in weights:
            known[spelled(f"W{name if len(weights) == 1 else w}")] = Weight(parameters[w])
        if program.nodes[a].attributes["bias"]:
            known[spelled(f"b{name}")] = parameters[f"{name}_bias"]
    known |= {spelled(name): parameters[name] for name in program.vectors}
    text = mathml(program)
    names = [left for left, sign, _ in rows(text) if sign == "∼"]
    known |= zip(names, (drawn[name] for name in heard(program)), strict=True)
    got = values(text, known)
    tolerance = 1e-10 if exact(program) else 2e-3
    for name, value in zip(program.states, want, strict=True):
        torch.testing.assert_close(
            got[f"{name}t"].expand_as(value), value, rtol=tolerance, atol=tolerance
        )


def heard(program: Program) -> list[str]:
    """The noise and the masks that a new state depends on, in order."""
    used = {*program.outputs.values()}
    for i in reversed(range(len(program.nodes))):
        used.update(program.nodes[i].args if i in used else ())
    return [program.nodes[i].attributes["name"] for i in program.find("random") if i in used]


def spelled(name: str) -> str:
    """As the reader spells what it sees, whatever is a subscript of what."""
    return name.replace("_", "").replace("tau", "τ")


@pytest.mark.parametrize("name", every_cell())
def test_the_equations_are_what_runs(name):
    program = every_cell()[name].program(3, 4)
    check(program)
    check(expected(zoneout(program, 0.25)))
    if program.randoms == ():
        check(zoneout(program, 0.25))
    if name not in ("indrnn", "odd", "reused"):
        check(variational(program, 0.5))


@given(data=st.data())
@settings(max_examples=60)
def test_the_equations_of_any_program(data):
    check(random_program(data))


def shown(cell: Cell) -> str:
    """The equations in LaTeX, without what only sets the type."""
    text = latex(cell.program(3, 4)).replace(" ,", ",")
    for typesetting in ("\\mathrm", "\\left", "\\right", "{", "}", "&", "\\, ", "aligned"):
        text = text.replace(typesetting, "")
    lines = text.replace(r" \\", "").splitlines()[1:-1]
    return "\n".join(["", *(" ".join(line.split()) for line in lines), ""])


def test_the_lstm():
    expecttest.assert_expected_inline(
        shown(LSTM()),
        r"""
keep_t = \sigma (W_keep, h h_t - 1 + W_keep, x x_t + b_keep)
write_t = \sigma (W_write, h h_t - 1 + W_write, x x_t + b_write)
candidate_t = tanh (W_candidate, h h_t - 1 + W_candidate, x x_t + b_candidate)
C_t = keep_t \odot C_t - 1 + write_t \odot candidate_t
read_t = \sigma (W_read, h h_t - 1 + W_read, x x_t + b_read)
h_t = read_t \odot tanh (C_t)
""",
    )


def test_the_gru():
    expecttest.assert_expected_inline(
        shown(GRU()),
        r"""
update_t = \sigma (W_update, h h_t - 1 + W_update, x x_t + b_update)
reset_t = \sigma (W_reset, h h_t - 1 + W_reset, x x_t + b_reset)
candidate_t = tanh (W_candidate, 0 (reset_t \odot h_t - 1) + W_candidate, x x_t + b_candidate)
h_t = (1 - update_t) \odot h_t - 1 + update_t \odot candidate_t
""",
    )


def test_a_cell_of_everything_else():
    expecttest.assert_expected_inline(
        shown(Odd()),
        r"""
chosen_t = - ( \begincases h_t - 1 \textif (h_t - 1 > 0) \land (h_t - 1 \le 1) 2 h_t - 1 \textotherwise \endcases ) \odot h_t - 1
scarce_t = LeakyReLU_\textnegative slope = 0.25 (h_t - 1) \odot mask_t \odot mask' + \xi_t
power_t = 10^- 5 \cdot |h_t - 1|^3 \odot 2^h_t - 1 - 0.5 h_t - 1^3
spread_t = var_\textcorrection = 1 (h_t - 1) \cdot (h_t - 1 - (1 - h_t - 1))
h_t = \fracchosen_t- \tau^2 + 2 (h_t - 1 - scarce_t) + power_t + spread_t + clamp_\textmin = -0.5 (h_t - 1)
mask_t \sim Bernoulli (0.5) \text, anew for each unit and step
mask' \sim Bernoulli (0.25) \text, anew for each unit and sequence
\xi_t \sim N (0, 1) \text, anew for each unit and step
""",
    )


def test_names_given_twice_or_not_at_all():
    expecttest.assert_expected_inline(
        shown(Reused()),
        r"""
x'_t = 0.5 tanh (W_x x_t + b_x)
inner_0, t = ReLU (W_inner0, h h_t - 1 + W_inner0, 1 x'_t + b_inner0)
C_t = W_inner, 0 inner_0, t + W_inner, 1 (\sigma (x'_t) \odot C_t - 1) + b_inner
C'_t = exp (- C_t - 1)
h_t = \fracC_t \odot C'_t^2C'_t + 1
""",
    )


def test_latex_of_the_rnn():
    expecttest.assert_expected_inline(
        latex(RNN(hidden=(5,)).program(3, 4)),
        r"""\begin{aligned}
\mathrm{inner}_{t} &= W_{\mathrm{inner0} , h} \, h_{t - 1} + W_{\mathrm{inner0} , x} \, x_{t} + b_{\mathrm{inner0}} \\
h_{t} &= \mathrm{tanh} (W_{\mathrm{transition}} \, \mathrm{tanh} (\mathrm{inner}_{t}) + b_{\mathrm{transition}})
\end{aligned}""",
    )


def test_mathml_of_the_rnn():
    text = mathml(RNN("relu", bias=False).program(3, 4)).replace("><", ">\n<")
    expecttest.assert_expected_inline(
        text.replace("\N{MINUS SIGN}", "-"),
        r"""<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">
<mtable displaystyle="true">
<mtr>
<mtd style="text-align:right;text-align:-webkit-right;padding:0.3em 0.2em">
<msub>
<mi>h</mi>
<mi>t</mi>
</msub>
</mtd>
<mtd style="text-align:center;text-align:-webkit-center;padding:0.3em 0.2em">
<mo>=</mo>
</mtd>
<mtd style="text-align:left;text-align:-webkit-left;padding:0.3em 0.2em">
<mrow>
<mi>ReLU</mi>
<mo>&#x2061;</mo>
<mrow>
<mo form="prefix" fence="true" stretchy="false">(</mo>
<mrow>
<mrow>
<msub>
<mi>W</mi>
<mrow>
<mi>transition</mi>
<mo>,</mo>
<mi>h</mi>
</mrow>
</msub>
<mo lspace="0.1em" rspace="0.1em">&#x2062;</mo>
<msub>
<mi>h</mi>
<mrow>
<mi>t</mi>
<mo>-</mo>
<mn>1</mn>
</mrow>
</msub>
</mrow>
<mo>+</mo>
<mrow>
<msub>
<mi>W</mi>
<mrow>
<mi>transition</mi>
<mo>,</mo>
<mi>x</mi>
</mrow>
</msub>
<mo lspace="0.1em" rspace="0.1em">&#x2062;</mo>
<msub>
<mi>x</mi>
<mi>t</mi>
</msub>
</mrow>
</mrow>
<mo form="postfix" fence="true" stretchy="false">)</mo>
</mrow>
</mrow>
</mtd>
</mtr>
</mtable>
</math>""",
    )


def test_the_names_that_the_author_gave_are_kept():
    assert [left for left, _, _ in rows(mathml(LSTM(layer_norm=True).program(3, 4)))] == [
        "zkeept", "keept", "zwritet", "writet", "zcandidatet", "candidatet", "Ct", "zreadt",
        "readt", "ht",
    ]  # fmt: skip


def test_a_program_from_a_file_may_name_its_parts_as_it_likes():
    text = LSTM().program(3, 4).json.replace('"keep', '"</math><script>&')
    text = text.replace('"read', '"\\u0000\\u202e_')
    program = Program.from_json(text.replace("candidate", "\\\\end{aligned}$"))
    root = ET.fromstring(mathml(program))
    assert root.tag.endswith("math") and "<script>" not in mathml(program)
    assert {e.tag.partition("}")[2] for e in root.iter()} <= {
        "math", "mtable", "mtr", "mtd", "mrow", "mi", "mo", "mn", "msub", "msup", "msubsup",
        "mtext",
    }  # fmt: skip
    assert latex(program).count(r"\end") == 1 and r"\$" in latex(program)


@pytest.mark.parametrize("write", [mathml, latex])
def test_an_adjoint_has_no_equations_of_a_cell(write):
    with pytest.raises(OptionError, match=r"`report`: program is the adjoint of GRU; expected"):
        write(adjoint(GRU().program(3, 4)))


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (lambda h: F.leaky_relu(h), ""),
        (lambda h: F.leaky_relu(h, 0.25), "negative slope = 0.25"),
        (lambda h: F.elu(h), ""),
        (lambda h: F.elu(h, 2.0), "alpha = 2"),
        (lambda h: F.gelu(h), ""),
        (lambda h: F.gelu(h, approximate="tanh"), "approximate = tanh"),
        (lambda h: F.softplus(h, 1.0, 30.0), ""),
        (lambda h: torch.clamp(h, min=-0.5), "min = -0.5"),
    ],
)
def test_only_options_that_are_not_the_usual_ones_are_shown(function, options):
    program = trace(
        lambda x, h: function(affine("a", h, x)), {"h": 4},
        cell="Test", input_size=3, hidden_size=4,
    )  # fmt: skip
    text = latex(program)
    assert (f"_{{\\text{{{options}}}}}" in text) if options else "=" not in text.split("&=")[1]


def test_a_name_of_nothing_that_can_be_printed_is_a_question_mark():
    assert _pieces("") == _pieces("\x00") == ("?",)
    assert _pieces("_") == ("_",) and _pieces("__") == ("__",)
    assert _pieces("W_keep_h2") == ("W", "keep", "h2") and _pieces("inner10") == ("inner", "10")
    assert _pieces("12") == ("12",)

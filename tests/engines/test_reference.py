"""The reference engine backward, and autograd through it forward, give the same gradients."""

import pytest
import torch
from catalogue import CELLS
from engines.calls import OPTIONS, error, leaves, random_call
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throughtime import Cell, Recurrent, affine
from throughtime.engines import Call
from throughtime.engines.reference.backward import backward, weight_gradients
from throughtime.engines.reference.forward import forward
from throughtime.program import Program
from throughtime.program.graph import Graph
from throughtime.program.program import rebuild

# the checks of types take ten times as long as what is tested here
pytestmark = pytest.mark.usefixtures("types_unchecked")


TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}  # relative to the largest value


def tapped(program: Program) -> Program:
    """The program with noise added to the output of every affine map: zeros that autograd sees."""
    graph, at = Graph(), {}
    for i, node in enumerate(program.nodes):
        at[i] = graph.add(node.op, [at[a] for a in node.args], node.width, **node.attributes)
        if node.op == "affine":
            name = f"tap_{node.attributes['name']}"
            tap = graph.add("random", width=node.width, name=name, distribution="normal",
                            probability=0.0, scope="step")  # fmt: skip
            at[i] = graph.add("add", [at[i], tap], node.width)
    outputs = {name: at[i] for name, i in program.outputs.items()}
    stay = [at[i] for i, node in enumerate(program.nodes) if node.op in ("input", "state")]
    return rebuild(program, graph, outputs, used=stay)[0]


def with_taps(program: Program, call: Call) -> tuple[Program, Call, list[torch.Tensor]]:
    """Taps in the order of the affine maps."""
    taps = {f"tap_{program.nodes[a].attributes['name']}":
            call.x.new_zeros(*call.x.shape[:2], program.nodes[a].width).requires_grad_()
            for a in program.affines}  # fmt: skip
    own = iter(call.randoms)
    program = tapped(program)
    names = [node.attributes["name"] for node in program.randoms]
    randoms = tuple(taps[n] if n in taps else next(own) for n in names)
    return program, call._replace(randoms=randoms), list(taps.values())


def cotangents(call: Call, widths: list[int]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    T, B = call.x.shape[:2]
    dstates = [torch.randn(T, B, w, dtype=call.x.dtype) for w in widths]
    return dstates, [torch.randn(B, w, dtype=call.x.dtype) for w in widths]


def check(program: Program, call: Call, limit: float) -> None:
    dstates, dfinal = cotangents(call, list(program.states.values()))
    with_tap, tap_call, taps = with_taps(program, call)
    result = forward(with_tap, tap_call)
    loss = sum((a * b).sum() for a, b in zip(result.states, dstates, strict=True))
    loss = loss + sum((a * b).sum() for a, b in zip(result.final, dfinal, strict=True))
    given = [*leaves(call), *taps]
    want = torch.autograd.grad(loss, given, allow_unused=True)
    want = [torch.zeros_like(g) if w is None else w for g, w in zip(given, want, strict=True)]

    with torch.no_grad():
        run = forward(program, call, save=True)
        back = backward(program, call, run, dstates, dfinal)
        dweights, dbias = weight_gradients(program, back), back.dbias
    for a, b in zip([*run.states, *run.final], [*result.states, *result.final], strict=True):
        assert error(a, b) < limit
    bias = [] if dbias is None else [dbias]
    got = [back.dx, *back.dstart, *back.dinitial, *dweights, *bias, *back.dvectors]
    got += back.dz.split([tap.shape[-1] for tap in taps], -1)
    for k, (g, w) in enumerate(zip(got, want, strict=True)):
        assert error(g, w) < limit, f"gradient {k} of {len(got)}"


sizes = st.tuples(*(st.integers(0, 6), st.integers(1, 5), st.integers(1, 4), st.integers(1, 5)))


@pytest.mark.parametrize("lengths, resets, reverse", OPTIONS)
@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=2)
@given(size=sizes, seed=st.integers(0, 2**31))
@example(size=(0, 2, 3, 2), seed=0)
@example(size=(1, 1, 1, 1), seed=0)
@example(size=(7, 5, 3, 5), seed=0)
def test_backward_is_autograd(name, lengths, resets, reverse, size, seed):
    T, B, I, H = size  # noqa: E741
    program = CELLS[name].program(I, H)
    call = random_call(program, T, B, lengths=lengths, resets=resets, reverse=reverse, seed=seed)
    check(program, call, TOLERANCE[torch.float64])


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=200)
@given(
    size=st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    options=st.sampled_from(OPTIONS),
    seed=st.integers(0, 2**31),
)
def test_backward_is_autograd_over_many_shapes(name, size, options, seed):
    (T, B, I, H), (lengths, resets, reverse) = size, options  # noqa: E741
    program = CELLS[name].program(I, H)
    call = random_call(program, T, B, lengths=lengths, resets=resets, reverse=reverse, seed=seed)
    check(program, call, TOLERANCE[torch.float64])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_backward_in_float32(name, reverse):
    program = CELLS[name].program(3, 5)
    call = random_call(
        program, 6, 4, lengths="ragged", resets="some", reverse=reverse, dtype=torch.float32
    )
    check(program, call, TOLERANCE[torch.float32])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("resets", ["never", "some"])
@pytest.mark.parametrize("name", CELLS)
def test_nan_in_the_padding_reaches_nothing(name, resets, reverse):
    """Neither that of x nor that of the gradient at states past the end."""
    program = CELLS[name].program(3, 4)
    clean = random_call(program, 6, 5, lengths="ragged", resets=resets, reverse=reverse)
    past = torch.arange(6)[:, None] >= clean.lengths
    x = clean.x.detach().clone()
    x[past] = torch.nan
    dirty = clean._replace(x=x.requires_grad_())
    dstates, dfinal = cotangents(clean, list(program.states.values()))
    dirty_dstates = [d.masked_fill(past[..., None], torch.nan) for d in dstates]

    def everything(call, dstates):
        result = forward(program, call, save=True)
        outputs = [*result.states, *result.final]
        auto = torch.autograd.grad(
            outputs, leaves(call), [*dstates, *dfinal], allow_unused=True, retain_graph=True
        )
        with torch.no_grad():
            back = backward(program, call, result, dstates, dfinal)
            dweights, dbias = weight_gradients(program, back), back.dbias
        flat = [back.dz, back.dx, *back.dstart, *back.dinitial, *back.dvectors, *dweights]
        return [t for t in [*outputs, *auto, *flat, dbias] if t is not None]

    for a, b in zip(everything(dirty, dirty_dstates), everything(clean, dstates), strict=True):
        assert torch.equal(a, b)


def test_past_the_end_every_output_is_zero():
    program = CELLS["lstm"].program(3, 4)
    call = random_call(program, 6, 5, lengths="ragged")
    past = torch.arange(6)[:, None] >= call.lengths
    result = forward(program, call)
    for states, final, start in zip(result.states, result.final, call.start, strict=True):
        assert past.any() and (states[past] == 0).all() and (states[~past] != 0).all()
        empty = call.lengths == 0
        assert empty.any() and torch.equal(final[empty], start[empty])
        last = (call.lengths - 1)[~empty], torch.arange(5)[~empty]
        assert torch.equal(states[last], final[~empty])


def test_none_for_no_gradient():
    program = CELLS["lstm"].program(3, 4)
    call = random_call(program, 5, 2)
    with torch.no_grad():
        result = forward(program, call, save=True)
        zeros = [torch.zeros(5, 2, 4, dtype=call.x.dtype)] * 2
        dfinal = [torch.randn(2, 4, dtype=call.x.dtype), None]
        a = backward(program, call, result, [None, None], dfinal)
        b = backward(program, call, result, zeros, [dfinal[0], torch.zeros_like(dfinal[0])])
    assert torch.equal(a.dz, b.dz) and a.dz.abs().max() > 0
    assert torch.equal(a.dx, b.dx)


class KnownAhead(Cell):
    """Maps with several operands that are known before the loop, and one of these alone."""

    @property
    def states(self):
        return {"h": None, "C": 2}

    def step(self, x, h, C):
        first = affine("first", x, torch.sin(x), h)
        second = affine("second", torch.sin(x), C, x, bias=False)
        return torch.tanh(first) + second, torch.tanh(affine("third", torch.sin(x), x, size=2))


def plain(layer, x):
    """The same cell as a loop of torch operations."""
    w, h = dict(layer.directions[0][0].named_parameters()), layer.directions[0][0].initial.h0
    C = layer.directions[0][0].initial.C0
    h, C, outputs = h.expand(x.shape[1], -1), C.expand(x.shape[1], -1), []
    for x_t in x:
        s = x_t.sin()
        first = x_t @ w["first_x"].T + s @ w["first_1"].T + h @ w["first_h"].T + w["first_bias"]
        second = s @ w["second_0"].T + C @ w["second_C"].T + x_t @ w["second_x"].T
        third = s @ w["third_0"].T + x_t @ w["third_x"].T + w["third_bias"]
        h, C = first.tanh() + second, third.tanh()
        outputs.append(h)
    return torch.stack(outputs)


@pytest.mark.parametrize("T, B", [(5, 3), (600, 1)])
@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_a_bias_counts_once_whatever_is_known_ahead(engine, T, B):
    torch.manual_seed(0)
    layer = Recurrent(KnownAhead, 3, 4, engine=engine, dtype=torch.float64)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(std=0.5)
    x = torch.randn(T, B, 3, dtype=torch.float64)
    got, want = layer(x)[0], plain(layer, x)
    assert error(got, want) < 1e-10
    parameters = list(layer.parameters())
    pairs = zip(torch.autograd.grad(got.sum(), parameters),
                torch.autograd.grad(want.sum(), parameters), strict=True)  # fmt: skip
    assert all(error(a, b) < 1e-9 for a, b in pairs)

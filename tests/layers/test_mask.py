"""A masked step holds the state: against a plain loop over the real steps that holds by hand."""

import pytest
import torch
from catalogue import CELLS

from throughtime import GRU, LSTM, RNN, Recurrent
from throughtime.errors import ShapeError

pytestmark = pytest.mark.usefixtures("types_unchecked")
ENGINES = ("cpu", "reference")
MERGES = ("concat", "sum", "mean")
MASK = torch.tensor([
    [1, 1, 1, 1, 1, 1],  # nothing masked
    [0, 0, 1, 1, 0, 1],  # padding on the left, a gap
    [1, 0, 0, 1, 0, 0],  # the last steps are masked
    [0, 0, 0, 0, 0, 0],  # nothing real
    [0, 1, 0, 0, 0, 0],
    [1, 0, 1, 0, 1, 0],
]).T.bool()  # fmt: skip
LENGTHS = torch.tensor([6, 5, 4, 6, 1, 0])
RESETS = torch.tensor([
    [0, 0, 1, 0, 0, 1],
    [1, 0, 0, 0, 1, 0],  # before any real step, and in a gap
    [0, 1, 0, 0, 0, 1],
    [0, 0, 1, 0, 0, 0],
    [0, 0, 0, 1, 1, 0],
    [0, 1, 1, 1, 0, 0],
]).T.bool()  # fmt: skip


def layer_of(cell=GRU, **options) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 3, dtype=torch.float64, **options).eval()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(torch.randn_like(p) * 0.3)
    return layer


def inputs(mask=MASK, channels=2):
    torch.manual_seed(1)
    x = torch.randn(*mask.shape, channels, dtype=torch.float64)
    return x.masked_fill(~mask[..., None], torch.nan).requires_grad_()


def held_by_hand(layer, x, b, steps, real, resets, start):
    """Sequence b step by step: outputs, all states and final states of every layer.

    A real step is a call of the layer's own direction with one step; a masked one does nothing.
    """
    below = {t: x[t, b : b + 1] for t in range(steps) if real[t, b]}
    everything, finals = [], []
    for k, directions in enumerate(layer.directions):
        held = []
        for d, direction in enumerate(directions):
            initial = tuple(v.expand(1, -1) for v in direction.initial.start(1, x))
            state, over_time = initial, {}
            if start is not None:
                state = tuple(s[b : b + 1] for s in start[k][d].values())
            times = range(steps - 1, -1, -1) if direction.reverse else range(steps)
            for t in times:
                # backward in time a reset at t comes after t: before the step that is met next
                at = t + 1 if direction.reverse else t
                if resets is not None and at < steps and resets[at, b]:
                    state = initial
                if t in below:
                    # plus 0, so that a one-step call never hears of the initial state by itself
                    state = direction(below[t][None], tuple(s + 0 for s in state)).final
                over_time[t] = state
            held.append(over_time)
            finals.append(state)
        everything.append(held)
        below = {t: layer.merged([over_time[t][0] for over_time in held]) for t in below}
    outputs = [layer.merged([o[t][0] for o in everything[-1]])[0] for t in range(steps)]
    return outputs, everything, finals


def numbers_of(layer, x, mask, lengths=None, resets=None, start=None):
    y, state, states = layer(
        x, state=start, lengths=lengths, resets=resets, mask=mask, return_states=True
    )
    finals = [s for directions in state for named in directions for s in named.values()]
    over_time = [s for directions in states for named in directions for s in named.values()]
    return [y, *finals, *over_time]


def numbers_by_hand(layer, x, mask, lengths=None, resets=None, start=None):
    T, B = mask.shape
    y, finals, over_time = [], [], []
    for b in range(B):
        steps = T if lengths is None else int(lengths[b])
        out, everything, ends = held_by_hand(layer, x, b, steps, mask, resets, start)
        empty = [out[0] * 0 if out else x.new_zeros(layer.output_size)] * (T - steps)
        y.append(torch.stack([*out, *empty]))
        finals.append([s[0] for state in ends for s in state])
        of_all = []
        for directions, module in zip(everything, layer.directions, strict=True):
            for held, direction in zip(directions, module, strict=True):
                for n, width in enumerate(direction.program.states.values()):
                    zeros = [x.new_zeros(width)] * (T - steps)
                    of_all.append(torch.stack([*(held[t][n][0] for t in range(steps)), *zeros]))
        over_time.append(of_all)
    return [torch.stack(y, 1), *(torch.stack(s) for s in zip(*finals, strict=True)),
            *(torch.stack(s, 1) for s in zip(*over_time, strict=True))]  # fmt: skip


def check(layer, mask=MASK, **given):
    """Outputs, states and every gradient."""
    x = inputs(mask, layer.input_size)
    inside = [x, *layer.parameters()]
    if given.get("start") is not None:
        inside += [s for layer_ in given["start"] for d in layer_ for s in d.values()]
    got, want = (f(layer, x, mask, **given) for f in (numbers_of, numbers_by_hand))
    gradients = []
    for numbers in (got, want):
        torch.manual_seed(2)
        loss = sum((n * torch.randn_like(n)).sum() for n in numbers)
        gradients.append(torch.autograd.grad(loss, inside, allow_unused=True))
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    for p, a, b in zip(inside, *gradients, strict=True):
        a, b = (torch.zeros_like(p) if g is None else g for g in (a, b))
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert (gradients[0][0][~mask] == 0).all()


def start_of(layer, B):
    return [
        [{n: torch.randn(B, w, dtype=torch.float64).requires_grad_()
          for n, w in direction.program.states.items()} for direction in directions]
        for directions in layer.directions
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell(name, engine):
    check(layer_of(CELLS[name], direction="both", engine=engine), lengths=LENGTHS)


@pytest.mark.parametrize("resets", [None, RESETS], ids=["", "resets"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["", "lengths"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "direction, merge", [("forward", "concat"), ("backward", "sum"), *(("both", m) for m in MERGES)]
)
def test_every_direction(direction, merge, engine, lengths, resets):
    layer = layer_of(layers=2, direction=direction, merge=merge, engine=engine)
    check(layer, lengths=lengths, resets=resets)


@pytest.mark.parametrize("resets", [None, RESETS], ids=["", "resets"])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_a_given_state_is_held(direction, resets):
    layer = layer_of(LSTM, layers=2, direction=direction)
    check(layer, lengths=LENGTHS, resets=resets, start=start_of(layer, 6))


@pytest.mark.parametrize("seed", range(12))
def test_random_masks(seed):
    draw = torch.Generator().manual_seed(seed)
    mask = torch.rand(9, 5, generator=draw) < 0.5
    resets = torch.rand(9, 5, generator=draw) < 0.3 if seed % 2 else None
    lengths = torch.randint(0, 10, (5,), generator=draw)
    layer = layer_of(LSTM, layers=1 + seed % 3, direction="both")
    check(
        layer, mask, lengths=lengths, resets=resets, start=start_of(layer, 5) if seed % 4 else None
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_padding_on_the_left_changes_nothing(engine):
    layer = layer_of(LSTM, layers=2, direction="both", engine=engine)
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    left = torch.cat([torch.full((4, 3, 2), torch.nan, dtype=torch.float64), x])
    mask = torch.arange(9)[:, None].expand(9, 3) >= 4
    y, state = layer(left, mask=mask)
    want, end = layer(x)
    assert torch.equal(y[4:], want)
    for got, wanted in zip(state[1], end[1], strict=True):
        assert all(torch.equal(got[n], wanted[n]) for n in wanted)


def test_counts_that_are_elsewhere_are_not_waited_for(monkeypatch):
    layer = layer_of(LSTM, layers=2, direction="both")
    want = numbers_of(layer, inputs(), MASK, LENGTHS, RESETS)
    monkeypatch.setattr("throughtime.layers.checks.readable", lambda counts: False)
    got = numbers_of(layer, inputs(), MASK, LENGTHS, RESETS)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_a_mask_of_real_steps_is_none():
    layer, x = layer_of(direction="both"), torch.randn(5, 3, 2, dtype=torch.float64)
    assert torch.equal(layer(x, mask=torch.ones(5, 3).bool())[0], layer(x)[0])


def test_batch_first():
    x = inputs()
    first, other = (layer_of(LSTM, direction="both", batch_first=b) for b in (True, False))
    y, state, states = first(
        x.transpose(0, 1), lengths=LENGTHS, resets=RESETS.T, mask=MASK.T, return_states=True
    )
    want = numbers_of(other, x, MASK, LENGTHS, RESETS)
    finals = [s for named in state[0] for s in named.values()]
    over_time = [s.transpose(0, 1) for named in states[0] for s in named.values()]
    for a, b in zip([y.transpose(0, 1), *finals, *over_time], want, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("T, B", [(0, 3), (4, 0), (0, 0)])
def test_nothing_to_run_over(T, B):
    layer = layer_of(direction="both")
    x, mask = torch.zeros(T, B, 2, dtype=torch.float64), torch.zeros(T, B).bool()
    y, state = layer(x, mask=mask)
    assert y.shape == (T, B, 6) and state[0][1]["h"].shape == (B, 3)


def test_dropout_between_layers_is_drawn_for_real_steps():
    layer = layer_of(RNN, layers=2, dropout=0.5).train()
    x = inputs()
    torch.manual_seed(3)
    y = layer(x, mask=MASK, lengths=LENGTHS)[0]
    torch.manual_seed(3)
    want = layer(x.detach()[:, :1], mask=MASK[:, :1])[0]
    assert y.isfinite().all() and not torch.equal(y[:, :1], layer.eval()(x[:, :1])[0])
    assert want.isfinite().all()


def test_an_initial_state_that_is_given():
    layer = layer_of(LSTM, initial_state={"h": torch.full((3,), 0.25), "C": torch.ones(3)})
    y, _ = layer(inputs(), mask=MASK)
    initial = layer.directions[0][0].initial.h0
    assert torch.equal(y[:2, 1], initial.expand(2, 3))
    check(layer, lengths=LENGTHS)


@pytest.mark.parametrize("wrong, said", [
    (torch.ones(6, 6), "mask has dtype torch.float32; expected bool, True where a step is real"),
    (torch.ones(6, 6).long(), "mask has dtype torch.int64; expected bool"),
    (torch.ones(6, 5).bool(), r"mask has shape \(6, 5\); expected \(6, 6\) because x has these"),
    ([[True]], "mask is a list; expected a tensor"),
])  # fmt: skip
def test_what_is_no_mask(wrong, said):
    with pytest.raises(ShapeError, match=f"`Recurrent.GRU.`: {said}"):
        layer_of()(inputs(), mask=wrong)


@pytest.mark.slow
def test_compiled_with_a_mask():
    layer = layer_of(LSTM, direction="both")
    x = inputs().detach()
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(
        compiled(x, lengths=LENGTHS, mask=MASK)[0], layer(x, lengths=LENGTHS, mask=MASK)[0]
    )

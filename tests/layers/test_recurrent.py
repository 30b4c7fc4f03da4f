"""`Recurrent`: shapes, states, directions, initial states; every option changes something."""

import pytest
import torch
from catalogue import CELLS
from engines.recorded import Recorded, only

from throughtime import GRU, LSTM, RNN, Recurrent
from throughtime.engines.cpu import CPU
from throughtime.engines.reference import Reference

SEQUENCES = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def layer_of(cell=LSTM, **options) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 5, **{"dtype": torch.float64} | options)
    with torch.no_grad():
        for n, p in layer.named_parameters():
            if ".initial." in n:
                p.normal_()
    return layer


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("name", CELLS)
def test_shapes(name, direction, layers):
    layer = Recurrent(CELLS[name], 3, 5, layers=layers, direction=direction)
    y, state, states = layer(torch.randn(6, 4, 3), return_states=True)
    count = 2 if direction == "both" else 1
    widths = layer.directions[0][0].program.states
    output = next(iter(widths.values()))
    assert layer.output_size == output * count
    assert y.shape == (6, 4, layer.output_size)
    assert len(state) == len(states) == layers
    for directions, directions_over_time in zip(state, states, strict=True):
        assert len(directions) == len(directions_over_time) == count
        for direction, over_time in zip(directions, directions_over_time, strict=True):
            assert {n: tuple(s.shape) for n, s in direction.items()} == {
                n: (4, w) for n, w in widths.items()
            }
            assert {n: tuple(s.shape) for n, s in over_time.items()} == {
                n: (6, 4, w) for n, w in widths.items()
            }


@pytest.mark.parametrize("T, B", [(0, 2), (1, 1), (2, 0)])
def test_small_shapes(T, B):
    layer = layer_of(direction="both", layers=2)
    y, state = layer(torch.randn(T, B, 3, dtype=torch.float64))
    assert y.shape == (T, B, 10) and state[1][0]["C"].shape == (B, 5)
    if T == 0:
        start = layer.directions[1][0].initial.C0
        assert torch.equal(state[1][0]["C"], start.expand(B, 5))


def test_states_fit_outputs():
    layer = layer_of(direction="both", layers=2)
    y, state, states = layer(SEQUENCES, return_states=True)
    forward, backward = states[-1]
    assert torch.equal(y, torch.cat([forward["h"], backward["h"]], -1))
    for directions, over_time in zip(state, states, strict=True):
        for name in ("h", "C"):
            assert torch.equal(directions[0][name], over_time[0][name][-1])
            assert torch.equal(directions[1][name], over_time[1][name][0])
    y_only, state_only = layer(SEQUENCES)
    assert torch.equal(y_only, y) and torch.equal(state_only[0][0]["C"], state[0][0]["C"])


def test_backward_is_forward_on_the_turned_sequence():
    backward = layer_of(direction="backward")
    forward = layer_of(direction="forward")
    forward.load_state_dict(backward.state_dict())
    assert torch.equal(backward(SEQUENCES)[0], forward(SEQUENCES.flip(0))[0].flip(0))


def test_both_is_forward_and_backward():
    both = layer_of(direction="both")
    y, _ = both(SEQUENCES)
    for d, direction in enumerate(("forward", "backward")):
        one = layer_of(direction=direction)
        one.directions[0][0].load_state_dict(both.directions[0][d].state_dict())
        assert torch.equal(one(SEQUENCES)[0], y[..., 5 * d : 5 * d + 5])


@pytest.mark.parametrize("merge", ["sum", "mean"])
def test_merge(merge):
    concat, merged = layer_of(direction="both"), layer_of(direction="both", merge=merge)
    first, second = concat(SEQUENCES)[0].split(5, -1)
    want = (first + second) / (2 if merge == "mean" else 1)
    assert merged.output_size == 5
    torch.testing.assert_close(merged(SEQUENCES)[0], want, rtol=1e-14, atol=0)


def test_layers_are_stacked():
    layer = layer_of(layers=2)
    y, _ = layer(SEQUENCES)
    one, two = (Recurrent(LSTM, n, 5, dtype=torch.float64) for n in (3, 5))
    one.directions[0].load_state_dict(layer.directions[0].state_dict())
    two.directions[0].load_state_dict(layer.directions[1].state_dict())
    assert torch.equal(two(one(SEQUENCES)[0])[0], y)


def test_batch_first():
    layer, turned = layer_of(direction="both"), layer_of(direction="both", batch_first=True)
    resets = torch.rand(6, 4) < 0.3
    options = {"lengths": [6, 0, 1, 4], "return_states": True}
    y, state, states = layer(SEQUENCES, resets=resets, **options)
    z, end, ends = turned(SEQUENCES.transpose(0, 1), resets=resets.T, **options)
    assert z.shape == (4, 6, 10) and torch.equal(z.transpose(0, 1), y)
    assert torch.equal(end[0][1]["C"], state[0][1]["C"])
    assert torch.equal(ends[0][1]["C"].transpose(0, 1), states[0][1]["C"])


def test_a_cell_for_each_direction():
    layer = layer_of((LSTM, GRU("after")), direction="both")
    y, state = layer(SEQUENCES)
    assert [*state[0][0]] == ["h", "C"] and [*state[0][1]] == ["h"]
    for d, (cell, direction) in enumerate([(LSTM, "forward"), (GRU("after"), "backward")]):
        one = layer_of(cell, direction=direction)
        one.directions[0][0].load_state_dict(layer.directions[0][d].state_dict())
        assert torch.equal(one(SEQUENCES)[0], y[..., 5 * d : 5 * d + 5])


def test_learned_initial_state():
    layer = Recurrent(LSTM, 3, 5, layers=2, direction="both")
    vectors = {n: p for n, p in layer.named_parameters() if ".initial." in n}
    assert len(vectors) == 8  # states x layers x directions
    assert all((p == 0).all() and p.shape == (5,) for p in vectors.values())
    y, _ = layer(torch.randn(6, 4, 3))
    y.pow(2).sum().backward()
    assert all(p.grad.abs().min() > 0 for p in vectors.values())


def test_initial_state_is_the_state_of_every_row():
    layer = layer_of()
    first = layer.directions[0][0].initial
    start = (({"h": first.h0.expand(4, 5), "C": first.C0.expand(4, 5)},),)
    assert torch.equal(layer(SEQUENCES)[0], layer(SEQUENCES, state=start)[0])
    zeros = layer_of(initial_state="zeros")
    assert not [n for n, _ in zeros.named_parameters() if "initial" in n]
    start = (({n: torch.zeros(4, 5, dtype=torch.float64) for n in ("h", "C")},),)
    assert torch.equal(zeros(SEQUENCES)[0], zeros(SEQUENCES, state=start)[0])
    assert not torch.equal(zeros(SEQUENCES)[0], layer(SEQUENCES)[0])


@pytest.mark.parametrize("given", ["tensor", "scalar", "mapping"])
def test_given_initial_state(given):
    vector = torch.linspace(-1, 1, 5, dtype=torch.float64)
    kind = {"tensor": vector, "scalar": torch.tensor(0.5), "mapping": {"C": vector}}[given]
    layer = layer_of(initial_state=kind)
    wanted = {
        "tensor": (vector, vector),
        "scalar": (torch.full((5,), 0.5), torch.full((5,), 0.5)),
        "mapping": (torch.zeros(5), vector),
    }[given]
    h, C = (w.double().expand(4, 5) for w in wanted)
    start = (({"h": h, "C": C},),)
    assert torch.equal(layer(SEQUENCES)[0], layer(SEQUENCES, state=start)[0])
    assert not [n for n, _ in layer.named_parameters() if "initial" in n]
    assert "directions.0.0.initial.C0" in layer.state_dict()
    zeros = torch.zeros(() if given == "scalar" else 5)
    twin = layer_of(initial_state={"C": zeros} if given == "mapping" else zeros)
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin(SEQUENCES)[0], layer(SEQUENCES)[0])
    assert not zeros.any(), "what was given belongs to whoever gave it"


@pytest.mark.parametrize("given", ["tensor", "scalar", "mapping"])
def test_an_initial_state_that_was_given_may_be_changed_afterwards(given):
    tensor = torch.tensor(0.5) if given == "scalar" else torch.linspace(-1, 1, 5)
    tensor = tensor.double()
    layer = layer_of(initial_state={"C": tensor} if given == "mapping" else tensor)
    before = layer(SEQUENCES)[0]
    tensor.fill_(7)
    assert torch.equal(layer(SEQUENCES)[0], before)


@pytest.mark.parametrize("name", CELLS)
def test_a_state_passed_on_is_one_long_sequence(name):
    layer = layer_of(CELLS[name], layers=2).eval()
    y, state = layer(SEQUENCES)
    first, middle = layer(SEQUENCES[:2])
    second, end = layer(SEQUENCES[2:], state=middle)
    torch.testing.assert_close(torch.cat([first, second]), y, rtol=1e-12, atol=1e-12)
    for directions, others in zip(state, end, strict=True):
        for n in directions[0]:
            torch.testing.assert_close(directions[0][n], others[0][n], rtol=1e-12, atol=1e-12)


def test_a_state_is_told_by_its_names_in_any_order():
    layer = layer_of()
    h, C = torch.randn(2, 4, 5, dtype=torch.float64)
    (y, end), (z, last) = (
        layer(SEQUENCES, state=[[named]]) for named in ({"h": h, "C": C}, {"C": C, "h": h})
    )
    assert torch.equal(y, z) and torch.equal(end[0][0]["C"], last[0][0]["C"])
    assert not torch.equal(y, layer(SEQUENCES, state=[[{"h": C, "C": h}]])[0])


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("frozen", [False, True])
def test_gradient_flows_to_where_it_starts_with_all_weights_frozen(frozen, engine):
    """The learned initial states, or a given state in their place, whatever else is learned."""
    layer = layer_of(layers=2, direction="both", engine=engine)
    given = [[{n: torch.randn(4, 5, dtype=torch.float64) for n in "hC"} for _ in range(2)]
             for _ in range(2)]  # fmt: skip
    initial = [p for n, p in layer.named_parameters() if ".initial." in n]
    states = [
        s.requires_grad_() for directions in given for named in directions for s in named.values()
    ]

    def gradients():
        of_initial = torch.autograd.grad(layer(SEQUENCES)[0].sin().sum(), initial)
        y, end = layer(SEQUENCES, state=given)
        loss = y.sin().sum() + end[0][1]["C"].sin().sum()
        return [*of_initial, *torch.autograd.grad(loss, states)]

    want = gradients()
    assert all(g.abs().min() > 0 for g in want)
    for name, p in layer.named_parameters():
        p.requires_grad_(".initial." in name or not frozen)
    for got, g in zip(gradients(), want, strict=True):
        torch.testing.assert_close(got, g, rtol=1e-12, atol=1e-14)


def test_a_given_state_is_in_place_of_the_initial_one():
    layer = layer_of()
    h, C = torch.randn(2, 4, 5, dtype=torch.float64)
    layer(SEQUENCES, state=[[{"h": h, "C": C}]])[0].sum().backward()
    assert layer.directions[0][0].keep_h.grad.abs().max() > 0
    assert torch.equal(layer.directions[0][0].initial.h0.grad, torch.zeros(5, dtype=torch.float64))


def test_parameters_are_reset_with_the_initial_state():
    layer = layer_of()
    direction = layer.directions[0][0]
    torch.manual_seed(1)
    direction.reset_parameters()
    assert direction.initial.h0.tolist() == direction.initial.C0.tolist() == [0.0] * 5
    fresh = Recurrent(LSTM, 3, 5, dtype=torch.float64)
    torch.manual_seed(1)
    fresh.directions[0][0].reset_parameters()
    for (name, p), q in zip(layer.named_parameters(), fresh.parameters(), strict=True):
        assert torch.equal(p, q), name


@pytest.mark.parametrize("name", CELLS)
def test_state_dict_round_trip(name):
    layer = layer_of(CELLS[name], direction="both").eval()
    torch.manual_seed(1)
    other = Recurrent(CELLS[name], 3, 5, direction="both", dtype=torch.float64).eval()
    assert not torch.equal(other(SEQUENCES)[0], layer(SEQUENCES)[0])
    other.load_state_dict(layer.state_dict(), strict=True)
    assert torch.equal(other(SEQUENCES)[0], layer(SEQUENCES)[0])


def test_parameters_are_named_as_the_equations():
    names = set(layer_of().directions[0][0].state_dict())
    gates = {f"{g}_{o}" for g in ("keep", "write", "candidate", "read") for o in ("h", "x", "bias")}
    assert names == gates | {"initial.h0", "initial.C0"}


def test_extra_repr():
    text = repr(layer_of(direction="both", layers=2))
    assert "Recurrent(\n  3 -> 10, direction='both', layers=2, initial_state=learned" in text
    assert "3 -> h 5, C 5\n" in text and "10 -> h 5, C 5, backward\n" in text
    assert "initial_state=fixed" in repr(layer_of(initial_state="zeros"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dtype(dtype):
    layer = Recurrent(LSTM, 3, 5, dtype=dtype)
    y, state = layer(SEQUENCES.to(dtype))
    assert y.dtype == state[0][0]["C"].dtype == dtype
    assert {p.dtype for p in layer.parameters()} == {dtype}
    y.sum().backward()


def test_dtype_follows_the_default():
    torch.set_default_dtype(torch.float64)
    try:
        layer = Recurrent(RNN, 3, 5, initial_state=torch.ones(5))
        assert layer(SEQUENCES)[0].dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_device():
    assert {p.device.type for p in Recurrent(RNN, 3, 5, device="meta").parameters()} == {"meta"}


def test_an_engine_by_name():
    with only(CPU(), Recorded(Reference())) as (_, reference):
        y, _ = layer_of(engine="reference")(SEQUENCES)
        assert reference.ran == ["forward"]
    torch.testing.assert_close(y, layer_of(engine=None)(SEQUENCES)[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "options",
    [
        {"direction": "backward"},
        {"direction": "both"},
        {"layers": 2},
        {"dropout": 0.5, "layers": 2},
        {"variational_dropout": 0.5},
        {"zoneout": 0.5},
        {"zoneout": {"C": 0.5}},
        {"weight_drop": 0.5},
        {"initial_state": "zeros"},
        {"initial_state": torch.ones(5)},
        {"batch_first": True},
        {"dtype": torch.float32},
    ],
    ids=str,
)
def test_every_option_changes_something(options):
    other = layer_of(**options)
    plain = layer_of(layers=2) if "dropout" in options else layer_of()
    with torch.no_grad():
        plain_state = plain.state_dict()
        for name, value in other.state_dict().items():
            if name in plain_state and not torch.is_tensor(options.get("initial_state")):
                value.copy_(plain_state[name])
    x = SEQUENCES if other.directions[0][0].keep_h.dtype == torch.float64 else SEQUENCES.float()
    a, b = other(x)[0], plain(SEQUENCES)[0]
    assert a.shape != b.shape or not torch.equal(a.double(), b)


def test_unequal_widths_do_not_merge():
    from throughtime.errors import OptionError

    with pytest.raises(OptionError, match=r"widths \[5, 2\]; expected equal widths"):
        Recurrent((LSTM, LSTM(projection=2)), 3, 5, direction="both", merge="sum")
    assert Recurrent((LSTM, LSTM(projection=2)), 3, 5, direction="both").output_size == 7

"""Nothing is made on torch's default device in place of that of x, and nothing waits for a device.

There is no second device here with numbers on it. So once the default device is `meta`, which holds
none, while all that is given is on the CPU: a tensor that is made without a device shows. And once
all is on `meta`: who looks at a number shows.
"""

import pytest
import torch
from catalogue import CELLS

from throughtime import LSTM, RNN, Recurrent, bptt, nn
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.engines import operator
from throughtime.engines.reference import backward
from throughtime.engines.reference import forward as reference
from throughtime.inference import Stream

pytestmark = pytest.mark.usefixtures("types_unchecked")
cells = pytest.mark.parametrize("name", CELLS)

T, B, I, H = 3, 3, 2, 3  # noqa: E741
LENGTHS = [3, 0, 2]
REGULARISED = {"dropout": 0.3, "variational_dropout": 0.3, "zoneout": 0.2, "layers": 2}


@pytest.fixture(params=["default", "all"])
def device(request):
    """The device of all that is given."""
    if request.param == "all":
        yield "meta"
        return
    torch.set_default_device("meta")
    yield "cpu"
    torch.set_default_device(None)


def given(device, *shape):
    return torch.full(shape, 0.5, device=device)


def went_back(loss, layer, device):
    loss.backward()
    for name, p in layer.named_parameters():
        assert p.grad is None or p.grad.device.type == device, name


@cells
@pytest.mark.parametrize("engine", [None, "reference"])
def test_layers(name, engine, device):
    if engine is None and device == "meta":  # that is the reference engine
        return
    options = dict(REGULARISED)
    if name == "indrnn":  # of which no map sees the output
        del options["variational_dropout"]
    layer = Recurrent(CELLS[name], I, H, direction="both", engine=engine, device=device, **options)
    x, state = given(device, T, B, I).requires_grad_(), None
    resets = given(device, T, B) > 0.3
    for lengths, restart in (
        (None, resets), (LENGTHS, None), (torch.tensor(LENGTHS, device=device), resets)
    ):  # fmt: skip
        y, last, everything = layer(x, state, lengths, restart, return_states=True)
        assert y.device.type == device
        loss = y.sum() + sum(s.sum() for s in last[1][0].values())
        went_back(loss + sum(s.sum() for s in everything[0][-1].values()), layer, device)
        state = tuple(tuple({n: s.detach() for n, s in direction.items()} for direction in both)
                      for both in last)  # fmt: skip


@cells
def test_weight_drop_and_eval(name, device):
    if name == "indrnn":  # without a recurrent weight
        return
    layer = Recurrent(CELLS[name], I, H, direction="both", weight_drop=0.5, device=device)
    went_back(layer(given(device, T, B, I), lengths=LENGTHS)[0].sum(), layer, device)
    with torch.no_grad():
        assert layer.eval()(given(device, T, B, I))[0].device.type == device


@cells
@pytest.mark.parametrize("kind", ["zeros", "given"])
def test_initial_states(name, kind, device):
    """A tensor that is given moves to where the parameters are."""
    initial = torch.full((1,), 0.5, device="cpu") if kind == "given" else kind
    layer = Recurrent(CELLS[name], I, H, direction="both", initial_state=initial, device=device)
    went_back(layer(given(device, T, B, I), lengths=LENGTHS)[0].sum(), layer, device)
    assert {b.device.type for b in layer.buffers()} <= {device}


@cells
@pytest.mark.parametrize("reverse", [False, True])
def test_the_reference_engine_backward_and_the_operator(name, reverse, device):
    layer = Recurrent(CELLS[name], I, H, device=device)
    direction = layer.directions[0][0]
    direction.reverse = reverse
    resets = given(device, T, B) > 0.3
    lengths = torch.tensor(LENGTHS, device=device)
    program, call = direction.call(given(device, T, B, I), None, lengths, resets)
    with torch.no_grad():
        result = reference.forward(program, call, save=True)
        dstates = [torch.ones_like(s) for s in result.states]
        gradients = backward.backward(program, call, result, dstates, [None] * len(dstates))
        dweights = backward.weight_gradients(program, gradients)
    assert {d.device.type for d in (gradients.dz, *dweights) if d is not None} == {device}
    if device == "cpu":
        y = operator.run(program, call).states[0]
        went_back(y.sum(), layer, device)


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("mode", [Full(), Truncated(2, every=1), Checkpointed(2)], ids=str)
def test_ways_back_through_time(mode, direction, scale, device):
    if direction == "both" and isinstance(mode, Truncated):  # refused
        return
    layer = Recurrent(LSTM, I, H, direction=direction, device=device, **REGULARISED)
    bptt.backward(
        mode, layer, given(device, T, B, I), scale_by_replicas=scale,
        lengths=torch.tensor(LENGTHS, device=device),
        read=lambda total, y, start: y.sum() if total is None else total + y.sum(),
    )  # fmt: skip
    assert {p.grad.device.type for p in layer.parameters() if p.grad is not None} == {device}


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_drop_ins(kind, device):
    if device == "meta":  # that is torch's own computation
        return
    layer = getattr(nn, kind)(I, H, 2, bidirectional=True, dropout=0.5, device=device)
    x = given(device, T, B, I)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor([3, 2, 1], device=device), enforce_sorted=False
    )
    went_back(layer(packed)[0].data.sum() + layer(x)[0].sum(), layer, device)
    cell = getattr(nn, f"{kind}Cell")(I, H, device=device)
    out = cell(x[0])
    went_back((out[0] if kind == "LSTM" else out).sum(), cell, device)


@cells
def test_streams(name, device):
    if device == "meta":  # a stream refuses it
        return
    stream = Stream(Recurrent(CELLS[name], I, H, layers=2, device=device), 2)
    stream.step(given(device, 2, I).numpy())
    stream.state = stream.state
    stream.reset()


def test_lengths_that_are_elsewhere_count_as_0_or_all(monkeypatch):
    """They are not looked at: that would wait for their device."""
    layer, x = Recurrent(RNN, I, H, direction="both", engine="reference"), torch.randn(T, B, I)
    want = layer(x, lengths=[T, 0, 3])
    monkeypatch.setattr("throughtime.layers.checks.readable", lambda lengths: False)
    got = layer(x, lengths=torch.tensor([T + 4, -2, 3]))
    assert torch.equal(got[0], want[0])
    for d in range(2):
        assert torch.equal(got[1][0][d]["h"], want[1][0][d]["h"])

"""The replicas of `Recurrent`, any cell, layer, direction and batch.

That each is the gradient of a network whose weights were really copied: here with copies made
step by step through the layer itself, and in tests/engines/test_replicas.py for the engines.
"""

import pytest
import torch
from catalogue import CELLS
from torch import tanh
from torch.utils._python_dispatch import TorchDispatchMode

from throughtime import GRU, LSTM, RNN, Cell, Recurrent, affine, parameter
from throughtime.bptt import replicas
from throughtime.errors import OptionError

T, B = 6, 4


class Own(Cell):
    """A cell that is not built in, with a vector in the recurrence."""

    states = ("h",)

    def step(self, x, h):
        return tanh(affine("map", h * parameter("gain"), x, bias=False)) + 0.5 * h


ALL = CELLS | {"own": Own()}


def close(got, want):
    # torch's derivative of hardsigmoid is 1/6 rounded to float32, in float64 too
    assert got.shape == want.shape
    error = float((got - want).abs().max() / want.abs().max().clamp(min=1.0))
    assert error < 1e-10, error


@pytest.mark.parametrize("lengths", [None, torch.tensor([T, 0, 1, 4])])
@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("name", ALL)
def test_they_sum_to_the_gradient(name, direction, lengths):
    torch.manual_seed(0)
    layer = Recurrent(ALL[name], 3, 4, layers=2, direction=direction)
    x = torch.randn(T, B, 3)

    def loss():
        torch.manual_seed(1)  # for the noise
        y, state = layer(x, lengths=lengths)
        return y.square().sum() + state[0][0]["h"].sum() + state[1][-1]["h"].sin().sum()

    both = replicas(layer, loss)
    assert [r.where for r in both] == [
        f"layer {k} {time}"
        for k in (1, 2)
        for time in (("forward", "backward") if direction == "both" else ("forward",))
    ]
    loss().backward()
    directions = [direction for directions in layer.directions for direction in directions]
    for r, direction in zip(both, directions, strict=True):
        assert {*r.parameters} == {*direction.program.parameters}
        each = [r.at(t) for t in range(T)]
        for n in r.parameters:
            close(sum(g[n] for g in each), getattr(direction, n).grad)
            close(r.norms[n], torch.stack([g[n].norm() for g in each]))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["lstm-everything", "gru-after", "rnn-deep", "indrnn", "own"])
def test_each_is_that_of_a_really_copied_weight(name, reverse):
    torch.manual_seed(0)
    layer = Recurrent(ALL[name], 3, 4, direction="backward" if reverse else "forward")
    copies = []
    for _ in range(T):
        own = Recurrent(ALL[name], 3, 4)
        own.load_state_dict(layer.state_dict())
        copies.append(own)
    x, weight = torch.randn(T, B, 3), torch.randn(T, B, layer.output_size)
    (of_layer,) = replicas(layer, lambda: (layer(x)[0] * weight).sum())
    state, loss = None, 0.0
    for t in reversed(range(T)) if reverse else range(T):
        y, state = copies[t](x[t : t + 1], state)
        loss = loss + (y * weight[t]).sum()
    loss.backward()
    for t in range(T):
        for n, got in of_layer.at(t).items():
            close(got, getattr(copies[t].directions[0][0], n).grad)


def test_one_term_by_lag():
    torch.manual_seed(0)
    x = torch.randn(T, 1, 3)
    for direction, t in (("forward", 4), ("backward", 1)):
        layer = Recurrent(RNN, 3, 4, direction=direction)
        (of_layer,) = replicas(layer, lambda layer=layer, t=t: layer(x)[0][t].sum())
        lags = of_layer.by_lag(t)["transition_x"]
        assert len(lags) == 5
        ahead = -1 if direction == "forward" else 1
        for k in range(5):
            close(lags[k], of_layer.norms["transition_x"][t + ahead * k])
        past = of_layer.norms["transition_x"][5:] if direction == "forward" else lags[:0]
        assert not past.any(), "what comes after the term has no part in it"


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that an operation returns."""

    size = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.size = max(self.size, out.numel())
        return out


def test_large_batches_need_no_square_of_the_batch():
    torch.manual_seed(0)
    layer = Recurrent(RNN, 2, 3)
    x = torch.randn(3, 50, 2)
    with Largest() as largest:
        (of_layer,) = replicas(layer, lambda: layer(x)[0].square().sum())
    assert largest.size < 50 * 50
    for n, v in of_layer.norms.items():
        close(v, torch.stack([of_layer.at(t)[n].norm() for t in range(3)]))


def test_of_no_steps():
    layer = Recurrent(RNN, 2, 3)
    (of_layer,) = replicas(layer, lambda: layer(torch.randn(0, 2, 2))[1][0][0]["h"].sum())
    assert all(v.shape == (0,) for v in of_layer.norms.values())


def test_float32_and_a_head():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, dtype=torch.float32)
    head = torch.nn.Linear(4, 2, dtype=torch.float32)
    model = torch.nn.ModuleList([layer, head])
    x = torch.randn(T, B, 3, dtype=torch.float32)
    (of_layer,) = replicas(model, lambda: head(layer(x)[0]).sum())
    assert of_layer.norms["keep_h"].dtype == torch.float32
    assert layer.directions[0][0].keep_h.grad is None, "looking changes nothing"
    assert layer.directions[0][0].watch is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda m, x: replicas(torch.nn.Linear(3, 3), lambda: x.sum()), "has no Recurrent; expec"),
        (lambda m, x: replicas(m, lambda: m(x)[0]), r"loss has \(6, 4, 4\); expected one number"),
        (lambda m, x: replicas(m, lambda: 3.0), "loss has float; expected one number"),
        (lambda m, x: replicas(m, lambda: x.sum()), "loss called no layer; expected it to run"),
        (lambda m, x: replicas(m, lambda: m(x)[0].sum().detach()), "loss has no gradient; exp"),
        (lambda m, x: replicas(m, lambda: m(x)[0].sum())[0].at(6), "t is 6; expected 0 to 5"),
        (lambda m, x: replicas(m, lambda: m(x)[0].sum())[0].by_lag(-1), "t is -1; expected 0"),
    ],
)
def test_bad_input(types_unchecked, make, says):
    with pytest.raises(OptionError, match=says):
        make(Recurrent(GRU, 3, 4), torch.randn(T, B, 3))


def test_a_dropped_weight_is_not_the_parameter():
    layer = Recurrent(GRU, 3, 4, weight_drop=0.5)
    x = torch.randn(T, B, 3)
    with pytest.raises(OptionError, match="weight_drop=0.5; expected 0 .* Call `eval"):
        replicas(layer, lambda: layer(x)[0].sum())
    layer.eval()
    replicas(layer, lambda: layer(x)[0].sum())

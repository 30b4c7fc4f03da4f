"""Divided by the number of replicas: for one term a shorter gradient in the same direction."""

import pytest
import torch
from bptt.test_modes import LENGTHS, B, Setting, T, close

from throughtime import GRU, LSTM, Recurrent
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.errors import OptionError


def one_term(s, t):
    """The loss on the output of step t alone."""

    def read(total, y, start):
        error = (s.head(y) - s.target[start : start + len(y)]).square()
        here = torch.arange(start, start + len(y)) == t
        error = error[here].sum()
        return error if total is None else total + error

    s.read, s.loss = read, lambda total, state: total


def recurrent(name):
    """Whether a parameter has replicas: not the initial state, not the head."""
    return name.startswith("0.") and ".initial." not in name


@pytest.mark.parametrize("how", [Full(), Checkpointed(3)])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_one_term(direction, layers, how):
    for t in (0, 3, T - 1):
        s = Setting(LSTM(peephole=True), direction, layers=layers)
        one_term(s, t)
        plain, scaled = s.gradient(Full())[2], s.gradient(how, scale_by_replicas=True)[2]
        counts = {"0": t + 1, "1": T - t}
        want = {}
        for name, g in plain.items():
            layer, place = name.split(".")[2:4] if recurrent(name) else ("0", "0")
            if direction == "backward":
                place = "1"
            below = direction == "both" and int(layer) < layers - 1
            count = (T if below else counts[place]) if recurrent(name) else 1
            want[name] = g / count
        close(scaled, want)


@pytest.mark.parametrize("steps, every, t", [(4, 4, 6), (6, 2, 5), (4, 2, 6), (4, 4, 1)])
def test_the_count_of_the_window(steps, every, t):
    s = Setting(GRU)
    one_term(s, t)
    how = Truncated(steps, every)
    plain, scaled = s.gradient(how)[2], s.gradient(how, scale_by_replicas=True)[2]
    since = max(0, t // every * every + every - steps)
    want = {n: g / (t + 1 - since) if recurrent(n) else g for n, g in plain.items()}
    close(scaled, want)


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_final_states_count_their_own_length(direction):
    for how in (Full(), Checkpointed(2), Truncated(12, every=4)):
        if direction == "both" and isinstance(how, Truncated):
            continue
        want = {}
        for b, n in enumerate(LENGTHS["ragged"].tolist()):
            s = Setting(LSTM, direction, LENGTHS["ragged"])
            s.read = lambda *_: None
            s.loss = lambda total, state, b=b: sum(d["h"][b].sum() for d in state[0][0])
            for name, g in s.gradient(Full())[2].items():
                want[name] = want.get(name, 0) + (g / max(n, 1) if recurrent(name) else g)
        s = Setting(LSTM, direction, LENGTHS["ragged"])
        s.read = lambda *_: None
        s.loss = lambda total, state: sum(d["h"].sum() for d in state[0][0])
        close(s.gradient(how, scale_by_replicas=True)[2], want)


def test_gradients_add_to_those_that_are_there_and_draws_go_on():
    s = Setting(LSTM, layers=2, dropout=0.5)
    torch.manual_seed(1)
    once = s.gradient(Full(), scale_by_replicas=True)[2]
    after = torch.rand(3)
    torch.manual_seed(1)
    s.gradient(Full())
    assert torch.equal(after, torch.rand(3))
    for p in s.parameters.values():
        p.grad = torch.ones_like(p)
    torch.manual_seed(1)
    from throughtime.bptt import backward

    backward(Full(), s.layers, s.x, read=s.read, loss=s.loss, scale_by_replicas=True)
    close({n: p.grad - 1 for n, p in s.parameters.items()}, once)


def test_what_cannot_be_counted():
    s = Setting(LSTM)
    with pytest.raises(OptionError, match="resets are given with scale_by_replicas; .* Leave one"):
        s.gradient(Full(), resets=torch.zeros(T, B, dtype=torch.bool), scale_by_replicas=True)
    s.layers = [s.layers[0], Recurrent(GRU, 4, 4, direction="both")]
    s.head = torch.nn.Linear(8, 2)
    with pytest.raises(OptionError, match="directions both, forward; expected one for all"):
        s.gradient(Full(), scale_by_replicas=True)

"""Horizons, verdicts, gates and rectifiers; nothing is touched by looking."""

import json
import math

import pytest
import torch
from diagnose.cells import Linear, Own

from throughtime import GRU, LSTM, RNN, Model, Recurrent, fit
from throughtime.bptt import replicas
from throughtime.data import Sequences
from throughtime.diagnose import (
    ByLag,
    Follow,
    Scalar,
    diagnose,
    direct_by_lag,
    gates,
    passages,
    relu_cuts,
    spectra,
    spectrum_by_lag,
)
from throughtime.errors import OptionError

T, B = 12, 3


def curve(values):
    return ByLag(torch.tensor(values)[None, None])


def test_horizon_rate_and_verdict():
    decay = curve([3 * 0.9**k for k in range(60)])
    assert decay.half_life == 7 and decay.horizon() == 44 and decay.horizon(0.25) == 14
    assert abs(decay.rate - math.log(0.9)) < 1e-10 and decay.verdict == "vanishing"
    growth = curve([1.1**k for k in range(60)])
    assert growth.horizon() is None and growth.verdict == "exploding"
    assert abs(growth.rate - math.log(1.1)) < 1e-10
    assert curve([1.01**k for k in range(60)]).verdict == "steady"
    dead = curve([1.0, 0.0, 0.0])
    assert (dead.horizon(), dead.rate, dead.verdict) == (1, -math.inf, "vanishing")
    single = curve([1.0])
    assert single.verdict is None and math.isnan(single.rate)
    assert single.to_dict()["rate"] is None


def test_mean_and_spread_over_steps_and_sequences():
    norms = torch.tensor([[[2.0, 1.0, torch.nan]], [[4.0, 1.0, 2.0]]])
    by = ByLag(norms)
    assert by.mean.tolist() == [3.0, 1.0, 2.0]
    assert by.std.tolist() == [1.0, 0.0, 0.0]
    assert by.relative.tolist() == [1.0, 0.375, 0.5]


def test_a_linear_network_has_the_rate_of_its_matrix():
    layer = Recurrent(Linear(), 3, 4)
    with torch.no_grad():
        torch.nn.init.orthogonal_(layer.directions[0][0].map_h).mul_(0.8)
    (seen,) = diagnose(layer, torch.randn(40, B, 3))
    assert abs(seen.flow.jacobian.rate - math.log(0.8)) < 1e-10
    assert seen.flow.jacobian.verdict == "vanishing"
    assert seen.flow.gradient is None and seen.cuts is None and seen.gates == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", [LSTM(), GRU("after"), RNN("relu"), Own()], ids=repr)
def test_any_layer_and_direction(cell, dtype):
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, layers=2, direction="both", dtype=dtype)
    x, lengths = torch.randn(T, B, 3, dtype=dtype), torch.tensor([T, 0, 5])
    all_seen = diagnose(layer, x, lengths, lambda out: out[0].square().sum(), n=3)
    assert [f.where for f in all_seen] == [
        "layer 1 forward", "layer 1 backward", "layer 2 forward", "layer 2 backward",
    ]  # fmt: skip
    for f in all_seen:
        assert f.flow.jacobian.norms.shape == (3, B, T)
        assert torch.allclose(f.flow.jacobian.relative[0], torch.ones((), dtype=dtype))
        assert f.flow.gradient.lags == T - 1 or isinstance(cell, RNN), "a dead unit's is 0"
        assert f.flow.jacobian.norms[:, 1].isnan().all(), "a sequence without steps"
        json.dumps(f.to_dict(), allow_nan=False)


def test_with_resets_nothing_passes():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, direction="both")
    x = torch.randn(T, 1, 3)
    resets = torch.zeros(T, 1, dtype=torch.bool)
    resets[7] = True

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x, resets=resets)

    forward, backward = diagnose(Wrapped(), x, n=1)
    assert (forward.flow.jacobian.norms[0, 0, :5] > 0).all()
    assert not forward.flow.jacobian.norms[0, 0, 5:].any()
    assert (backward.flow.jacobian.norms[0, 0, :7] > 0).all()
    assert not backward.flow.jacobian.norms[0, 0, 7:].any()


def test_the_direct_path_over_many_steps():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4)
    p = passages(layer, torch.randn(T, B, 3))[0]
    (keep,) = (g.values for g in gates(p) if g.name == "keep")
    norms = direct_by_lag(p, n=1)["C"].norms[0]
    assert norms.shape == (B, T)
    for k in range(T):
        want = keep[T - k :].prod(0).square().mean(-1).sqrt()
        assert torch.allclose(norms[:, k], want)
    assert not direct_by_lag(p, n=1)["h"].norms[0, :, 1:].any()


def test_gates():
    layer = Recurrent(LSTM(keep_bias=30.0), 3, 4, initial_state="zeros")
    lengths = torch.tensor([T, 2, 0])
    p = passages(layer, torch.randn(T, B, 3), lengths)[0]
    by_name = {g.name: g for g in gates(p)}
    assert [*by_name] == ["keep", "write", "read"]
    assert by_name["keep"].open == 1.0 and by_name["keep"].closed == 0.0
    assert by_name["keep"].values[2:, 1].isnan().all() and by_name["keep"].mean.isfinite().all()
    own = Recurrent(Own(), 3, 4)
    assert [g.name for g in gates(passages(own, torch.randn(T, B, 3))[0])] == ["door"]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_where_rectified_paths_end(direction):
    """The bias shuts all units at the steps past a length, which count for nothing."""
    torch.manual_seed(0)
    layer = Recurrent(RNN("relu"), 3, 4, direction=direction)
    own, lengths, x = layer.directions[0][0], torch.tensor([T, 0, 5]), torch.randn(T, B, 3)
    with torch.no_grad():
        own.transition_bias.fill_(-0.6)
        own.transition_x[:, 0] = 0.5
        x[..., 0] = 1.4
    p = passages(layer, x, lengths)[0]
    lags = relu_cuts(p, n=T)
    h = p.states["h"]
    for row in range(T):
        t = p.sampled("test", T)[row]
        for b, n in enumerate(lengths.tolist()):
            for unit in range(4):
                want = -1
                steps = range(int(t[b]), n) if direction == "backward" else range(int(t[b]), -1, -1)
                for k, s in enumerate(steps if n else ()):
                    if h[s, b, unit] <= 0:
                        want = k
                        break
                assert lags[row, b, unit] == want
    assert (lags[:, 2] == -1).any() and (lags[:, 2] > 0).any(), "some are cut, and some are not"
    assert relu_cuts(passages(Recurrent(RNN, 3, 4), torch.randn(T, B, 3))[0]) is None


def test_what_was_found_is_shown_in_a_line_or_two():
    torch.manual_seed(0)
    layer, x = Recurrent(LSTM, 3, 40), torch.randn(200, 4, 3)
    (seen,) = diagnose(layer, x, loss=lambda out: out[0][-1].sum(), probes=2)
    (passage,) = passages(layer, x)
    scalar = Scalar(0.5).replicas(torch.randn(200))
    (copies,) = replicas(layer, lambda: layer(x)[0][-1].sum())
    for one in (seen, seen.flow, seen.flow.jacobian, seen.gates[0], passage, copies, scalar,
                spectra(passage, n=1), spectrum_by_lag(passage, n=1, lags=4)):  # fmt: skip
        assert repr(one).startswith(f"{type(one).__name__}(")
        assert len(repr(one)) <= 200 and "\n" not in repr(one) and "tensor" not in repr(one)
    horizon, of_loss = seen.flow.jacobian.horizon(), seen.flow.gradient.horizon()
    assert repr(seen) == (
        f"Diagnosis(layer 1 forward: Jacobian: vanishing, below 1% after {horizon} steps; "
        f"gradient of the loss: vanishing, below 1% after {of_loss} steps; 199 lags back from 16 "
        "steps of each of 4 sequences)"
    )
    assert seen.to_dict()["sampled"] == {"steps": 16, "sequences": 4}
    assert repr(curve([1.1**k for k in range(60)])) == (
        "ByLag(exploding, a factor of 1.1 a step; 59 lags back from 1 steps of each of 1 sequences)"
    )
    assert "below 1% after 1 step;" in repr(curve([1.0, 0.0])) and "nothing" in repr(curve([1.0]))


def test_looking_changes_nothing():
    torch.manual_seed(0)
    layer = Recurrent(LSTM, 3, 4, layers=2, dropout=0.5, zoneout=0.1)
    layer.directions[0][0].eval()
    layer(torch.randn(T, B, 3))[0].sum().backward()
    modes = [m.training for m in layer.modules()]
    grads = [p.grad.clone() for p in layer.parameters()]
    state = torch.get_rng_state()
    diagnose(layer, torch.zeros(T, B, 3), loss=lambda out: out[0].sum())
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in layer.modules()] == modes
    assert all(torch.equal(p.grad, g) for p, g in zip(layer.parameters(), grads, strict=True))
    assert layer.directions[0][0].watch is None


def test_following_a_run_does_not_change_it():
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    data = Sequences.from_list([torch.randn(3 + k % 4, 2) for k in range(12)], [0, 1] * 6)

    def model():
        torch.manual_seed(1)
        layer = Recurrent(GRU, 2, 4, dropout=0.3, layers=2)
        return Model(layer, classes=data.classes, channels=data.channels, dropout=0.2)

    alone = fit(model(), data, epochs=3, batch_size=4)
    followed = model()
    x, y = torch.randn(6, 4, 2), torch.tensor([0, 1, 0, 1])
    follow = Follow(
        followed, x, None, lambda scores: torch.nn.functional.cross_entropy(scores, y), every=2
    )
    again = fit(followed, data, epochs=3, batch_size=4, progress=follow)
    assert [row.step for row in follow.rows] == [0, 2, 4, 6, 8]
    assert len(follow.rows[0].layers) == 2
    first, last = (follow.rows[k].layers[0].flow.jacobian.mean for k in (0, -1))
    assert not torch.equal(first, last)
    for a, b in zip(alone.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(OptionError, match="every is 0; expected a whole number, 1 or more"):
        Follow(followed, x, every=0)

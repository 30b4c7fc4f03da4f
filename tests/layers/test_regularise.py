"""Variational dropout, zoneout, weight drop, dropout: against loops written with their masks."""

import pytest
import torch
import torch.nn.functional as F
from catalogue import CELLS

from throughtime import GRU, LSTM, RNN, Cell, IndRNN, Recurrent, affine, noise
from throughtime.errors import OptionError
from throughtime.layers import direction as of_layers

DOUBLE = torch.float64


def layer_of(cell, seed=0, **options) -> Recurrent:
    torch.manual_seed(seed)
    layer = Recurrent(cell, 3, 4, dtype=DOUBLE, **options)
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    return layer


@pytest.fixture
def drawn(monkeypatch):
    """What a layer drew, by name, in the latest call."""
    by_name, draw = {}, of_layers.draw

    def record(node, T, B, like):
        by_name[node.attributes["name"]] = draw(node, T, B, like)
        return by_name[node.attributes["name"]]

    monkeypatch.setattr(of_layers, "draw", record)
    return by_name


def x_of(T=6, B=5) -> torch.Tensor:
    return torch.randn(T, B, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(3))


def linear(direction, name, **operands):
    """W·operands + b of one affine map of a layer."""
    total = getattr(direction, f"{name}_bias")
    for operand, value in operands.items():
        total = total + value @ getattr(direction, f"{name}_{operand}").T
    return total


def lstm_step(direction, x, h, C):
    gates = {g: torch.sigmoid(linear(direction, g, h=h, x=x)) for g in ("keep", "write", "read")}
    C = gates["keep"] * C + gates["write"] * torch.tanh(linear(direction, "candidate", h=h, x=x))
    return gates["read"] * torch.tanh(C), C


def start_of(direction, B):
    return tuple(
        getattr(direction.initial, f"{n}0").expand(B, -1) for n in direction.program.states
    )


def same(got, want):
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


def test_variational_dropout_of_the_lstm(drawn):
    layer, x = layer_of(LSTM, variational_dropout=0.4), x_of()
    direction = layer.directions[0][0]
    y, state = layer(x)
    mx, mh = (drawn[f"variational_{n}"] / 0.6 for n in ("x", "h"))
    assert mx.shape == (5, 3) and mh.shape == (5, 4)  # no time: one mask a sequence
    h, C = start_of(direction, 5)
    for t in range(6):
        h, C = lstm_step(direction, mx * x[t], mh * h, C)
        same(y[t], h)
    same(state[0][0]["C"], C)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_variational_dropout_of_the_gru(drawn, reset):
    """Reset before: the gate acts on the masked state; what is kept of h has no mask."""
    layer, x = layer_of(GRU(reset), variational_dropout=0.4), x_of()
    direction = layer.directions[0][0]
    y, _ = layer(x)
    mx, mh = (drawn[f"variational_{n}"] / 0.6 for n in ("x", "h"))
    (h,) = start_of(direction, 5)
    for t in range(6):
        seen, heard = mx * x[t], mh * h
        update = torch.sigmoid(linear(direction, "update", h=heard, x=seen))
        gate = torch.sigmoid(linear(direction, "reset", h=heard, x=seen))
        if reset == "before":
            (weight,) = (n for n in direction.program.parameters
                         if n.startswith("candidate_") and n not in ("candidate_x",
                                                                    "candidate_bias"))  # fmt: skip
            z = (
                linear(direction, "candidate", x=seen)
                + (gate * heard) @ getattr(direction, weight).T
            )
        else:
            z = linear(direction, "candidate", x=seen) + gate * linear(
                direction, "remembered", h=heard
            )
        h = (1 - update) * h + update * torch.tanh(z)
        same(y[t], h)


def test_variational_masks_differ_between_sequences_and_have_their_rate(drawn):
    layer = layer_of(LSTM, variational_dropout=0.25)
    layer(x_of(T=1, B=4000))
    for name in ("variational_x", "variational_h"):
        mask = drawn[name]
        assert {*mask.unique().tolist()} == {0.0, 1.0}
        deviation = (0.25 * 0.75 / mask.numel()) ** 0.5
        assert abs(float(mask.mean()) - 0.75) < 5 * deviation
        assert len(mask.unique(dim=0)) > 1
        assert abs(float((mask[1:] * mask[:-1]).mean()) - 0.75**2) < 0.03


@pytest.mark.parametrize("name", ["lstm", "gru-before", "gru-after", "rnn", "rnn-deep", "mgu"])
def test_variational_dropout_is_off_in_eval_mode(name):
    layer, plain = layer_of(CELLS[name], variational_dropout=0.4), layer_of(CELLS[name])
    plain.load_state_dict(layer.state_dict())
    same(layer.eval()(x_of())[0], plain.eval()(x_of())[0])
    assert not torch.equal(layer.train()(x_of())[0], plain(x_of())[0])


@pytest.mark.parametrize("rates", [0.3, {"h": 0.5, "C": 0.1}, {"C": 0.4}], ids=str)
def test_zoneout_of_the_lstm(drawn, rates):
    layer, x = layer_of(LSTM, zoneout=rates), x_of()
    direction = layer.directions[0][0]
    y, state = layer(x)
    rates = rates if isinstance(rates, dict) else {"h": rates, "C": rates}
    assert {*drawn} == {f"zoneout_{n}" for n in rates}
    none = torch.zeros(6, 5, 4, dtype=DOUBLE)
    keep = {n: drawn.get(f"zoneout_{n}", none) for n in ("h", "C")}
    h, C = start_of(direction, 5)
    for t in range(6):
        new_h, new_C = lstm_step(direction, x[t], h, C)
        h = torch.where(keep["h"][t] == 1, h, new_h)
        C = torch.where(keep["C"][t] == 1, C, new_C)
        same(y[t], h)
    same(state[0][0]["C"], C)
    for n, p in rates.items():
        assert 0 < float(keep[n].mean()) < 2 * p


def test_zoneout_in_eval_mode_is_the_mean_of_both():
    layer, x = layer_of(LSTM, zoneout={"h": 0.5, "C": 0.1}).eval(), x_of()
    direction = layer.directions[0][0]
    y, _ = layer(x)
    h, C = start_of(direction, 5)
    for t in range(6):
        new_h, new_C = lstm_step(direction, x[t], h, C)
        h, C = 0.5 * h + 0.5 * new_h, 0.1 * C + 0.9 * new_C
        same(y[t], h)


@pytest.mark.parametrize("name", CELLS)
def test_zoneout_of_every_cell_keeps_what_it_says(name, drawn):
    layer = layer_of(CELLS[name], zoneout=0.5)
    x, direction = x_of(), layer.directions[0][0]
    _, _, states = layer(x, return_states=True)
    for n, start in zip(direction.program.states, start_of(direction, 5), strict=True):
        over_time = torch.cat([start[None], states[0][0][n]])
        kept = drawn[f"zoneout_{n}"] == 1
        assert kept.any() and not kept.all()
        same(over_time[1:][kept], over_time[:-1][kept])
        changed = over_time[1:][~kept] != over_time[:-1][~kept]
        assert changed.double().mean() > 0.5


def test_weight_drop(monkeypatch):
    """Once a call, on the recurrent weights alone; off in eval mode."""
    layer, plain, x = layer_of(LSTM, weight_drop=0.5), layer_of(LSTM), x_of()
    plain.load_state_dict(layer.state_dict())
    drawn, masks = [], of_layers.Direction.masks
    monkeypatch.setattr(
        of_layers.Direction,
        "masks",
        lambda direction, x: drawn.append(masks(direction, x)) or drawn[-1],
    )
    y, _ = layer(x)
    ((mask,),) = (d.weights.values() for d in drawn)
    direction = plain.directions[0][0]
    names = [n for n in direction.program.parameters if n.endswith("_h")]
    weight = torch.cat([getattr(direction, n) for n in names])
    assert mask.unique().tolist() == [0, 2] and 0.2 < (mask == 0).double().mean() < 0.8
    result = weight * mask
    with torch.no_grad():
        for n, part in zip(names, result.split(4), strict=True):
            getattr(direction, n).copy_(part)
    same(y, plain(x)[0])
    plain.load_state_dict(layer.state_dict())
    same(layer.eval()(x)[0], plain(x)[0])


def test_dropout_between_layers():
    layer, x = layer_of(LSTM, layers=2, dropout=0.5), x_of()
    torch.manual_seed(4)
    y, _ = layer(x)
    one, two = (Recurrent(LSTM, n, 4, dtype=DOUBLE) for n in (3, 4))
    one.directions[0].load_state_dict(layer.directions[0].state_dict())
    two.directions[0].load_state_dict(layer.directions[1].state_dict())
    torch.manual_seed(4)
    between = F.dropout(one(x)[0], 0.5)
    same(y, two(between)[0])
    assert not torch.equal(between[0] == 0, between[1] == 0)  # anew at each step
    same(layer.eval()(x)[0], two(one(x)[0])[0])
    single = layer_of(LSTM, dropout=0.5)
    assert torch.equal(single.train()(x)[0], single.eval()(x)[0])


RATES = {"dropout": 0.5, "variational_dropout": 0.5, "zoneout": 0.5, "weight_drop": 0.5}


@pytest.mark.parametrize("option", RATES)
def test_a_rate_of_zero_is_none(option):
    x = x_of()
    zero, none = layer_of(LSTM, layers=2, **{option: 0.0}), layer_of(LSTM, layers=2)
    assert torch.equal(zero(x)[0], none(x)[0])
    assert str(zero.directions[0][0].program) == str(none.directions[0][0].program)


@pytest.mark.parametrize("option", RATES)
def test_a_seed_repeats(option):
    layer, x, outputs = layer_of(LSTM, layers=2, **{option: RATES[option]}), x_of(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(layer(x)[0])
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])


def test_all_at_once_have_gradients():
    layer = layer_of(LSTM, layers=2, direction="both", **RATES)
    layer(x_of(T=12, B=8), lengths=[12, 1, 0, 3, 4, 12, 7, 2])[0].pow(2).sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0, name


def test_in_eval_mode_no_randomness_is_left():
    for cell in (LSTM(), CELLS["leaky"]):
        layer = layer_of(cell, variational_dropout=0.5, zoneout=0.5).eval()
        assert (
            not layer.directions[0][0].eval_program.randoms
            and layer.directions[0][0].program.randoms
        )
        before = torch.get_rng_state()
        layer(x_of())
        assert torch.equal(torch.get_rng_state(), before)


def test_noise_of_the_leaky_network_has_mean_zero_in_eval_mode():
    noisy, quiet = layer_of(CELLS["leaky"]).eval(), None
    from throughtime import LeakyRNN

    quiet = layer_of(LeakyRNN(0.3, activation="tanh"))
    quiet.load_state_dict(noisy.state_dict())
    same(noisy(x_of())[0], quiet(x_of())[0])
    assert not torch.equal(noisy.train()(x_of())[0], quiet(x_of())[0])


@pytest.mark.parametrize(
    "cell, options, message",
    [
        (IndRNN(), {"variational_dropout": 0.5},
         "`IndRNN`: variational_dropout is 0.5; expected 0, because no affine map of this cell "
         "sees its output. Use zoneout."),
        (IndRNN(), {"weight_drop": 0.5},
         "`IndRNN`: weight_drop is 0.5; expected 0, because this cell has no recurrent weight. "
         "Use dropout or zoneout."),
        (RNN(), {"zoneout": {"C": 0.5}},
         "`RNN`: zoneout has 'C'; expected a state of the cell, h. Name one of these."),
    ],
    ids=["variational", "weight_drop", "zoneout"],
)  # fmt: skip
def test_what_a_cell_does_not_have(cell, options, message):
    with pytest.raises(OptionError) as error:
        Recurrent(cell, 3, 4, **options)
    assert str(error.value) == message


class _TwoNoises(Cell):
    """In eval mode both noises are 0, so that one product serves both maps."""

    states = ("h",)

    def step(self, x, h):
        return torch.tanh(affine("a", noise(), h) + affine("b", noise(), x))


def test_eval_mode_may_need_other_products_than_training():
    layer = Recurrent(_TwoNoises, 3, 4)
    x = torch.randn(5, 2, 3)
    layer(x)
    layer.eval()
    y, _ = layer(x)
    (direction,) = layer.directions[0]
    h = torch.zeros(2, 4)
    for t in range(5):
        h = torch.tanh(
            h @ direction.a_h.T + direction.a_bias + x[t] @ direction.b_x.T + direction.b_bias
        )
        assert torch.allclose(y[t], h, atol=1e-6)

"""Hochreiter and Schmidhuber 1997 with the gates of Gers et al. 2000, and every option."""

import pytest
import torch
from cells.against_equations import parameters_of, same_as

from throughtime import LSTM, Chrono, Recurrent

GATES = ("keep", "write", "candidate", "read")


def affine(p, name, x, h):
    z = h @ p[f"{name}_h"].T + x @ p[f"{name}_x"].T
    return z + p[f"{name}_bias"] if f"{name}_bias" in p else z


def normalise(p, name, z):
    """Ba et al. 2016, eq. 3: over the units of a row, with the variance of the row itself."""
    mean = z.sum(-1, keepdim=True) / z.shape[-1]
    variance = ((z - mean) ** 2).sum(-1, keepdim=True) / z.shape[-1]
    return p[f"{name}_gain"] * (z - mean) / (variance + 1e-5) ** 0.5 + p[f"{name}_shift"]


def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


def weights(inputs, H, output, bias=True):
    shapes = {}
    for gate in GATES:
        shapes |= {f"{gate}_h": (H, output), f"{gate}_x": (H, inputs)}
        shapes |= {f"{gate}_bias": (H,)} if bias else {}
    return shapes


def plain(p, x, h, C):
    keep, write, read = (sigmoid(affine(p, g, x, h)) for g in ("keep", "write", "read"))
    C = keep * C + write * torch.tanh(affine(p, "candidate", x, h))
    return read * torch.tanh(C), C


def test_plain():
    same_as(LSTM(), plain, shapes=lambda inputs, H: weights(inputs, H, H))


def test_without_bias():
    same_as(LSTM(bias=False), plain, shapes=lambda inputs, H: weights(inputs, H, H, bias=False))


def test_as_torch_computes_it():
    def step(p, x, h, C):
        cell = torch.nn.LSTMCell(x.shape[1], h.shape[1], dtype=torch.float64)
        order = ("write", "keep", "candidate", "read")  # torch's i, f, g, o
        with torch.no_grad():
            cell.weight_ih.copy_(torch.cat([p[f"{g}_x"] for g in order]))
            cell.weight_hh.copy_(torch.cat([p[f"{g}_h"] for g in order]))
            cell.bias_ih.copy_(torch.cat([p[f"{g}_bias"] for g in order]))
            cell.bias_hh.zero_()
            return cell(x, (h, C))

    same_as(LSTM(), step)


def test_peephole():
    """keep and write look at the cell before the step, read at the one after it."""

    def step(p, x, h, C):
        keep = sigmoid(affine(p, "keep", x, h) + p["keep_peephole"] * C)
        write = sigmoid(affine(p, "write", x, h) + p["write_peephole"] * C)
        C = keep * C + write * torch.tanh(affine(p, "candidate", x, h))
        read = sigmoid(affine(p, "read", x, h) + p["read_peephole"] * C)
        return read * torch.tanh(C), C

    def shapes(inputs, H):
        return weights(inputs, H, H) | {f"{g}_peephole": (H,) for g in ("keep", "write", "read")}

    same_as(LSTM(peephole=True), step, shapes=shapes)


def test_layer_norm():
    def step(p, x, h, C):
        z = {g: normalise(p, g, affine(p, g, x, h)) for g in GATES}
        C = sigmoid(z["keep"]) * C + sigmoid(z["write"]) * torch.tanh(z["candidate"])
        return sigmoid(z["read"]) * torch.tanh(normalise(p, "cell", C)), C

    def shapes(inputs, H):
        norms = {f"{n}_{part}": (H,) for n in (*GATES, "cell") for part in ("gain", "shift")}
        return weights(inputs, H, H, bias=False) | norms

    same_as(LSTM(layer_norm=True), step, shapes=shapes)


def test_projection():
    def step(p, x, h, C):
        h, C = plain(p, x, h, C)
        return h @ p["projection_0"].T, C

    def shapes(inputs, H):
        return weights(inputs, H, 2) | {"projection_0": (2, H)}

    same_as(LSTM(projection=2), step, shapes=shapes)


def test_everything_at_once():
    def gate(z):
        return torch.clamp(z / 6 + 0.5, 0, 1)

    def step(p, x, h, C):
        keep = gate(normalise(p, "keep", affine(p, "keep", x, h) + p["keep_peephole"] * C))
        write = gate(normalise(p, "write", affine(p, "write", x, h) + p["write_peephole"] * C))
        C = keep * C + write * torch.sin(normalise(p, "candidate", affine(p, "candidate", x, h)))
        read = gate(normalise(p, "read", affine(p, "read", x, h) + p["read_peephole"] * C))
        return (read * torch.sin(normalise(p, "cell", C))) @ p["projection_0"].T, C

    cell = LSTM(peephole=True, layer_norm=True, projection=3, gate="hardsigmoid", activation="sin")
    # the cell of a single unit, normalised, is 0 whatever happens: sizes with more tell more
    same_as(cell, step, [(5, 3, 4, 6), (1, 3, 2, 5), (4, 1, 3, 2), (3, 2, 1, 1)])


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (LSTM(), "keep_bias"),
        (LSTM(peephole=True), "keep_bias"),
        (LSTM(layer_norm=True), "keep_shift"),
    ],
)
def test_the_keep_gate_starts_open(cell, name):
    p = parameters_of(Recurrent(cell, 3, 4))
    assert torch.equal(p[name], torch.ones(4))
    others = [v for n, v in p.items() if n.endswith(name[4:]) and n != name]
    assert len(others) >= 3
    assert not any(torch.equal(v, torch.ones(4)) for v in others)


def test_the_bias_of_the_keep_gate_is_an_option():
    assert torch.equal(parameters_of(Recurrent(LSTM(keep_bias=-2.5), 3, 4))["keep_bias"],
                       torch.full((4,), -2.5))  # fmt: skip
    p = parameters_of(Recurrent(LSTM(keep_bias=Chrono(30)), 3, 4))
    assert torch.equal(p["write_bias"], -p["keep_bias"])
    assert "keep_bias" not in parameters_of(Recurrent(LSTM(keep_bias=Chrono(30), bias=False), 3, 4))


def test_layer_norm_starts_as_no_gain_and_no_shift():
    p = parameters_of(Recurrent(LSTM(layer_norm=True, keep_bias=0.0), 3, 4))
    assert all(torch.equal(v, torch.ones(4)) for n, v in p.items() if n.endswith("gain"))
    assert not any(v.any() for n, v in p.items() if n.endswith("shift"))

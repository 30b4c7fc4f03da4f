"""A person's own cell, in a file of their own: everything the built-in ones can do."""

import importlib.util
import math

import pytest
import torch
from torch import sigmoid, tanh

from throughtime import GRU as OurGRU
from throughtime import LSTM as OurLSTM
from throughtime import Cell, Program, Recurrent, affine

ELMAN = """\
import torch
from throughtime import Cell, affine, parameter


class Gated(Cell):
    states = ("h", "slow")

    def step(self, x, h, slow):
        gate = torch.sigmoid(affine("gate", h, slow, x))
        slow = slow + parameter("rate", init=0.1) * (h - slow)
        return gate * torch.tanh(affine("new", slow, x)) + (1 - gate) * h, slow
"""


class LSTM(Cell):
    states = ("h", "C")

    def step(self, x, h, C):
        keep = sigmoid(affine("keep", h, x))
        write = sigmoid(affine("write", h, x))
        read = sigmoid(affine("read", h, x))
        C = keep * C + write * tanh(affine("candidate", h, x))
        return read * tanh(C), C


class GRU(Cell):
    states = ("h",)

    def step(self, x, h):
        update = sigmoid(affine("update", h, x))
        reset = sigmoid(affine("reset", h, x))
        candidate = tanh(affine("candidate", reset * h, x))
        return (1 - update) * h + update * candidate


def module_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("cell", "ours"), [(LSTM, OurLSTM), (GRU, OurGRU)])
def test_the_cells_of_the_design_are_the_built_in_ones(cell, ours):
    torch.manual_seed(0)
    mine, theirs = Recurrent(cell, 3, 4, direction="both"), Recurrent(ours, 3, 4, direction="both")
    theirs.load_state_dict(mine.state_dict())
    x = torch.randn(5, 2, 3)
    (y, state), (z, other) = mine(x, lengths=[5, 3]), theirs(x, lengths=[5, 3])
    torch.testing.assert_close(y, z, rtol=1e-6, atol=1e-6)
    for d in (0, 1):
        for name in cell.states:
            torch.testing.assert_close(state[0][d][name], other[0][d][name], rtol=1e-6, atol=1e-6)
    y.square().sum().backward()
    z.square().sum().backward()
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        q = dict(theirs.named_parameters())[name]
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-4, atol=1e-5)


def plain(p, x, h, slow):
    gate = torch.sigmoid(
        h @ p["gate_h"].T + slow @ p["gate_slow"].T + x @ p["gate_x"].T + p["gate_bias"]
    )
    slow = slow + p["rate"] * (h - slow)
    new = torch.tanh(slow @ p["new_0"].T + x @ p["new_x"].T + p["new_bias"])
    return gate * new + (1 - gate) * h, slow


def test_a_cell_in_a_file_runs_learns_and_is_saved(tmp_path):
    path = tmp_path / "gated.py"
    path.write_text(ELMAN)
    assert len(ELMAN.splitlines()) - 4 <= 10  # beside the imports
    cell = module_of(path).Gated()
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, layers=2, dtype=torch.float64)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    y, state = layer(x)
    assert {*state[1][0]} == {"h", "slow"}

    # outputs and gradients are those of the equations
    wanted = x
    for directions in layer.directions:
        p = {n.split(".")[-1]: v for n, v in directions[0].named_parameters()}
        h, slow, rows = p["h0"].expand(2, -1), p["slow0"].expand(2, -1), []
        for t in range(6):
            h, slow = plain(p, wanted[t], h, slow)
            rows.append(h)
        wanted = torch.stack(rows)
    torch.testing.assert_close(y, wanted, rtol=1e-12, atol=1e-12)
    parameters = list(layer.parameters())
    got = torch.autograd.grad(y.square().sum(), parameters)
    for g, w in zip(got, torch.autograd.grad(wanted.square().sum(), parameters), strict=True):
        assert w.any()
        torch.testing.assert_close(g, w, rtol=1e-10, atol=1e-12)

    # it learns
    optimiser = torch.optim.Adam(layer.parameters(), 0.02)
    target = torch.randn(6, 2, 4, dtype=torch.float64).tanh() * 0.3
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = (layer(x)[0] - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]

    # weights and program are data, and give the same again
    torch.save(layer.state_dict(), tmp_path / "weights.pt")
    (tmp_path / "program.json").write_text(layer.directions[0][0].program.json)
    again = Recurrent(module_of(path).Gated(), 3, 4, layers=2, dtype=torch.float64)
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(again(x)[0], layer(x)[0])
    program = Program.from_json((tmp_path / "program.json").read_text())
    assert program.json == again.directions[0][0].program.json
    assert str(program) == str(cell.program(3, 4))


def test_states_of_their_own_widths():
    class Narrow(Cell):
        states = {"h": None, "memory": 7, "clock": 1}

        def step(self, x, h, memory, clock):
            memory = torch.tanh(affine("memory", h, memory, x, size=memory.width))
            return torch.tanh(affine("out", memory)) * torch.cos(clock), memory, clock + 0.1

    layer = Recurrent(Narrow(), 3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    y, state = layer(x)
    assert y.shape == (5, 2, 4)
    assert {n: tuple(s.shape) for n, s in state[0][0].items()} == {
        "h": (2, 4),
        "memory": (2, 7),
        "clock": (2, 1),
    }
    torch.testing.assert_close(state[0][0]["clock"], torch.full((2, 1), 0.5, dtype=torch.float64))
    p = {n.split(".")[-1]: v.detach() for n, v in layer.named_parameters()}
    h, memory = p["h0"].expand(2, -1), p["memory0"].expand(2, -1)
    for t in range(5):
        z = h @ p["memory_h"].T + memory @ p["memory_memory"].T + x[t] @ p["memory_x"].T
        memory = torch.tanh(z + p["memory_bias"])
        h = torch.tanh(memory @ p["out_0"].T + p["out_bias"]) * math.cos(0.1 * t)
        torch.testing.assert_close(y[t], h, rtol=1e-12, atol=1e-12)


def test_an_activation_of_ones_own():
    def swish(z, beta=1.5):
        return z * torch.sigmoid(beta * z)

    class Mine(Cell):
        def step(self, x, h):
            return swish(affine("a", h, x))

    torch.manual_seed(0)
    layer = Recurrent(Mine, 3, 4, initial_state="zeros", dtype=torch.float64)
    x = torch.randn(1, 2, 3, dtype=torch.float64)
    p = {n.split(".")[-1]: v for n, v in layer.named_parameters()}
    z = x[0] @ p["a_x"].T + p["a_bias"]
    torch.testing.assert_close(layer(x)[0][0], z / (1 + torch.exp(-1.5 * z)))


def test_every_spelling_of_tanh_is_one_program():
    def spelled(activation):
        class Mine(Cell):
            def step(self, x, h):
                return activation(affine("a", h, x))

        return Mine().program(3, 4).json

    module = torch.nn.Tanh()
    spellings = [torch.tanh, tanh, lambda z: z.tanh(), module, torch.nn.functional.tanh]
    assert len({spelled(s) for s in spellings}) == 1


def test_a_cell_may_build_on_another():
    class Residual(OurGRU):
        def step(self, x, h):
            return h + 0.5 * super().step(x, h)

    layer = Recurrent(Residual(), 3, 4, dtype=torch.float64)
    ours = Recurrent(OurGRU(), 3, 4, dtype=torch.float64)
    ours.load_state_dict(layer.state_dict())
    x, h = torch.randn(1, 2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    state = (({"h": h},),)
    torch.testing.assert_close(layer(x, state)[0][0], h + 0.5 * ours(x, state)[0][0])

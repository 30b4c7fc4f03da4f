"""What lowering writes down, run by an emitter of the tests, is what the reference engine gives."""

import pytest
import torch
from agreement import regularised_call
from catalogue import CELLS
from engines.torch_emitter import TorchEmitter

from throughtime import LSTM, affine, parameter
from throughtime.engines.cpu.fuse import fuse
from throughtime.engines.derived import (
    LoopMode,
    adjoint,
    loop_kept_nodes,
    loop_maps,
    loop_sums,
    stored_columns,
)
from throughtime.engines.evaluate import ahead
from throughtime.engines.lower import backward_loop, forward_loop
from throughtime.engines.parameters import packed, weights_by_name
from throughtime.engines.reference import forward as reference
from throughtime.engines.reference.backward import backward
from throughtime.program import trace

FUSED = {
    "multiply_add": lambda a, b, c: a * b + c,
    "tanh_slope": lambda g, y: g * (1 - y * y),
    "sigmoid_slope": lambda g, y: g * ((1 - y) * y),
}


class FusingEmitter(TorchEmitter):
    """With what the native engine fuses."""

    def fuse(self, nodes, private):
        return fuse(nodes, private)

    def pointwise(self, node, arguments):
        if node.op in FUSED:
            return FUSED[node.op](*arguments)
        return super().pointwise(node, arguments)


class Loops:
    """Both loops of a call of T steps, each step lowered when it is run."""

    def __init__(self, emitter, program, call, loop_mode):
        self.emitter, self.program, self.call, self.mode = emitter, program, call, loop_mode
        self.T, self.B = call.x.shape[:2]
        known, parts = ahead(program, call, hoist=loop_mode.hoist)
        bias = packed(call).bias
        bias = call.x.new_zeros(program.affine_width) if bias is None else bias
        self.arrays = {("x", 0): call.x, ("bias", 0): bias}
        self.arrays |= {("known", i): v for i, v in known.items() if isinstance(v, torch.Tensor)}
        self.arrays |= {("part", b): part for b, part in parts.items() if part is not None}
        for k, width in enumerate(program.states.values()):
            self.arrays["start", k], self.arrays["initial", k] = call.start[k], call.initial[k]
            self.arrays["state", k] = self.unwritten(width)
        self.arrays["saved", 0] = self.unwritten(stored_columns(program, loop_mode)[1])

    def unwritten(self, width):
        return self.call.x.new_full((self.T, self.B, width), torch.nan)

    def step(self, t, states):
        restart = self.call.resets[t][:, None]
        weights, before = weights_by_name(self.program, self.call), t - 1 if t else None
        return self.emitter(self.program, weights, self.arrays, t, before, states, restart)

    def forward(self):
        states = dict(zip(self.program.states, self.call.start, strict=True))
        for t in range(self.T):
            for k, name in enumerate(states):
                restart = self.call.resets[t][:, None]
                states[name] = torch.where(restart, self.call.initial[k], states[name])
            states = forward_loop(self.program, self.step(t, states), self.mode, save=True,
                                  wanted=len(states))  # fmt: skip
        return states

    def backward(self, dstates, dfinal):
        back, x = adjoint(self.program), self.call.x
        self.arrays |= {("dstate", k): d for k, d in enumerate(dstates) if d is not None}
        self.arrays["dz", 0] = self.unwritten(self.program.affine_width)
        for i in loop_kept_nodes(self.program):
            self.arrays["kept", i] = self.unwritten(back.nodes[i].width)
        self.arrays["dbias", 0] = x.new_zeros(self.program.affine_width)
        for k, vector in enumerate(self.call.vectors):
            self.arrays["dvector", k] = torch.zeros_like(vector)
        states = dict(zip(self.program.states, dfinal, strict=True))
        dinitial = {name: torch.zeros_like(d) for name, d in states.items()}
        for t in reversed(range(self.T)):
            given = [d is not None for d in dstates]
            new = backward_loop(self.program, self.step(t, states), self.mode, given)
            restart = self.call.resets[t][:, None]
            for name, d in new.items():
                dinitial[name] = dinitial[name] + torch.where(restart, d, 0.0)
                states[name] = torch.where(restart, 0.0, d)
        return states, dinitial


@pytest.mark.parametrize("emitter", [TorchEmitter, FusingEmitter])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("hoist", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_every_emitter_is_told_the_same_loops(name, hoist, recompute, emitter):
    program, call = regularised_call(name, 4, 3, 2, 5, torch.float64, False, False, True, 0)
    loops = Loops(emitter, program, call, LoopMode(hoist, recompute))
    with torch.no_grad():
        truth = reference.forward(program, call, save=True)
        dstates = [torch.randn_like(truth.states[0]), *[None] * (len(truth.states) - 1)]
        dfinal = [torch.randn_like(final) for final in truth.final]
        dtruth = backward(program, call, truth, dstates, dfinal)
        final = loops.forward()
        dstart, dinitial = loops.backward(dstates, dfinal)
    arrays = loops.arrays
    close = torch.testing.assert_close
    close([*final.values()], [*truth.final])
    close([arrays["state", k] for k in range(len(final))], [*truth.states])
    assert not arrays["saved", 0].isnan().any()
    close([*dstart.values()], [*dtruth.dstart])
    close([*dinitial.values()], [*dtruth.dinitial])
    for column in (program.columns[name] for name in loop_maps(program)):
        close(arrays["dz", 0][..., column], dtruth.dz[..., column])
    for output in loop_sums(program):
        kind, name = output.split("_", 1)
        if kind == "dz":
            column = program.columns[name]
            close(arrays["dbias", 0][column], dtruth.dz[..., column].sum((0, 1)))
        else:
            k = program.vectors.index(name)
            close(arrays["dvector", k], dtruth.dvectors[k])
    assert not any(arrays["kept", i].isnan().any() for i in loop_kept_nodes(program))


def test_what_is_fused_of_an_lstm():
    program = LSTM().program(2, 3)
    forward, absorbed = fuse(program.nodes, {*range(len(program.nodes))})
    ops = [node.op for i, node in enumerate(forward) if i not in absorbed]
    assert ops.count("multiply_add") == 1 and "add" not in ops  # C = keep * C + write * candidate
    back = adjoint(program)
    backward, absorbed = fuse(back.nodes, {*range(len(back.nodes))} - {*back.outputs.values()})
    ops = [node.op for i, node in enumerate(backward) if i not in absorbed]
    assert ops.count("sigmoid_slope") == 3 and ops.count("tanh_slope") == 2 and "sub" not in ops


def test_only_private_nodes_of_one_use_are_absorbed():
    def step(x, h):
        product = parameter("p") * h
        twice = parameter("q") * h
        return torch.tanh(affine("a", h, x)) + product + (twice + torch.sigmoid(twice))

    program = trace(step, {"h": 3}, cell="Test", input_size=2, hidden_size=3)
    [product] = [i for i, node in enumerate(program.nodes) if node.name == "product"]
    everything = {*range(len(program.nodes))}
    assert fuse(program.nodes, everything)[1] == {product}
    assert fuse(program.nodes, everything - {product})[1] == set()
    assert [*fuse(program.nodes, everything - {product})[0]] == [*program.nodes]

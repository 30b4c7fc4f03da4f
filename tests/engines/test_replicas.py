"""A gradient for each step: that of a network whose weights were really copied T times."""

import pytest
import torch
from catalogue import CELLS
from engines.calls import error, random_call

from throughtime.engines.call import Packed
from throughtime.engines.derived import plan
from throughtime.engines.reference.backward import backward
from throughtime.engines.reference.forward import forward
from throughtime.engines.time_order import real_steps, steps

pytestmark = pytest.mark.usefixtures("types_unchecked")


@pytest.mark.parametrize("lengths, resets", [("all", "never"), ("ragged", "some")])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_the_replicas(name, reverse, lengths, resets):
    """The copies are separate tensors, each used in a call of one step."""
    T, B = 5, 4
    program = CELLS[name].program(3, 4)
    call = random_call(program, T, B, lengths=lengths, resets=resets, reverse=reverse)
    dstates = [torch.randn(T, B, w, dtype=torch.float64) for w in program.states.values()]
    dfinal = [torch.randn(B, w, dtype=torch.float64) for w in program.states.values()]

    def copies(weight):
        return [weight.detach().clone().requires_grad_() for _ in range(T)]

    parameters = call.parameters
    weights = [copies(w) for w in parameters.weights]
    biases = None if parameters.bias is None else copies(parameters.bias)
    state, loss = call.start, torch.zeros((), dtype=torch.float64)
    real = real_steps(call)
    for t, restart in steps(call):
        if restart is not None:
            state = tuple(
                torch.where(restart, i, s) for i, s in zip(call.initial, state, strict=True)
            )
        one = call._replace(
            x=call.x[t : t + 1],
            start=state,
            initial=(),
            parameters=Packed(tuple(w[t] for w in weights), None if biases is None else biases[t]),
            randoms=tuple(r[t : t + 1] if r.dim() == 3 else r for r in call.randoms),
            lengths=None if real is None else real[t, :, 0].long(),
            resets=None,
        )
        state = forward(program, one).final
        for s, d in zip(state, dstates, strict=True):
            loss = loss + ((s if real is None else torch.where(real[t], s, 0)) * d[t]).sum()
    loss = loss + sum((s * d).sum() for s, d in zip(state, dfinal, strict=True))
    flat = [w for each in weights for w in each] + (biases or [])
    want = torch.autograd.grad(loss, flat)

    with torch.no_grad():
        result = forward(program, call, save=True)
        back = backward(program, call, result, dstates, dfinal)
    schedule = plan(program)
    got = []
    for k in range(len(weights)):
        columns = [b.columns for b in schedule.blocks if k in dict(b.rows)]
        for t in range(T):
            dz = torch.cat([back.dz[t, :, c] for c in columns], -1)
            got.append(dz.T @ back.operands[k][t])
    got += [] if biases is None else list(back.dz.sum(1))
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        # torch's derivative of hardsigmoid is 1/6 rounded to float32, in float64 too
        assert error(g, w) < 1e-10

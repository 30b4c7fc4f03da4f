"""An emitter that computes: each operation of a step is done with torch as it is written down.

It knows nothing of registers and instructions, so it shows that lowering serves another engine
than the native one, and that the operations it is told are those of the program.
"""

import torch

from throughtime.engines.evaluate import evaluate


class TorchEmitter:
    """One step. The loop that it finishes is the new value of each state.

    - `weights`: by name. `arrays`: by name and number; those with three axes are over time.
    - `t`: the step; `before`: the step before it in the order of the cell, or None.
    - `states`: what the step begins from, by the name of the state.
    - `restart`: `(B, 1)`, where the sequence begins anew at this step.
    """

    def __init__(self, program, weights, arrays, t, before, states, restart):
        self.program, self.weights, self.arrays = program, weights, arrays
        self.t, self.before, self.states, self.restart = t, before, states, restart
        self.x = arrays["x", 0]
        self.new = {}

    def now(self, place):
        array = self.arrays[place.array, place.number]
        return array[self.t] if array.dim() == 3 else array

    def state(self, name, start, restart, final):
        return self.states[name]

    def previous(self, name):
        k = [*self.program.states].index(name)
        old = (
            self.arrays["start", k] if self.before is None else self.arrays["state", k][self.before]
        )
        return torch.where(self.restart, self.arrays["initial", k], old)

    def load(self, place, width):
        return self.expand(self.now(place)[..., place.first : place.first + width], width)

    def constant(self, value, width):
        return self.expand(self.x.new_tensor([value]), width)

    def expand(self, value, width):
        return value.expand(self.x.shape[1], width)

    def pointwise(self, node, arguments):
        return evaluate(node, arguments, self.x)

    def begin_sum(self, width, value=None):
        return self.constant(0.0, width) if value is None else value

    def product(self, total, operand, weight, *, transposed):
        matrix = self.weights[weight]
        return total + operand @ (matrix if transposed else matrix.T)

    def store(self, place, value):
        columns = self.now(place)[:, place.first : place.first + value.shape[1]]
        assert columns.isnan().all(), f"{place} is written twice"
        columns.copy_(value)

    def accumulate(self, place, value):
        self.now(place)[place.first : place.first + value.shape[1]] += value.sum(0)

    def leave(self, new):
        self.new = new

    def fuse(self, nodes, private):
        return nodes, set()

    def finish(self):
        return self.new

"""A cell of one's own: its equations, a layer, a gradient, saving and loading."""

import torch
from safetensors.torch import load_file, save_file
from torch import sigmoid, tanh

from throughtime import Cell, Recurrent, affine, parameter


class PeepholeUnit(Cell):
    """One gate that also sees the state it guards."""

    states = ("h",)

    def step(self, x, h):
        gate = sigmoid(affine("gate", x) + parameter("peephole") * h)
        return (1 - gate) * h + gate * tanh(affine("candidate", h, x))


torch.manual_seed(0)
layer = Recurrent(PeepholeUnit, input_size=3, hidden_size=8, direction="both")
print(layer.directions[0][0].cell_program)

x = torch.randn(20, 4, 3)  # 20 steps, 4 sequences, 3 columns
y, state = layer(x, lengths=[20, 11, 5, 1])
y.square().mean().backward()
print("largest gradient at a peephole:", layer.directions[0][0].peephole.grad.abs().max().item())

save_file(layer.state_dict(), "unit.safetensors")
again = Recurrent(PeepholeUnit, input_size=3, hidden_size=8, direction="both")
again.load_state_dict(load_file("unit.safetensors"))
assert torch.equal(again(x)[0], layer(x)[0])
print("saved, loaded, the same outputs")

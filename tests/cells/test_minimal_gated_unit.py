"""Zhou et al. 2016, arXiv 1603.09420: the gate f both forgets and writes."""

import torch
from cells.against_equations import same_as

from throughtime import MinimalGatedUnit


def test_against_its_equations():
    def step(p, x, h):
        z = torch.cat([h, x], -1) @ torch.cat([p["gate_h"], p["gate_x"]], -1).T
        f = 1 / (1 + torch.exp(-z - p["gate_bias"]))
        z = torch.cat([f * h, x], -1) @ torch.cat([p["candidate_0"], p["candidate_x"]], -1).T
        return (1 - f) * h + f * torch.tanh(z + p["candidate_bias"])

    def shapes(inputs, H):
        shapes = {"gate_h": (H, H), "gate_x": (H, inputs), "gate_bias": (H,)}
        return shapes | {"candidate_0": (H, H), "candidate_x": (H, inputs), "candidate_bias": (H,)}

    same_as(MinimalGatedUnit(), step, shapes=shapes)

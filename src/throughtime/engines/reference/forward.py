"""The reference engine, forward: a program with torch operations in a plain loop over time.

Any device, any dtype, every transform: autograd, forward mode, vmap and their products run
through it as through any other torch code. The ground truth for the other engines.
"""

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.evaluate import (
    add_products,
    ahead,
    evaluate,
    made_of,
    plan,
    rounded,
    scatter,
)
from throughtime.engines.time_order import real_steps, stack, steps
from throughtime.program.adjoint import adjoint as derive
from throughtime.program.program import Program
from throughtime.program.schedule import AHEAD, node_levels

adjoint = functools.lru_cache(maxsize=256)(derive)


@functools.lru_cache(maxsize=256)
def needed_nodes(program: Program) -> frozenset[int]:
    """The values that backward needs: for the adjoint, and every operand."""
    saved = {n.attributes["node"] for n in adjoint(program).nodes if n.op == "saved"}
    return frozenset(saved | {p.operand for p in plan(program).products})


@functools.lru_cache(maxsize=256)
def saved_nodes(program: Program) -> tuple[int, ...]:
    """Those inside the loop."""
    levels = node_levels(program.nodes)
    return tuple(i for i in sorted(needed_nodes(program)) if levels[i] != AHEAD)


@functools.lru_cache(maxsize=256)
def known_nodes(program: Program) -> frozenset[int]:
    """Those ahead of the loop, and what they are made of."""
    levels = node_levels(program.nodes)
    found = {i for i in needed_nodes(program) if levels[i] == AHEAD}
    return made_of(program, found)


def forward(program: Program, call: Call, *, save: bool = False) -> Result:
    """Run a program over time, see `Call` and `Result`."""
    plan_, nodes, B = plan(program), program.nodes, call.x.shape[1]
    known, parts = ahead(program, call)
    timeless = tuple(plan_.timeless)  # torch.compile cannot look into a frozenset
    timed = {i: v for i, v in known.items() if isinstance(v, Tensor) and i not in timeless}
    real = real_steps(call)
    leaves = program.find("state")
    outputs = [program.outputs[name] for name in program.states]
    collect = saved_nodes(program) if save else ()
    state = tuple(s[0] if s.dim() == 3 else s for s in call.start)
    trajectory: list[tuple[Tensor, ...]] = []
    saved: list[list[Tensor]] = [[] for _ in collect]

    for t, restart in steps(call):
        if restart is not None:
            pairs = zip(call.initial, state, strict=True)
            state = tuple(torch.where(restart, i, s) for i, s in pairs)
        values: dict[int, Any] = known | {i: v[t] for i, v in timed.items()}
        values.update(zip(leaves, state, strict=True))
        products: dict[int, Tensor] = {}
        for level in plan_.levels:
            for k in level.products:
                operand = rounded(values[plan_.products[k].operand], call.x)
                products[k] = F.linear(operand, call.weights[k])
            for b in level.blocks:
                part = parts[b]
                z = add_products(plan_.blocks[b], products, None if part is None else part[t])
                assert z is not None
                scatter(program, plan_.blocks[b], z, values)
            for i in level.nodes:
                values[i] = evaluate(nodes[i], [values[a] for a in nodes[i].args], call.x)
        new = tuple(rounded(values[i], call.x).expand(B, nodes[i].width) for i in outputs)
        if real is not None:
            pairs = zip(new, state, strict=True)
            new = tuple(torch.where(real[t], n, s) for n, s in pairs)
        state = new
        trajectory.append(state)
        for rows, i in zip(saved, collect, strict=True):
            rows.append(values[i].expand(B, nodes[i].width))

    states = tuple(
        stack([step[k] for step in trajectory], call, tuple(s.shape)) for k, s in enumerate(state)
    )
    if real is not None:
        states = tuple(torch.where(real, s, 0.0) for s in states)
    widths = [(B, nodes[i].width) for i in collect]
    kept = tuple(stack(rows, call, w) for rows, w in zip(saved, widths, strict=True))
    final = tuple(s.reshape(f.shape) for s, f in zip(state, call.start, strict=True))
    return Result(states if call.every_state else states[:1], final, kept)

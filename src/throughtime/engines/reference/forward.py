"""The reference engine, forward: a program with torch operations in a plain loop over time.

Any device, any dtype, every transform: autograd, forward mode, vmap and their products run
through it as through any other torch code. The ground truth for the other engines.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.derived import needed_in_loop, plan
from throughtime.engines.evaluate import (
    add_products,
    ahead,
    evaluate,
    rounded,
    scatter,
)
from throughtime.engines.parameters import packed
from throughtime.engines.time_order import real_steps, stack, steps
from throughtime.program.program import Program


def forward(program: Program, call: Call, *, save: bool = False) -> Result:
    """Run a program over time, see `Call` and `Result`."""
    schedule, nodes, B = plan(program), program.nodes, call.x.shape[1]
    known, parts = ahead(program, call)
    weights = packed(call).weights
    timeless = tuple(schedule.timeless)  # torch.compile cannot look into a frozenset
    timed = {i: v for i, v in known.items() if isinstance(v, Tensor) and i not in timeless}
    real = real_steps(call)
    leaves = program.find("state")
    outputs = [program.outputs[name] for name in program.states]
    collect = needed_in_loop(program) if save else ()
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
        for level in schedule.levels:
            for k in level.products:
                operand = rounded(values[schedule.products[k].operand], call.x)
                products[k] = F.linear(operand, weights[k])
            for b in level.blocks:
                part = parts[b]
                z = add_products(schedule.blocks[b], products, None if part is None else part[t])
                assert z is not None
                scatter(program, schedule.blocks[b], z, values)
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

"""The CPU engine, forward."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.cpu import memory, run
from throughtime.engines.cpu.ahead import ahead_of_loop, bias_of, packed_natively
from throughtime.engines.cpu.loops import forward_loop
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.cpu.settings import Settings
from throughtime.engines.derived import LoopMode, anything_ahead, operand_states, stored_columns
from throughtime.engines.time_order import steady
from throughtime.program.program import Program


class _Plan(NamedTuple):
    """What of a call forward does not depend on its tensors.

    - `columns`: of the stored values.
    - `widths`: of the states.
    - `beside`: the states that products read, where the step before each is its neighbour: their
      starts are put beside their values over time.
    - `begins`: for each of these its values over time and its start among `lowered.tensors`.
    - `ahead`: whether there is anything to compute before the loop.
    """

    lowered: Lowered
    columns: int
    widths: tuple[int, ...]
    beside: tuple[int, ...]
    begins: tuple[tuple[int, int], ...]
    ahead: bool


@functools.lru_cache(maxsize=256)
def _plan(program: Program, loop_mode: LoopMode, save: bool, wanted: int, views: bool) -> _Plan:
    lowered = forward_loop(program, loop_mode, save, wanted)
    at = lowered.tensors.index
    beside = operand_states(program) if views else ()
    return _Plan(
        lowered,
        stored_columns(program, loop_mode)[1],
        tuple(program.states.values())[:wanted],
        beside,
        tuple((at(("state", k)), at(("start", k))) for k in beside),
        anything_ahead(program, loop_mode),
    )


def forward(program: Program, call: Call, settings: Settings, *, save: bool = False) -> Result:
    """Run a program over time, see `Call` and `Result`.

    `Result.saved`: the stored values side by side `(T, B, columns)`; each state over time that
    is not returned; and with `settings.views`, where the step before each is its neighbour, for
    each state that products read its value before every step.
    """
    loop, result = _prepared(program, call, settings, save=save)
    run.run(call, [loop], settings.split)
    return result


def forward_both(
    runs: Sequence[tuple[Program, Call]], settings: Settings
) -> tuple[Tensor, list[Result]]:
    """Directions over the same steps at once, and their outputs side by side, `(T, B, widths)`;
    nothing is kept for a backward step."""
    call = runs[0][1]
    widths = [program.states[program.output] for program, _ in runs]
    y = memory.over_time(call, *call.x.shape[:2], sum(widths))
    prepared = [
        _prepared(program, each, settings, save=False, output=output)
        for (program, each), output in zip(runs, y.split_with_sizes(widths, -1), strict=True)
    ]
    run.run(call, [loop for loop, _ in prepared], settings.split)
    return y, [result for _, result in prepared]


def _prepared(
    program: Program, call: Call, settings: Settings, *, save: bool, output: Tensor | None = None
) -> tuple[tuple[Any, ...], Result]:
    """The loop forward, see `run.loop`, and what it will have written; the first state over time
    into `output`, if given."""
    loop_mode, x = settings.loop_mode(program, call), call.x
    T, B, _ = x.shape
    shown = len(call.start) if call.every_state else 1
    views = save and settings.views and steady(call)
    plan = _plan(program, loop_mode, save, len(call.start) if save else shown, views)
    if plan.ahead:
        call = packed_natively(call)
    known, part = ahead_of_loop(program, call, loop_mode)
    states: list[Tensor] = []
    before: list[Tensor] = []
    for k, width in enumerate(plan.widths):
        if k in plan.beside:  # what stood before the first step, then all the others
            whole = memory.over_time(call, T + 1, B, width)
            before.append(whole[1:] if call.reverse else whole[:T])
            states.append((whole[:T] if call.reverse else whole[1:]).detach())
        elif k == 0 and output is not None:
            states.append(output)
        else:
            states.append(memory.over_time(call, T, B, width))
    final = tuple([x.new_empty(s.shape) for s in call.start])
    saved = (memory.over_time(call, T, B, plan.columns),) if save else ()
    groups = {
        "x": (x,), "bias": (bias_of(program, call),), "part": part, "known": known,
        "saved": saved, "state": states, "final": final, "start": call.start,
        "initial": call.initial or call.start,
    }  # fmt: skip
    loop = run.loop(plan.lowered, call, groups, call.reverse, plan.begins)
    return loop, Result(tuple(states[:shown]), final, (*saved, *states[shown:], *before))

"""Native loops: given their tensors, and run."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from throughtime.engines.call import Call
from throughtime.engines.cpu.lowered import Lowered
from throughtime.engines.cpu.native import compiled
from throughtime.engines.cpu.settings import Split


def tensors(lowered: Lowered, groups: Mapping[str, Any]) -> list[Any]:
    """What a loop reads and writes, in its order, from all of each name."""
    return [groups[name][k] for name, k in lowered.tensors]


def loop(
    lowered: Lowered,
    call: Call,
    groups: Mapping[str, Any],
    reverse: bool,
    begins: Sequence[tuple[int, int]] = (),
) -> tuple[Any, ...]:
    """A loop and its tensors, as `run` of native/bindings.cpp takes them."""
    return (lowered.native, tensors(lowered, groups), call.parameters.weights, begins, reverse,
            int(call.reverse))  # fmt: skip


def run(call: Call, loops: list[tuple[Any, ...]], split: Split | None) -> None:
    """Run loops over the steps of a call at once."""
    T, B, _ = call.x.shape
    lengths = None if call.lengths is None else call.lengths.contiguous()
    resets = None if call.resets is None else call.resets.contiguous()
    compiled().run(
        loops, call.x.dtype == torch.float64, T, B,
        0 if lengths is None else lengths.data_ptr(), 0 if resets is None else resets.data_ptr(),
        torch.get_num_threads(), split,
    )  # fmt: skip

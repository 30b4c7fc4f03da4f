"""What a number is worth nothing without: versions, threads, machine, allocator."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

import torch

from throughtime.bench import allocator
from throughtime.bench.contestant import Contestant


def conditions(peers: Sequence[Contestant] = ()) -> dict[str, str]:
    """Names and values, in the order in which they are shown."""
    try:
        from throughtime._native import chosen_instruction_set

        instructions = chosen_instruction_set()
    except ImportError:
        instructions = "none: installed without a C++ compiler"
    packages = ["throughtime", "torch", *(p for c in peers for p in c.packages if p != "onnx")]
    return {
        **{name: version(name) for name in packages},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "instruction set": instructions,
        "threads": str(torch.get_num_threads()),
        "allocator": allocator.described(),
    }

"""Who takes part in a task."""

from collections.abc import Sequence

from throughtime.bench.contestant import Contestant
from throughtime.bench.jax_scan import JaxScan
from throughtime.bench.modules import Beside, Reference, Throughtime, TorchNN
from throughtime.bench.onnx_runtime import OnnxRuntime
from throughtime.bench.task import Task, label
from throughtime.errors import OptionError

PEERS: dict[str, type[Contestant]] = {c.name: c for c in (TorchNN, OnnxRuntime, JaxScan)}
"""Other libraries, by name."""

INSTALL = "pip install 'throughtime[bench]'"


def choose(names: Sequence[str] | None = None) -> tuple[list[Contestant], list[str]]:
    """The peers of those names, or all that are installed; and the names of those that are not.

    **Raises:** `OptionError` for one that is named and not installed.
    """
    for name in names or ():
        if missing := PEERS[name].missing():
            raise OptionError(
                f"--peers has {name}, which needs {' and '.join(missing)}; expected it installed. "
                f"Run {INSTALL}, or leave {name} out."
            )
    wanted = PEERS if names is None else names
    absent = [name for name in wanted if PEERS[name].missing()]
    return [PEERS[name]() for name in wanted if name not in absent], absent


def contestants(task: Task, peers: Sequence[Contestant]) -> list[Contestant]:
    """All that run a task, throughtime first."""
    others = [Reference()] if task.beside is None else [Reference(), Beside(label(task.beside))]
    return [c for c in (Throughtime(), *peers, *others) if c.runs(task)]

"""What takes part: a library that runs a task."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from throughtime.bench.task import Material, Task

Results = dict[str, np.ndarray]
"""`"y"`, `(T, B, width)`, 0 past a length, and in training the gradient of each parameter by the
name it has in `Material.weights`."""


@dataclass(frozen=True)
class Prepared:
    """A task made ready: `run` is one pass, finished when it returns; `read` gives its results."""

    run: Callable[[], Any]
    read: Callable[[Any], Results]


class Contestant(ABC):
    """A library that runs a task.

    - `name`: in tables and options; `title`: as people know it.
    - `packages`: what it imports.
    - `agrees`: whether it computes the very function of the task.
    """

    name: ClassVar[str]
    title: str
    packages: ClassVar[tuple[str, ...]] = ()
    agrees: ClassVar[bool] = True

    @classmethod
    def missing(cls) -> list[str]:
        """The packages that are not installed."""
        return [p for p in cls.packages if importlib.util.find_spec(p) is None]

    def runs(self, task: Task) -> bool:
        """Whether it can run a task."""
        return True

    @abstractmethod
    def prepare(self, task: Task, material: Material) -> Prepared:
        """Make ready, compilation included."""

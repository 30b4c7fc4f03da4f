"""What a section of the report is: a topic that is measured, and written onto the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import plotly.graph_objects as go
import torch
from markupsafe import Markup
from torch import Tensor

from throughtime.data import Sequences
from throughtime.training import Model, Run

Choice = tuple[str, str, list[tuple[str, str]]]
"""The key in `meta` of the traces, what to call it, and (value, name) of each."""


class Figure(NamedTuple):
    """A figure on the page.

    - `name`: its id on the page.
    - `says`: what one sees, in a sentence or two; read out in its place.
    - `tables`: its numbers as HTML; read from the figure unless given.
    - `choices`: what the reader can choose to see of it.
    """

    name: str
    title: str
    says: str
    figure: go.Figure
    tables: Markup | None = None
    choices: Sequence[Choice] = ()


Part = str | Figure
"""A piece of the page: HTML as `markupsafe.Markup`, any other text as text, or a figure."""


@dataclass(frozen=True)
class TestedRun:
    """A trained run with the sequences that it was trained and tested on.

    - `predictions`: what `throughtime.training.predict` says of `test`.
    """

    __test__ = False  # pytest takes a class of this name for a test

    run: Run
    train: Sequences
    test: Sequences
    predictions: Tensor

    @property
    def model(self) -> Model:
        return self.run.model

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def longest_first(self) -> Tensor:
        """The places of the test sequences, the longest first."""
        return self.test.lengths.argsort(descending=True, stable=True)


@runtime_checkable
class Section(Protocol):
    """A topic of the report; a module with these names is one, as those of `report.sections` are.

    - `name`: its id on the page.
    - `title`: its heading.
    """

    name: str
    title: str

    def measure(self, tested: TestedRun) -> Mapping[str, Any]:
        """What the section needs of the data or the trained weights.

        **Returns:** plain data that JSON can hold, under keys that no other section has: all
        sections' together are kept in `report.json`. Empty where it needs nothing.
        """
        ...

    def write(self, run: Run, measured: Any) -> Iterable[Part]:
        """What stands on the page below the heading; without any part, the section is left out.

        **Arguments:**

        - `run`: finished or not.
        - `measured`: a mapping of what all sections measured, or None where that is not known.
        """
        ...


class Written(NamedTuple):
    """A section as it stands on the page; `folded`: closed until the reader opens it."""

    name: str
    title: str
    parts: Sequence[Part]
    folded: bool = False


class Compared(NamedTuple):
    """A run beside others.

    - `label`: what tells it apart from them.
    - `measured`: what its sections measured, where that is known.
    """

    label: str
    run: Run
    measured: Any


@runtime_checkable
class Comparable(Protocol):
    """A section that can also be written of several runs side by side."""

    def compare(self, runs: Sequence[Compared], same_data: bool) -> Written:
        """Without any part, it is left out.

        **Arguments:** `same_data`: whether all runs were tested on the same sequences.
        """
        ...

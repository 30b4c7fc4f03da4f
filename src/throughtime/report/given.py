"""Whether a figure is given what it draws, and where that comes from if it is not."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from torch import nn

from throughtime.arguments import kind_of
from throughtime.cells import Cell
from throughtime.diagnose import Diagnosis
from throughtime.errors import CallError, OptionError
from throughtime.program import Program
from throughtime.training import Run


def diagnosis(call: str, got: object) -> list[Diagnosis]:
    """As a list. **Raises:** `CallError` unless `got` is what `diagnose` returns."""
    layers = [got] if isinstance(got, Diagnosis) else got
    if not isinstance(layers, Sequence) or not layers or not all(
        isinstance(layer, Diagnosis) for layer in layers
    ):  # fmt: skip
        raise CallError(
            f"`{call}`: layers is {kind_of(got)}; expected what `throughtime.diagnose.diagnose` "
            f"returns. Write `report.{call}(diagnose(module, x))`."
        )
    return list(layers)


def measured(call: str, got: object, *keys: str, after: str = "") -> None:
    """**Raises:** `CallError` unless `got` is what `measure` and `kept` return.

    - `after`: the arguments before it, as they are written.
    """
    if isinstance(got, Mapping) and all(key in got for key in keys):
        return
    of_layers = isinstance(got, list) and got and isinstance(got[0], Diagnosis)
    if got is None:
        fix = "Write `measured = report.measure(run, train, test)`: nothing is kept with this run."
    elif isinstance(got, Run):
        fix = f"Write `report.{call}({after}report.kept(run))`."
    elif isinstance(got, Diagnosis) or of_layers:
        fix = "Write `report.diagnosis(layers)`, which draws what `diagnose` returns."
    else:
        fix = f"Write `report.{call}({after}report.measure(run, train, test))`."
    raise CallError(
        f"`{call}`: measured is {kind_of(got)}; expected what `report.measure` or `report.kept` "
        f"returns. {fix}"
    )


def scores(call: str, name: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is what `Scores.to_dict` returns."""
    if not isinstance(got, Mapping) or not {"classes", "confusion"} <= {*got}:
        fix = f'report.{call}(run.results["test"])'
        fix = fix if isinstance(got, Run) else f"report.{call}(evaluate(model, test).to_dict())"
        raise CallError(
            f"`{call}`: {name} is {kind_of(got)}; expected scores as plain data. Write `{fix}`."
        )


def run(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a `Run`."""
    if not isinstance(got, Run):
        raise CallError(
            f"`{call}`: run is {kind_of(got)}; expected a Run. Write `run = "
            "throughtime.load(folder)`, or take what `throughtime.fit` returned."
        )


def runs(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a list of `Run`s."""
    if not isinstance(got, Sequence) or isinstance(got, str):
        raise CallError(
            f"`{call}`: runs is {kind_of(got)}; expected a list of runs. Write "
            f"`report.{call}([run, other], [report.kept(run), report.kept(other)])`."
        )
    for one in got:
        run(call, one)


def module(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a module."""
    if not isinstance(got, nn.Module):
        of = "run.model" if isinstance(got, Run) else "throughtime.load(folder).model"
        raise CallError(
            f"`{call}`: model is {kind_of(got)}; expected a Model or a Recurrent. "
            f"Write `report.{call}({of})`."
        )


def program(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a `Program`."""
    if not isinstance(got, Program):
        cell = got.__name__ if isinstance(got, type) else type(got).__name__
        cells = isinstance(got, Cell) or (isinstance(got, type) and issubclass(got, Cell))
        of = f"{cell}().program(input_size, hidden_size)"
        of = of if cells else "layer.directions[0][0].cell_program"
        raise CallError(
            f"`{call}`: program is {kind_of(got)}; expected the program of a cell. "
            f"Write `report.{call}({of})`."
        )


def page(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is HTML."""
    if not isinstance(got, str):
        figure = isinstance(got, go.Figure)
        of = "figure.write_html(path)" if figure else f"report.{call}(path, report.report(run))"
        raise CallError(f"`{call}`: html is {kind_of(got)}; expected a page as text. Write `{of}`.")


def drawn(call: str, got: object) -> None:
    """**Raises:** `CallError` unless `got` is a list of sequences as `measure` describes them."""
    described = isinstance(got, list) and all(
        isinstance(s, Mapping) and {"at", "values"} <= {*s} for s in got
    )
    if not described or not got:
        raise CallError(
            f"`{call}`: drawn is {kind_of(got)}; expected sequences as `report.measure` describes "
            'them. Write `data = measured["data"]` and '
            f'`report.{call}(data["drawn"], data["channels"], [s["name"] for s in data["drawn"]])`.'
        )


def place(call: str, name: str, got: Any, count: int, what: str) -> None:
    """**Raises:** `OptionError` unless `got` is a place among `count`, counted from 0."""
    if isinstance(got, bool) or not isinstance(got, int) or not 0 <= got < count:
        allowed = f"0 to {count - 1}" if count > 1 else "0" if count else "none"
        raise OptionError(
            f"`{call}`: {name} is {got!r}; expected {allowed}, its place among the {what}. "
            + ("Choose one of these." if count else "There is nothing to draw.")
        )

"""What the commands print: tables and the progress bar."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from throughtime.errors import one_line

if TYPE_CHECKING:
    from throughtime.data import Sequences
    from throughtime.tasks import Scores
    from throughtime.training import Model, Progress, Run


def escape(text: str) -> str:
    """Text from outside as it can be printed: no markup, no control characters, one line."""
    return escape_markup(one_line(text))


@contextmanager
def progress_bar(quiet: bool) -> "Iterator[Callable[[Progress], None] | None]":
    """A bar over all batches with the time left; nothing where stderr is not a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"), BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, epoch=0, epochs=0, loss=float("nan"))

        def update(at: "Progress") -> None:
            bar.update(
                task, total=1.0, completed=at.share,
                epoch=at.epoch + 1, epochs=at.epochs, loss=at.loss,
            )  # fmt: skip

        yield update


def show_chosen(model: "Model", epochs: int, batch_size: int, learning_rate: float) -> None:
    """The network and how it is trained, before it is."""
    from throughtime.data.naming import counted
    from throughtime.training.model import cell_name, recurrent

    layer = recurrent(model)[0]
    text = (
        f"network: {cell_name(model)} of {counted(layer.hidden_size, 'unit')}, {layer.direction}, "
        f"dropout {model.dropout:g}; {counted(epochs, 'epoch')} in batches of {batch_size} with "
        f"learning rate {learning_rate:g}"
    )
    Console(highlight=False).print(escape(text), soft_wrap=True)


def show_results(run: "Run", report: Path | None = None) -> None:
    """The last screen of a training run: what it comes to first, and what to try next."""
    from throughtime.data.naming import counted
    from throughtime.layers.parametrised import count
    from throughtime.training import gaps
    from throughtime.training.evaluate import verdict_of
    from throughtime.training.model import cell_name, recurrent
    from throughtime.training.overlap import said

    console = Console(highlight=False)
    results, model = run.results, run.model
    console.print(escape(verdict_of(model, results)), soft_wrap=True)
    for line in results.get("try_next", ()):
        console.print(f"try next: {escape(line)}", soft_wrap=True)
    parameters = count(model)
    cell, counts = cell_name(model), results.get("counts", {}).get("training")
    last: dict[str, Any] = run.history[-1] if run.history else {"epoch": 0, "seconds": 0.0}
    ended = {"minutes": ", when its --minutes were spent", "patience": ", when --patience ran out"}
    why = ended.get(str(last.get("stopped")), "")
    sizes = ""
    if counts:
        sequences, steps = (counted(counts[f"{what}s"], what) for what in ("sequence", "step"))
        sizes = f" on {sequences}, {steps}"
    console.print(
        escape(
            f"{cell}, {recurrent(model)[0].direction}, {parameters:,} parameters: "
            f"{counted(last['epoch'], 'epoch')} in {last['seconds']:.1f} s{sizes}{why}"
        ),
        soft_wrap=True,
    )
    test, metric = results["test"], model.task.metric.name
    table = Table(box=None, pad_edge=False)
    what = "test sequence" if model.task.ahead is None else "test window"
    table.add_column(f"on {counted(test['sequences'], what)}")
    table.add_column(metric, justify="right")
    rows = {**model.task.baseline_titles, "test": f"throughtime {cell}"}
    for key, title in rows.items():
        if key in results:
            table.add_row(escape(title), f"{results[key][metric]:.4f}")
    _print_whole(table)
    for line in results.get("left_out", {}).values():
        console.print(f"note: {escape(line)}", soft_wrap=True)
    for line in [*said(test), *gaps.said(model, test.get(gaps.KEY, {}))]:
        console.print(f"note: {escape(line)}", soft_wrap=True)
    if run.folder is not None:
        console.print(f"run folder: {escape(str(run.folder))}", soft_wrap=True)
    if report is not None:
        console.print(f"report: {escape(str(report))}", soft_wrap=True)


def show_scores(scores: "Scores") -> None:
    """Scores on a line, and the tables that go with them, such as a confusion matrix."""
    Console(highlight=False).print(escape(scores.summary()))
    for numbers in scores.tables():
        table = Table(title=escape(numbers.title), box=None, pad_edge=False)
        first, *others = numbers.columns
        table.add_column(escape(first))
        for name in others:
            table.add_column(escape(name), justify="right")
        for row in numbers.rows:
            table.add_row(*map(escape, row))
        _print_whole(table)


def show_gaps(model: "Model", sequences: "Sequences") -> None:
    """On stderr what of the inputs was missing, or not seen in training."""
    from throughtime.training import gaps

    for line in gaps.said(model, gaps.counted(model, sequences)):
        print(f"note: {one_line(line)}", file=sys.stderr)


def show_run(run: "Run") -> None:
    """A run: its equations, sizes, options and results."""
    from dataclasses import asdict

    from throughtime.data.naming import quote, quote_all
    from throughtime.layers.parametrised import count, plain_name, said
    from throughtime.training import equations

    console = Console(highlight=False)
    model = run.model
    console.print(f"run folder: {escape(str(run.folder))}", soft_wrap=True)
    for line in equations(model).splitlines():
        console.print(escape(line), soft_wrap=True)
    table = Table(title="parameters", box=None, pad_edge=False, title_justify="left")
    table.add_column("name")
    table.add_column("shape", justify="right")
    connections = said(model)
    if connections:
        table.add_column("connections")
    for name, p in model.named_parameters():
        plain = plain_name(name)
        those = [connections.get(plain, "")] if connections else []
        table.add_row(escape(plain), " x ".join(map(str, p.shape)), *those)
    _print_whole(table)
    console.print(f"in all {count(model):,} parameters")
    for name, value in model.task.describe().items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        console.print(escape(f"{name}: {text}"), soft_wrap=True)
    console.print(escape(f"channels: {', '.join(model.channels)}"), soft_wrap=True)
    for name, texts in model.encoder.texts.items():
        console.print(escape(f"category {quote(name)}: {quote_all(texts)}"), soft_wrap=True)
    beside = model.statistics is not None
    console.print(f"given: {model.steps.extra_repr()}; beside: statistics={beside}")
    options = ", ".join(f"{k}={v}" for k, v in asdict(run.options).items())
    console.print(escape(f"options: {options}"), soft_wrap=True)
    made = ", ".join(f"{k} {v}" for k, v in run.versions.items())
    console.print(escape(f"made with {made}"), soft_wrap=True)
    if "test" in run.results and "counts" in run.results:
        show_results(run)
    elif run.results:
        console.print(escape(f"results: {json.dumps(run.results)}"), soft_wrap=True)
    else:
        console.print(f"not yet tested, after {len(run.history)} epochs")


def show_diagnosis(
    layers: list[dict[str, Any]], lengths: list[int], lags: Sequence[int], at_once: int = 1
) -> None:
    """What `diagnose` measured: verdicts, norms over the lag, gates and rectifiers.

    `at_once`: how many steps of a sequence the layers read as one of theirs.
    """
    console = Console(highlight=False)
    span = f"{min(lengths)} to {max(lengths)}" if len({*lengths}) > 1 else str(lengths[0])
    read = f" of the layers, {at_once} of the sequence in each" if at_once > 1 else ""
    console.print(f"{len(lengths)} sequences of {span} steps{read}")
    verdicts = _table("", "verdict", "factor a step", "half-life", "horizon", "lags")
    curves: dict[str, list[float | None]] = {}
    for layer in layers:
        parts = {"Jacobian": layer["jacobian"]}
        for name, state in layer["states"].items():
            if len(layer["states"]) > 1:
                parts[f"{name}, all paths"] = state["total"]
            if state["direct"]["lags"] and state["direct"]["relative"][1]:
                parts[f"{name}, direct path"] = state["direct"]
        if layer["gradient"] is not None:
            parts["gradient of the loss"] = layer["gradient"]
        for name, part in parts.items():
            title = f"{layer['where']}: {name}"
            factor = f"{math.exp(part['rate']):.4f}" if part["rate"] is not None else "-"
            verdicts.add_row(escape(title), part["verdict"] or "-", factor,
                             *(_lag(part[key]) for key in ("half_life", "horizon")),
                             str(part["lags"]))  # fmt: skip
            curves[title] = part["relative"]
    _print_whole(verdicts)
    most = max(layer["jacobian"]["lags"] for layer in layers)
    shown = [k for k in lags if k <= most]
    if shown:
        table = _table("norm k steps back, over that at 0", *map(str, shown))
        for title, curve in curves.items():
            table.add_row(escape(title), *("-" if curve[k] is None else f"{curve[k]:.2g}"
                                           for k in shown))  # fmt: skip
        _print_whole(table)
    gates = _table("gate", "mean", "below 0.1", "above 0.9")
    for layer in layers:
        for name, gate in layer["gates"].items():
            mean = sum(gate["mean"]) / max(len(gate["mean"]), 1)
            gates.add_row(escape(f"{layer['where']}: {name}"), f"{mean:.3f}",
                          f"{gate['closed']:.1%}", f"{gate['open']:.1%}")  # fmt: skip
        if layer["relu"] is not None:
            relu = layer["relu"]
            console.print(f"{layer['where']}: {relu['cut']:.1%} of rectified paths are cut, half "
                          f"of them within {relu['median_lag']} steps")  # fmt: skip
    if gates.row_count:
        _print_whole(gates)


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _lag(value: int | None) -> str:
    return "beyond" if value is None else str(value)


def _print_whole(table: Table) -> None:
    """At its own width: a narrow terminal may wrap it, but nothing is cut out."""
    Console(highlight=False, width=10_000).print(table)

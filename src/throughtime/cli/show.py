"""What the commands print: tables and the progress bar."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from throughtime.cli.plain import one_line

if TYPE_CHECKING:
    from throughtime.training import Progress, Run, Scores


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
                task, total=at.epochs * at.batches, completed=at.epoch * at.batches + at.batch,
                epoch=at.epoch + 1, epochs=at.epochs, loss=at.loss,
            )  # fmt: skip

        yield update


def show_results(run: "Run") -> None:
    """The last screen of a training run."""
    console = Console(highlight=False)
    results, model = run.results, run.model
    parameters = sum(p.numel() for p in model.parameters())
    first: Any = model.recurrent[0]
    cell = first.cells[0][0].equations.cell
    last = run.history[-1] if run.history else {"epoch": 0, "seconds": 0.0}
    console.print(
        escape(
            f"{cell}, {first.direction}, {parameters:,} parameters: "
            f"{last['epoch']} epochs in {last['seconds']:.1f} s"
        )
    )
    test = results["test"]
    table = Table(box=None, pad_edge=False)
    table.add_column(f"on {test['sequences']} test sequences")
    table.add_column("accuracy", justify="right")
    rows = (("majority class", "majority"), ("linear (logistic regression)", "linear"),
            (f"throughtime {cell}", "test"))  # fmt: skip
    for name, key in rows:
        table.add_row(escape(name), f"{results[key]['accuracy']:.4f}")
    _print_whole(table)
    if run.folder is not None:
        console.print(f"run folder: {escape(str(run.folder))}", soft_wrap=True)


def show_scores(scores: "Scores") -> None:
    """Accuracy, loss and the confusion matrix."""
    console = Console(highlight=False)
    console.print(
        f"{scores.sequences} sequences: accuracy {scores.accuracy:.4f}, "
        f"loss {scores.loss:.4f} nats a sequence"
    )
    table = Table(title="rows: true class, columns: predicted", box=None, pad_edge=False)
    table.add_column("")
    for name in scores.classes:
        table.add_column(escape(name), justify="right")
    for name, row in zip(scores.classes, scores.confusion, strict=True):
        table.add_row(escape(name), *(str(n) if n else "·" for n in row))
    _print_whole(table)


def show_run(run: "Run") -> None:
    """A run: its equations, sizes, options and results."""
    from dataclasses import asdict

    from throughtime.training import equations

    console = Console(highlight=False)
    model = run.model
    console.print(f"run folder: {escape(str(run.folder))}", soft_wrap=True)
    for line in equations(model).splitlines():
        console.print(escape(line), soft_wrap=True)
    table = Table(title="parameters", box=None, pad_edge=False, title_justify="left")
    table.add_column("name")
    table.add_column("shape", justify="right")
    for name, p in model.named_parameters():
        table.add_row(escape(name), " x ".join(map(str, p.shape)))
    _print_whole(table)
    console.print(f"in all {sum(p.numel() for p in model.parameters()):,} parameters")
    console.print(escape(f"classes: {', '.join(model.classes)}"), soft_wrap=True)
    console.print(escape(f"channels: {', '.join(model.channels)}"), soft_wrap=True)
    options = ", ".join(f"{k}={v}" for k, v in asdict(run.options).items())
    console.print(escape(f"options: {options}"), soft_wrap=True)
    made = ", ".join(f"{k} {v}" for k, v in run.versions.items())
    console.print(escape(f"made with {made}"), soft_wrap=True)
    if {"test", "majority", "linear"} <= {*run.results}:
        show_results(run)
    elif run.results:
        console.print(escape(f"results: {json.dumps(run.results)}"), soft_wrap=True)
    else:
        console.print(f"not yet tested, after {len(run.history)} epochs")


def _print_whole(table: Table) -> None:
    """At its own width: a narrow terminal may wrap it, but nothing is cut out."""
    Console(highlight=False, width=10_000).print(table)

"""`throughtime bench`: speed and memory beside other libraries, on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli.cells import cell as named_cell
from throughtime.cli.cells import check
from throughtime.errors import OptionError

if TYPE_CHECKING:
    from throughtime.bench import Shape, Task
    from throughtime.bench.contestant import Contestant
    from throughtime.bench.measure import Measurement

PASSES = {"inference": (False,), "training": (True,), "both": (False, True)}


def bench(
    context: typer.Context,
    cell: Annotated[
        list[str] | None,
        typer.Option(
            help="lstm, gru or rnn, with torch's equations; any other cell, or "
            "my_cells.py:MyCell. Repeatable; the first three without one."
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            help="T,B,I,H: steps, sequences, columns, units. Repeatable; nine classes of "
            "shapes without one."
        ),
    ] = None,
    random: int = typer.Option(0, help="So many random shapes, drawn log-uniformly."),
    seed: int = typer.Option(0, help="Of random shapes, weights and inputs."),
    layers: int = typer.Option(1, help="Recurrent layers."),
    both: bool = typer.Option(False, "--both", help="Both directions."),
    ragged: bool = typer.Option(False, "--ragged", help="Sequences of different lengths."),
    dtype: str = typer.Option("float32", help="float32 or float64."),
    threads: int = typer.Option(0, help="Of every library; 0: torch's own number."),
    rounds: int = typer.Option(7, help="Turns of each; 3 where a round takes over 2 s."),
    passes: str = typer.Option("both", "--pass", help="inference, training or both."),
    peers: str | None = typer.Option(
        None, help="Some of torch,onnxruntime,jax; all that are installed without."
    ),
    beside: str = typer.Option("LSTM", help="What a cell of your own is timed beside."),
    memory: bool = typer.Option(
        False, "--memory", help="Also peak memory, each in a process of its own."
    ),
    csv: str | None = typer.Option(None, help="A file for all numbers, written anew."),
    same_allocator: bool = typer.Option(
        False, "--same-allocator", help="Memory is kept between calls, for all: no page faults."
    ),
    memory_of: str | None = typer.Option(None, hidden=True),
) -> int:
    """Measure cells beside torch.nn, ONNX Runtime and JAX, once they agree on the results."""
    _at_least("--random", random, 0)
    _at_least("--layers", layers, 1)
    _at_least("--threads", threads, 0)
    _at_least("--rounds", rounds, 1)
    _one_of("--dtype", dtype, ("float32", "float64"))
    _one_of("--pass", passes, tuple(PASSES))
    given = [_shape(text) for text in shape or ()]
    if same_allocator:
        from throughtime.bench.allocator import run_again

        return run_again([a for a in context.obj if a != "--same-allocator"])
    import torch

    from throughtime.bench import CLASSES, Task, random_shapes, record
    from throughtime.bench.conditions import conditions
    from throughtime.bench.contestants import INSTALL, choose, contestants
    from throughtime.bench.task import TORCH_CELLS
    from throughtime.cli.bench_memory import with_memory
    from throughtime.cli.measured import Table, summed_up

    if csv is not None:
        record.check(csv)
    if threads:
        torch.set_num_threads(threads)
    chosen, absent = choose(None if peers is None else peers.split(","))
    if cell and not {*map(str.lower, cell)} & {*TORCH_CELLS}:
        chosen, absent = [], []  # no other library has these cells
    other = named_cell(beside)
    tasks: list[tuple[str, Task]] = []
    for spec in cell or TORCH_CELLS:
        own = None if spec.lower() in TORCH_CELLS else named_cell(spec)
        for size in [*given, *random_shapes(random, seed)] or CLASSES.values():
            for one in () if own is None else (own, other):
                check(one, spec if one is own else beside, size.I, size.H)
            tasks.append((spec, Task(
                own or spec.lower(), size, True in PASSES[passes], layers, both, ragged,
                getattr(torch, dtype), own and other, seed,
            )))  # fmt: skip
    if memory_of is not None:
        from throughtime.bench.memory import peak

        ((_, task),) = tasks
        typer.echo(peak(task, next(c for c in contestants(task, chosen) if c.name == memory_of)))
        return 0
    about = conditions(chosen)
    typer.echo(", ".join(f"{name} {value}" for name, value in about.items()))
    for name in absent:
        typer.echo(f"{name} is not installed and left out; for it: {INSTALL}")
    timed = [replace(task, training=way) for _, task in tasks for way in PASSES[passes]]
    table = Table([(task, contestants(task, chosen)) for task in timed])
    typer.echo(table.head())
    measurements: list[Measurement] = []
    rows: list[dict[str, Any]] = []
    for spec, task in tasks:
        for measurement in _measured(task, PASSES[passes], chosen, rounds):
            if memory:
                measurement = with_memory(measurement, spec, beside)
            measurements.append(measurement)
            rows += record.rows(measurement, about)
            typer.echo("\n".join(table.rows(measurement)))
            if csv is not None:
                record.write(csv, rows)
    typer.echo("\n".join(summed_up(measurements)))
    return 0


def _measured(
    task: "Task", passes: Sequence[bool], peers: "Sequence[Contestant]", rounds: int
) -> "Iterator[Measurement]":
    """A task in each pass; agreement is checked in float64 for all of them at once."""
    from throughtime.bench.agreement import exact
    from throughtime.bench.contestants import contestants
    from throughtime.bench.measure import measure

    try:
        expected = exact(task, contestants(task, peers))
        for training in passes:
            one = replace(task, training=training)
            yield measure(one, contestants(one, peers), expected, rounds)
    except (MemoryError, RuntimeError) as e:
        if not isinstance(e, MemoryError) and "can't allocate memory" not in str(e):
            raise
        raise OptionError(
            f"--shape {task.shape}: there is not enough memory; expected a shape that every "
            "contestant can run. Give a smaller one."
        ) from e


def _shape(text: str) -> "Shape":
    from throughtime.bench import Shape

    parts = text.split(",")
    if len(parts) != 4 or not all(p.strip().isascii() and p.strip().isdigit() for p in parts):
        sizes = [0]
    else:
        sizes = [int(p) for p in parts]
    if min(sizes) < 1:
        raise OptionError(
            f"--shape {text!r}; expected T,B,I,H (steps, sequences, columns of the input, units): "
            "four whole numbers, 1 or more, with commas. Write 100,32,32,64."
        )
    return Shape(*sizes)


def _at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise OptionError(f"{option} {value}; expected {least} or more. Set {max(1, least)}.")


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(
            f"{option} {value!r}; expected one of {', '.join(known)}. Choose one of these."
        )

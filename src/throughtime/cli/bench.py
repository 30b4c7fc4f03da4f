"""`throughtime bench`: speed and memory beside other libraries, on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from throughtime.cli import cells, options, paths
from throughtime.errors import OptionError

if TYPE_CHECKING:
    from throughtime.bench import Task
    from throughtime.bench.contestant import Contestant
    from throughtime.bench.measure import Measurement

PEERS = ("torch", "onnxruntime", "jax")
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
    random: int = typer.Option(
        0, help="So many random shapes, drawn log-uniformly.", callback=options.whole(0)
    ),
    seed: int = typer.Option(
        0, help="Of random shapes, weights and inputs.", callback=options.whole(0)
    ),
    layers: int = typer.Option(1, help="Recurrent layers.", callback=options.whole()),
    both: bool = typer.Option(False, "--both", help="Both directions."),
    ragged: bool = typer.Option(False, "--ragged", help="Sequences of different lengths."),
    dtype: str = typer.Option(
        "float32", help="float32 or float64.", callback=options.one_of("float32", "float64")
    ),
    threads: int = typer.Option(
        0, help="Of every library; 0: torch's own number.", callback=options.whole(0)
    ),
    rounds: int = typer.Option(
        7, help="Turns of each; 3 where a round takes over 2 s.", callback=options.whole()
    ),
    passes: str = typer.Option(
        "both", "--pass", help="inference, training or both.", callback=options.one_of(*PASSES)
    ),
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
    sizes = [_shape(text) for text in shape or ()]
    names = None if peers is None else _peers(peers)
    named = [cells.read(text) for text in cell or ("lstm", "gru", "rnn")]
    named_beside = cells.read(beside, "--beside")
    paths.output("--csv", csv)
    if same_allocator:
        from throughtime.bench.allocator import run_again

        return run_again([a for a in context.obj if a != "--same-allocator"])
    import torch

    from throughtime.bench import CLASSES, Shape, Task, random_shapes, record
    from throughtime.bench.conditions import conditions
    from throughtime.bench.contestants import INSTALL, choose, contestants
    from throughtime.bench.task import TORCH_CELLS
    from throughtime.cli.bench_memory import with_memory
    from throughtime.cli.bench_table import Table, summed_up

    if threads:
        torch.set_num_threads(threads)
    chosen, absent = choose(names)
    if cell and not {*map(str.lower, cell)} & {*TORCH_CELLS}:
        chosen, absent = [], []  # no other library has these cells
    other = cells.make(named_beside, cells.MEASURING)
    shapes = [*(Shape(*numbers) for numbers in sizes), *random_shapes(random, seed)]
    tasks: list[tuple[str, Task]] = []
    for one in named:
        in_torch = one.text.lower() in TORCH_CELLS
        own = None if in_torch else cells.make(one, cells.MEASURING)
        for size in shapes or CLASSES.values():
            if own is not None:
                cells.check(own, one, size.I, size.H)
                cells.check(other, named_beside, size.I, size.H)
            tasks.append((one.text, Task(
                own or one.text.lower(), size, True in PASSES[passes], layers, both, ragged,
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


def _peers(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in PEERS:
            raise OptionError(
                f"--peers has {name!r}; expected some of {', '.join(PEERS)}, with commas. Leave it "
                "out for all that are installed."
            )
    return names


def _shape(text: str) -> tuple[int, ...]:
    sizes = tuple(options.whole_number(part) for part in text.split(","))
    if len(sizes) != 4 or not all(sizes):
        raise OptionError(
            f"--shape {text!r}; expected T,B,I,H (steps, sequences, columns of the input, units): "
            "four whole numbers, 1 or more, with commas. Write 100,32,32,64."
        )
    return sizes

"""`throughtime dynamics`: where a trained network rests, turns and remembers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from throughtime.cli import options, paths
from throughtime.cli.data import another_table, read_again
from throughtime.errors import OptionError, one_line

if TYPE_CHECKING:
    from throughtime.training import Model

TYPICAL = ("median", "mean", "zero")
SHOWN = 20  # points that are printed


def dynamics(
    run: str = typer.Argument(..., help="A run folder.", callback=paths.run_folder),
    data: str | None = typer.Argument(
        None,
        help="A table with the columns of the training table; its test part else.",
        callback=paths.data,
    ),
    input: str = typer.Option(
        "median",
        help="The constant input: median, mean or zero of each channel, or NAME=VALUE,... in the "
        "units of the data, the others at their median.",
    ),
    direction: str | None = typer.Option(
        None,
        help="forward or backward, of a network of both directions.",
        callback=options.one_of("forward", "backward"),
    ),
    starts: int = typer.Option(
        512, help="States visited from which to look for points.", callback=options.whole()
    ),
    period: int = typer.Option(
        1, help="Of cycles to look for; 1: points.", callback=options.whole()
    ),
    between: float = typer.Option(
        0.5,
        help="Share of them that is moved towards another one, which finds saddles.",
        callback=options.share_or_all(say=0.5),
    ),
    noise: float = typer.Option(
        0.0,
        help="On the starts, as a share of each unit's standard deviation.",
        callback=options.not_negative(),
    ),
    tolerance: float = typer.Option(
        1e-20, help="The largest q of a fixed point.", callback=options.not_negative()
    ),
    slow: float = typer.Option(
        1e-6, help="The largest q of a slow point; 0 for none.", callback=options.not_negative()
    ),
    lyapunov: int = typer.Option(
        8,
        help="Lyapunov exponents on the data, the largest; 0 for none.",
        callback=options.whole(0),
    ),
    seed: int = typer.Option(0, help="Of the starts.", callback=options.whole(0)),
    threads: int = typer.Option(1, help="Of torch; 0: torch's own.", callback=options.whole(0)),
    output: str | None = typer.Option(
        None, help="A folder for dynamics.json and dynamics.html; the run folder unless given."
    ),
) -> None:
    """Fixed points of a trained network under a constant input, with pictures."""
    given = _input(input)
    folder = _folder(output or run)
    import torch

    from throughtime.cli.show_dynamics import show_dynamics
    from throughtime.report import dynamics as page
    from throughtime.report import measure_dynamics, naming, write
    from throughtime.training.files import write_json
    from throughtime.training.run import load

    if threads:
        torch.set_num_threads(threads)
    loaded = load(run)
    _check(run, loaded.model, direction, starts, period)
    if data is None:
        sequences = read_again(loaded)[1]
    else:
        sequences = another_table(loaded, data, targets=False)
    found = measure_dynamics(
        loaded.model, sequences, input=given, direction=direction, starts=starts,  # type: ignore[arg-type]
        between=between, noise=noise, lyapunov=lyapunov, seed=seed, period=period,
        tolerance=tolerance, slow=slow,
    )  # fmt: skip
    show_dynamics(found, SHOWN)
    write_json(folder / "dynamics.json", found.to_dict())
    title = (
        f"Dynamics of {naming.cell(loaded)} on {Path(data).name if data else naming.data(loaded)}"
    )
    write(folder / "dynamics.html", page(found, title=title))
    for name in ("dynamics.json", "dynamics.html"):
        print(f"{name.removeprefix('dynamics.')}: {one_line(str(folder / name))}")


def _input(text: str) -> Any:
    """The option as `constant_channels` takes it. **Raises:** `OptionError`."""
    if text in TYPICAL:
        return text
    parts = [part.rpartition("=") for part in text.split(",")]
    pairs = {name.strip(): value.strip() for name, _, value in parts}
    if not all(name and value for name, value in pairs.items()):
        near = options.nearest(text, TYPICAL)
        raise OptionError(
            f"--input is {text!r}; expected {', '.join(TYPICAL)} or NAME=VALUE,... with the "
            "channels that are not at their median. "
            + (f"Did you mean {near}?" if near else "Write --input x=0.5, say.")
        )
    return pairs


def _folder(path: str) -> Path:
    """**Raises:** `OptionError` where nothing can be written into the folder."""
    if not os.path.isdir(path):
        because = "it is no folder" if os.path.exists(path) else "there is no such folder"
    elif not os.access(path, os.W_OK):
        because = "you have no permission to"
    else:
        return Path(path)
    raise OptionError(
        f"{path}: cannot be written into, because {because}; expected a folder. Choose another "
        "with --output."
    )


def _check(run: str, model: "Model", direction: str | None, starts: int, period: int) -> None:
    """**Raises:** `OptionError`, in the words of the command line, for a network that is no map of
    one state, and for a search that would take too long."""
    from throughtime.dynamics import StateMap
    from throughtime.dynamics.fixed_points import most_starts
    from throughtime.layers import Recurrent

    found = [m for m in model.modules() if isinstance(m, Recurrent)]
    if len(found) != 1:
        raise OptionError(
            f"{run}: its model has {len(found)} recurrent layers that were made one by one; "
            "expected one Recurrent, which may have several layers. Use "
            "throughtime.dynamics.StateMap on one of them."
        )
    (layer,) = found
    if layer.direction != "both" and direction not in (None, layer.direction):
        raise OptionError(
            f"--direction is {direction} and the network of {run} runs {layer.direction} only; "
            "expected its own direction. Leave out --direction."
        )
    if layer.direction == "both" and len(layer.directions) > 1:
        raise OptionError(
            f"{run}: its network has {len(layer.directions)} layers of both directions; expected "
            "one layer, because the upper ones wait for both ends of a sequence and are no map of "
            "a state. Train one with --direction forward, or with --layers 1."
        )
    if layer.direction == "both" and direction is None:
        raise OptionError(
            f"{run}: its network runs in both directions; expected one, because each is a "
            "dynamical system of its own. Add --direction forward or --direction backward."
        )
    size = StateMap(layer, direction).size  # type: ignore[arg-type]
    if starts > (most := most_starts(size, period)):
        raise OptionError(
            f"--starts is {starts} for states of {size} numbers and period {period}; expected at "
            f"most {most}, because more take over an hour of two cores. Write --starts {most}."
        )

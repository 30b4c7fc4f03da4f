"""`throughtime report`: the report of a run, or of several side by side, as one HTML file."""

from pathlib import Path

import typer

from throughtime.cli import device as devices
from throughtime.cli import paths
from throughtime.cli.data import another_table, read_again
from throughtime.errors import DataError, OptionError, RunError, one_line


def report(
    places: list[str] = typer.Argument(  # noqa: B008
        ..., metavar="RUN [DATA]", help="A run folder, and a labelled table to test it on anew."
    ),
    compare: bool = typer.Option(False, "--compare", help="RUN RUN ...: runs side by side."),
    device: str = devices.option(),
    out: str | None = typer.Option(
        None, help="The file; RUN/report.html unless given, comparison.html with --compare."
    ),
) -> None:
    """One HTML file on what a run learned and how far back in time its gradients reach."""
    if not compare and len(places) > 2:
        raise OptionError(
            f"`throughtime report`: {len(places)} places are given; expected a run folder and at "
            "most one table. Add --compare to put runs side by side."
        )
    if compare and len(places) < 2:
        raise OptionError(
            f"`throughtime report --compare`: one run folder is given, {places[0]}; expected 2 or "
            "more. Name another, or leave --compare out."
        )
    if compare and device != "cpu":
        raise OptionError(
            f"--device {device} is given with --compare; expected it left out, because runs are "
            "put side by side as they were measured. Leave out --device."
        )
    for folder in places if compare else places[:1]:
        paths.run_folder(folder)
    for table in [] if compare else places[1:]:
        paths.data(table)
    paths.output("--out", out)
    from throughtime.report import write
    from throughtime.report.one_run import PAGE

    if compare:
        path, page = Path(out or "comparison.html"), _comparison(places)
    else:
        path, page = Path(out or Path(places[0]) / PAGE), _page(device, *places)
    write(path, page)
    print(f"report: {one_line(str(path))}")


def _page(device: str, folder: str, table: str | None = None) -> str:
    from throughtime.report import kept, measure
    from throughtime.report import report as page
    from throughtime.training.evaluate import predict, tested
    from throughtime.training.run import load, read

    if not (Path(folder) / "weights.safetensors").exists():
        run = read(folder)
        if table is not None:
            load(folder)  # says that there is nothing to test
        command = f"`throughtime train --resume {folder}`"
        return page(run, missing=f"The run is not finished: go on with {command}.")
    run = devices.load(folder, device)
    if table is not None:
        train, _ = read_again(run)
        test = another_table(run, table, targets=True)
        done = tested(run.model, train, test)
        run.model.cpu()  # the rest looks at a few sequences
        run.results = done.results
        return page(run, measure(run, train, test, done.predictions), tested_on=Path(table).name)
    measured, missing = kept(run), ""
    if measured is None:
        try:
            train, test = read_again(run)
            predictions = predict(run.model, test)
            run.model.cpu()
            measured = measure(run, train, test, predictions)
        except (DataError, RunError) as e:
            missing = str(e)
    return page(run, measured, missing=missing)


def _comparison(folders: list[str]) -> str:
    from throughtime.report import compare, kept
    from throughtime.training.run import read

    runs = [read(folder) for folder in folders]
    return compare(runs, [kept(run) for run in runs])

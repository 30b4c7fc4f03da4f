"""`throughtime train`: from a table to a trained model in a run folder."""

from typing import Any

import typer

from throughtime.cli.cells import cell as named_cell
from throughtime.cli.cells import check
from throughtime.cli.data import Source, read_again, remembered
from throughtime.errors import OptionError


def train(
    context: typer.Context,
    data: str | None = typer.Argument(
        None, help="A long CSV or Parquet table; the bundled Japanese Vowels without one."
    ),
    sequence: str | None = typer.Option(None, help="Column: which sequence a row is of."),
    time: str | None = typer.Option(None, help="Column: time; rows as they stand without."),
    label: str | None = typer.Option(None, help="Column: the class of the sequence."),
    channels: str | None = typer.Option(
        None, help="Columns to learn from, with commas; all others without."
    ),
    test: str | None = typer.Option(None, help="A table to test on, with the same columns."),
    test_share: float | None = typer.Option(
        None, help="Without --test: share set aside to test on; 0.2 unless given."
    ),
    cell: str = typer.Option(
        "LSTM", help="A cell: GRU, 'LSTM(peephole=True)', my_cells.py:MyCell."
    ),
    hidden: int = typer.Option(128, help="Units of each state."),
    layers: int = typer.Option(1, help="Recurrent layers."),
    direction: str = typer.Option("both", help="forward, backward or both."),
    merge: str = typer.Option("concat", help="Of both directions: concat, sum or mean."),
    initial_state: str = typer.Option("learned", help="learned or zeros."),
    pooling: str = typer.Option("mean", help="What the output network sees: last, mean, max."),
    output: str = typer.Option("", help="Sizes of its inner layers: 64 or 64,32; none: linear."),
    dropout: float = typer.Option(0.3, help="Between layers and before the output network."),
    variational_dropout: float = typer.Option(0.0, help="One mask a sequence, in the cell."),
    zoneout: float = typer.Option(0.0, help="Probability that a unit keeps its state."),
    weight_drop: float = typer.Option(0.0, help="Dropout on the recurrent weights."),
    epochs: int = typer.Option(30, help="At most."),
    batch_size: int = typer.Option(32, help="Sequences in a batch."),
    optimiser: str = typer.Option("adam", help="adam, adamw, sgd, rmsprop, ..."),
    learning_rate: float = typer.Option(3e-3),
    weight_decay: float = typer.Option(0.0, help="Not on biases and initial states."),
    schedule: str = typer.Option(
        "cosine", help="cosine, onecycle, exponential, step, plateau or none."
    ),
    clip: float = typer.Option(1.0, help="Largest norm of a gradient; 0 for any."),
    class_weights: bool = typer.Option(False, help="Weigh classes by their inverse share."),
    label_smoothing: float = typer.Option(0.0),
    validation: float = typer.Option(0.0, help="Share set aside for early stopping; 0: none."),
    patience: int = typer.Option(20, help="Epochs without improvement there before stopping."),
    bptt: str = typer.Option(
        "full",
        help="Back through time: full, truncated:STEPS[:EVERY], checkpointed[:SEGMENTS].",
    ),
    scale_by_replicas: bool = typer.Option(
        False, help="Divide each output's gradient by the number of replicas it reaches."
    ),
    seed: int = typer.Option(0),
    threads: int = typer.Option(
        1, help="Of torch; small models are fastest with 1; 0: torch's own."
    ),
    run: str | None = typer.Option(None, help="The run folder; runs/<time> unless given."),
    resume: str | None = typer.Option(None, help="Go on with the run in this folder."),
    checkpoint_seconds: float = typer.Option(10.0, help="Least time between checkpoints."),
    quiet: bool = typer.Option(False, help="No progress bar."),
) -> None:
    """Train a model on a table of sequences, test it, and write a run folder."""
    from throughtime.cli.show import progress_bar

    if resume is not None:
        if data is not None:
            raise OptionError(
                f"--resume {resume} is given with the table {data}; expected one of the two. The "
                "run remembers its table: leave it out."
            )
        _alone(context, resume)
        _resume(resume, checkpoint_seconds, progress_bar(quiet))
    else:
        from dataclasses import asdict

        import torch

        from throughtime.layers import Recurrent
        from throughtime.training import Model, Options, Output
        from throughtime.training.fit import fit

        _threads(threads)
        options = Options(
            epochs=epochs, batch_size=batch_size, optimiser=optimiser, learning_rate=learning_rate,
            weight_decay=weight_decay, schedule=None if schedule == "none" else schedule,
            clip=clip or None, class_weights=class_weights, label_smoothing=label_smoothing,
            validation=validation, patience=patience, seed=seed,
            bptt=bptt, scale_by_replicas=scale_by_replicas,
        )  # fmt: skip
        options.check_new()
        if initial_state not in ("learned", "zeros"):
            raise OptionError(f"--initial-state {initial_state!r}; expected learned or zeros.")
        made = named_cell(cell)
        columns = None if channels is None else tuple(channels.split(","))
        source = Source(data, test, test_share, sequence, time, label, columns, seed)
        train_part, test_part = source.read()
        check(made, cell, len(train_part.channels), hidden)
        torch.manual_seed(seed)
        recurrent = Recurrent(
            made, len(train_part.channels), hidden, layers=layers, direction=direction,  # type: ignore[arg-type]
            merge=merge, dropout=dropout, variational_dropout=variational_dropout,  # type: ignore[arg-type]
            zoneout=zoneout, weight_drop=weight_drop, initial_state=initial_state,
        )  # fmt: skip
        model = Model(
            recurrent, classes=train_part.classes, channels=train_part.channels,
            pooling=pooling, dropout=dropout,  # type: ignore[arg-type]
        )  # fmt: skip
        sizes = _sizes(output)
        if sizes:
            model.output = Output(model.width, len(model.classes), sizes=sizes)
        details = {
            "data": source.to_dict(train_part, test_part), "cell": cell, "threads": threads,
            "command": context.obj,
        }  # fmt: skip
        with progress_bar(quiet) as progress:
            finished = fit(
                model, train_part, folder=run or _new_folder(), progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=details, **asdict(options),
            )  # fmt: skip
        _finish(finished, train_part, test_part)


def _alone(context: typer.Context, folder: str) -> None:
    """**Raises:** `OptionError` for an option that a resumed run has already."""
    for name in context.params:
        source = context.get_parameter_source(name)
        given = source is not None and source.name == "COMMANDLINE"
        if given and name not in ("resume", "checkpoint_seconds", "quiet"):
            option = "--" + name.replace("_", "-")
            raise OptionError(
                f"--resume {folder} is given with {option}; expected it alone, because a run goes "
                f"on with the options that it began with. Leave out {option}."
            )


def _resume(folder: str, checkpoint_seconds: float, bar) -> None:
    from dataclasses import asdict

    from throughtime.training.fit import fit
    from throughtime.training.lock import locked
    from throughtime.training.run import read

    run = read(folder)
    with locked(run.folder):  # from here on, so that a second one need not read the table first
        _threads(run.details.get("threads", 0))
        source, fingerprints = remembered(run.details, folder)
        train_part, test_part = read_again(source, fingerprints)
        with bar as progress:
            finished = fit(
                run.model, train_part, folder=folder, resume=True, progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=run.details, **asdict(run.options),
            )  # fmt: skip
        _finish(finished, train_part, test_part)


def _finish(run: Any, train_part: Any, test_part: Any) -> None:
    """Test a trained run, and write and show what came of it."""
    from throughtime.cli.report import write_report
    from throughtime.cli.show import show_results
    from throughtime.training.lock import locked

    with locked(run.folder):
        results, probabilities = tested(run.model, train_part, test_part)
        run.record(results)
        show_results(run, write_report(run, train_part, test_part, probabilities))


def tested(model: Any, train_part: Any, test_part: Any) -> tuple[dict[str, Any], Any]:
    """The scores of a model and of what it has to beat, and its probabilities."""
    from throughtime.training.baselines import linear, majority
    from throughtime.training.evaluate import predict, score
    from throughtime.training.overlap import KEY, shared

    probabilities = predict(model, test_part)
    test = score(probabilities, test_part.labels, model.classes).to_dict()
    return {
        "test": test | {KEY: shared(train_part, test_part)},
        "majority": majority(train_part, test_part).to_dict(),
        "linear": linear(train_part, test_part).to_dict(),
    }, probabilities


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise OptionError(
            f"--output {text!r}; expected whole numbers, 1 or more, with commas. Write 64,32."
        )
    return sizes


def _threads(threads: int) -> None:
    if threads < 0:
        raise OptionError(f"--threads {threads}; expected 1 or more, or 0 to leave them.")
    if threads:
        import torch

        torch.set_num_threads(threads)


def _new_folder() -> str:
    from datetime import datetime
    from pathlib import Path

    first = Path("runs") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder, k = first, 1
    while folder.exists():
        k += 1
        folder = first.with_name(f"{first.name}-{k}")
    return str(folder)

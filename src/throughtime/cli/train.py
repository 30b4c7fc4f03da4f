"""`throughtime train`: from a table to a trained model in a run folder."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from throughtime.cli import cells, options, paths, tagging, train_on
from throughtime.cli import device as devices
from throughtime.cli.data import check_columns, check_date_format, check_test, read_again
from throughtime.cli.finish import finish
from throughtime.cli.stopped import Stopped
from throughtime.errors import OptionError

OPTIMISERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam")
SCHEDULES = ("cosine", "onecycle", "exponential", "step", "plateau", "none")


def train(
    context: typer.Context,
    data: str | None = typer.Argument(
        None,
        help="A table, or a folder of them (CSV, JSON lines, Parquet, .npz, .ts); Japanese Vowels "
        "without.",
        callback=paths.table,
    ),
    sequence: str | None = typer.Option(
        None, help="Column: which sequence a row is of; .npz and .ts files say so."
    ),
    time: str | None = typer.Option(None, help="Column: time; rows as they stand without."),
    date_format: str | None = typer.Option(
        None, help="How times are written: '%d.%m.%Y %H:%M'; numbers and ISO dates need none."
    ),
    label: str | None = typer.Option(None, help="Column: the class of the sequence."),
    target: str | None = typer.Option(
        None, help="In place of --label: columns with numbers of the sequence, with commas."
    ),
    tag: str | None = typer.Option(
        None,
        help="In place of --label: columns with a class or a number of each step; COL:class has "
        "numbers as classes.",
    ),
    weight: str | None = typer.Option(
        None, help="With --tag: column of numbers that weigh the steps in training."
    ),
    spans: bool = typer.Option(
        False, help="With --tag: score runs of equal tags too; BIO tags always are."
    ),
    causal: bool = typer.Option(
        False, help="With --tag: forward only, so that tags can be seen live."
    ),
    quantiles: str | None = typer.Option(
        None, help="With --target: quantiles of each number, 0.1,0.5,0.9."
    ),
    channels: str | None = typer.Option(
        None, help="Columns to learn from, with commas; all others without."
    ),
    categories: str | None = typer.Option(
        None, help="Columns whose numbers are codes, with commas; columns of text are categories."
    ),
    strict: bool = typer.Option(
        False, help="Refuse missing values, and columns of text that are not in --categories."
    ),
    test: str | None = typer.Option(None, help="A table to test on, with the same columns."),
    test_share: float | None = typer.Option(
        None, help="Without --test: share set aside to test on; 0.2 unless given."
    ),
    cell: str = typer.Option(
        "LSTM", help="A cell: GRU, 'LSTM(peephole=True)', my_cells.py:MyCell."
    ),
    hidden: int | None = typer.Option(
        None,
        help="Units of each state; 64, and 128 with tags, unless given.",
        callback=options.whole(say=64),
    ),
    layers: int = typer.Option(1, help="Recurrent layers.", callback=options.whole()),
    direction: str = typer.Option(
        "both",
        help="forward, backward or both.",
        callback=options.one_of("forward", "backward", "both"),
    ),
    merge: str = typer.Option(
        "concat",
        help="Of both directions: concat, sum or mean.",
        callback=options.one_of("concat", "sum", "mean"),
    ),
    initial_state: str = typer.Option(
        "learned", help="learned or zeros.", callback=options.one_of("learned", "zeros")
    ),
    pooling: str | None = typer.Option(
        None,
        help="What the output network sees: last, mean, max; max unless given, every step with "
        "--tag.",
        callback=options.one_of("last", "mean", "max"),
    ),
    output: str = typer.Option("", help="Sizes of its inner layers: 64 or 64,32; none: linear."),
    dropout: float = typer.Option(
        0.3, help="Between layers and before the output network.", callback=options.share()
    ),
    variational_dropout: float = typer.Option(
        0.0, help="One mask a sequence, in the cell.", callback=options.share()
    ),
    zoneout: float = typer.Option(
        0.0, help="Probability that a unit keeps its state.", callback=options.share()
    ),
    weight_drop: float = typer.Option(
        0.0, help="Dropout on the recurrent weights.", callback=options.share()
    ),
    statistics: bool | None = typer.Option(
        None,
        "--statistics/--no-statistics",
        help="Mean, spread and last step of each channel beside what the layers say; on unless "
        "there are tags.",
    ),
    differences: bool | None = typer.Option(
        None,
        "--differences/--no-differences",
        help="Changes since the step before beside each channel; on unless there are tags.",
    ),
    noise: float | None = typer.Option(
        None,
        help="Its standard deviation on the scaled input, in training; 0.2, and 0 with tags, "
        "unless given.",
        callback=options.not_negative(),
    ),
    at_once: int | None = typer.Option(
        None,
        help="Steps read as one; as many as leave 64 at most, and 1 with tags, unless given.",
        callback=options.whole(say=1),
    ),
    epochs: int | None = typer.Option(
        None,
        help="At most; 15, or as many as give 300 steps of the optimiser, and 30 with tags, unless "
        "given.",
        callback=options.whole(say=30),
    ),
    minutes: float | None = typer.Option(
        None, help="Of training, at most.", callback=options.positive(say=10)
    ),
    batch_size: int = typer.Option(32, help="Sequences in a batch.", callback=options.whole()),
    optimiser: str = typer.Option(
        "adam", help="adam, adamw, sgd, rmsprop, ...", callback=options.one_of(*OPTIMISERS)
    ),
    learning_rate: float = typer.Option(3e-3, callback=options.positive(options.LARGEST_RATE)),
    weight_decay: float = typer.Option(
        0.0, help="Not on biases and initial states.", callback=options.not_negative()
    ),
    schedule: str = typer.Option(
        "cosine",
        help="cosine, onecycle, exponential, step, plateau or none.",
        callback=options.one_of(*SCHEDULES),
    ),
    clip: float = typer.Option(
        1.0, help="Largest norm of a gradient; 0 for any.", callback=options.not_negative()
    ),
    class_weights: bool = typer.Option(False, help="Weigh classes by their inverse share."),
    label_smoothing: float = typer.Option(0.0, callback=options.share()),
    validation: float = typer.Option(
        0.0, help="Share set aside for early stopping; 0: none.", callback=options.share()
    ),
    patience: int = typer.Option(
        20, help="Epochs without improvement there before stopping.", callback=options.whole()
    ),
    bptt: str = typer.Option(
        "full",
        help="Back through time: full, truncated:STEPS[:EVERY], checkpointed[:SEGMENTS].",
    ),
    scale_by_replicas: bool = typer.Option(
        False, help="Divide each output's gradient by the number of replicas it reaches."
    ),
    seed: int = typer.Option(0, callback=options.whole(0)),
    threads: int = typer.Option(
        1,
        help="Of torch; small models are fastest with 1; 0: torch's own.",
        callback=options.whole(0),
    ),
    device: str = devices.option(),
    run: str | None = typer.Option(None, help="The run folder; runs/<time> unless given."),
    resume: str | None = typer.Option(
        None, help="Go on with the run in this folder.", callback=paths.run_folder
    ),
    origin: str | None = typer.Option(
        None,
        "--from",
        help="Go on from the model of this run, with a table of the same columns.",
        callback=paths.run_folder,
    ),
    checkpoint_seconds: float = typer.Option(
        10.0, help="Least time between checkpoints.", callback=options.not_negative()
    ),
    quiet: bool = typer.Option(False, help="No progress bar."),
) -> None:
    """Train a model on a table of sequences, test it, and write a run folder."""
    if resume is not None:
        if data is not None:
            raise OptionError(
                f"--resume {resume} is given with the table {data}; expected one of the two. The "
                "run remembers its table: leave it out."
            )
        _alone(context, resume)
        with _resumable(resume):
            _resume(resume, checkpoint_seconds, quiet)
        return
    # what can be checked without torch comes first, as importing it takes seconds
    named = cells.read(cell)
    tags = None if tag is None else tuple(tag.split(","))
    of_steps = tagging.Asked(tag, pooling, spans, causal, direction)
    of_steps.check("direction" in options.given(context))
    direction = of_steps.direction
    options.check_bptt(bptt, direction if origin is None else "forward")  # `fit` knows that model's
    sizes = options.sizes(output)
    columns = None if channels is None else tuple(channels.split(","))
    targets = None if target is None else tuple(target.split(","))
    codes = None if categories is None else tuple(categories.split(","))
    if origin is not None:
        train_on.check(context, origin, data)
        check_test(test, test_share)
    else:
        sequence = sequence or paths.own_sequence(data)
        check_columns(
            data, test=test, test_share=test_share, sequence=sequence, time=time,
            date_format=date_format, label=label, targets=targets, tags=tags, weight=weight,
            channels=columns, categories=codes, strict=strict,
        )  # fmt: skip
    levels = options.quantiles(quantiles, of_numbers=targets is not None)
    paths.table(test)
    paths.new_folder(run)
    if date_format is not None:
        check_date_format(date_format)
    import torch

    from throughtime.cli.show import progress_bar
    from throughtime.data.source import Source
    from throughtime.layers import Recurrent
    from throughtime.tasks import Classify, Regress, Tag
    from throughtime.training import Encoder, Model, Output
    from throughtime.training.fit import fit
    from throughtime.training.recipe import recipe
    from throughtime.training.steps import width as width_of

    if threads:
        torch.set_num_threads(threads)
    place = devices.named(device)
    details = {"cell": cell, "threads": threads, "device": device, "command": context.obj}
    if origin is not None and data is not None:
        model, source, kept = train_on.begin(
            origin, data, test=test, test_share=test_share, seed=seed
        )
        details |= kept
        known = {**model.task.table_options(), "categories": model.encoder.texts}
        train_part, test_part = source.read(**known)
    else:
        made = cells.make(named)
        source = Source(
            data, test, test_share, sequence, time, label, columns, seed, targets, date_format,
            tags, weight, categories=codes, strict=strict,
        )  # fmt: skip
        train_part, test_part = source.read()
        torch.manual_seed(seed)
        encoder = Encoder.of(train_part)
        if tags is not None:
            task = Tag.of(train_part, weights=weight, spans=spans)
        elif targets is not None:
            task = Regress(targets, quantiles=levels)
        else:
            task = Classify(train_part.classes)
        hidden = hidden or recipe(task).hidden
        given = recipe(task).of_model(int(train_part.lengths.max()))
        asked = {"statistics": statistics, "differences": differences, "at_once": at_once,
                 "noise": noise}  # fmt: skip
        given |= {name: value for name, value in asked.items() if value is not None}
        width = width_of(encoder.width, differences=given["differences"], at_once=given["at_once"])
        cells.check(made, named, width, hidden)
        recurrent = Recurrent(
            made, width, hidden, layers=layers, direction=direction,  # type: ignore[arg-type]
            merge=merge, dropout=dropout, variational_dropout=variational_dropout,  # type: ignore[arg-type]
            zoneout=zoneout, weight_drop=weight_drop, initial_state=initial_state,  # type: ignore[arg-type]
        )  # fmt: skip
        model = Model(
            recurrent, task=task, encoder=encoder, dropout=dropout,
            pooling=of_steps.shown,  # type: ignore[arg-type]
            **given,
        )  # fmt: skip
        if sizes:
            model.output = Output(model.width, model.task.width, sizes=sizes)
    for part in (train_part, test_part):
        model.task.prepare("train", part)  # what cannot be scored in the end is refused now
    model.to(place)
    details["data"] = source.to_dict(train_part, test_part)
    if epochs is None:
        sequences = round(len(train_part) * (1 - validation))
        epochs = recipe(model.task).epochs(sequences, batch_size)
    folder = run or _new_folder()
    with _resumable(folder):
        with progress_bar(quiet) as progress:
            finished = fit(
                model, train_part, folder=folder, progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=details, epochs=epochs,
                batch_size=batch_size, optimiser=optimiser, learning_rate=learning_rate,
                weight_decay=weight_decay, schedule=None if schedule == "none" else schedule,
                clip=clip or None, class_weights=class_weights, label_smoothing=label_smoothing,
                validation=validation, patience=patience, seed=seed, bptt=bptt,
                scale_by_replicas=scale_by_replicas, minutes=minutes,
                keep_scaling=origin is not None,
            )  # fmt: skip
        finish(finished, train_part, test_part)


def _alone(context: typer.Context, folder: str) -> None:
    """**Raises:** `OptionError` for an option that a resumed run has already."""
    for name, option in options.given(context).items():
        if name not in ("resume", "checkpoint_seconds", "quiet"):
            raise OptionError(
                f"--resume {folder} is given with {option}; expected it alone, because a run goes "
                f"on with the options that it began with. Leave out {option}."
            )


def _resume(folder: str, checkpoint_seconds: float, quiet: bool) -> None:
    from dataclasses import asdict

    import torch

    from throughtime.cli.show import progress_bar
    from throughtime.training.fit import fit
    from throughtime.training.lock import locked
    from throughtime.training.run import read

    run = read(folder)
    run.model.to(devices.named(run.details.get("device", "cpu"), folder))
    with locked(run.folder):  # from here on, so that a second one need not read the table first
        if threads := run.details.get("threads", 0):
            torch.set_num_threads(threads)
        train_part, test_part = read_again(run)
        with progress_bar(quiet) as progress:
            finished = fit(
                run.model, train_part, folder=folder, resume=True, progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=run.details, **asdict(run.options),
            )  # fmt: skip
        finish(finished, train_part, test_part)


@contextmanager
def _resumable(folder: str) -> Iterator[None]:
    """Ctrl-C says how to go on, if there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        if not os.path.exists(os.path.join(folder, "config.json")):
            raise
        raise Stopped(f"Go on with `throughtime train --resume {shlex.quote(folder)}`.") from None


def _new_folder() -> str:
    from datetime import datetime
    from pathlib import Path

    first = Path("runs") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder, k = first, 1
    while folder.exists():
        k += 1
        folder = first.with_name(f"{first.name}-{k}")
    return str(folder)

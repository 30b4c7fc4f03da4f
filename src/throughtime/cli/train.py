"""`throughtime train`: from a table to a trained model in a run folder."""

from pathlib import Path

import typer

from throughtime.cli import cells, options, paths, tagging, train_on
from throughtime.cli import device as devices
from throughtime.cli import resume as resuming
from throughtime.cli.data import check_columns, check_parts, check_paths, told
from throughtime.cli.finish import finish
from throughtime.cli.look import look_at, show_look
from throughtime.cli.table_options import TableOptions, with_table
from throughtime.errors import OptionError

OPTIMISERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam")
SCHEDULES = ("cosine", "onecycle", "exponential", "step", "plateau", "none")


@with_table
def train(
    context: typer.Context,
    table: TableOptions,
    spans: bool = typer.Option(
        False, help="With --tag: score runs of equal tags too; BIO tags always are."
    ),
    causal: bool = typer.Option(
        False, help="With --tag: forward only, so that tags can be seen live."
    ),
    quantiles: str | None = typer.Option(
        None,
        help="With --target: quantiles of each number, 0.1,0.5,0.9; with --forecast, 0.1 to 0.9 "
        "unless given.",
    ),
    cell: str | None = typer.Option(
        None,
        help="A cell: GRU, 'LSTM(peephole=True)', my_cells.py:MyCell; LSTM, and GRU with a made "
        "data set, unless given.",
    ),
    hidden: int | None = typer.Option(
        None,
        help="Units of each state; 64, and 128 with tags, unless given.",
        callback=options.whole(say=64),
    ),
    layers: int = typer.Option(1, help="Recurrent layers.", callback=options.whole()),
    direction: str | None = typer.Option(
        None,
        help="forward, backward or both; both, and forward with a made data set, unless given.",
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
        "--tag, last with --forecast.",
        callback=options.one_of("last", "mean", "max"),
    ),
    output: str = typer.Option("", help="Sizes of its inner layers: 64 or 64,32; none: linear."),
    dropout: float | None = typer.Option(
        None,
        help="Between layers and before the output network; 0.3, and 0 with a made data set, "
        "unless given.",
        callback=options.share(say=0.3),
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
    learning_rate: float | None = typer.Option(
        None,
        help="0.003, and 0.01 with a made data set, unless given.",
        callback=options.positive(options.LARGEST_RATE, say=0.003),
    ),
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
    quiet: bool = typer.Option(False, help="No first screen and no progress bar."),
) -> None:
    """Train a model on a table of sequences, test it, and write a run folder."""
    if resume is not None:
        if table.data is not None:
            raise OptionError(
                f"--resume {resume} is given with the table {table.data}; expected one of the two. "
                "The run remembers its table: leave it out."
            )
        resuming.check_alone(context, resume)
        with resuming.resumable(resume):
            resuming.go_on(resume, checkpoint_seconds, quiet)
        return
    # what can be checked without torch comes first, as importing it takes seconds
    named = None if cell is None else cells.read(cell)
    made = table.made is not None
    of_steps = tagging.Asked(
        table.each_step, pooling, spans, causal, direction, forward=made,
        ahead=table.forecast is not None,
    )  # fmt: skip
    of_steps.check()
    direction = of_steps.direction
    options.check_bptt(bptt, direction if origin is None else "forward")  # `fit` knows that model's
    sizes = options.sizes(output)
    if origin is not None:
        train_on.check(context, origin, table.data)
        check_parts(table)
    else:
        check_columns(table)
    of_numbers = table.target is not None or table.forecast is not None
    levels = options.quantiles(quantiles, of_numbers=of_numbers)
    paths.new_folder(run)
    check_paths(table)
    import torch

    from throughtime.cli.show import progress_bar, show_chosen
    from throughtime.cli.walk import walk_of
    from throughtime.layers import Recurrent
    from throughtime.tasks import Classify, Forecast, Regress, Tag
    from throughtime.training import Model, Options, Output, Run
    from throughtime.training.encoders import encoder_for
    from throughtime.training.evaluate import check_channels
    from throughtime.training.fit import fit
    from throughtime.training.recipe import recipe
    from throughtime.training.steps import width as width_of

    if threads:
        torch.set_num_threads(threads)
    place = devices.named(device)
    details = {"threads": threads, "device": device, "command": context.obj}
    source, model = table.source(), None
    if origin is not None:
        model, source, kept = train_on.begin(origin, source)
        details |= kept
    known = {} if model is None else told(model)
    whole = source.whole(**known)
    train_part, test_part = source.divide(whole, **known)
    fitted, held = source.set_aside(train_part, test_part)
    if model is None:
        if source.series is not None:
            task = Forecast.of(fitted, source.series, quantiles=levels)
        elif table.each_step is not None:
            task = Tag.of(fitted, weights=table.weight, spans=spans)
        elif table.targets is not None:
            task = Regress(table.targets, quantiles=levels)
        else:
            task = Classify(fitted.classes)
        unsaid = recipe(task, made=made)
        named = named or cells.read(unsaid.cell)
        details["cell"] = named.text
        own = cells.make(named)
        torch.manual_seed(table.seed)
        encoder = encoder_for(task, fitted)  # what it draws follows from the seed too
        hidden = hidden or unsaid.hidden
        dropout = unsaid.dropout if dropout is None else dropout
        given = unsaid.of_model(int(fitted.lengths.max()))
        asked = {"statistics": statistics, "differences": differences, "at_once": at_once,
                 "noise": noise}  # fmt: skip
        given |= {name: value for name, value in asked.items() if value is not None}
        width = width_of(encoder.width, differences=given["differences"], at_once=given["at_once"])
        cells.check(own, named, width, hidden)
        recurrent = Recurrent(
            own, width, hidden, layers=layers, direction=direction,  # type: ignore[arg-type]
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
    for part in (fitted, test_part, *([] if held is None else [held])):
        model.task.prepare("train", part)  # what cannot be scored in the end is refused now
        check_channels("train", model, part)
    model.to(place)
    details["data"] = source.to_dict(train_part, test_part, held)
    unsaid = recipe(model.task, made=made)
    epochs = epochs or unsaid.epochs(len(fitted), batch_size)
    learning_rate = learning_rate or unsaid.learning_rate
    folder = run or _new_folder()
    Run(model, Options(), Path(folder)).make_folder()  # nothing is told of one that cannot be
    if not quiet:
        show_look(look_at(source, whole, fitted, held, test_part), model.task)
        if made:
            show_chosen(model, epochs, batch_size, learning_rate)
    with resuming.resumable(folder):
        with progress_bar(quiet) as progress:
            finished = fit(
                model, fitted, folder=folder, progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=details, epochs=epochs,
                batch_size=batch_size, optimiser=optimiser, learning_rate=learning_rate,
                weight_decay=weight_decay, schedule=None if schedule == "none" else schedule,
                clip=clip or None, class_weights=class_weights, label_smoothing=label_smoothing,
                validation=0.0 if held is None else held, patience=patience, seed=table.seed,
                bptt=bptt, scale_by_replicas=scale_by_replicas, minutes=minutes,
                keep_scaling=origin is not None,
                then=train_part if source.trains_again(minutes) else None,
            )  # fmt: skip
        finish(finished, train_part, test_part, walk_of(source, finished, whole, test_part))


def _new_folder() -> str:
    from datetime import datetime

    first = Path("runs") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder, k = first, 1
    while folder.exists():
        k += 1
        folder = first.with_name(f"{first.name}-{k}")
    return str(folder)

"""Training: batches, gradients, the optimiser, early stopping, checkpoints; resumed exactly."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from throughtime import bptt
from throughtime.arguments import checked_arguments, no_argument
from throughtime.data import Batch, Batches, Scaler, Sequences, split
from throughtime.errors import DataError, OptionError, RunError
from throughtime.training import given, optimise, randomness
from throughtime.training.checkpoint import read_checkpoint, write_checkpoint
from throughtime.training.evaluate import evaluate
from throughtime.training.lock import locked
from throughtime.training.model import Model, recurrent
from throughtime.training.options import Options
from throughtime.training.run import Run

_OWN = ("folder", "resume", "checkpoint_seconds", "progress", "details")
_INSTEAD = {  # what other libraries have, and what is written here
    "lr": "Write `learning_rate=`.",
    "optimizer": 'Write `optimiser=`, such as `optimiser="adam"`.',
    "scheduler": 'Write `schedule=`, such as `schedule="cosine"`.',
    "n_epochs": "Write `epochs=`.",
    "num_epochs": "Write `epochs=`.",
    "max_epochs": "Write `epochs=`.",
    "validation_split": "Write `validation=`, the share of the sequences.",
    "validation_data": "Write `validation=`, the share of the sequences.",
    "weight_decay_rate": "Write `weight_decay=`.",
    "gradient_clip": "Write `clip=`.",
    "gradient_clip_val": "Write `clip=`.",
    "max_grad_norm": "Write `clip=`.",
    "clipnorm": "Write `clip=`.",
    "early_stopping": "Write `patience=`, in epochs, and `validation=`.",
    "class_weight": "Write `class_weights=True`.",
    "callbacks": "Write `progress=`, a function that is called after every batch.",
    "device": "Move the model: `model.to(device)`; it is trained where it is.",
    "shuffle": "Leave it out: the order of the sequences is drawn anew in each epoch.",
    "verbose": "Leave it out, or give `progress=` a function that prints.",
    "random_state": "Write `seed=`.",
}


class Progress(NamedTuple):
    """Told after every batch: where the run is."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float


@dataclasses.dataclass
class _Place:
    """Where a run is; with the states of model, optimiser and generators it is all of it."""

    epoch: int = 0
    batch: int = 0
    total: float = 0.0  # of the loss over this epoch's sequences so far
    steepest: float = 0.0  # the largest gradient norm of this epoch
    best: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    done: bool = False


@checked_arguments()
def fit(
    model: Model,
    data: Sequences,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 10.0,
    progress: Callable[[Progress], None] | None = None,
    details: dict[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Train a model on labelled sequences.

    **Main arguments:**

    - `model`: scaled anew on the training part; trained in place, on its device.
    - `data`: with labels of the model's classes.
    - `options`: the fields of `Options`: `epochs`, `batch_size`, `optimiser`, `bptt`, ...

    **Other arguments:**

    - `folder`: a run folder to write; nothing is written without one.
    - `resume`: go on from the checkpoint in `folder`, to the very result that the run would
      have had without the break. Model, data and options must be those of that run.
    - `checkpoint_seconds`: the least time between two checkpoints.
    - `progress`: called after every batch.
    - `details`: plain data kept in the run's configuration.

    **Returns:** the `Run`: model, options and the history of its epochs.

    **Raises:** `CallError` for an argument that does not exist or is of another kind,
    `OptionError` for options out of range, `DataError` for data that do not fit the model,
    `RunError` if the loss is no longer a number, or the folder cannot be used, as when another
    process trains or resumes the run in it.
    """
    given.model("fit", model)
    given.sequences("fit", "data", data)
    for name in options:
        if name not in Options.__dataclass_fields__:
            raise no_argument("fit", name, [*Options.__dataclass_fields__, *_OWN], _INSTEAD)
    settings = Options(**options)
    if not resume:
        settings.check_new()
    if not checkpoint_seconds >= 0:
        raise OptionError(
            f"checkpoint_seconds is {checkpoint_seconds!r}; expected a number of seconds, 0 or "
            "more."
        )
    _check(model, data)
    mode = bptt.mode(settings.bptt)
    plain = isinstance(mode, bptt.Full) and not settings.scale_by_replicas
    if not plain:
        bptt.check(mode, recurrent(model), scale_by_replicas=settings.scale_by_replicas)
    train, held = _parts(data, settings)
    device = next(model.parameters()).device
    batches = Batches(train, settings.batch_size, seed=settings.seed)
    optimiser = optimise.optimiser(
        model, settings.optimiser, settings.learning_rate, settings.weight_decay
    )
    scheme = optimise.SCHEDULES.get(settings.schedule or "")
    schedule: Any = scheme.make(optimiser, settings.epochs, len(batches)) if scheme else None
    weights = _class_weights(train).to(device) if settings.class_weights else None
    loss_of = nn.CrossEntropyLoss(weights, label_smoothing=settings.label_smoothing)
    run = Run(model, settings, Path(folder) if folder is not None else None, details or {})
    if resume:
        run.check_options()
    else:
        run.make_folder()
    with locked(run.folder):
        place, best = _Place(), {}
        if resume:
            state = read_checkpoint(run.checkpoint, model, optimiser, schedule)
            place, best = _Place(**state.place), state.best
            run.recall()
        else:
            run.check_new()  # none has begun one there since
            model.scale(Scaler.fit(train))
            run.initial = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
            randomness.seed(settings.seed)
        run.history = place.history

        def save() -> None:
            if run.folder is not None:
                state = dataclasses.asdict(place)
                write_checkpoint(run.checkpoint, model, optimiser, schedule, best, state)

        if not resume:
            save()
            run.describe()
        saved = started = time.monotonic()
        before = place.seconds
        model.train()
        for epoch in range(place.epoch, settings.epochs if not place.done else 0):
            for batch in batches.epoch(epoch, start=place.batch):
                batch = batch.to(device)
                optimiser.zero_grad(set_to_none=True)
                if plain:
                    loss = loss_of(model(batch.x, batch.lengths), batch.y)
                    loss.backward()
                else:
                    loss = _gradient(model, batch, loss_of, mode, settings.scale_by_replicas)
                norm = _clip(model, settings.clip)
                if not math.isfinite(loss.item()) or not math.isfinite(norm):
                    raise RunError(
                        f"fit: loss is {loss.item():g} with a gradient of norm {norm:g} in epoch "
                        f"{epoch + 1}; expected numbers. Set a lower learning_rate than "
                        f"{settings.learning_rate:g}, or a lower clip."
                    )
                optimiser.step()
                if scheme and scheme.advances == "batch":
                    schedule.step()
                place.total += loss.item() * len(batch.indices)
                place.steepest = max(place.steepest, norm)
                place.batch += 1
                if progress:
                    progress(
                        Progress(epoch, settings.epochs, place.batch, len(batches), loss.item())
                    )
                if time.monotonic() - saved >= checkpoint_seconds and place.batch < len(batches):
                    place.seconds = before + time.monotonic() - started
                    save()
                    saved = time.monotonic()
            row = {"epoch": epoch + 1, "loss": place.total / len(train),
                   "gradient_norm": place.steepest,
                   "learning_rate": optimiser.param_groups[0]["lr"]}  # fmt: skip
            if held is not None:
                scores = evaluate(model, held)
                row |= {"validation_loss": scores.loss, "validation_accuracy": scores.accuracy}
            measure = row.get("validation_loss", row["loss"])
            if scheme and scheme.advances == "epoch":
                schedule.step()
            elif scheme and scheme.advances == "measure":
                schedule.step(measure)
            if held is not None and measure < place.best:
                place.best, place.best_epoch = measure, epoch
                best = {name: t.detach().clone() for name, t in model.state_dict().items()}
            place.seconds = before + time.monotonic() - started
            place.history.append(row | {"seconds": round(place.seconds, 3)})
            place.epoch, place.batch, place.total, place.steepest = epoch + 1, 0, 0.0, 0.0
            patience = settings.patience or settings.epochs
            waited = held is not None and epoch - place.best_epoch >= patience
            place.done = waited or place.epoch == settings.epochs
            if place.done or time.monotonic() - saved >= checkpoint_seconds:
                save()
                run.write_history()
                saved = time.monotonic()
            if place.done:
                break
        if best:
            model.load_state_dict(best)
        model.eval()
        run.finish()
        return run


def _gradient(
    model: Model, batch: Batch, loss_of: nn.Module, mode: bptt.Mode, scale_by_replicas: bool
) -> Tensor:
    """The loss of a batch, with its gradient in `.grad`, in a mode that works by pieces."""
    return bptt.backward(
        mode,
        recurrent(model),
        model.scaled(batch.x),
        read=lambda total, y, start: model.read(total, y, start, batch.lengths),
        loss=lambda total, state: loss_of(model.scores(total, state[-1], batch.lengths), batch.y),
        lengths=batch.lengths,
        scale_by_replicas=scale_by_replicas,
    )[0]


def _check(model: Model, data: Sequences) -> None:
    if data.labels is None:
        raise DataError("fit: data has no labels; expected a class for each sequence. Give them.")
    if data.classes != model.classes or data.channels != model.channels:
        raise DataError(
            f"fit: data has classes {', '.join(data.classes)} and channels "
            f"{', '.join(data.channels)}; expected those of the model, "
            f"{', '.join(model.classes)} and {', '.join(model.channels)}. Build the model with "
            "`classes=data.classes, channels=data.channels`."
        )


def _parts(data: Sequences, settings: Options) -> tuple[Sequences, Sequences | None]:
    if not settings.validation:
        return data, None
    return split(data, settings.validation, settings.seed)


def _class_weights(train: Sequences) -> Tensor:
    """Inverse shares with mean 1 over the sequences; a class without any has 0."""
    assert train.labels is not None
    counts = torch.bincount(train.labels, minlength=len(train.classes)).float()
    return torch.where(counts > 0, len(train) / (counts.clamp(min=1) * (counts > 0).sum()), 0.0)


def _clip(model: nn.Module, largest: float | None) -> float:
    return nn.utils.clip_grad_norm_(
        model.parameters(), math.inf if largest is None else largest, foreach=False
    ).item()

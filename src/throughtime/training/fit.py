"""Training: batches, gradients, the optimiser, early stopping, checkpoints; resumed exactly."""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from throughtime import bptt
from throughtime.arguments import checked_arguments, no_argument
from throughtime.data import Batches, Sequences
from throughtime.errors import OptionError, RunError
from throughtime.layers.recurrent import State
from throughtime.training import given, optimise, randomness, time_limit
from throughtime.training.checkpoint import read_checkpoint, read_place, write_checkpoint
from throughtime.training.evaluate import check_channels, evaluate, predict
from throughtime.training.fitted import fit_before
from throughtime.training.held_out import check_then, held_out
from throughtime.training.lock import locked
from throughtime.training.model import Model, recurrent
from throughtime.training.objective import Objective
from throughtime.training.options import GIVEN, INSTEAD, Options
from throughtime.training.run import Run

_OWN = ("folder", "resume", "checkpoint_seconds", "progress", "details", "then")


class Progress(NamedTuple):
    """Told after every batch: where the run is."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    share: float  # of the run that is done, by its epochs or its time


@dataclasses.dataclass
class _Place:
    """Where a run is; with the states of model, optimiser and generators it is all of it."""

    epoch: int = 0
    batch: int = 0
    total: float = 0.0  # of the losses of this epoch's answers so far
    answers: float = 0.0  # how many these are
    steepest: float = 0.0  # the largest gradient norm of this epoch
    best: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    done: bool = False
    again: int = 0  # epochs of the training on all data, once it has begun
    calibrated: dict[str, Any] | None = None  # the task as the first training left it, from then on


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
    then: Sequences | None = None,
    **options: Any,
) -> Run:
    """Train a model on sequences with targets of its task.

    **Main arguments:**

    - `model`: scaled anew on the training part unless `keep_scaling` is set; trained in place, on
      its device.
    - `data`: with the targets of the model's task: of `Classify`, labels of its classes.
    - `options`: the fields of `Options`: `epochs`, `batch_size`, `optimiser`, `bptt`, ...
      `validation` is a share of `data` to set aside, or sequences to validate on.

    **Other arguments:**

    - `folder`: a run folder to write; nothing is written without one.
    - `resume`: go on from the checkpoint in `folder`, to the very result that the run would
      have had without the break. Model, data and options must be those of that run.
    - `checkpoint_seconds`: the least time between two checkpoints.
    - `progress`: called after every batch.
    - `details`: plain data kept in the run's configuration.
    - `then`: with a validation part, sequences to train on in the end, from the first weights on
      and for as many epochs as were best there: the data with what was validated on, the latest
      steps of series say. Not with `minutes`, which say nothing of a second training.

    **Returns:** the `Run`: model, options and the history of its epochs.

    **Raises:** `CallError` for an argument that does not exist or is of another kind,
    `OptionError` for options out of range, `DataError` for data that do not fit the model,
    `RunError` if the loss is no longer a number, or the folder cannot be used, as when another
    process trains or resumes the run in it.
    """
    given.model("fit", model)
    given.sequences("fit", "data", data)
    held = None
    if isinstance(options.get("validation"), Sequences):
        held, options = options["validation"], options | {"validation": GIVEN}
    settings = _settings(options, resume, checkpoint_seconds)
    training = _Training(model, data, held, settings, then)
    run = Run(model, settings, Path(folder) if folder is not None else None, details or {})
    if resume:
        run.check_options()
    else:
        run.make_folder()
    with locked(run.folder):
        if resume:
            training.resume(run)
        else:
            training.begin(run)
        run.history = training.place.history
        training.run(run, checkpoint_seconds, progress)
        run.finish()
    return run


def _settings(options: dict[str, Any], resume: bool, checkpoint_seconds: float) -> Options:
    for name in options:
        if name not in Options.__dataclass_fields__:
            raise no_argument("fit", name, [*Options.__dataclass_fields__, *_OWN], INSTEAD)
    settings = Options(**options)
    if not resume:
        settings.check_new()
    if not checkpoint_seconds >= 0:
        raise OptionError(
            f"checkpoint_seconds is {checkpoint_seconds!r}; expected a number of seconds, 0 or "
            "more."
        )
    return settings


class _Training:
    """A model in training: what one step, one epoch and one checkpoint need."""

    def __init__(
        self,
        model: Model,
        data: Sequences,
        held: Sequences | None,
        settings: Options,
        then: Sequences | None = None,
    ) -> None:
        self.model, self.settings, self.then = model, settings, then
        data = model.task.prepare("fit", data.real_steps())
        check_channels("fit", model, data)
        self.mode = bptt.mode(settings.bptt)
        bptt.check(self.mode, recurrent(model), scale_by_replicas=settings.scale_by_replicas)
        _check_carried(model)
        self.train, self.held = held_out(model, data, held, settings)
        if then is not None:
            check_then(model, then, self.held, settings)
        self.device = next(model.parameters()).device
        self.place = _Place()
        self.best: dict[str, Tensor] = {}
        self.set_up(settings.epochs)

    def set_up(self, epochs: int) -> None:
        """What a training of so many epochs on `self.train` needs: batches, optimiser, loss."""
        model, settings = self.model, self.settings
        self.epochs = epochs
        self.batches = model.task.batches(self.train, settings.batch_size, settings.seed)
        self.optimiser = optimise.optimiser(
            model, settings.optimiser, settings.learning_rate, settings.weight_decay
        )
        self.scheme = optimise.SCHEDULES.get(settings.schedule or "")
        self.schedule: Any = None
        if self.scheme:
            timed = settings.minutes is not None
            size = (time_limit.TICKS, 1) if timed else (epochs, len(self.batches))
            self.schedule = self.scheme.make(self.optimiser, *size)
        of_task = settings.of_task(model.task)
        if not settings.keep_scaling:
            model.task = model.task.fitted(self.train)
        self.loss = model.task.training_loss(self.train, **of_task)
        self.state: list[State] | None = None  # that the next batch goes on from

    def begin(self, run: Run) -> None:
        """A new run: scaled, seeded, with its first checkpoint."""
        run.check_new()  # none has begun one there since
        if not self.settings.keep_scaling:
            fit_before(self.model, self.train, self.loss)
        run.initial = {n: t.detach().cpu().clone() for n, t in self.model.state_dict().items()}
        randomness.seed(self.settings.seed)
        if self.held is not None and self.model.task.ahead is not None:
            # a linear map is there from the start: training has to be better than that
            self.keep_if_best(evaluate(self.model, self.held).loss, -1)
        self.save(run)
        run.describe()

    def resume(self, run: Run) -> None:
        """Go on where the checkpoint of a run is."""
        place = read_place(run.checkpoint)
        if place.get("again"):
            self.train, self.held = self.all_data(), None
            self.set_up(place["again"])
            self.calibrate_as(place["calibrated"])
        kept = read_checkpoint(run.checkpoint, self.model, self.optimiser, self.schedule)
        if "answers" not in kept.place:  # of a version that had one answer for each sequence
            done = Batches(self.train, self.settings.batch_size, seed=self.settings.seed)
            parts = done.order(kept.place["epoch"])[: kept.place["batch"]]
            kept.place["answers"] = float(sum(map(len, parts)))
        self.place, self.best, self.state = _Place(**kept.place), kept.best, kept.carried
        run.recall()

    def save(self, run: Run) -> None:
        if run.folder is not None:
            place = dataclasses.asdict(self.place)
            write_checkpoint(
                run.checkpoint, self.model, self.optimiser, self.schedule, self.best, place,
                self.state,
            )  # fmt: skip

    def run(
        self, run: Run, checkpoint_seconds: float, progress: Callable[[Progress], None] | None
    ) -> None:
        """All epochs that are left; the model then has its best weights and is in eval mode."""
        place, settings = self.place, self.settings
        saved = started = time.monotonic()
        before = place.seconds
        self.model.train()
        while not place.done:
            for batch in self.batches.epoch(place.epoch, start=place.batch):
                loss = self.step(Objective(self.model, self.loss, batch.to(self.device)))
                now = time.monotonic()
                place.seconds = before + now - started
                done = self.spend()
                if progress:
                    progress(Progress(place.epoch, self.epochs, place.batch,
                                      len(self.batches), loss, done))  # fmt: skip
                if time_limit.is_over(settings, place.seconds):
                    break
                if now - saved >= checkpoint_seconds and place.batch < len(self.batches):
                    self.save(run)
                    saved = now
            if place.again:
                self.end_epoch_again()
            else:
                self.end_epoch()
            place.seconds = before + time.monotonic() - started
            place.history[-1]["seconds"] = round(place.seconds, 3)
            self.spend()
            if not place.done and time_limit.is_over(settings, place.seconds):
                place.done, place.history[-1]["stopped"] = True, "minutes"
            if place.done or time.monotonic() - saved >= checkpoint_seconds:
                self.save(run)
                run.write_history()
                saved = time.monotonic()
        if self.best:
            self.model.load_state_dict(self.best)
        self.model.eval()
        if self.held is not None:
            task = self.model.task
            self.model.task = task.calibrated(predict(self.model, self.held), self.held)
            if self.then is not None:
                self.train_again(run)
                self.run(run, checkpoint_seconds, progress)

    def train_again(self, run: Run) -> None:
        """Begin anew on all data, for as many epochs as were best on the validation part."""
        place = self.place
        place.calibrated = self.model.task.describe()
        self.train, self.held = self.all_data(), None
        self.model.load_state_dict(run.initial)
        self.set_up(max(1, place.best_epoch + 1))
        if not self.settings.keep_scaling:
            fit_before(self.model, self.train, self.loss)
        self.calibrate_as(place.calibrated)
        randomness.seed(self.settings.seed)
        place.again, place.done = self.epochs, place.best_epoch < 0  # the start may be the best
        place.history[-1]["again"] = place.best_epoch + 1
        place.epoch, place.best, place.best_epoch = 0, math.inf, -1
        self.best = {}
        self.save(run)

    def calibrate_as(self, described: dict[str, Any]) -> None:
        task = self.model.task
        self.model.task = task.with_calibration(type(task).from_description(described))

    def all_data(self) -> Sequences:
        if self.then is None:
            raise OptionError(
                "fit: then is missing; expected the sequences that the run was being trained on in "
                "the end, to resume. Give then= as when it began."
            )
        return self.model.task.prepare("fit", self.then.real_steps())

    def spend(self) -> float:
        """The share of the run that is done, which a schedule over the time follows."""
        place, settings = self.place, self.settings
        epochs = place.epoch + place.batch / len(self.batches)
        done = time_limit.share(settings, epochs, place.seconds)
        if place.again:
            done = min(1.0, epochs / self.epochs)
        if settings.minutes is not None and self.scheme and self.scheme.advances != "measure":
            time_limit.follow(self.schedule, done)
        return done

    def step(self, objective: Objective) -> float:
        """One step of the optimiser; the loss of the batch."""
        place, settings = self.place, self.settings
        self.optimiser.zero_grad(set_to_none=True)
        value, state = objective.backward(
            self.mode, scale_by_replicas=settings.scale_by_replicas, state=self.state
        )
        loss, answers = value.item(), float(self.model.task.answers(objective.batch))
        norm = _clip(self.model, settings.clip)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise RunError(
                f"fit: loss is {loss:g} with a gradient of norm {norm:g} in epoch "
                f"{place.epoch + 1}; expected numbers. Set a lower learning_rate than "
                f"{settings.learning_rate:g}, or a lower clip."
            )
        self.optimiser.step()
        if self.scheme and self.scheme.advances == "batch" and settings.minutes is None:
            self.schedule.step()
        if self.model.task.carries_state:
            self.state = state
        place.total += loss * answers
        place.answers += answers
        place.steepest = max(place.steepest, norm)
        place.batch += 1
        return loss

    def end_epoch(self) -> None:
        """The row of the epoch in the history, the schedule, and whether training goes on."""
        place, settings = self.place, self.settings
        row: dict[str, Any] = {
            "epoch": place.epoch + 1,
            "loss": place.total / max(place.answers, 1.0),
            "gradient_norm": place.steepest,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
        }
        if self.held is not None:
            scores = evaluate(self.model, self.held).in_history()
            row |= {f"validation_{name}": value for name, value in scores.items()}
        measure = row.get("validation_loss", row["loss"])
        if self.scheme and self.scheme.advances == "epoch" and settings.minutes is None:
            self.schedule.step()
        elif self.scheme and self.scheme.advances == "measure":
            self.schedule.step(measure)
        if self.held is not None:
            self.keep_if_best(measure, place.epoch)
        waited = self.held is not None and (
            place.epoch - place.best_epoch >= (settings.patience or settings.epochs)
        )
        if waited and place.epoch + 1 < settings.epochs:
            row["stopped"] = "patience"
        place.history.append(row)
        self.next_epoch()
        place.done = waited or place.epoch == settings.epochs

    def keep_if_best(self, measure: float, epoch: int) -> None:
        if measure < self.place.best:
            self.place.best, self.place.best_epoch = measure, epoch
            self.best = {n: t.detach().clone() for n, t in self.model.state_dict().items()}

    def end_epoch_again(self) -> None:
        """The end of an epoch on all data, of which the history has nothing: there is no part to
        tell from how good it is."""
        if self.scheme and self.scheme.advances == "epoch" and self.settings.minutes is None:
            self.schedule.step()
        elif self.scheme and self.scheme.advances == "measure":
            self.schedule.step(self.place.total / max(self.place.answers, 1.0))
        self.next_epoch()
        self.place.done = self.place.epoch == self.epochs

    def next_epoch(self) -> None:
        place = self.place
        place.epoch, place.batch, self.state = place.epoch + 1, 0, None
        place.total = place.answers = place.steepest = 0.0


def _check_carried(model: Model) -> None:
    """**Raises:** `OptionError` for layers that cannot go on where a window stopped."""
    for layer in recurrent(model) if model.task.carries_state else ():
        if layer.direction != "forward":
            raise OptionError(
                f"fit: a layer has direction={layer.direction!r}; expected 'forward', because the "
                f"task {model.task.name!r} carries the state from window to window, and what comes "
                'after a window is not known yet. Set direction="forward".'
            )


def _clip(model: nn.Module, largest: float | None) -> float:
    return nn.utils.clip_grad_norm_(
        model.parameters(), math.inf if largest is None else largest, foreach=False
    ).item()

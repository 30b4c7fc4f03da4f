"""The settings of a training run, saved with it."""

from dataclasses import dataclass
from typing import Any, TypeGuard

from throughtime.bptt import mode
from throughtime.errors import OptionError
from throughtime.tasks import Task
from throughtime.training.optimise import OPTIMISERS, SCHEDULES, named

LARGEST = 2**63 - 1  # what a seed of torch's may be
LARGEST_RATE = 100.0  # far above what trains any network: one step leaves every weight useless
OF_TASKS = ("class_weights", "label_smoothing")  # which only some tasks take
GIVEN = "given"  # in place of the share, where the sequences to validate on are given
# Not in the folders of earlier runs, which had the default.
LATER = ("bptt", "scale_by_replicas", "minutes", "keep_scaling")

INSTEAD = {  # what other libraries have, and what is written here
    "lr": "Write `learning_rate=`.",
    "optimizer": 'Write `optimiser=`, such as `optimiser="adam"`.',
    "scheduler": 'Write `schedule=`, such as `schedule="cosine"`.',
    "n_epochs": "Write `epochs=`.",
    "max_time": "Write `minutes=`.",
    "num_epochs": "Write `epochs=`.",
    "max_epochs": "Write `epochs=`.",
    "validation_split": "Write `validation=`, the share of the sequences.",
    "validation_data": "Write `validation=`, the sequences or their share.",
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


@dataclass(frozen=True)
class Options:
    """How a model is trained.

    - `epochs`: at most; `patience` epochs without a lower validation loss end it earlier, and
      the weights of the best epoch are kept. Without a validation part all epochs run.
    - `minutes`: of training at most; None for any number. The run then ends within an epoch, and
      the schedule follows the share of the time or of the epochs that is done, the larger one. A
      machine is never as fast twice, so that such a run cannot be repeated bit for bit.
    - `batch_size`: sequences in a batch.
    - `optimiser`, `learning_rate`, `weight_decay`: a torch optimiser by name; biases, vectors
      and initial states do not decay.
    - `schedule`: of the learning rate: cosine, onecycle, exponential, step, plateau, or None.
    - `clip`: the largest norm of a gradient; None for any.
    - `class_weights`: weigh each class by the inverse of its share; for tasks with classes.
    - `label_smoothing`: share of the target spread over all classes, in [0, 1); for the same.
    - `validation`: share of the training sequences of each class set aside; 0 for none. `fit` also
      takes sequences to validate on, and keeps the word `"given"` in their place.
    - `seed`: of the split, the order of batches, dropout and noise.
    - `bptt`: how the gradient goes back through time: `Full()`, `Truncated(...)`,
      `Checkpointed(...)` of `throughtime.bptt`, or its text, `"truncated:50"`; kept as text.
    - `scale_by_replicas`: divide what each output sends into the recurrent parameters by the
      number of replicas it reaches, see `throughtime.bptt.backward`.
    - `keep_scaling`: leave all that was fitted to the data of an earlier training as it is, the
      scale of inputs and targets, to train on with other data.

    **Raises:** `OptionError` for a value outside its range.
    """

    epochs: int = 100
    batch_size: int = 32
    optimiser: str = "adam"
    learning_rate: float = 3e-3
    weight_decay: float = 0.0
    schedule: str | None = "cosine"
    clip: float | None = 1.0
    class_weights: bool = False
    label_smoothing: float = 0.0
    validation: float | str = 0.0
    patience: int | None = 20
    seed: int = 0
    bptt: Any = "full"
    scale_by_replicas: bool = False
    minutes: float | None = None
    keep_scaling: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "bptt", str(mode(self.bptt)))
        named("optimiser", self.optimiser, OPTIMISERS)
        if self.schedule is not None:
            named("schedule", self.schedule, SCHEDULES)
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is None and name == "patience":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name} is {value!r}; expected a whole number, {least} or more.")
            if value > LARGEST:
                raise OptionError(f"{name} is {value}; expected at most {LARGEST}.")
        for name in ("learning_rate", "clip", "minutes"):
            value: Any = getattr(self, name)
            if value is None and name != "learning_rate":
                continue
            if not (_is_number(value) and 0 < value < float("inf")):
                raise OptionError(f"{name} is {value!r}; expected a number above 0.")
        if not (_is_number(self.weight_decay) and 0 <= self.weight_decay < float("inf")):
            raise OptionError(
                f"weight_decay is {self.weight_decay!r}; expected a number, 0 or more."
            )
        for name in ("validation", "label_smoothing"):
            value = getattr(self, name)
            if name == "validation" and value == GIVEN:
                continue
            if not (_is_number(value) and 0 <= value < 1):
                raise OptionError(f"{name} is {value!r}; expected a share in [0, 1).")

    def of_task(self, task: Task) -> dict[str, Any]:
        """The values of the options that a task takes.

        **Raises:** `OptionError` for one that is set and that the task does not take.
        """
        for name in OF_TASKS:
            value = getattr(self, name)
            if name not in task.options and value != getattr(Options, name):
                raise OptionError(
                    f"{name} is {value!r}; expected it left out, because the task "
                    f"{task.name!r} has no such option. Leave out {name}."
                )
        return {name: getattr(self, name) for name in task.options}

    def check_new(self) -> None:
        """What is asked of a run that begins, while one that was begun may have it.

        **Raises:** `OptionError` for a learning rate with which nothing can be learned.
        """
        if self.learning_rate > LARGEST_RATE:
            raise OptionError(
                f"learning_rate is {self.learning_rate!r}; expected a number above 0, at most "
                f"{LARGEST_RATE:g}, because such steps leave nothing of what was learned before. "
                f"Set 0.003, which suits most networks."
            )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

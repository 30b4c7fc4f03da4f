"""Optimisers and schedules by name, and which parameters decay."""

import inspect
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim import lr_scheduler as schedules

from throughtime.errors import OptionError, nearest

OPTIMISERS = {
    name.lower(): getattr(torch.optim, name)
    for name in ("Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam",
                 "RAdam")
}  # fmt: skip


class Schedule(NamedTuple):
    """A torch schedule and when it advances: after each batch, or after each epoch.

    `"measure"`: after each epoch, told the validation loss (the training loss without one).
    """

    make: Callable[[Optimizer, int, int], Any]
    advances: Literal["batch", "epoch", "measure"]


SCHEDULES: dict[str, Schedule] = {
    "cosine": Schedule(
        lambda o, epochs, batches: schedules.CosineAnnealingLR(o, T_max=epochs * batches), "batch"
    ),
    "onecycle": Schedule(
        lambda o, epochs, batches: schedules.OneCycleLR(
            o,
            max_lr=[g["lr"] for g in o.param_groups],
            total_steps=epochs * batches + 1,
            cycle_momentum="betas" in o.defaults or bool(o.defaults.get("momentum")),
        ),
        "batch",
    ),
    "exponential": Schedule(
        lambda o, epochs, batches: schedules.ExponentialLR(o, gamma=0.01 ** (1 / epochs)), "epoch"
    ),
    "step": Schedule(
        lambda o, epochs, batches: schedules.StepLR(o, step_size=max(1, epochs // 3)), "epoch"
    ),
    "plateau": Schedule(
        lambda o, epochs, batches: schedules.ReduceLROnPlateau(o, factor=0.5, patience=5), "measure"
    ),
}


def named(kind: str, name: str, known: dict[str, Any]) -> Any:
    """**Raises:** `OptionError` with the nearest name for one that is not known."""
    if name in known:
        return known[name]
    near = nearest(name, known)
    raise OptionError(
        f"{kind} is {name!r}; expected one of {', '.join(known)}."
        + (f" Did you mean {near!r}?" if near else " Choose one of these.")
    )


def optimiser(model: nn.Module, name: str, learning_rate: float, weight_decay: float) -> Optimizer:
    """A torch optimiser; matrices decay, biases, vectors and initial states do not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    kind = named("optimiser", name, OPTIMISERS)
    options: dict[str, Any] = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    if "foreach" in inspect.signature(kind).parameters:
        options["foreach"] = False  # one rounding whatever the number of parameters
    return kind([g for g in groups if g["params"]], lr=learning_rate, **options)

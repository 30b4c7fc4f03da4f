"""A checkpoint: everything a run needs to go on exactly, in one file."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch.optim import Optimizer

from throughtime.errors import RunError
from throughtime.training import randomness
from throughtime.training.files import read_tensors, write_tensors
from throughtime.training.model import Model


class State(NamedTuple):
    """What of a checkpoint is not put back into an object: the place, and the best weights."""

    place: dict[str, Any]
    best: dict[str, Tensor]


def write_checkpoint(
    path: Path,
    model: Model,
    optimiser: Optimizer,
    schedule: Any,
    best: dict[str, Tensor],
    place: dict[str, Any],
) -> None:
    """Write everything, whole or not at all. **Raises:** `RunError`."""
    generators, random_data = randomness.capture()
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in best.items()}
    tensors |= {f"random/{k}": v for k, v in generators.items()}
    state = optimiser.state_dict()
    numbers: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser/{index}/{key}"] = value
            else:
                numbers.setdefault(str(index), {})[key] = value
    data = {
        "place": place,
        "random": random_data,
        "groups": state["param_groups"],
        "numbers": numbers,
        "schedule": None if schedule is None else schedule.state_dict(),
    }
    write_tensors(path, tensors, data)


def read_checkpoint(path: Path, model: Model, optimiser: Optimizer, schedule: Any) -> State:
    """Put everything back. **Raises:** `RunError` if the file is damaged or of another model."""
    tensors, data = read_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "random": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        part, rest = name.split("/", 1)
        parts[part][rest] = tensor
    states: dict[int, dict[str, Any]] = {int(k): dict(v) for k, v in data["numbers"].items()}
    for name, tensor in parts["optimiser"].items():
        index, key = name.split("/", 1)
        states.setdefault(int(index), {})[key] = tensor
    try:
        model.load_state_dict(parts["model"])
        optimiser.load_state_dict({"state": states, "param_groups": data["groups"]})
    except (RuntimeError, ValueError) as e:
        raise RunError(
            f"{path}: does not fit the model ({str(e).splitlines()[0]}); expected the checkpoint "
            "of the same model and options. Resume with those of the run."
        ) from e
    if schedule is not None:
        schedule.load_state_dict(data["schedule"])
    randomness.restore(parts["random"], data["random"])
    device = next(model.parameters()).device
    best = {name: t.to(device) for name, t in parts["best"].items()}
    return State(data["place"], best)

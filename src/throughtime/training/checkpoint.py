"""A checkpoint: everything a run needs to go on exactly, in one file."""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch.optim import Optimizer

from throughtime.errors import RunError
from throughtime.layers.recurrent import State
from throughtime.training import randomness
from throughtime.training.files import read_tensors, write_tensors
from throughtime.training.model import Model
from throughtime.training.model import recurrent as recurrent_layers


class Kept(NamedTuple):
    """What of a checkpoint is not put back into an object.

    - `place`: where the run is; `best`: the best weights.
    - `carried`: the states that the next batch goes on from, of each `Recurrent`; None where a
      batch begins with the initial states.
    """

    place: dict[str, Any]
    best: dict[str, Tensor]
    carried: list[State] | None


def write_checkpoint(
    path: Path,
    model: Model,
    optimiser: Optimizer,
    schedule: Any,
    best: dict[str, Tensor],
    place: dict[str, Any],
    carried: list[State] | None,
) -> None:
    """Write everything, whole or not at all. **Raises:** `RunError`."""
    generators, random_data = randomness.capture()
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in best.items()}
    tensors |= {f"random/{k}": v for k, v in generators.items()}
    tensors |= {f"carried/{k}": v for k, v in _by_name(carried or []).items()}
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


def read_place(path: Path) -> dict[str, Any]:
    """Where a run is. **Raises:** `RunError` if the file is damaged."""
    return read_tensors(path)[1]["place"]


def read_checkpoint(path: Path, model: Model, optimiser: Optimizer, schedule: Any) -> Kept:
    """Put everything back. **Raises:** `RunError` if the file is damaged or of another model."""
    tensors, data = read_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {
        name: {} for name in ("model", "best", "random", "optimiser", "carried")
    }
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
    carried = {name: t.to(device) for name, t in parts["carried"].items()}
    return Kept(data["place"], best, _as_states(carried, model))


def _by_name(states: list[State]) -> dict[str, Tensor]:
    """Each tensor under the numbers of its recurrent layers, layer and direction, and its name."""
    return {
        f"{r}/{k}/{d}/{name}": tensor
        for r, state in enumerate(states)
        for k, layer in enumerate(state)
        for d, direction in enumerate(layer)
        for name, tensor in direction.items()
    }


def _as_states(tensors: dict[str, Tensor], model: Model) -> list[State] | None:
    """What `_by_name` was given; None where it was nothing."""
    if not tensors:
        return None
    return [
        tuple(
            tuple(
                {name: tensors[f"{r}/{k}/{d}/{name}"] for name in direction.program.states}
                for d, direction in enumerate(layer)
            )
            for k, layer in enumerate(recurrent.directions)
        )
        for r, recurrent in enumerate(recurrent_layers(model))
    ]

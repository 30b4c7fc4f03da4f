"""`--device`: where a model is trained or used.

How it is spelled is checked before torch is imported, and whether it is there as soon as torch is.
"""

import re
from typing import TYPE_CHECKING, Any

import typer

from throughtime.errors import OptionError

if TYPE_CHECKING:
    import torch

    from throughtime.training import Run

_SPELLED = re.compile(r"cpu|mps|cuda(:\d{1,3})?", re.ASCII)


def option(*, float64: bool = False) -> Any:
    """The option for a command; `float64`: one that needs numbers that mps does not have."""
    names = "cpu, cuda or cuda:1" if float64 else "cpu, cuda, cuda:1 or mps"

    def check(value: str) -> str:
        if not _SPELLED.fullmatch(value):
            raise OptionError(
                f"--device is {value!r}; expected {names}: the processor, a GPU, the second of "
                "several. Write --device cuda, say."
            )
        if float64 and value == "mps":
            raise OptionError(
                f"--device is mps; expected {names}, because this is calculated in float64, which "
                "mps does not have. Leave out --device."
            )
        return value

    return typer.Option("cpu", help=f"Where to calculate: {names}.", callback=check)


def named(name: str, resumed: str | None = None) -> "torch.device":
    """The device of this name. **Raises:** `OptionError` where torch has none.

    `resumed`: the folder of a run that was begun on it.
    """
    import torch

    place = torch.device(name)
    count = {"cuda": torch.cuda.device_count, "mps": torch.mps.device_count}.get(place.type)
    here = 1 if count is None else count()
    if (place.index or 0) < here:
        return place
    given = f"--device is {name}" if resumed is None else f"{resumed} was begun on {name}"
    has = f"has {here} of its kind here" if here else "has none of its kind here"
    fix = f"Write --device {place.type}:{here - 1}." if here else "Leave --device out for the CPU."
    raise OptionError(
        f"{given}; expected a device that is there, and torch {torch.__version__} {has}. "
        + (fix if resumed is None else "Resume the run where there is one.")
    )


def load(folder: str, device: str) -> "Run":
    """A finished run with its model on a device. **Raises:** as `named`, and `RunError`."""
    from throughtime.training.run import load as read

    place = named(device)
    run = read(folder)
    run.model.to(place)
    return run

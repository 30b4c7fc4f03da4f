"""How much of a run is done, by its epochs or by the minutes that it may take.

A run ends with its last epoch or with its time, whichever comes first. With a time the learning
rate follows the share of the run that is done, so that it has fallen at the end either way.
"""

from typing import Any

from throughtime.training.options import Options

TICKS = 1000  # of a schedule that follows the share


def share(options: Options, epochs: float, seconds: float) -> float:
    """The share of a run that is done after so many epochs and so many seconds of training."""
    by_time = 0.0 if options.minutes is None else seconds / (60 * options.minutes)
    return min(1.0, max(epochs / options.epochs, by_time))


def is_over(options: Options, seconds: float) -> bool:
    """Whether the time of a run is spent."""
    return options.minutes is not None and seconds >= 60 * options.minutes


def follow(schedule: Any, done: float) -> None:
    """Bring a schedule of `TICKS` steps to the share of the run that is done."""
    while schedule.last_epoch < int(TICKS * done):
        schedule.step()

"""`throughtime train --forecast --refit`: the test by models trained anew before each window."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughtime.data import Sequences
    from throughtime.data.source import Source
    from throughtime.training import Run


def walk_of(
    source: "Source", run: "Run", whole: "Sequences", test: "Sequences"
) -> Callable[[], Any] | None:
    """What makes the predictions for the test part; None where the model of the run does."""
    series = source.series
    if series is None or not series.refit:
        return None

    def walk() -> Any:
        from throughtime.training.backtest import walk_forward

        return walk_forward(run, series, whole, test)

    return walk

"""Windows of series: each as it was known at an origin, with the steps that came after."""

import torch

from throughtime.data.naming import quote, quote_all
from throughtime.data.sequences import Sequences
from throughtime.errors import DataError


def windows(
    series: Sequences, horizon: int, *, count: int, stride: int | None = None, least: int = 1
) -> Sequences:
    """The last windows of each series: from its start to an origin, and `horizon` steps more.

    The last window ends where its series ends, the others each `stride` steps earlier. They stand
    in the order of the series, and of each the earliest first.

    **Arguments:**

    - `count`: of each series, at most; as many as there are with `least` steps before the origin.
    - `stride`: `horizon` unless given, so that no step is forecast twice.

    **Raises:** `DataError` if no series is long enough for one.
    """
    stride = horizon if stride is None else stride
    backs = torch.arange(count - 1, -1, -1) * stride  # of a window's end, from that of its series
    ends = series.lengths[:, None] - backs
    fits = ends >= horizon + least
    if not fits.any():
        longest = int(series.lengths.max())
        raise DataError(
            f"windows: the longest series has {longest} steps; expected at least "
            f"{horizon + least}, the horizon and {least} before it. Forecast fewer steps."
        )
    owner = torch.arange(len(series))[:, None].expand_as(ends)[fits]
    chosen = series.select(owner)
    return chosen.cut(torch.zeros_like(owner), ends[fits])


def before(series: Sequences, horizon: int, *, count: int, least: int = 1) -> Sequences:
    """Each series without the steps that `windows` of the same arguments forecasts; one that is too
    short for a window stays whole.
    """
    fitting = ((series.lengths - horizon - least) // horizon + 1).clamp(0, count)
    return series.cut(torch.zeros_like(fitting), series.lengths - fitting * horizon)


def ended(series: Sequences, targets: tuple[str, ...]) -> Sequences:
    """Each series up to the last step at which a target is known.

    **Raises:** `DataError` for a series of which none is known.
    """
    columns = [series.channels.index(name) for name in targets]
    known = ~series.values[:, columns].isnan().all(1)
    places = torch.arange(len(known)).where(known, -1)
    last = torch.stack([part.max() for part in places.split(series.lengths.tolist())])
    stops = last + 1 - series.offsets[:-1]
    if (last < 0).any():
        name = series.names[int((last < 0).int().argmax())]
        raise DataError(
            f"the series {quote(name)} has no value of {quote_all(targets)}; expected 1 or more, "
            "to go on from. Leave the series out."
        )
    return series.cut(torch.zeros_like(stops), stops)

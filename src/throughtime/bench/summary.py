"""What many measurements say together."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from throughtime.bench.measure import Measurement

TINY = 0.002  # seconds of the best peer, below which a shape is counted apart


def ratio(measurement: Measurement) -> float:
    """Time of the best peer over that of throughtime."""
    best = measurement.best_peer
    assert best is not None
    return best.seconds / measurement.ours.seconds


@dataclass(frozen=True)
class Share:
    """Of `count` measurements: how many at 1.0 or better, how many under 0.95; the middle one."""

    count: int
    level: int
    under: int
    median: float


def share(measurements: Sequence[Measurement]) -> Share | None:
    ratios = [ratio(m) for m in measurements]
    if not ratios:
        return None
    level, under = sum(r >= 1 for r in ratios), sum(r < 0.95 for r in ratios)
    return Share(len(ratios), level, under, statistics.median(ratios))


@dataclass(frozen=True)
class Summary:
    """Beside the best peer, where it needs `TINY` or more and where it needs less; the worst
    five of the former, or of the latter where there are none."""

    large: Share | None
    tiny: Share | None
    worst: tuple[Measurement, ...]


def summary(measurements: Iterable[Measurement]) -> Summary:
    met = [m for m in measurements if m.best_peer is not None]
    large = [m for m in met if m.best_peer and m.best_peer.seconds >= TINY]
    tiny = [m for m in met if m not in large]
    return Summary(share(large), share(tiny), tuple(sorted(large or tiny, key=ratio)[:5]))


@dataclass(frozen=True)
class OwnCell:
    """A cell of one's own. Its time over that of the other cell at the same shape: the middle
    one, the worst and where; the same for one operation. The reference engine's over its own."""

    beside: str
    median: float
    worst: float
    at: Measurement
    each_operation: float
    reference: float


def own_cell(measurements: Sequence[Measurement]) -> OwnCell | None:
    """What the measurements of one cell in one pass say; None where nothing was beside it."""
    ratios, slower = [], []
    for m in measurements:
        other, reference = m.find("beside"), m.find("reference")
        if other is not None and reference is not None:
            ratios.append((m.ours.seconds / other.seconds, other.rate / m.ours.rate, m, other))
            slower.append(reference.seconds / m.ours.seconds)
    if not ratios:
        return None
    worst, _, at, other = max(ratios, key=lambda each: each[0])
    middle, each = (statistics.median(f[k] for f in ratios) for k in (0, 1))
    return OwnCell(other.title, middle, worst, at, each, statistics.median(slower))

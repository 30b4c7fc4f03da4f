"""What `throughtime bench` prints: a line a measurement, and what all of them say together."""

from collections.abc import Sequence

from throughtime.bench.contestant import Contestant
from throughtime.bench.measure import Measurement
from throughtime.bench.summary import Share, own_cell, ratio, summary
from throughtime.bench.task import Task, label


class Table:
    """Lines of one width: for throughtime milliseconds, for every other contestant also its time
    over that of throughtime, in brackets."""

    def __init__(self, met: Sequence[tuple[Task, Sequence[Contestant]]]) -> None:
        self.titles = list({c.title: None for _, contestants in met for c in contestants})
        self.widths = [
            2 + max(len("cell"), *(len(label(task.cell)) for task, _ in met)),
            2 + max(len("T,B,I,H"), *(len(str(task.shape)) for task, _ in met)),
            len("inference"),
            *(max(17, 5 + len(title)) for title in self.titles),
            9,
            8,
        ]

    def head(self) -> str:
        return self._line(
            ["cell", "T,B,I,H", "pass", *(f"{t} ms" for t in self.titles), "of peak", "faults"]
        )

    def rows(self, measurement: Measurement) -> list[str]:
        """Times; and in a second line peak memory, if it was measured."""
        m, timed = measurement, {t.title: t for t in measurement.timings}
        first = [label(m.task.cell), str(m.task.shape), _pass(m.task.training)]
        times = {title: 1000 * t.seconds for title, t in timed.items()}
        rest = [f"{m.ours.rate / m.peak:.0%}", f"{m.ours.faults:.0f}"]
        lines = [self._line([*first, *self._cells(times), *rest])]
        sizes = {title: t.memory for title, t in timed.items() if t.memory is not None}
        if sizes:
            lines.append(self._line(["", "", "MiB", *self._cells(sizes), "", ""]))
        if m.compared < m.task.shape.T:
            lines.append(
                f"  (chaotic: compared over {m.compared} steps, in which rounding is small)"
            )
        return lines

    def _cells(self, values: dict[str, float]) -> list[str]:
        ours = values[self.titles[0]]
        others = [
            f"{_number(values[t])} ({values[t] / ours if ours else float('inf'):.2f})"
            if t in values else "-"
            for t in self.titles[1:]
        ]  # fmt: skip
        return [_number(ours), *others]

    def _line(self, cells: list[str]) -> str:
        pairs = list(zip(cells, self.widths, strict=True))
        left = [f"{text:<{width}}" for text, width in pairs[:3]]
        return "".join([*left, *(f"{text:>{width}}" for text, width in pairs[3:])])


def summed_up(measurements: Sequence[Measurement]) -> list[str]:
    """The last lines: the shares, the worst five, and cells of one's own beside the other."""
    summed, lines = summary(measurements), [""]
    if summed.worst:
        lines.append("time of the fastest other library, over that of throughtime:")
    if summed.large is not None:
        lines.append(f"  where it needs 2 ms or more: {_share(summed.large)}")
    if summed.tiny is not None:
        lines.append(f"  where it needs less: {_share(summed.tiny)}")
    for m in summed.worst:
        best = m.best_peer
        assert best is not None
        lines.append(
            f"  {ratio(m):.2f} {_where(m.task)}: {best.title} {1000 * best.seconds:.3g} ms, "
            f"throughtime {1000 * m.ours.seconds:.3g}"
        )
    names = {(label(m.task.cell), m.task.training): None for m in measurements}
    for name, training in names:
        each = [m for m in measurements
                if (label(m.task.cell), m.task.training) == (name, training)]  # fmt: skip
        if (cell := own_cell(each)) is not None:
            lines.append(
                f"{name}, {_pass(training)}: {cell.median:.2f} of the time of {cell.beside} "
                f"({cell.each_operation:.2f} an operation), at worst {cell.worst:.2f} at "
                f"{cell.at.task.shape}; the reference engine takes {cell.reference:.1f} times as "
                "long"
            )
    return lines


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _share(share: Share) -> str:
    return (
        f"1.0 or better in {share.level} of {share.count} ({share.level / share.count:.0%}), "
        f"under 0.95 in {share.under}; median {share.median:.2f}"
    )


def _where(task: Task) -> str:
    return f"{label(task.cell)} {task.shape} {_pass(task.training)}"


def _pass(training: bool) -> str:
    return "training" if training else "inference"

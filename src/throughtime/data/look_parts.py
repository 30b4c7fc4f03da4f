"""The parts that sequences are divided into: how, and what is in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from throughtime.data.look_targets import Spread, spread
from throughtime.data.naming import counted, quote
from throughtime.data.sequences import Sequences
from throughtime.data.series import Series
from throughtime.data.source import Source
from throughtime.data.split_time import in_steps

SHOWN = 5  # names of groups


@dataclass(frozen=True)
class Part:
    """What is in a part.

    - `begins`, `ends`: its first and last moment, as spelled; None where parts lie in no order.
    - `groups`: those that it has; None without groups.
    - `targets`: by name what each has in it.
    - `windows`: of series to be forecast how many there are, and `steps` those to be forecast.
    """

    name: str
    sequences: int
    steps: int
    begins: str | None
    ends: str | None
    groups: tuple[str, ...] | None
    targets: dict[str, Spread]
    windows: int | None = None

    @property
    def says(self) -> str:
        if self.windows is not None:
            says = [
                counted(self.windows, "window"),
                f"{self.steps:,} steps of {self.sequences:,} series",
            ]
            if self.begins is not None:
                says.append(f"{self.begins} to {self.ends}")
            return ", ".join(says)
        says = [counted(self.sequences, "sequence"), counted(self.steps, "step")]
        if self.begins is not None:
            says.append(f"{self.begins} to {self.ends}")
        if self.groups is not None:
            names, more = ", ".join(self.groups[:SHOWN]), len(self.groups) - SHOWN
            count = counted(len(self.groups), "group")
            says.append(f"{count} ({names}{f' and {more} more' if more > 0 else ''})")
        several = len(self.targets) > 1
        targets = [f"{n} {s}" if several else str(s) for n, s in self.targets.items()]
        return ", ".join(says) + "".join(f"; {target}" for target in targets)


def part(name: str, those: Sequences, source: Source | None, *, over_time: bool) -> Part:
    """What is in the part `those` of the sequences of a table, which lies at its time if parts were
    made `over_time`.
    """
    begins = ends = None
    if source is not None and source.series is not None and name != "training":
        return _windows(name, those, source.series)
    if over_time and those.moments is not None and those.times is not None:
        first, last = int(those.moments.argmin()), int(those.moments.argmax())
        begins, ends = those.times[first], those.times[last]
    group = source.group if source else None
    return Part(
        name=name,
        sequences=len(those),
        steps=len(those.values),
        begins=begins,
        ends=ends,
        groups=None if group is None else tuple(dict.fromkeys(those.attributes[group])),
        targets={name: spread(target) for name, target in those.targets.items()},
    )


def _windows(name: str, those: Sequences, series: Series) -> Part:
    """The windows of a part: how many, of how many series, from the first step to be forecast to
    the last."""
    begins = ends = None
    if those.moments is not None and those.times is not None:
        places = (those.offsets[1:, None] - torch.arange(series.horizon, 0, -1)).flatten()
        moments = those.moments[places]
        begins, ends = (those.times[int(places[k])] for k in (moments.argmin(), moments.argmax()))
    return Part(
        name, len({*those.names}), len(those) * series.horizon, begins, ends, None, {},
        windows=len(those),
    )  # fmt: skip


def division(
    whole: Sequences, parts: Mapping[str, Sequences], source: Source | None
) -> tuple[str, ...]:
    """How the parts were made, in words."""
    if source is not None and source.series is not None:
        return tuple(_of_series(whole, source.series))
    return () if source is None else (*_test(whole, source), *_validation(whole, source),
                                      *_notes(whole, parts, source))  # fmt: skip


def _of_series(whole: Sequences, series: Series) -> Iterator[str]:
    known = whole.reading.calendar if whole.reading else ()
    if known:
        yield f"known ahead from the calendar: {'; '.join(known)}"
    count = series.count(whole)
    windows = f"{counted(count, 'window')} of {counted(series.horizon, 'step')}"
    yield f"test part: the last {windows} of each series"
    yield "validation part: the steps before these, in windows that overlap"
    short = int((whole.lengths < series.horizon + series.least).sum())
    if short:
        are = "is" if short == 1 else "are"
        yield f"note: {short:,} series {are} too short for a window, and in training alone"


def _test(whole: Sequences, source: Source) -> Iterator[str]:
    if source.bundled:
        yield "parts: as they were published"
    elif source.test is not None:
        yield f"test part: {source.test}"
    elif source.part is not None:
        yield f"parts: as column {quote(source.part)} names them"
    else:
        yield f"test part: {_set_aside(whole, source, source.share)}"


def _validation(whole: Sequences, source: Source) -> Iterator[str]:
    if source.validation_file is not None:
        yield f"validation part: {source.validation_file}"
    elif source.validation:
        yield f"validation part: of the rest, {_set_aside(whole, source, source.validation)}"


def _set_aside(whole: Sequences, source: Source, share: float) -> str:
    """How a part is set aside."""
    if source.group is not None:
        return f"whole groups of {quote(source.group)}, about {share:.0%}, seed {source.seed}"
    if not source.is_over_time(whole):
        of = "of each class" if whole.labels is not None else "of the sequences"
        return f"{share:.0%} {of}, drawn with seed {source.seed}"
    unit = "steps" if in_steps(whole) else "sequences"
    gap = f", {source.gap:,} {unit} before them in neither part" if source.gap else ""
    if unit == "sequences":
        return f"the sequences that begin last, about {share:.0%}{gap}"
    return f"the last {share:.0%} of the steps{' of each sequence' * (len(whole) > 1)}{gap}"


def _notes(whole: Sequences, parts: Mapping[str, Sequences], source: Source) -> Iterator[str]:
    """What to think of before such a division is trusted."""
    if not source.is_over_time(whole) or "test" not in parts or source.test is not None:
        return
    train, test = parts["training"], parts["test"]
    if in_steps(whole):
        uncut = len(whole) - len(test)
        if uncut:
            yield f"note: {uncut:,} sequences are too short to be cut and are in training alone"
    elif train.moments is not None and test.moments is not None:
        lasts = train.moments[train.offsets[1:] - 1] >= test.moments.min()
        if lasts.any():
            yield (
                f"note: {int(lasts.sum()):,} training sequences go on when the first of the test "
                "part has begun; --gap leaves out those that begin last"
            )

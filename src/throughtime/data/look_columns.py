"""The columns of a table, each with its role and what stands in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from throughtime.data.classes import is_number
from throughtime.data.kinds import kinds
from throughtime.data.look_targets import spread
from throughtime.data.naming import counted
from throughtime.data.reading import Reading
from throughtime.data.sequences import Sequences
from throughtime.data.source import Source
from throughtime.data.steps_of_time import StepOfTime, step_of_time
from throughtime.data.target import Target
from throughtime.data.time_step import TimeStep

SHOWN = 4  # names in a row; of more only the first ones


@dataclass(frozen=True)
class Column:
    """Columns of one role with the same to be said of them.

    - `names`: of the columns.
    - `role`: sequence, time, label, target, tag, forecast, known ahead, weight, group, part, input
      or ignored.
    - `what`: what stands in them, and why they have this role where nobody named it.
    - `step`: of a time column how far its steps are apart, None where that is not known.
    """

    names: tuple[str, ...]
    role: str
    what: str
    step: StepOfTime | None = None

    @property
    def title(self) -> str:
        more = len(self.names) - SHOWN
        if more <= 1:
            return ", ".join(self.names)
        return f"{', '.join(self.names[:SHOWN])} and {more} more"

    @property
    def says(self) -> str:
        return f"{self.role}: {self.what}"


def columns(whole: Sequences, source: Source | None) -> tuple[Column, ...]:
    """What the columns are that sequences were read from; without a `source` those of which the
    sequences themselves know.
    """
    return (*_named(whole, source), *_inputs(whole, source))


def _named(whole: Sequences, source: Source | None) -> Iterator[Column]:
    reading = whole.reading or Reading()
    sequence, time = reading.sequence, reading.time
    if sequence is not None:
        yield Column((sequence,), "sequence", "tells the sequence of each row")
    if time is not None:
        step = step_of_time(whole, dates=_dates(whole, source))
        what = str(step) if step else "one step in each sequence"
        if reading.step is not None:
            what = _on_grid(whole, reading.step)
        alone = "; all rows are one sequence" if sequence is None else ""
        yield Column((time,), "time", what + alone, step)
    for name, target in whole.targets.items():
        of_weights = source is not None and name == source.weights
        yield Column((name,), "weight" if of_weights else _role(target), _said(target))
    for name, texts in whole.attributes.items():
        role = "part" if source is not None and name == source.part else "group"
        yield Column((name,), role, f"{len({*texts})} in {len(texts):,} sequences")


def _inputs(whole: Sequences, source: Source | None) -> Iterator[Column]:
    why = ""
    if source is not None and source.made is None:
        why = ", as chosen" if source.channels else ", as every other column"
    alike: dict[tuple[str, str], list[str]] = {}
    series = source.series if source is not None else None
    roles = {} if series is None else dict.fromkeys(series.known, "known ahead")
    roles |= {} if series is None else dict.fromkeys(series.targets, "forecast")
    for name, kind in zip(whole.channels, _kinds(whole), strict=True):
        alike.setdefault((roles.get(name, "input"), kind), []).append(name)
    for (role, kind), names in alike.items():
        yield Column(tuple(names), role, kind + (why if role == "input" else ""))
    ignored = whole.reading.ignored if whole.reading else ()
    if ignored:
        yield Column(ignored, "ignored", "not chosen as an input")


def _on_grid(whole: Sequences, step: TimeStep) -> str:
    """The step of time of series, and how many of their steps are in no row of the table."""
    assert whole.rows is not None
    gone = [int((rows < 0).sum()) for rows in whole.rows.split(whole.lengths.tolist())]
    missing = sum(gone)
    if not missing:
        return f"{step}, none missing"
    where = f" in {sum(map(bool, gone)):,} of {len(whole):,} series" if len(whole) > 1 else ""
    return f"{step}, {counted(missing, 'step')} missing{where}"


def _kinds(whole: Sequences) -> Iterator[str]:
    """What each channel is, in words."""
    for name, kind in kinds(whole).items():
        says = "true or false" if kind.name == "boolean" else kind.name
        if kind.name == "category":
            says += f" of {counted(kind.texts, 'text')}"
        channel = whole.values[:, whole.channels.index(name)]
        if channel.nan_to_num().unique().numel() == 1 and not kind.missing:
            says = "always the same value, so nothing is learned from it"
        elif kind.constant:
            says += ", the same in all steps of a sequence"
        if kind.missing:
            says += f", {kind.missing:,} of {len(whole.values):,} missing"
        yield says


def _dates(whole: Sequences, source: Source | None) -> bool:
    """Whether the times are dates: read with a format, or spelled as no number is."""
    if source is not None and source.time_format is not None:
        return True
    return bool(whole.times) and not is_number(whole.times[0])


def _role(target: Target) -> str:
    if target.each_step:
        return "tag"
    return "label" if target.classes else "target"


def _said(target: Target) -> str:
    if not target.classes:
        return f"numbers, {spread(target)}"
    unknown = int((target.values < 0).sum())
    missing = f", {unknown:,} of {len(target.values):,} not known" if unknown else ""
    return f"{len(target.classes)} classes{missing}"

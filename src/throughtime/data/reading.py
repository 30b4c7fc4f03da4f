"""How a table was read: what a person is told of it and nothing is computed from."""

from dataclasses import dataclass

from throughtime.data.time_step import TimeStep


@dataclass(frozen=True)
class Reading:
    """What was told from a file by itself, and the columns that say where its steps are.

    - `sequence`, `time`: the columns by which steps were put into sequences, named by a person or
      by the file; None without one.
    - `separator`: what stands between the columns of a text; None in other formats.
    - `decimal_commas`: whether numbers in it had them.
    - `ignored`: the columns that have no role, because others were named.
    - `time_format`: what times were read with, if with a format.
    - `step`: of series that are to be forecast the step of time, and `calendar`: the columns of
      the calendar that are known ahead.
    """

    sequence: str | None = None
    time: str | None = None
    separator: str | None = None
    decimal_commas: bool = False
    ignored: tuple[str, ...] = ()
    time_format: str | None = None
    step: TimeStep | None = None
    calendar: tuple[str, ...] = ()

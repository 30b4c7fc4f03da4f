"""The .ts files of aeon and sktime, as a long table.

They are read here and not by aeon or sktime, whose loaders bring numba, scikit-learn and pandas
along for a text of one line a sequence, and whose errors do not always name the line.

Imported by `read_table` when it is called, since polars takes its time to load.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from throughtime.data.classes import unknown
from throughtime.data.content import content
from throughtime.data.frame import InMemory
from throughtime.data.naming import quote
from throughtime.errors import DataError

BETWEEN = re.compile(r":(?![^()]*\))")  # a colon that is not within brackets, where times have some
STEP = re.compile(r"\(([^()]*),([^(),]*)\)\s*(?:,|$)\s*")  # (time,value)
SWITCHES = ("timestamps", "univariate", "equallength", "classlabel", "targetlabel")
COUNTS = ("dimensions", "serieslength")


class Ts(InMemory):
    """Sequences as a table with the columns `sequence`, `time` where the file has timestamps,
    `c0`, `c1`, ... for its dimensions, and `y` for its class labels or target values.

    All are text, as in a CSV; a `?` is a value that is missing; classes that are all whole numbers
    are written without `.0`. An error names the line of a
    sequence, and the step in it, which counts from 1.
    """

    def __init__(self, path: Path) -> None:
        lines = _lines(path)
        head = _head(lines)
        cases = [_case(line, text, head) for line, text in lines]
        if not cases:
            raise DataError(
                "file has no sequences; expected at least 1 after @data. Give a file with data."
            )
        width = head.dimensions or len(cases[0].channels)
        for case in cases:
            _check_shape(case, head, width, cases[0])
        places = [(case.line, step) for case in cases for step in range(1, case.length + 1)]
        owner = [k for k, case in enumerate(cases) for _ in range(case.length)]
        columns: dict[str, list] = {"sequence": owner}
        if head.timestamps:
            columns["time"] = [time for case in cases for time in case.times]
        columns |= {f"c{k}": [c for case in cases for c in case.channels[k]] for k in range(width)}
        if head.labelled:
            columns["y"] = [cases[k].label for k in owner]
        if head.classes and all(name.endswith(".0") for name in head.classes):
            columns["y"] = [label and label.removesuffix(".0") for label in columns["y"]]
        texts = {name: pl.Series(cells, dtype=pl.String) for name, cells in columns.items()
                 if name != "sequence"}  # fmt: skip
        super().__init__(
            pl.DataFrame({"sequence": owner, **texts}),
            lambda place: "{}, step {}".format(*places[place]),
            sequence="sequence",
            time="time" if head.timestamps else None,
        )


@dataclass
class _Head:
    """What the lines before @data say; `dimensions` and `length` are 0 where they do not."""

    timestamps: bool = False
    labelled: bool = False
    classes: tuple[str, ...] = ()
    dimensions: int = 0
    length: int = 0
    equal: bool = False


@dataclass
class _Case:
    """One sequence: its line, the texts of its channels and times, its label."""

    line: int
    channels: list[list[str | None]]
    times: list[str] = field(default_factory=list)
    label: str | None = None

    @property
    def length(self) -> int:
        return len(self.channels[0])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are neither blank nor a comment, with their numbers from 1."""
    with content(path).open() as file:
        for line, data in enumerate(file, 1):
            try:
                text = data.decode("utf-8-sig").strip()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"row {line} has the byte 0x{data[error.start]:02x}; expected UTF-8 text. Save "
                    "the file in UTF-8, or give another if it is not one of aeon or sktime."
                ) from None
            if text and text[0] not in "#%":
                yield line, text


def _head(lines: Iterator[tuple[int, str]]) -> _Head:
    said: dict[str, list[str]] = {}
    for line, text in lines:
        if text[0] != "@":
            raise DataError(
                f"row {line} has {quote(text)}; expected a line that begins with @, because no "
                "@data was before it. Give a .ts file of aeon or sktime."
            )
        tag, *values = text[1:].split() or [""]
        tag = tag.lower()
        first = values[0].lower() if values else ""
        if tag == "data":
            break
        if (tag in SWITCHES and first not in ("true", "false")) or (
            tag in COUNTS and (not first.isdecimal() or int(first) < 1)
        ):
            want = "true or false" if tag in SWITCHES else "a whole number from 1 on"
            raise DataError(f"row {line} has {quote(text)}; expected {want} after it. Correct it.")
        said[tag] = [first, *values[1:]]
    else:
        raise DataError(
            "file has no line @data; expected one before the sequences. Give a .ts file of aeon or "
            "sktime."
        )
    on = {tag: said.get(tag, ["false"])[0] == "true" for tag in SWITCHES}
    if "classlabel" not in said and "targetlabel" not in said:
        raise DataError(
            "file has neither @classLabel nor @targetLabel before @data; expected one, because it "
            "says whether each line ends with a label. Add `@classLabel false` if none does."
        )
    return _Head(
        timestamps=on["timestamps"],
        labelled=on["classlabel"] or on["targetlabel"],
        classes=tuple(said["classlabel"][1:]) if on["classlabel"] else (),
        dimensions=1 if on["univariate"] else int(said.get("dimensions", ["0"])[0]),
        length=int(said.get("serieslength", ["0"])[0]),
        equal=on["equallength"],
    )


def _case(line: int, text: str, head: _Head) -> _Case:
    parts = [part.strip() for part in BETWEEN.split(text)]
    label = parts.pop() if head.labelled and len(parts) > 1 else None
    if head.classes and label not in (*head.classes, "?"):
        raise DataError(f"row {line} {_no_class(label, head.classes)}")
    case = _Case(line, [], label=None if label in ("?", "") else label)
    for k, part in enumerate(parts):
        if not head.timestamps:
            case.channels.append([_cell(cell) for cell in part.split(",")])
            continue
        pairs = STEP.findall(part)
        if STEP.sub("", part):
            raise DataError(
                f"row {line} has {quote(STEP.sub('', part))} between its steps; expected each as "
                "(time,value), with commas between them, because @timeStamps is true. Correct it."
            )
        times = [time.strip() for time, _ in pairs]
        if k and times != case.times:
            raise DataError(
                f"row {line} has other times in dimension {k + 1} than in dimension 1; expected "
                "the same, because a step has a value of every dimension. Bring them to the same "
                "times."
            )
        case.times = times
        case.channels.append([_cell(cell) for _, cell in pairs])
    return case


def _cell(text: str) -> str | None:
    text = text.strip()
    return None if text == "?" else text


def _no_class(label: str | None, classes: tuple[str, ...]) -> str:
    if label is None:
        return (
            "has no colon; expected one before the class, because @classLabel is true. Add the "
            "class."
        )
    return unknown(label, classes)


def _check_shape(case: _Case, head: _Head, width: int, first: _Case) -> None:
    if len(case.channels) != width:
        declared = "the lines before @data say so" if head.dimensions else "the first sequence has"
        raise DataError(
            f"row {case.line} has {len(case.channels)} dimensions; expected {width} because "
            f"{declared}. Correct the line, or the lines before @data."
        )
    for k, channel in enumerate(case.channels):
        if len(channel) != case.length:
            raise DataError(
                f"row {case.line} has {len(channel)} steps in dimension {k + 1}; expected "
                f"{case.length} as in dimension 1, because a step has a value of every dimension. "
                "Complete the line."
            )
    want = head.length or first.length
    if head.equal and case.length != want:
        raise DataError(
            f"row {case.line} has {case.length} steps; expected {want} because @equalLength is "
            "true. Complete the line, or write @equalLength false."
        )

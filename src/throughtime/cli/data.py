"""The data of a run, from what the command line says, or from what a run folder remembers."""

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from throughtime.cli.text import one_line
from throughtime.errors import DataError, OptionError, RunError

if TYPE_CHECKING:
    from throughtime.data import Sequences

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Source:
    """Where the sequences come from: a table and its columns; the bundled data without one."""

    path: str | None = None
    test: str | None = None
    test_share: float | None = None
    sequence: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        given = {"--sequence": self.sequence, "--time": self.time, "--label": self.label,
                 "--channels": self.channels, "--test": self.test,
                 "--test-share": self.test_share}  # fmt: skip
        if self.path is None:
            for option, value in given.items():
                if value is not None:
                    raise OptionError(
                        f"{option} {value} is given without a table; expected one before it. Write "
                        "`throughtime train DATA ...`, or leave it out for the bundled data."
                    )
            return
        if self.test is not None and self.test_share is not None:
            raise OptionError(
                f"--test-share {self.test_share} is given with --test {self.test}; expected one of "
                "the two. Leave out --test-share."
            )
        if self.test_share is not None and not 0 < self.test_share < 1:
            raise OptionError(
                f"--test-share is {self.test_share}; expected a share between 0 and 1. Set 0.2."
            )
        for option in ("--sequence", "--label"):
            if given[option] is None:
                raise OptionError(
                    f"{self.path}: {option} is missing; expected the column that "
                    + ("names each row's sequence." if option == "--sequence" else
                       "holds the class of each sequence.")
                    + f" Add {option} COLUMN."
                )  # fmt: skip

    def read(self) -> "tuple[Sequences, Sequences]":
        """The training and the test sequences."""
        from throughtime.data import datasets, read_table, split

        if self.path is None:
            return datasets.japanese_vowels()
        train = read_table(self.path, **self._columns(), channels=self.channels)
        if self.test is None:
            share = TEST_SHARE if self.test_share is None else self.test_share
            return split(train, share, self.seed)
        test = read_table(
            self.test, **self._columns(), classes=train.classes, channels=train.channels
        )
        return train, test

    def table(self, path: str, run: Any, *, labelled: bool) -> "Sequences":
        """Another table with the same columns, for the model of a run.

        **Raises:** `DataError` where a column is missing: a run knows its columns by name, and no
        option names others.
        """
        from throughtime.data import read_table

        columns = self._columns() if self.path is not None else {**_BUNDLED}
        if not labelled:
            columns["label"] = None  # what stands there, if anything, does not matter
        channels = run.model.channels
        roles = {name: role for role, name in columns.items() if name is not None}
        _same_columns(path, {**roles, **dict.fromkeys(channels, "channel")}, run.folder)
        return read_table(path, **columns, classes=run.model.classes, channels=channels)

    def _columns(self) -> dict[str, Any]:
        return {"sequence": self.sequence, "time": self.time, "label": self.label}

    def to_dict(self, *parts: "Sequences") -> dict[str, Any]:
        return {**asdict(self), "sha256": [fingerprint(part) for part in parts]}


_BUNDLED: dict[str, Any] = {"sequence": "series_id", "time": "t", "label": "label"}


def remembered(details: dict[str, Any], path: Any) -> tuple[Source, list[str]]:
    """The source that a run was trained on, and the fingerprints of its two parts."""
    try:
        data = dict(details["data"])
        fingerprints = data.pop("sha256")
        data["channels"] = None if data["channels"] is None else tuple(data["channels"])
        return Source(**data), fingerprints
    except (KeyError, TypeError, ValueError) as e:
        raise RunError(
            f"{path}: does not say which columns it was trained on; expected a run of `throughtime "
            "train`. Use throughtime.evaluate or throughtime.predict from Python."
        ) from e


def read_again(source: Source, fingerprints: list[str]) -> "tuple[Sequences, Sequences]":
    """The sequences of a run, as they were. **Raises:** `RunError` if they have changed."""
    parts = source.read()
    if [fingerprint(part) for part in parts] != fingerprints:
        raise RunError(
            f"{source.path or 'the bundled data'}: has changed since the run began; expected the "
            "same values. Restore the table, or start a new run."
        )
    return parts


def labelled(loaded: Any, run: str, data: str | None) -> "Sequences":
    """The sequences of a table with the columns of a run's, or else of the run's test part."""
    source, fingerprints = remembered(loaded.details, run)
    if data is None:
        return read_again(source, fingerprints)[1]
    return source.table(data, loaded, labelled=True)


def _same_columns(path: str, expected: dict[str, str], folder: Any) -> None:
    """**Raises:** `DataError` unless a table has all the columns, each given with its role."""
    from throughtime.data.columns import or_no_header
    from throughtime.data.naming import nearest, quote, quote_all
    from throughtime.data.table import column_names

    there = column_names(path)
    missing = {name: role for name, role in expected.items() if name not in there}
    if not missing:
        return
    name = next(iter(missing))
    near = nearest(name, [n for n in there if n not in expected])
    if near is not None:
        fix = f"Rename {quote(near)} to {quote(name)}, if it is that column."
    elif [*missing.values()] == ["label"]:
        fix = "Add the labels, or use `throughtime predict`, which needs none."
    else:
        fix = or_no_header(there, "Give a table with these columns.")
    raise DataError(
        f"{one_line(path)}: has the columns {quote_all(there)} and no {quote(name)}; expected "
        f"{quote_all(expected)}, because the run in {one_line(str(folder))} was trained on these. "
        f"{fix}"
    )


def fingerprint(sequences: "Sequences") -> str:
    """SHA-256 over values, offsets, labels and names of channels and classes."""
    digest = hashlib.sha256(repr((sequences.channels, sequences.classes)).encode())
    for tensor in (sequences.values, sequences.offsets, sequences.labels):
        if tensor is not None:
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()

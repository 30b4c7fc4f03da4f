"""Where the sequences of a run come from, remembered with it so that they can be read again."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from throughtime.data.categories import restrict_categories
from throughtime.data.datasets import japanese_vowels
from throughtime.data.naming import nearest, quote, quote_all
from throughtime.data.sequences import Sequences
from throughtime.data.split import split
from throughtime.data.table import column_names, named, read_table
from throughtime.errors import DataError, RunError

TEST_SHARE = 0.2
_BUNDLED = {"sequence": "series_id", "time": "t", "label": "label"}


@dataclass(frozen=True)
class Source:
    """A table, its columns and its test part.

    - `path`: the table; None for the bundled Japanese Vowels.
    - `test`: a table to test on; None for a share `test_share` of the sequences, 0.2 unless given,
      drawn with `seed`.
    - `sequence`, `time`, `label`, `targets`, `channels`: the columns, see `read_table`.
    - `time_format`, `categories`, `strict`: how the columns are written, see there; older runs have
      none of these.
    - `tags`: columns with a class or a number of each step; `weights`: what weighs the steps in
      training, which only the training table needs.
    """

    path: str | None = None
    test: str | None = None
    test_share: float | None = None
    sequence: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] | None = None
    seed: int = 0
    targets: tuple[str, ...] | None = None
    time_format: str | None = None
    tags: tuple[str, ...] | None = None
    weights: str | None = None
    categories: tuple[str, ...] | None = None
    strict: bool = False

    def read(self, **known: Any) -> tuple[Sequences, Sequences]:
        """The training and the test sequences. **Raises:** `DataError`.

        `known`: what a task that was trained before knows of its targets, see `Task.table_options`,
        and the `categories` of its model.
        """
        if self.path is None:
            return japanese_vowels()
        columns = self._columns() | {"tags": self.tags, "weights": self.weights}
        columns |= {"categories": self.categories} | known
        train = read_table(self.path, **columns, channels=self.channels)
        if self.test is None:
            share = TEST_SHARE if self.test_share is None else self.test_share
            train, test = split(train, share, self.seed)
            if "categories" not in known:  # else they are those of an earlier training part
                train, test = restrict_categories(train, test)
            return train, test
        columns |= {"classes": train.classes or None, "categories": train.categories}
        columns["tags"] = {
            n: t.classes for n, t in train.targets.items() if t.each_step and n != self.weights
        }
        columns["weights"] = None
        test = read_table(self.test, **columns, channels=train.channels)
        return train, test

    def read_again(
        self, fingerprints: list[str], known: Mapping[str, Any] | None = None
    ) -> tuple[Sequences, Sequences]:
        """The same as they were, see `read`. **Raises:** `RunError` if they have changed."""
        parts = self.read(**(known or {}))
        if [fingerprint(part) for part in parts] != fingerprints:
            raise RunError(
                f"{self.path or 'the bundled data'}: has changed since the run began; expected the "
                "same values. Restore the table, or start a new run."
            )
        return parts

    def table(
        self,
        path: str,
        channels: tuple[str, ...],
        options: Mapping[str, Any],
        *,
        categories: Mapping[str, Sequence[str]] | None = None,
        targets: bool,
        trained_in: str = "a run",
        left_out: list[Any] | None = None,
    ) -> Sequences:
        """Another table with the same columns.

        **Arguments:**

        - `channels`: of the model; `options`: of its task, see `Task.table_options`.
        - `categories`: of the model, with their texts; none unless given.
        - `targets`: whether the targets are to be read too.
        - `trained_in`: what an error calls the run that these columns are from.
        - `left_out`: see `read_table`.

        **Raises:** `DataError` where a column is missing: a run knows its columns by name, and
        nothing names others.
        """
        columns = {**self._columns(), "tags": self.tags, **options}
        if not targets:  # what stands there does not matter
            columns |= {"label": None, "targets": None, "tags": None}
        _same_columns(path, columns, channels, trained_in)
        return read_table(
            path, **columns, channels=channels, categories=categories or {}, left_out=left_out
        )

    def with_table(
        self,
        path: str,
        test: str | None,
        test_share: float | None,
        seed: int,
        *,
        channels: tuple[str, ...],
        trained_in: str,
    ) -> "Source":
        """Another table to train on, with the same columns, and its test part.

        **Raises:** `DataError` where a column is missing, as `table`.
        """
        columns = self._columns() | {"tags": self.tags}
        for table in [path] if test is None else [path, test]:
            _same_columns(table, columns, channels, trained_in)
        own = {role: columns[role] for role in _BUNDLED}
        return replace(
            self, path=path, test=test, test_share=test_share, seed=seed, channels=channels, **own
        )

    def _columns(self) -> dict[str, Any]:
        """The columns, and how they are written, as `read_table` takes them."""
        own = {"sequence": self.sequence, "time": self.time, "label": self.label}
        return {**(_BUNDLED if self.path is None else own), "targets": self.targets,
                "time_format": self.time_format, "strict": self.strict}  # fmt: skip

    def to_dict(self, *parts: Sequences) -> dict[str, Any]:
        """As plain data, with the fingerprints of the parts."""
        return {**asdict(self), "sha256": [fingerprint(part) for part in parts]}


def remembered(details: Mapping[str, Any], folder: object) -> tuple[Source, list[str]]:
    """The source that a run was trained on, and the fingerprints of its two parts.

    `details`: of the run in `folder`. **Raises:** `RunError` where they do not say it.
    """
    try:
        data = dict(details["data"])
        fingerprints = data.pop("sha256")
        for name in ("channels", "targets", "tags", "categories"):
            columns = data.get(name)
            data[name] = None if columns is None else tuple(columns)
        return Source(**data), fingerprints
    except (KeyError, TypeError, ValueError) as e:
        raise RunError(
            f"{folder}: does not say which columns it was trained on; expected a run of "
            "`throughtime train`. Use throughtime.evaluate or throughtime.predict from Python."
        ) from e


def fingerprint(sequences: Sequences) -> str:
    """SHA-256 over values, offsets, mask, targets and names: of channels, categories, classes."""
    digest = hashlib.sha256(repr((sequences.channels, sequences.classes)).encode())
    if sequences.categories:
        digest.update(repr(sequences.categories).encode())
    parts = [sequences.values, sequences.offsets]
    if sequences.labels is not None:
        parts.append(sequences.labels)
    if sequences.mask is not None:
        digest.update(b"mask")
        parts.append(sequences.mask)
    for name, target in sequences.targets.items():
        if target.values is not sequences.labels:
            digest.update(repr((name, target.classes, target.each_step)).encode())
            parts.append(target.values)
    for tensor in parts:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _same_columns(
    path: str, columns: Mapping[str, Any], channels: tuple[str, ...], trained_in: str
) -> None:
    """**Raises:** `DataError` unless a table has all the columns of a run."""
    from throughtime.data.columns import or_no_header  # imports polars
    from throughtime.data.tags import column_of

    expected = {columns[role]: role for role in _BUNDLED if columns[role] is not None}
    there = column_names(path)
    expected |= dict.fromkeys(columns["targets"] or (), "target")
    expected |= dict.fromkeys(
        (tag if tag in there else column_of(tag) for tag in columns["tags"] or ()), "tag"
    )
    expected |= dict.fromkeys(channels, "channel")
    missing = {name: role for name, role in expected.items() if name not in there}
    if not missing:
        return
    name = next(iter(missing))
    near = nearest(name, [n for n in there if n not in expected])
    if near is not None:
        fix = f"Rename {quote(near)} to {quote(name)}, if it is that column."
    elif [*missing.values()] == ["label"]:
        fix = "Add the labels, or use `throughtime predict`, which needs none."
    elif {*missing.values()} == {"tag"}:
        fix = "Add the tags, or use `throughtime predict`, which needs none."
    elif {*missing.values()} == {"target"}:
        fix = "Add the targets, or use `throughtime predict`, which needs none."
    else:
        fix = or_no_header(there, "Give a table with these columns.")
    with named(path):
        raise DataError(
            f"has the columns {quote_all(there)} and no {quote(name)}; expected "
            f"{quote_all(expected)}, because {trained_in} was trained on these. {fix}"
        )

"""Where the sequences of a run come from, remembered with it so that they can be read again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from throughtime.data.categories import restrict_categories
from throughtime.data.datasets import japanese_vowels
from throughtime.data.fingerprint import fingerprint
from throughtime.data.made.registry import make, said
from throughtime.data.same_columns import ROLES, check_same_columns
from throughtime.data.sequences import Sequences
from throughtime.data.series import Series, described
from throughtime.data.split import split
from throughtime.data.split_groups import check_groups
from throughtime.data.split_parts import of_part, parts
from throughtime.data.table import named, read_table
from throughtime.errors import OptionError, RunError

TEST_SHARE = 0.2
BUNDLED = {"sequence": "series_id", "time": "t", "label": "label"}
OF_FRAME = {"sequence": "sequence", "time": "step", "label": None}  # as `Sequences.to_frame` writes
OF_PARTS = (  # the fields that say how a table is divided
    "test", "test_share", "seed", "group", "over_time", "gap", "part", "validation",
    "validation_file",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A table, its columns and its parts; or a made data set and its parts.

    - `path`: the table; None for a made data set and for the bundled Japanese Vowels.
    - `made`, `made_options`: the name of a made data set and its options, see `made.registry`; it
      is drawn with `seed` unless its options have one.
    - `test`: a table to test on; None for a share `test_share` of the sequences, 0.2 unless given,
      set aside with `seed`.
    - `sequence`, `time`, `label`, `targets`, `channels`: the columns, see `read_table`.
    - `time_format`, `categories`, `strict`: how the columns are written, see there.
    - `tags`: columns with a class or a number of each step; `weights`: what weighs the steps in
      training, which only the training table needs.
    - `group`, `over_time`, `gap`: how a part is set aside, see `split`; one sequence is always cut
      over time.
    - `part`: the column that names the part of each sequence, see `split_parts.py`.
    - `validation`: the share of the training part that is validated on, set aside in the same way.
    - `validation_file`: a table to validate on.
    - `series`: what there is to forecast; the parts are then windows of each series.

    Runs of earlier versions have only the first of these.
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
    group: str | None = None
    over_time: bool = False
    gap: int = 0
    part: str | None = None
    validation: float = 0.0
    validation_file: str | None = None
    made: str | None = None
    made_options: dict[str, Any] = field(default_factory=dict)
    series: Series | None = None

    @property
    def bundled(self) -> bool:
        """Whether these are the data that come with the package."""
        return self.path is None and self.made is None

    @property
    def title(self) -> str:
        """What an error and a screen call it."""
        if self.made is not None:
            return said(self.made, self.made_options)
        return self.path or "the bundled data"

    @property
    def share(self) -> float:
        """The share of the sequences or steps that is set aside to test on."""
        return TEST_SHARE if self.test_share is None else self.test_share

    def trains_again(self, minutes: float | None) -> bool:
        """Whether a model is trained on the validation part too in the end, as the latest steps of
        series tell most of the next; with so many `minutes` there is no time for it."""
        return self.series is not None and minutes is None

    def is_over_time(self, sequences: Sequences) -> bool:
        """Whether a part of these is what comes last."""
        return self.over_time or (len(sequences) == 1 and self.group is None)

    def whole(self, **known: Any) -> Sequences:
        """All sequences of the table or the made data set; of the bundled data those of training.

        `known`: what a task that was trained before knows of its targets, see `Task.table_options`,
        and the `categories` of its model.

        **Raises:** `DataError`.
        """
        if self.made is not None:
            return make(self.made, {"seed": self.seed} | self.made_options)
        if self.path is None:
            return japanese_vowels()[0]
        columns = self._columns() | {"tags": self.tags, "weights": self.weights}
        columns |= {"categories": self.categories} | known
        if self.series is not None and "categories" in known:
            _, columns["categories"] = self.series.in_table((), known["categories"])
        whole = read_table(
            self.path, **columns, channels=self.channels, attributes=self._attributes()
        )
        if self.series is None:
            return whole
        with named(self.title):
            return self.series.on_grid(whole)

    def divide(self, whole: Sequences, **known: Any) -> tuple[Sequences, Sequences]:
        """What there is to train on, and the test part; `known` as of `whole`.

        **Raises:** `DataError`.
        """
        if self.bundled:
            return japanese_vowels()
        if self.series is not None:
            with named(self.title):
                return self.series.parts(whole, restrict="categories" not in known)
        if self.test is not None:
            return whole, self._same(self.test, whole)
        if self.part is None:
            train, test = self._split(whole, self.share)
        else:
            with named(self.title):
                of_part(whole, self.part, "train")  # there has to be some
                train = of_part(whole, self.part, "train", "validation")
                test = of_part(whole, self.part, "test")
        if "categories" not in known:  # else they are those of an earlier training part
            train, test = restrict_categories(train, test)
        return train, test

    def set_aside(
        self, train: Sequences, test: Sequences, fingerprints: Sequence[str] = ()
    ) -> tuple[Sequences, Sequences | None]:
        """What of `train` a model is fitted on, and what it is validated on, None without any.

        `fingerprints`: as `to_dict` has them, of a run that goes on.

        **Raises:** `DataError`, also where a group lies in several parts; `RunError` if the table
        to validate on has changed.
        """
        if self.series is not None:
            with named(self.title):
                return self.series.aside(train)
        fitted, held = train, None
        if self.validation_file is not None:
            held = self._same(self.validation_file, train)
            if fingerprints and fingerprints[2:] != [fingerprint(held)]:
                raise _changed(self.validation_file)
        elif self.part is not None and "validation" in parts(train, self.part):
            if self.validation:
                raise OptionError(
                    f"--validation {self.validation} is given with --part {self.part}; expected "
                    "one of the two, because that column has a validation part. Leave out "
                    "--validation."
                )
            fitted, held = (of_part(train, self.part, name) for name in ("train", "validation"))
        elif self.validation:
            fitted, held = self._split(train, self.validation)
        if self.group is not None:
            others = {"test": test} if held is None else {"validation": held, "test": test}
            with named(self.title):
                check_groups({"training": fitted, **others}, self.group)
        return fitted, held

    def read(self, **known: Any) -> tuple[Sequences, Sequences]:
        """What there is to train on, and the test part, see `whole` and `divide`."""
        return self.divide(self.whole(**known), **known)

    def _split(self, sequences: Sequences, share: float) -> tuple[Sequences, Sequences]:
        with named(self.title):
            return split(
                sequences, share, self.seed, group=self.group, gap=self.gap,
                over_time=self.is_over_time(sequences),
            )  # fmt: skip

    def _same(self, path: str, like: Sequences) -> Sequences:
        """Another table with the columns, classes and categories of these sequences."""
        steps = {n: t for n, t in like.targets.items() if t.each_step and n != self.weights}
        return read_table(
            path, **self._columns(), classes=like.classes or None, channels=like.channels,
            categories=like.categories, tags={n: t.classes for n, t in steps.items()},
            attributes=self._attributes(),
        )  # fmt: skip

    def read_again(
        self, fingerprints: list[str], known: Mapping[str, Any] | None = None
    ) -> tuple[Sequences, Sequences]:
        """The same as they were, see `read`. **Raises:** `RunError` if they have changed."""
        parts = self.read(**(known or {}))
        if [fingerprint(part) for part in parts] != fingerprints[:2]:
            raise _changed(self.title, drawn=self.made is not None)
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
        categories = categories or {}
        if self.series is not None:
            channels, categories = self.series.in_table(channels, categories)
        check_same_columns(path, columns, channels, trained_in)
        table = read_table(
            path, **columns, channels=channels, categories=categories, left_out=left_out
        )
        if self.series is None:
            return table
        with named(path):
            return self.series.on_grid(table)

    def ahead_of(
        self,
        path: str | None,
        channels: tuple[str, ...],
        categories: Mapping[str, Sequence[str]],
        trained_in: str,
    ) -> Sequences:
        """The series of another table, or of this one as it is now, to go on from their ends; the
        arguments are those of `table`."""
        path = self.path if path is None else path
        assert path is not None
        return self.table(
            path, channels, {}, categories=categories, targets=False, trained_in=trained_in
        )

    def known_ahead(
        self,
        path: str,
        categories: Mapping[str, Sequence[str]],
        *,
        trained_in: str = "a run",
    ) -> Sequences:
        """A table with what is known of the steps to come: series, times and known columns.

        `categories`: of the model, with their texts; `trained_in`: as of `table`.

        **Raises:** `DataError` where a column is missing.
        """
        assert self.series is not None
        known = self.series.known
        columns = self._columns() | {"label": None, "targets": None, "tags": None, "strict": False}
        if self.series.by_row:  # times count for nothing, and those to come may be +1, +2
            columns["time_format"] = None
        check_same_columns(path, columns, known, trained_in)
        own = {name: texts for name, texts in categories.items() if name in known}
        return read_table(path, **columns, channels=known, categories=own)

    def with_table(
        self, other: "Source", *, channels: tuple[str, ...], trained_in: str
    ) -> "Source":
        """Another table to train on, with the columns of this one and the parts of the `other`;
        or the `other` itself where it is a made data set, which has columns of its own.

        **Raises:** `DataError` where a column is missing, as `table`.
        """
        if other.made is not None:
            return other
        columns = self._columns() | {"tags": self.tags}
        if self.series is not None:
            channels, _ = self.series.in_table(channels, {})
        for table in (other.path, other.test, other.validation_file):
            if table is not None:
                check_same_columns(table, columns, channels, trained_in)
        if self.series is not None:
            for name in OF_PARTS:
                if name != "seed" and getattr(other, name) != getattr(Source(), name):
                    raise OptionError(
                        f"{name} is given for series that are to be forecast; expected it left "
                        "out, because the windows of each series are its parts. Leave it out."
                    )
            return replace(self, path=other.path, channels=channels, seed=other.seed)
        own = {role: columns[role] for role in ROLES}
        parts = {name: getattr(other, name) for name in OF_PARTS}
        return replace(
            self, path=other.path, made=None, made_options={}, channels=channels, **own, **parts
        )

    def _columns(self) -> dict[str, Any]:
        """The columns, and how they are written, as `read_table` takes them."""
        own = {"sequence": self.sequence, "time": self.time, "label": self.label}
        own = BUNDLED if self.bundled else OF_FRAME if self.made is not None else own
        by_row = self.series is not None and self.series.by_row
        return {**own, "targets": self.targets, "by_row": by_row,
                "time_format": self.time_format, "strict": self.strict}  # fmt: skip

    def _attributes(self) -> tuple[str, ...]:
        return tuple(name for name in (self.group, self.part) if name is not None)

    def to_dict(
        self, train: Sequences, test: Sequences, held: Sequences | None = None
    ) -> dict[str, Any]:
        """As plain data, with the fingerprints of the parts; what they all depend on is in the
        first two, unless there is a table of its own to validate on.
        """
        parts = [train, test]
        if self.validation_file is not None and held is not None:
            parts.append(held)
        own = self if self.series is None else replace(self, series=self.series.found(train))
        return {**asdict(own), "sha256": [fingerprint(part) for part in parts]}


def _changed(title: str, *, drawn: bool = False) -> RunError:
    mend = "Install the version of torch that drew them" if drawn else "Restore the table"
    return RunError(
        f"{title}: has changed since the run began; expected the same values. {mend}, or start a "
        "new run."
    )


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
        data["series"] = described(data.get("series"))
        return Source(**data), fingerprints
    except (KeyError, TypeError, ValueError) as e:
        raise RunError(
            f"{folder}: does not say which columns it was trained on; expected a run of "
            "`throughtime train`. Use throughtime.evaluate or throughtime.predict from Python."
        ) from e

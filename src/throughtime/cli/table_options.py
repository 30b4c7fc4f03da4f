"""The options that say what a table is and how it is divided, of every command that takes one."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

from throughtime.cli import made, options, paths

if TYPE_CHECKING:
    from throughtime.data.series import Series
    from throughtime.data.source import Source


@dataclass(frozen=True)
class TableOptions:
    """What a command line says of a table; each field is an option, or the argument `data`."""

    data: str | None = typer.Argument(
        None,
        help="A table, or a folder of them (CSV, JSON lines, Parquet, .npz, .ts); or a made data "
        f"set: {', '.join(made.NAMES)}; Japanese Vowels without.",
        callback=paths.data,
    )
    sequence: str | None = typer.Option(
        None,
        help="Column: which sequence a row is of; .npz and .ts files say so; with --time alone a "
        "table is one.",
    )
    time: str | None = typer.Option(None, help="Column: time; rows as they stand without.")
    date_format: str | None = typer.Option(
        None, help="How times are written: '%d.%m.%Y %H:%M'; numbers and ISO dates need none."
    )
    label: str | None = typer.Option(None, help="Column: the class of the sequence.")
    target: str | None = typer.Option(
        None, help="In place of --label: columns with numbers of the sequence, with commas."
    )
    tag: str | None = typer.Option(
        None,
        help="In place of --label: columns with a class or a number of each step; COL:class has "
        "numbers as classes.",
    )
    forecast: str | None = typer.Option(
        None,
        help="In place of --label: columns with numbers whose next values are to be forecast.",
    )
    horizon: int | None = typer.Option(
        None,
        help="With --forecast: how many steps ahead.",
        callback=options.whole(say=12),
    )
    known: str | None = typer.Option(
        None,
        help="With --forecast: columns that are known ahead of time, such as holidays and prices.",
    )
    windows: int = typer.Option(
        3,
        help="With --forecast: how many windows of --horizon steps at the end of each series are "
        "tested on; the steps before them are validated on.",
        callback=options.whole(),
    )
    season: int | None = typer.Option(
        None,
        help="With --forecast: steps of a season, 1 for none; found in the data unless given.",
        callback=options.whole(say=12),
    )
    every: str | None = typer.Option(
        None,
        help="With --forecast: the step of time, 10min, 1h, 1d, weekday, 1mo; found unless given.",
    )
    by_row: bool = typer.Option(
        False, help="With --forecast: each row is one step, whatever its time."
    )
    refit: bool = typer.Option(
        False, help="With --forecast: train anew before each window that is tested on."
    )
    all_baselines: bool = typer.Option(
        False,
        help="With --forecast: Theta and ETS however many series they have to be fitted to.",
    )
    weight: str | None = typer.Option(
        None, help="With --tag: column of numbers that weigh the steps in training."
    )
    channels: str | None = typer.Option(
        None, help="Columns to learn from, with commas; all others without."
    )
    categories: str | None = typer.Option(
        None, help="Columns whose numbers are codes, with commas; columns of text are categories."
    )
    strict: bool = typer.Option(
        False, help="Refuse missing values, and columns of text that are not in --categories."
    )
    test: str | None = typer.Option(None, help="A table to test on, with the same columns.")
    test_share: float | None = typer.Option(
        None, help="Without --test: share set aside to test on; 0.2 unless given."
    )
    part: str | None = typer.Option(
        None, help="Column: the part of the sequence: train, test or validation."
    )
    group: str | None = typer.Option(
        None, help="Column: who or what the sequence is of; all of one on one side."
    )
    split: str | None = typer.Option(
        None,
        help="What is set aside: sequence (some of each class, drawn) or time (the last).",
        callback=options.one_of("sequence", "time"),
    )
    gap: int = typer.Option(
        0,
        help="Between parts over time: steps, or sequences, that are in none.",
        callback=options.whole(0),
    )
    validation: float = typer.Option(
        0.0,
        help="Share of the rest set aside for early stopping, likewise; 0: none.",
        callback=options.share(),
    )
    validation_file: str | None = typer.Option(
        None, help="In place of --validation: a table with the same columns."
    )
    seed: int = typer.Option(0, callback=options.whole(0))

    @property
    def targets(self) -> tuple[str, ...] | None:
        return _names(self.target)

    @property
    def tags(self) -> tuple[str, ...] | None:
        return _names(self.tag)

    @property
    def forecasts(self) -> tuple[str, ...] | None:
        return _names(self.forecast)

    @property
    def known_columns(self) -> tuple[str, ...] | None:
        return _names(self.known)

    @property
    def made(self) -> made.Made | None:
        """The made data set that stands in place of a table, if one does."""
        return made.named(self.data)

    @property
    def each_step(self) -> str | None:
        """What says that there is something to learn at every step, if anything does."""
        if self.tag is not None:
            return "--tag"
        return None if self.made is None else self.made.name

    def given(self) -> dict[str, Any]:
        """The options that are not as they are without being given, by the names of the fields."""
        defaults: dict[str, Any] = {f.name: f.default for f in fields(self)}
        values = {name: getattr(self, name) for name in defaults}
        return {name: v for name, v in values.items() if v != defaults[name].default}

    def source(self) -> "Source":
        """Where the sequences come from."""
        from throughtime.data.source import Source

        drawn, channels = self.made, _names(self.channels)
        series = self._series()
        if series is not None and channels is not None:
            named = (*series.targets, *series.known)
            channels = (*named, *(name for name in channels if name not in named))
        return Source(
            path=self.data if drawn is None else None,
            made=None if drawn is None else drawn.name,
            made_options={} if drawn is None else drawn.options,
            test=self.test, test_share=self.test_share, sequence=self.sequence, time=self.time,
            label=self.label, seed=self.seed, targets=self.targets,
            channels=channels, tags=self.tags, weights=self.weight,
            categories=_names(self.categories), strict=self.strict,
            time_format=self.date_format, group=self.group, over_time=self.split == "time",
            gap=self.gap, part=self.part, validation=self.validation,
            validation_file=self.validation_file, series=series,
        )  # fmt: skip

    def _series(self) -> "Series | None":
        """What there is to forecast, if anything is."""
        from throughtime.data.series import Series

        if self.forecasts is None or self.horizon is None:
            return None
        return Series(
            self.forecasts, self.horizon, self.known_columns or (), self.windows, self.test_share,
            self.every, self.by_row, self.season, self.refit, self.all_baselines,
        )  # fmt: skip


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(text.split(","))


def with_table(command: Callable[..., Any]) -> Callable[..., Any]:
    """`command`, whose argument `table` is `TableOptions`, as typer takes it: with each of these
    options in its place.
    """
    shared = {
        f.name: inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type
        )
        for f in fields(TableOptions)
    }

    @wraps(command)
    def run(**given: Any) -> Any:
        table = TableOptions(**{name: given.pop(name) for name in shared})
        table = replace(table, sequence=table.sequence or paths.own_sequence(table.data))
        return command(table=table, **given)

    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        own = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += shared.values() if parameter.name == "table" else [own]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run

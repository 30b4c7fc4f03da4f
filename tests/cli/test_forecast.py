"""Forecasts from a table to a run folder, the next steps, and what a person may get wrong."""

import csv
import io
import json
import math

import polars as pl
import pytest
import torch

from throughtime.cli import main
from throughtime.tasks import Forecast
from throughtime.training import load

COLUMNS = ["--sequence", "shop", "--time", "day", "--forecast", "sales", "--horizon", "4"]
KNOWN = ["--known", "price,promo"]
SMALL = ["--hidden", "6", "--epochs", "3", "--batch-size", "8", "--quiet"]


def frame(lengths=(60, 60, 45), future=0, first=1):
    """Shops, day by day: a weekly season on levels of their own, cheap days and promotions."""
    rows = []
    for s, n in enumerate(lengths):
        draw = torch.Generator().manual_seed(s)  # more rows of one change no other
        for t in range(n + future):
            price, promo = round(1 + 0.3 * math.sin(t / 5 + s), 3), (3 * t + s) % 5 == 0
            noise = 0.05 * float(torch.randn((), generator=draw))
            y = 10.0**s * (3 + (t % 7 > 4) + 2 * promo - price + noise)
            rows.append({
                "shop": f"s{s}", "day": pl.date(2024, 1, first) + pl.duration(days=t),
                "sales": None if t >= n else round(y, 4), "price": price,
                "promo": "yes" if promo else "no",
            })  # fmt: skip
    days = (
        pl.select(pl.concat_list([row.pop("day") for row in rows])).to_series()[0].cast(pl.String)
    )
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(day=days)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table and a run that was trained on it."""
    folder = tmp_path_factory.mktemp("forecast")
    frame().sample(fraction=1.0, shuffle=True, seed=1).write_csv(folder / "sales.csv")
    given = ["train", folder / "sales.csv", *COLUMNS, *KNOWN, *SMALL, "--run", folder / "run"]
    import throughtime.report

    patch = pytest.MonkeyPatch()
    patch.setattr(throughtime.report, "write_report", lambda run, *of: run.folder / "report.html")
    assert main([str(a) for a in given]) == 0
    patch.undo()
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def refused(capfd, *arguments):
    """The one line that a command is refused with."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def future(place, name="future.csv", **change):
    """A file with the known inputs of the steps to come."""
    ahead = frame((0, 0, 0), future=4)
    days = [f"2024-0{m}-{d:02}" for m, d in ((3, 1), (3, 2), (3, 3), (3, 4))] * 2
    days += [f"2024-02-{d}" for d in range(15, 19)]
    ahead = ahead.with_columns(day=pl.Series(days)).drop("sales").with_columns(**change)
    ahead.write_csv(place / name)
    return place / name


def test_what_it_comes_to(call, place):
    run = load(place / "run")
    task = run.model.task
    assert isinstance(task, Forecast)
    assert (task.horizon, task.season, task.known) == (4, 7, ("price", "promo", "day of the week"))
    test = run.results["test"]
    assert (test["sequences"], test["series"]) == (9, 3) and test["MASE"] < 0.6
    assert {"last", "seasonal", "drift", "linear", "theta", "ets"} <= {*run.results}
    assert run.history[-1]["again"] <= 3
    scores = json.loads(call("evaluate", place / "run", "--json"))
    assert scores == json.loads(json.dumps({k: v for k, v in test.items() if k in scores}))
    assert "each step ahead" in call("evaluate", place / "run")
    assert "horizon: 4" in call("info", place / "run")


def test_predictions_beside_what_came(call, place, tmp_path):
    call("evaluate", place / "run", "--predictions", tmp_path / "p.csv")
    rows = rows_of((tmp_path / "p.csv").read_text())
    assert len(rows) == 9 * 4 and [*rows[0]][:4] == ["series", "time", "step", "sales"]
    known = {(r["shop"], r["day"]): r["sales"] for r in frame().to_dicts()}
    for row in rows:
        assert float(row["true_sales"]) == pytest.approx(
            known[row["series"], row["time"]], rel=1e-5
        )
        assert row["origin"] < row["time"]
    assert [row["step"] for row in rows[:4]] == ["1", "2", "3", "4"]


def test_the_next_steps_of_each_series(call, place):
    rows = rows_of(call("forecast", place / "run", "--known", future(place)))
    ends = {"s0": "2024-03-01", "s1": "2024-03-01", "s2": "2024-02-15"}
    assert len(rows) == 12
    for row in rows:
        if row["step"] == "1":
            assert row["time"] == ends[row["series"]]
        levels = [float(row[f"sales_q{q}"]) for q in (10, 20, 30, 40, 60, 70, 80, 90)]
        assert levels == sorted(levels) and levels[3] <= float(row["sales"]) <= levels[4]


def test_the_template_is_filled_in_and_given_back(call, capfd, place, tmp_path):
    assert main(["forecast", str(place / "run"), "--template", str(tmp_path / "t.csv")]) == 0
    assert "12 rows to fill in" in capfd.readouterr().err
    rows = rows_of((tmp_path / "t.csv").read_text())
    assert [*rows[0]] == ["shop", "day", "price", "promo"] and not rows[0]["price"]
    filled = pl.read_csv(tmp_path / "t.csv").with_columns(price=pl.lit(1.1), promo=pl.lit("no"))
    filled.write_csv(tmp_path / "t2.csv")
    assert len(rows_of(call("forecast", place / "run", "--known", tmp_path / "t2.csv"))) == 12
    filled.filter(pl.col("shop") != "s1").write_csv(tmp_path / "t3.csv")
    err = refused(capfd, "forecast", place / "run", "--known", tmp_path / "t3.csv")
    assert "8 missing values: price of 's1' at 2024-03-01" in err and "--template" in err


def test_rows_without_a_target_are_the_steps_to_come(call, place, tmp_path):
    frame(future=4).write_csv(tmp_path / "more.csv")
    with_rows = rows_of(call("forecast", place / "run", tmp_path / "more.csv"))
    given = frame((60, 60, 45), future=4).filter(pl.col("sales").is_null()).drop("sales")
    given.write_csv(tmp_path / "known.csv")
    given = rows_of(call("forecast", place / "run", "--known", tmp_path / "known.csv"))
    in_order = lambda rows: sorted(rows, key=lambda row: (row["series"], row["time"]))  # noqa: E731
    assert in_order(with_rows) == in_order(given)


def test_announced_rows_are_in_no_part(call, place, tmp_path):
    frame(future=4).sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "more.csv")
    announced = call("look", tmp_path / "more.csv", *COLUMNS, *KNOWN).splitlines()[-5:]
    assert announced == call("look", place / "sales.csv", *COLUMNS, *KNOWN).splitlines()[-5:]


def test_it_goes_on_from_new_rows_and_for_a_series_it_has_not_seen(call, place, tmp_path):
    frame((63, 60, 45, 50), future=4).write_csv(tmp_path / "more.csv")
    rows = rows_of(call("forecast", place / "run", tmp_path / "more.csv"))
    assert rows[0]["time"] == "2024-03-04" and {row["series"] for row in rows} >= {"s3"}
    assert len(rows) == 16


def test_paths(call, place):
    known = future(place)
    paths = ["forecast", place / "run", "--known", known, "--paths", "400"]
    rows = rows_of(call(*paths))
    assert len(rows) == 12 * 400 and [*rows[0]] == ["series", "time", "step", "path", "sales"]
    assert call(*paths) == call(*paths, "--seed", "0") != call(*paths, "--seed", "1")
    quantiles = rows_of(call("forecast", place / "run", "--known", known))
    drawn = sorted(float(r["sales"]) for r in rows if (r["series"], r["step"]) == ("s1", "2"))
    of = next(r for r in quantiles if (r["series"], r["step"]) == ("s1", "2"))
    low, high = (float(of[f"sales_q{q}"]) for q in (10, 90))
    assert sum(low <= v <= high for v in drawn) / 400 == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize("suffix", (".parquet", ".jsonl"))
def test_other_files(call, place, tmp_path, suffix):
    call("forecast", place / "run", "--known", future(place), "--output", tmp_path / f"f{suffix}")
    read = pl.read_parquet if suffix == ".parquet" else pl.read_ndjson
    assert read(tmp_path / f"f{suffix}").shape == (12, 12)


def test_the_test_part_changes_nothing_in_training(call, place, tmp_path):
    other = frame().with_columns(n=pl.int_range(pl.len()).over("shop"), c=pl.len().over("shop"))
    other = other.with_columns(
        sales=pl.when(pl.col("n") >= pl.col("c") - 12).then(7.0).otherwise(pl.col("sales"))
    ).drop("n", "c")
    assert not other.equals(frame())
    other.sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "other.csv")
    call("train", tmp_path / "other.csv", *COLUMNS, *KNOWN, *SMALL, "--run", tmp_path / "run")
    a, b = (load(folder / "run").model for folder in (place, tmp_path))
    for name, weights in a.state_dict().items():
        assert torch.equal(weights, b.state_dict()[name]), name
    assert a.task == b.task


def test_one_series_by_row_and_in_python_alike(call, tmp_path):
    frame((50,)).drop("shop", "day", "promo").write_csv(tmp_path / "one.csv")
    given = ["--by-row", "--forecast", "sales", "--horizon", "3", "--known", "price"]
    call("train", tmp_path / "one.csv", *given, *SMALL, "--run", tmp_path / "run")
    pl.DataFrame({"price": [1.0, 1.1, 1.2]}).write_csv(tmp_path / "known.csv")
    rows = rows_of(call("forecast", tmp_path / "run", "--known", tmp_path / "known.csv"))
    assert [(row["step"], row["time"]) for row in rows] == [("1", ""), ("2", ""), ("3", "")]


def test_tested_by_models_trained_anew(call, place, tmp_path):
    call("train", place / "sales.csv", *COLUMNS, *KNOWN, *SMALL, "--refit", "--run", tmp_path / "r")
    once, anew = (load(f).results["test"] for f in (place / "run", tmp_path / "r"))
    assert once["sequences"] == anew["sequences"] and once["MASE"] != anew["MASE"]
    same, other = (load(f).model.state_dict() for f in (place / "run", tmp_path / "r"))
    assert all(torch.equal(same[name], other[name]) for name in same)


def test_trained_on_with_another_table(call, capfd, place, tmp_path):
    frame((70, 66)).write_csv(tmp_path / "more.csv")
    given = ["train", tmp_path / "more.csv", "--from", place / "run", "--epochs", "1", "--quiet"]
    call(*given, "--run", tmp_path / "run")
    assert load(tmp_path / "run").results["test"]["series"] == 2
    assert "windows of each series" in refused(capfd, *given, "--test-share", "0.3")


def test_minutes_leave_out_the_second_training(call, place, tmp_path):
    given = ["--minutes", "5", "--run", tmp_path / "run"]
    call("train", place / "sales.csv", *COLUMNS, *KNOWN, *SMALL, *given)
    assert "again" not in load(tmp_path / "run").history[-1]


def test_several_targets_and_no_extra(call, place, tmp_path, monkeypatch):
    from throughtime.tasks import forecast_statsmodels

    monkeypatch.setattr(forecast_statsmodels, "available", lambda: False)
    given = [a if a != "sales" else "sales,price" for a in COLUMNS]
    out = call("train", place / "sales.csv", *given, *[s for s in SMALL if s != "--quiet"],
               "--quantiles", "0.1,0.5,0.9", "--run", tmp_path / "run")  # fmt: skip
    assert "note: ETS is left out: statsmodels is not installed" in out
    run = load(tmp_path / "run")
    assert "theta" not in run.results and "theta" in run.results["left_out"]
    header = call("forecast", tmp_path / "run").splitlines()[0]
    assert header == "series,time,step,sales,sales_q10,sales_q90,price,price_q10,price_q90"


def test_the_first_screen(call, place):
    out = call("look", place / "sales.csv", *COLUMNS, *KNOWN)
    assert "  sales  forecast: number" in out and "price  known ahead: number" in out
    assert "test part: the last 3 windows of 4 steps of each series" in out
    assert "season: 7 steps" in out
    assert "  test        9 windows, 36 steps of 3 series, 2024-02-03 to 2024-02-29" in out
    assert "to beat: last value, seasonal naive, drift, linear autoregression" in out


WRONG = [
    (["--forecast", "sales"], "without --horizon"),
    (["--horizon", "3", "--label", "promo"], "--horizon is given without --forecast"),
    (["--forecast", "sales", "--horizon", "3", "--test", "x.csv"], "--test is given with --forec"),
    (["--forecast", "sales", "--horizon", "3", "--every", "1d", "--by-row"], "one of the two"),
    (["--forecast", "sales", "--horizon", "3", "--every", "day"], "--every is 'day'; expected"),
    (["--forecast", "sales", "--horizon", "3", "--known", "sales"], "--known has sales, which"),
    (["--forecast", "sales", "--horizon", "3", "--known", "wind"], "'wind'"),
    (["--forecast", "promo", "--horizon", "3"], "'promo' is text; expected numbers"),
    (["--forecast", "sales", "--horizon", "3", "--direction", "both"], "expected forward"),
    (["--forecast", "sales", "--horizon", "3", "--pooling", "mean"], "--pooling mean is given"),
    (["--forecast", "sales", "--horizon", "300"], "longest series has 60 steps"),
    (["--forecast", "sales", "--horizon", "3", "--windows", "2", "--test-share", "0.1"],
     "both say"),
    (["--forecast", "sales", "--horizon", "3", "--at-once", "4"], "at_once=4 is given"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "says"), WRONG, ids=lambda v: v[-1] if v else "")
def test_wrong_options_are_one_line(capfd, place, options, says):
    given = ["train", place / "sales.csv", "--sequence", "shop", "--time", "day", *options]
    (place / "x.csv").write_text("")
    assert says in refused(capfd, *given)


def test_wrong_runs_and_tables(capfd, call, place, tmp_path):
    run = place / "run"
    assert "Use `throughtime forecast`" in refused(capfd, "predict", run, place / "sales.csv")
    frame().drop("promo").write_csv(tmp_path / "bare.csv")
    assert "no 'promo'" in refused(capfd, "forecast", run, tmp_path / "bare.csv")
    weekly = frame().filter(pl.col("day").str.to_date().dt.weekday() == 1)
    weekly.write_csv(tmp_path / "weekly.csv")
    assert "weekly; expected daily" in refused(capfd, "forecast", run, tmp_path / "weekly.csv")
    assert "holds no forecast" in refused(
        capfd, "forecast", run, "--template", tmp_path / "t.csv", "--paths", "3"
    )
    rows = "".join(f"{k},{t},{t * (k % 2)},{k % 2}\n" for k in range(9) for t in range(3))
    (tmp_path / "classes.csv").write_text("id,t,a,kind\n" + rows)
    call("train", tmp_path / "classes.csv", "--sequence", "id", "--label", "kind", "--time", "t",
         *SMALL, "--run", tmp_path / "other")  # fmt: skip
    assert "Use `throughtime predict`" in refused(capfd, "forecast", tmp_path / "other")


def test_a_template_without_known_columns_is_refused(call, capfd, place, tmp_path):
    call("train", place / "sales.csv", *COLUMNS, *SMALL, "--run", tmp_path / "run")
    says = refused(capfd, "forecast", tmp_path / "run", "--template", tmp_path / "t.csv")
    assert "has no --known columns" in says

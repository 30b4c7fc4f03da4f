"""`--date-format`: kept with the run, so that what comes after training reads times alike."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from cli.conftest import frame

from throughtime.cli import main
from throughtime.training.files import read_json

FORMAT = "%d.%m.%Y %H:%M"
COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind"]
SMALL = ["--hidden", "3", "--epochs", "3", "--batch-size", "8", "--dropout", "0",
         "--pooling", "last", "--direction", "forward"]  # fmt: skip
OLD = Path(__file__).parent / "old_runs" / "2026-11-27" / "gru"


@pytest.fixture
def dated(tmp_path, monkeypatch):
    """The same rows, shuffled, with times as numbers and as text that sorts otherwise."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("data", 0), ("other", 5)):
        rows = frame(20, seed=seed).sample(fraction=1, shuffle=True, seed=1)
        rows.write_csv(f"{name}-numbers.csv")
        day = pl.datetime(2024, 1, 30) + pl.duration(days=pl.col("t") // 5)  # into the next month
        rows.with_columns(t=day.dt.to_string(FORMAT)).write_csv(f"{name}-dates.csv")
    return tmp_path


def train(call, name, *options):
    return call("train", f"data-{name}.csv", *COLUMNS, *SMALL, "--run", name, *options)


def test_evaluate_and_predict_read_as_training_did(call, dated):
    train(call, "numbers")
    train(call, "dates", "--date-format", FORMAT)
    assert read_json(Path("dates/config.json"))["details"]["data"]["time_format"] == FORMAT
    for command in (["evaluate", "RUN", "--json"], ["evaluate", "RUN", "other-RUN.csv", "--json"],
                    ["predict", "RUN", "other-RUN.csv"]):  # fmt: skip
        numbers, dates = (
            call(*[part.replace("RUN", run) for part in command]) for run in ("numbers", "dates")
        )
        assert numbers == dates


def test_the_table_of_tests_is_read_alike(call, dated):
    for name, options in (("numbers", []), ("dates", ["--date-format", FORMAT])):
        train(call, name, *options, "--test", f"other-{name}.csv")
    numbers, dates = (json.loads(call("evaluate", run, "--json")) for run in ("numbers", "dates"))
    assert numbers == dates and numbers["sequences"] == 20


def test_resume_reads_as_training_did(call, dated, interrupted):
    train(call, "dates", "--date-format", FORMAT)
    before = read_json(Path("dates/results.json"))["test"]
    stopped = ["train", "data-dates.csv", *COLUMNS, *SMALL, "--run", "stopped"]
    said = interrupted(2, *stopped, "--date-format", FORMAT)
    assert "Go on with `throughtime train --resume stopped`." in said
    call("train", "--resume", "stopped")
    assert read_json(Path("stopped/results.json"))["test"] == before


REFUSED = {
    "an unknown code": (
        ["data-dates.csv", *COLUMNS, "--date-format", "%d.%Q"],
        "--date-format is '%d.%Q', which polars cannot read; expected codes of strftime that make "
        "up a date or a time of day. Write '%d.%m.%Y %H:%M' for 31.12.2024 23:59, say.",
    ),
    "no time column": (
        ["data-dates.csv", "--sequence", "id", "--label", "kind", "--date-format", "%Y"],
        "--date-format '%Y' is given without --time; expected the column that is written so. Add "
        "--time COLUMN.",
    ),
    "no table": (
        ["--date-format", "%Y"],
        "--date-format %Y is given without a table; expected one before it. Write `throughtime "
        "train DATA ...`, or leave it out for the bundled data.",
    ),
    "another format": (
        ["data-numbers.csv", *COLUMNS, "--date-format", "%d.%m.%Y"],
        "data-numbers.csv: column 't', row 2 has the text '0'; expected a time of the format "
        "'%d.%m.%Y', which no row has. Give the format that the column has, or write its times in "
        "this one.",
    ),
    "two ways to read": (
        ["unclear.csv", *COLUMNS],
        "unclear.csv: column 't', row 2 has the date '01/02/2024', which is 2024-02-01 with the "
        "day first and 2024-01-02 with the month first; expected a format because no row says "
        "which. Give '%d/%m/%Y' or '%m/%d/%Y' (in `throughtime train` --date-format, in Python "
        "time_format=).",
    ),
    "given to a run that goes on": (
        ["--resume", "run", "--date-format", "%Y"],
        "--resume run is given with --date-format; expected it alone, because a run goes on with "
        "the options that it began with. Leave out --date-format.",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused(dated, capfd, kind):
    frame(6).with_columns(t=pl.lit("01/02/2024")).write_csv("unclear.csv")
    shutil.copytree(OLD, "run")
    options, says = REFUSED[kind]
    assert main(["train", *options, *([] if "--resume" in options else ["--run", "new"])]) == 2
    assert capfd.readouterr() == ("", f"throughtime: {says}\n")
    assert not Path("new").exists()

"""Tables as people have them, on the command line: text, truth values, gaps, codes."""

import json
from pathlib import Path

import pytest

from throughtime.cli import main
from throughtime.training.files import read_json

EVIL = "<img src=x onerror=alert(1)>\x1b[31m[bold]\u202e"
TRAIN = ("train", "t.csv", "--sequence", "batch", "--time", "minute", "--label", "grade",
         "--hidden", "4", "--epochs", "2", "--quiet", "--run", "run")  # fmt: skip


@pytest.fixture
def both(capfd):
    """Runs a command and gives its status, what it printed, and what it said on stderr."""

    def run(*arguments):
        status = main([str(a) for a in arguments])
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def refused(both):
    """The line that a command ends with."""

    def run(*arguments):
        status, out, err = both(*arguments)
        assert (status, out) == (2, "") and err[:-1].isprintable()
        return err

    return run


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Thirty batches: gaps in `flow`, texts in `valve`, codes in `site`, truth in `pump`."""
    monkeypatch.chdir(tmp_path)

    def write(name="t.csv", valve=("open", "shut", EVIL), gap="", batches=30):
        rows = ["batch,minute,flow,valve,pump,site,grade"]
        for k in range(batches):
            for t in range(3 + k % 4):
                flow = gap if (k + t) % 5 == 0 else f"{k % 7}.{t}"
                cell = valve[(k * t) % len(valve)]
                rows.append(
                    f'{k},{t},{flow},"{cell}",{"true" if t % 2 else "false"},{10 + k % 3},'
                    f"{'good' if k % 2 else 'bad'}"
                )
        (tmp_path / name).write_text("\n".join(rows) + "\n")

    write()
    return write


def test_from_the_table_to_a_prediction(call, both, table):
    shown = " ".join(call(*TRAIN, "--categories", "site").split())
    assert "values of 'flow' missing: filled with the last one of the sequence, else the" in shown
    test = read_json(Path("run") / "results.json")["test"]
    assert test["inputs"]["missing"].keys() == {"flow"} and test["inputs"]["not_seen"] == {}
    described = read_json(Path("run") / "config.json")["model"]["encoder"]
    assert described["missing"] == ["flow"]
    assert described["categories"] == {
        "valve": sorted(["open", "shut", EVIL]), "site": ["10", "11", "12"]
    }  # fmt: skip
    table("new.csv", valve=("open", "ajar", EVIL), gap="NA", batches=4)
    rows = both("predict", "run", "new.csv")[1].splitlines()
    assert len(rows) == 5 and not any("nan" in row for row in rows)
    scores = json.loads(both("evaluate", "run", "new.csv", "--json")[1])
    assert scores["sequences"] == 4
    assert call("diagnose", "run", "new.csv")
    assert "category 'site': '10', '11', '12'" in call("info", "run")


def test_predict_and_evaluate_say_what_was_filled(both, table):
    both(*TRAIN)
    table("new.csv", valve=("open", EVIL + "2"), batches=4)
    for command in ("predict", "evaluate"):
        _, _, said = both(command, "run", "new.csv")
        assert said.replace("\n", "").isprintable()
        assert "note: 3 of 18 values of 'flow' missing: filled with the last one" in said
        assert "note: 'valve': 5 of 18 values not seen in training." in said


@pytest.mark.usefixtures("reports")
def test_hostile_texts_are_harmless(call, table):
    shown = call(*TRAIN)
    page = Path("run/report.html").read_text()
    assert "values of 'flow' missing: filled with" in page.replace("&#39;", "'")
    assert "\x1b" not in shown and "\u202e" not in shown and "<img src=x" not in page
    assert "\x1b" not in page and "\x1b" not in call("info", "run")
    assert "onerror" in page, "it is drawn, as text"


def test_a_run_goes_on_with_its_columns(call, table):
    call(*TRAIN, "--categories", "site", "--validation", "0.2")
    first = read_json(Path("run") / "results.json")
    call("train", "--resume", "run", "--quiet")
    assert read_json(Path("run") / "results.json") == first


@pytest.mark.usefixtures("reports")
def test_categories_alone_are_enough(call, table):
    call(*TRAIN, "--channels", "valve,site", "--categories", "site", "--no-differences")
    layer = read_json(Path("run") / "config.json")["model"]["recurrent"][0]
    assert layer["input_size"] == 2 + 2 and Path("run/report.html").exists()


@pytest.mark.parametrize(
    "options, says",
    [
        (["--strict"], "t.csv: column 'flow', row 2 has no value; expected a number. Fill it in"),
        (["--strict", "--channels", "valve"], "t.csv: column 'valve', row 2 has the text 'open'"),
        (["--categories", "sight"], "t.csv: categories has 'sight'; expected one of the channels"),
        (["--categories", "grade"], "t.csv: categories has 'grade'; expected one of the channels"),
    ],
)
def test_what_is_refused(refused, table, options, says):
    assert refused(*TRAIN, *options).startswith(f"throughtime: {says}")


@pytest.mark.parametrize("option", [["--strict"], ["--categories", "a"]])
def test_the_bundled_data_have_no_such_columns(refused, option):
    line = refused("train", *option)
    assert line.startswith(
        f"throughtime: {' '.join(option)} is given without a table; expected one"
    )


def test_a_strict_run_is_strict_with_other_tables(call, both, table):
    table(gap="1")
    call(*TRAIN, "--strict", "--categories", "valve")
    table("new.csv")
    said = "".join(map(str, both("predict", "run", "new.csv")))
    assert "column 'flow', row 2 has no value; expected a number" in said
    table("new.csv", gap="2", valve=("new",))
    assert len(both("predict", "run", "new.csv")[1].splitlines()) == 31

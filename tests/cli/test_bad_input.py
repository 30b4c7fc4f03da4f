"""What a person gives wrongly: one clear line on stderr, status 2, and nothing else touched."""

import fcntl
import os
import re
import subprocess
import sys

import polars as pl
import pytest
from cli.conftest import frame

from throughtime.cli import main
from throughtime.training import files
from throughtime.training.files import read_json, write_json
from throughtime.training.lock import NAME

COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind"]
SMALL = ["--hidden", "2", "--epochs", "1", "--dropout", "0"]


@pytest.fixture
def refused(capfd, tmp_path, monkeypatch):
    """Runs a command that is to be refused, in a folder of its own, and gives the line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = whole(tmp_path)
        status = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        assert status == 2 and out == ""
        assert err.startswith("throughtime: ") and err.endswith("\n")
        assert err[:-1].isprintable(), "one line, nothing hidden in it"
        after = whole(tmp_path)
        assert {name: after.get(name) for name in before} == before, "all is as it was"
        assert not [n for n in {*after} - {*before} if "__pycache__" not in n], "nothing is added"
        return err.removeprefix("throughtime: ")[:-1]

    return run


def whole(folder):
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


HEAD = "id,t,a,kind\n"
GOOD = "x,0,1,yes\nx,1,3,yes\ny,0,5,no\ny,1,2,no\n"

TABLES = {
    "empty file": ("", "data.csv: file has no text; expected a header and rows"),
    "header only": (HEAD, "header and no rows; expected at least 1. Add rows"),
    "cut-off row": (HEAD + GOOD + "z,0", "row 6 has 2 fields; expected 4 .* if it was cut off"),
    "cut-off text": (HEAD + GOOD + 'z,0,1,"ye', "quotation .* complete the file if it was cut"),
    "binary": (b"\0\1\2\xff" * 50, "expected "),
    "not UTF-8": (b"id,t,a,kind\nx,0,1,\xe9\n", "has the byte 0xe9; expected UTF-8"),
    "two separators": ("id;t,a;t,b;k\nx;0,1;1,2;y\n", "header has ',' and ';', and the first rows"),
    "mixed separators": (HEAD + "x;0;1;yes\n", "row 2 has ';' between its fields; expected ','"),
    "missing column": ("id,a,kind\nx,1,yes\n", "time has 't'; expected one of the columns 'id'"),
    "misnamed column": ("Id,t,a,kind\nx,0,1,yes\n", "sequence has 'id'; .* Did you mean 'Id'"),
    "duplicate column": ("id,t,a,a,kind\nx,0,1,2,yes\n", "has the column 'a' twice; expected"),
    "nameless column": ("id,t,,kind\nx,0,1,yes\n", "no name for column 3; expected one"),
    "no channel": ("id,t,kind\nx,0,yes\ny,0,no\n", "channels has no column; expected at least 1"),
    "text among numbers": (
        HEAD + GOOD + "y,2,one,no\n",
        "column 'a', row 6 has the text 'one'; expec",
    ),
    "infinity": (HEAD + GOOD + "y,2,-inf,no\n", "row 6 has infinity; expected a finite number"),
    "too large": (HEAD + GOOD + "y,2,1e39,no\n", "row 6 has '1e39'; expected at most 3.4"),
    "missing label": (HEAD + GOOD + "y,2,1,\n", "row 6 has no value; expected a label"),
    "missing sequence": (HEAD + GOOD + ",2,1,no\n", "row 6 has no value; expected a sequence"),
    "single class": (HEAD + GOOD.replace("no", "yes"), "has one class, 'yes'; expected at least 2"),
    "one sequence": (HEAD + "x,0,1,yes\nx,1,2,yes\n", "has one sequence, 'x'; expected at least 2"),
    "label changes": (HEAD + GOOD + "x,2,1,no\n", "row 6 has the label 'no' in sequence 'x'; exp"),
    "time twice": (HEAD + GOOD + "x,1,1,yes\n", "row 6 has the time '1' a second time"),
    "no time": (HEAD + GOOD + "x,soon,1,yes\n", "row 6 has the text 'soon'; expected a number"),
    "fractions": (HEAD + "x,0,1,0.5\ny,0,1,1.5\n", "number '0.5'; expected text or whole numbers"),
    "lone classes": (HEAD + "x,0,1,yes\ny,0,5,no\n", "alone in their class; expected a class with"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(refused, tmp_path, kind):
    content, says = TABLES[kind]
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "data.csv").write_bytes(content)
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", "run")
    assert_says(line, says)


def assert_says(line, says):
    assert re.search(says, line), line


def test_a_table_that_is_not_there(refused):
    line = refused("train", "none.csv", *COLUMNS)
    assert line.startswith("none.csv: there is no such file; expected a table. Check the spelling")


def test_a_folder_as_a_table(refused, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert_says(
        refused("train", "folder.csv", *COLUMNS), "folder.csv: path has no file; expected tables"
    )


def test_a_wrong_suffix(refused, tmp_path):
    (tmp_path / "data.xlsx").write_text("")
    assert_says(refused("train", "data.xlsx", *COLUMNS), "suffix '.xlsx'; expected one of '.csv'")


def test_parquet_files_cut_off_and_damaged(refused, tmp_path):
    path = tmp_path / "data.parquet"
    frame().write_parquet(path)
    content = path.read_bytes()
    says = {
        content[: len(content) // 2]: "is cut off; expected Parquet to end with PAR1",
        b"": "file is empty; expected a table",
        b"id,t\n": "other contents than Parquet; expected it to begin with PAR1",
        content[:50] + content[-50:]: "contents that are not Parquet .*; expected a whole",
    }
    for damaged, message in says.items():
        path.write_bytes(damaged)
        assert_says(refused("train", path, *COLUMNS, "--run", "run"), message)


def test_a_class_only_in_the_test_part(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    frame(classes=("no", "yess")).write_csv(tmp_path / "test.csv")
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--test", "test.csv", "--run", "run")
    assert_says(line, "test.csv: .* unknown class 'yess'; expected one of 'no', 'yes'")


def test_a_test_table_without_a_channel(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    frame().drop("b").write_csv(tmp_path / "test.csv")
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--test", "test.csv", "--run", "run")
    assert_says(line, "test.csv: channels has 'b'; expected one of the columns")


def test_a_table_without_its_sequences_named(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    line = refused("train", "data.csv", "--label", "kind")
    assert_says(line, "data.csv: --sequence is missing; expected the column .* Add --sequence COL")


def test_one_task(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    table = ["train", "data.csv", "--sequence", "id"]
    each = "expected one of --label COLUMN, .*; --tag COLUMN, .*; --target COLUMN, .*"
    assert_says(refused(*table), f"data.csv: nothing says what to learn; {each}. Add one.")
    line = refused(*table, "--label", "kind", "--target", "a")
    assert_says(line, f"data.csv: --label and --target are both given; {each}. Leave one out.")
    line = refused(*table, "--label", "kind", "--tag", "kind", "--target", "a")
    assert_says(line, f"--label, --tag and --target are given; {each}. Leave all but one out.")
    line = refused(*table, "--target", "kind")
    assert_says(line, "column 'kind', row 2 has the text .*; expected a number.* label column")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--tag", "kind", "--pooling", "mean"], "--pooling mean is given with --tag; .* answers"),
        (["--label", "kind", "--causal"], "--causal is given without --tag; .* Leave out --causal"),
        (["--label", "kind", "--spans"], "--spans is given without --tag"),
        (["--label", "kind", "--weight", "b"], "--weight b is given without --tag"),
        (["--tag", "kind", "--causal", "--direction", "both"],
         "--causal is given with --direction both; expected forward, because what comes after"),
        (["--tag", "kind", "--bptt", "truncated:2"], "--bptt truncated:2 is given with --direct"),
        (["--tag", "king"], "tag has 'king'; expected one of .*Did you mean 'kind'"),
        (["--tag", "b", "--channels", "a", "--spans"], "spans is given; expected a class among"),
    ],
)  # fmt: skip
def test_options_of_tags(refused, tmp_path, given, says):
    frame().write_csv(tmp_path / "data.csv")
    assert_says(refused("train", "data.csv", "--sequence", "id", *given, "--run", "run"), says)
    assert not (tmp_path / "run").exists()


def test_targets_that_nothing_is_known_of(refused, tmp_path):
    """Said before anything is trained: of the whole table, of the test part, of a test table."""
    rows = [{"id": f"s{k}", "a": 1.0 * k, "y": 2.0 * k} for k in range(10)]
    pl.DataFrame(rows).write_csv(tmp_path / "data.csv")
    none = pl.DataFrame(rows).with_columns(y=pl.lit(None, dtype=pl.Float64))
    none.write_csv(tmp_path / "none.csv")
    columns = ["--sequence", "id", "--target", "y", "--run", "run"]
    says = "train: the target 'y' is not known for any sequence; expected a number for some"
    assert_says(refused("train", "none.csv", *columns), says)
    assert_says(refused("train", "data.csv", *columns, "--test", "none.csv"), says)


OF_TABLES = ["--sequence", "--time", "--label", "--target", "--tag", "--weight", "--test",
             "--test-share", "--part", "--group", "--validation-file"]  # fmt: skip


@pytest.mark.parametrize("option", OF_TABLES)
def test_an_option_of_a_table_without_one(refused, option):
    line = refused("train", option, "0.5")
    assert_says(line, f"{option} 0.5 is given without a table; expected one before it")


PARTS = {
    "a share of a test table": (
        ["--test", "data.csv", "--test-share", "0.3"],
        "--test-share 0.3 is given with --test data.csv; expected one of the two, because",
    ),
    "a column of parts and a test table": (
        ["--part", "a", "--test", "data.csv"], "--test data.csv is given with --part a; expected",
    ),
    "a column of parts and a split": (
        ["--part", "a", "--split", "time"], "--split time is given with --part a; expected one of",
    ),
    "two validation parts": (
        ["--validation", "0.2", "--validation-file", "data.csv"],
        "--validation 0.2 is given with --validation-file data.csv; expected one of the two",
    ),
    "groups over time": (
        ["--group", "a", "--split", "time"], "--split time is given with --group a; expected one",
    ),
    "a gap between drawn parts": (["--gap", "3"], "--gap 3 is given without --split time; .*order"),
    "a split of nothing": (
        ["--split", "time", "--test", "data.csv"],
        "--split time is given with --test data.csv and without --validation; .* Add --validation",
    ),
    "another split": (["--split", "random"], "--split is 'random'; expected one of sequence, time"),
    "a negative gap": (["--split", "time", "--gap", "-1"], "--gap is -1; expected a whole number"),
    "a validation table that is not there": (
        ["--validation-file", "none.csv"], "none.csv: there is no such file; expected a table",
    ),
    "a group that is no column": (
        ["--group", "kindd"], "attribute has 'kindd'; expected one of the columns .* mean 'kind'",
    ),
    "a group that changes in a sequence": (
        ["--group", "b"], "column 'b', row 3 has the attribute .* because an attribute is of the",
    ),
    "one group": (["--group", "all"], "all sequences have the same 'all', 'one'; expected at leas"),
    "texts that name no part": (
        ["--part", "all"], "column 'all' has 'one'; expected train, test or validation, because",
    ),
    "sequences that begin together": (
        ["--split", "time"], "all 20 sequences begin at the same time; expected several times",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PARTS)
def test_parts_that_cannot_be(refused, tmp_path, kind):
    options, says = PARTS[kind]
    frame(all=pl.lit("one")).write_csv(tmp_path / "data.csv")
    columns = [*COLUMNS, *(["--channels", "a"] if "all" in options or "b" in options else [])]
    if kind == "sequences that begin together":
        columns += ["--channels", "a"]
    for command in ("train", "look"):
        assert_says(refused(command, "data.csv", *columns, *options), says)


def test_a_series_without_its_columns(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    both = "data.csv: --sequence is missing; .* or --time alone where the table is one long series"
    assert_says(refused("look", "data.csv"), both)
    for option in ("label", "target", "group", "part"):
        line = refused("look", "data.csv", "--time", "t", f"--{option}", "kind")
        assert_says(line, f"--sequence is missing; .* because --{option} is of a whole sequence")
    line = refused("look", "data.csv", "--sequence", "id", "--label", "kind", "--split", "time")
    assert_says(line, "--split time is given without --time; .* Add --time COLUMN")


def test_columns_that_are_one(refused, tmp_path):
    frame().write_csv(tmp_path / "data.csv")
    line = refused("train", "data.csv", "--sequence", "id", "--label", "id")
    assert_says(line, "sequence and label have the same column 'id'; expected two columns")


def test_usage(refused):
    assert_says(refused("train", "--zzz", "3"), "`throughtime train`: .*--zzz.* See `throughtime t")
    assert_says(refused("learn"), "`throughtime`: .*learn.* See `throughtime --help`")
    assert_says(refused("evaluate"), "`throughtime evaluate`: .*(?i:run)")
    assert_says(refused("predict"), "`throughtime predict`: .*(?i:run)")
    assert_says(refused("compute"), "`throughtime compute`: .*(?i:machine)")
    assert_says(refused("compute", "parity", "1", "b.csv"), "unexpected extra argument")
    assert_says(refused("train", "--epochs"), "--epochs.* requires an argument")


COUNTS = ("hidden", "layers", "epochs", "batch-size", "patience")
RATES = ("dropout", "variational-dropout", "zoneout", "weight-drop", "label-smoothing",
         "validation")  # fmt: skip
NUMBERS = {
    **{f"--{name}={bad}": name for name in COUNTS for bad in ("0", "-1", "nan", "many", "1.5")},
    **{f"--{name}={bad}": name for name in RATES for bad in ("1", "-1", "nan", "many", "inf")},
    **{
        f"--learning-rate={bad}": "learning-rate"
        for bad in ("0", "-1", "nan", "inf", "fast", "1e5", "101")
    },
    **{f"--weight-decay={bad}": "weight-decay" for bad in ("-1", "nan", "inf", "much")},
    **{f"--clip={bad}": "clip" for bad in ("-1", "nan", "inf", "much")},
    **{f"--seed={bad}": "seed" for bad in ("-1", "nan", "1.5", "some", str(10**30))},
    **{f"--threads={bad}": "threads" for bad in ("-1", "nan", "all")},
    **{f"--checkpoint-seconds={bad}": "checkpoint-seconds" for bad in ("-1", "nan", "often")},
    **{f"--test-share={bad}": "test-share" for bad in ("0", "1", "-1", "nan", "half")},
}


@pytest.mark.parametrize("option", NUMBERS)
def test_numbers(refused, tmp_path, option):
    frame(6).write_csv(tmp_path / "data.csv")
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", "run", option)
    assert NUMBERS[option].replace("-", "_") in line.replace("-", "_")
    given = option.split("=")[1]
    assert given in line or str(float(given)) in line
    assert "; expected " in line


CHOICES = {
    "--optimiser=adamm": "optimiser is 'adamm'; expected one of adam, .* Did you mean 'adam'",
    "--schedule=linear": "schedule is 'linear'; expected one of cosine",
    "--direction=up": "--direction is 'up'; expected one of forward, backward, both",
    "--merge=add": "--merge is 'add'; expected one of concat, sum, mean",
    "--pooling=first": "--pooling is 'first'; expected one of last, mean, max",
    "--initial-state=one": "--initial-state is 'one'; expected one of learned, zeros",
    "--bptt=half": "--bptt is 'half'; expected full, truncated:STEPS, .* Write --bptt truncated:50",
    "--bptt=truncated:0": "whose STEPS is 0; expected a whole number, 1 or more",
    "--bptt=truncated:5:3": "an EVERY that divides STEPS, .* Write --bptt truncated:6:3",
    "--bptt=truncated:5": "given with --direction both; expected --direction forward, .* Add --dir",
    "--output=64,x": "--output '64,x'; expected whole numbers, .* Write 64,32",
    "--output=0": "--output '0'; expected whole numbers, 1 or more",
    "--output=8,": "--output '8,'; expected whole numbers",
    "--hidden=30000000": "not enough memory .* expected a model .* Set a lower --hidden",
    "--cell=LTSM": "--cell 'LTSM'; expected one of RNN, LSTM, .* Did you mean LSTM",
    "--cell=Transformer": "--cell 'Transformer'; expected one of RNN, .* Write my_cells.py:MyCell",
    "--cell=GRU(reset=after)": "cannot be read; expected a name with options .* Quote it",
    '--cell=GRU("after")': "cannot be read; expected a name with options",
    "--cell=GRU(": "cannot be read; expected a name with options",
    "--cell=GRU({[]: 1})": "cannot be read; expected a name with options",
    "--cell=GRU(reset={[]: 1})": "cannot be read; expected a name with options",
    "--cell=GRU(reset='later')": "reset is 'later'; expected \"before\"",
    "--cell=GRU(size=3)": "GRU has no option 'size'; expected one of reset, .* Leave it out",
    "--cell=RNN(activation='tanhh')": "'tanhh'; expected one of .* Did you mean 'tanh'",
    "--cell=__import__('os').abort()": "cannot be read; expected a name",
}


@pytest.mark.parametrize("option", CHOICES)
def test_choices(refused, tmp_path, option):
    frame(6).write_csv(tmp_path / "data.csv")
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", "run", option)
    assert_says(line, CHOICES[option])


MISTAKES = {
    "the option of another library": (
        ["--lr", "0.1"], "`throughtime train` has no option --lr; did you mean --learning-rate?"
    ),
    "an option spelled otherwise": (["--optimizer=sgd"], "did you mean --optimiser"),
    "an option with a longer name": (["--hidden-size=3"], "did you mean --hidden?"),
    "no units": (["--hidden=0"], "--hidden is 0; expected a whole number, .* Set --hidden 64"),
    "times as a channel": (["stamps.csv"], "If it is when each step was, .* --time 'timestamp'"),
    "moments as a channel": (
        ["stamps.parquet"], "column 'timestamp' has type Datetime.* If it is when each step was"
    ),
    "times in a column that is named": (
        ["stamps.csv", "--time", "t"],
        "column 'timestamp', .* Leave the column out .*--channels a,b"
    ),
    "the label as a channel": (
        ["--channels=a,kind"], "channels has 'kind', which is the label column; .* Leave it out of"
    ),
    "a channel of text": (
        ["texts.csv", "--strict"],
        "column 'colour', row 2 has the text 'red'; .* command line --channels t,a,b"
    ),
    "a name as a channel": (
        ["names.csv"], "column 'name' has 144 .*; expected at most 100 in a cat.*--channels t,a,b"
    ),
    "a typing error in a channel": (["typo.csv"], "has the text '1o'; .* Correct it or remove"),
    "no header": (["bare.csv"], "If the file has no header, add one: a first line with the names"),
    "no header, a number twice": (["twice.csv"], "'0' twice; .* If the file has no header, add"),
    "a file in place of a cell": (
        ["--cell=my.py"], "names a file and no class in it; .* Write --cell my.py:Mine"
    ),
    "an empty file in place of a cell": (["--cell=empty.py"], "Write --cell empty.py:MyCell for a"),
    "a file that is not there": (["--cell=none.py"], "--cell none.py: there is no such file"),
    "units given to the cell": (
        ["--cell=LSTM(units=5)"], "LSTM has no option 'units'; .* Leave it out and add --hidden 5"
    ),
    "layers given to the cell": (["--cell=GRU(num_layers=2)"], "Leave it out and add --layers 2"),
    "an option of the cell, misspelled": (
        ["--cell=LSTM(peepholes=True)"], "one of peephole, layer_norm, .* Did you mean 'peephole'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISTAKES)
def test_what_people_do(refused, tmp_path, kind):
    """Each message says what was done, and one thing to do with options that there are."""
    options, says = MISTAKES[kind]
    frame(6).write_csv(tmp_path / "data.csv")
    moment = pl.format("2024-01-01 00:{}:00", pl.col("t").cast(pl.String).str.zfill(2))
    frame(6).with_columns(timestamp=moment).write_csv(tmp_path / "stamps.csv")
    frame(6).with_columns(colour=pl.lit("red")).write_csv(tmp_path / "texts.csv")
    (tmp_path / "typo.csv").write_text(HEAD + GOOD.replace("5,no", "1o,no"))
    (tmp_path / "bare.csv").write_text(GOOD)
    (tmp_path / "twice.csv").write_text("x,0,0,yes\n" + GOOD)
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "my.py").write_text("class Mine:\n    def step(self, x, h):\n        return h\n")
    moments = pl.read_csv(tmp_path / "stamps.csv", try_parse_dates=True)
    moments.write_parquet(tmp_path / "stamps.parquet")
    many = frame(36)
    numbered = pl.Series("name", [f"name {k}" for k in range(many.height)])
    many.with_columns(numbered).write_csv(tmp_path / "names.csv")
    table = [] if options[0].endswith((".csv", ".parquet")) else ["data.csv"]
    line = refused("train", *table, *options, "--sequence", "id", "--label", "kind", "--run", "run")
    assert_says(line, says)


def test_bench_names_its_own_options(refused):
    line = refused("bench", "--cell", "LSTM(units=5)")
    assert_says(line, "LSTM has no option 'units'; .* Leave it out and add --shape 100,32,32,5")
    assert_says(refused("bench", "--beside", "LSTM(x=5)"), "^--beside .* has no option 'x'; expec")


CELL_FILES = {
    "missing": (None, "my.py: there is no such file; expected Python. Check the path"),
    "syntax": ("class MyCell(:\n", "my.py:1: SyntaxError: .*; expected Python that runs. Mend"),
    "raises": ("\n\n1 / 0\n", "my.py:3: ZeroDivisionError: .*; expected Python that runs"),
    "exits": ("import sys\nsys.exit(5)\n", "my.py:2: SystemExit: 5; expected Python that runs"),
    "no class": ("x = 1\n", "has no cell 'MyCell'; expected a class derived from .* Write `class"),
    "other class": (
        "from throughtime import Cell\nclass Mine(Cell):\n    pass\n",
        "has no cell 'MyCell'; expected a class derived from throughtime.Cell. It has Mine",
    ),
    "not a cell": ("class MyCell:\n    pass\n", "has no cell 'MyCell'; expected a class derived"),
    "no step": (
        "from throughtime import Cell\nclass MyCell(Cell):\n    pass\n",
        "MyCell.*has no `step`; write its equations",
    ),
    "step raises": (
        "from throughtime import Cell\nclass MyCell(Cell):\n"
        "    def step(self, x, h):\n        return h.sort()\n",
        "my.py:4|line 4",
    ),
    "step raises another error": (
        "from throughtime import Cell\nclass MyCell(Cell):\n"
        "    def step(self, x, h):\n        return h + {}['rate']\n",
        "my.py:4: KeyError: 'rate' Expected equations that can be traced. Mend the file",
    ),
    "step takes too little": (
        "from throughtime import Cell\nclass MyCell(Cell):\n    def step(self, x):\n"
        "        return x\n",
        r"MyCell.step.*expected x and one argument for each of `states`",
    ),
    "branch on a value": (
        "from throughtime import Cell\nclass MyCell(Cell):\n"
        "    def step(self, x, h):\n        return h if h > 0 else -h\n",
        "my.py:4|line 4",
    ),
    "options": (
        "from throughtime import Cell\nclass MyCell(Cell):\n    def __init__(self):\n"
        "        raise KeyError('size')\n",
        "KeyError: 'size'; expected options that MyCell takes",
    ),
}


@pytest.mark.parametrize("kind", CELL_FILES)
def test_cells_of_ones_own(refused, tmp_path, kind):
    text, says = CELL_FILES[kind]
    frame(6).write_csv(tmp_path / "data.csv")
    if text is not None:
        (tmp_path / "my.py").write_text(text)
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", "run", "--cell", "my.py:MyCell")
    assert_says(line, says)


@pytest.mark.parametrize("run", ["file/run", "file", "a" * 300])
def test_a_folder_that_cannot_be_written(refused, tmp_path, run):
    frame(6).write_csv(tmp_path / "data.csv")
    (tmp_path / "file").write_text("")
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", run)
    assert_says(line, f"{run}: cannot be made .*; expected a place .* Choose another with --run")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A table and a finished run on it, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    frame().write_csv(folder / "data.csv")
    here = os.getcwd()
    os.chdir(folder)
    try:
        assert main(["train", "data.csv", *COLUMNS, *SMALL, "--run", "run"]) == 0
    finally:
        os.chdir(here)
    return whole(folder), folder


@pytest.fixture
def run(finished, tmp_path, capfd):
    """A copy of it here, whose path is given."""
    content, origin = finished
    (tmp_path / "run").mkdir()
    for name, data in content.items():
        (tmp_path / os.path.relpath(name, origin)).write_bytes(data)
    capfd.readouterr()
    return tmp_path / "run"


USES = {
    "evaluate": ["evaluate", "run"],
    "predict": ["predict", "run", "data.csv"],
    "diagnose": ["diagnose", "run"],
    "info": ["info", "run"],
    "resume": ["train", "--resume", "run"],
}


def test_the_good_run_is_good(run, capfd, monkeypatch):
    monkeypatch.chdir(run.parent)
    for arguments in USES.values():
        assert main(arguments) == 0
        out, err = capfd.readouterr()
        assert out and not err


def test_a_folder_with_a_run(refused, run):
    line = refused("train", "data.csv", *COLUMNS, *SMALL, "--run", "run")
    assert_says(line, "run: has a run in it; expected a new folder. Choose another name")


@pytest.mark.parametrize("use", USES)
def test_a_run_folder_that_is_not_there(refused, run, use):
    arguments = ["none" if part == "run" else part for part in USES[use]]
    assert_says(refused(*arguments), "none: is not a run folder; expected a folder with a config")


@pytest.mark.parametrize("use", USES)
def test_a_run_of_another_version(refused, run, use, monkeypatch):
    data = read_json(run / "config.json")
    monkeypatch.setattr(files, "FORMAT", 2)
    write_json(run / "config.json", data)
    monkeypatch.setattr(files, "FORMAT", 1)
    assert_says(refused(*USES[use]), "config.json: has format 2; expected 1, .* Use the version")


def test_a_run_that_another_process_is_resuming(refused, run, tmp_path):
    (tmp_path / "data.csv").unlink()  # it is not even read
    with open(run / NAME, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        line = refused("train", "--resume", "run")
    assert_says(line, "run: is in use by another process that trains or resumes this run; expected")


DAMAGE = [(use, "config.json") for use in USES] + [
    ("evaluate", "weights.safetensors"), ("predict", "weights.safetensors"),
    ("diagnose", "weights.safetensors"),
    ("info", "results.json"), ("resume", "checkpoint.safetensors"),
    ("info", "metrics.jsonl"), ("resume", "metrics.jsonl"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "name"), DAMAGE)
@pytest.mark.parametrize("how", ["flipped", "cut off"])
def test_a_damaged_run(refused, run, use, name, how):
    content = bytearray((run / name).read_bytes())
    content[-9] ^= 1
    (run / name).write_bytes(content if how == "flipped" else content[: len(content) // 2])
    assert_says(refused(*USES[use]), f"run/{name}: is damaged: .* Restore it from a copy, or ")


@pytest.mark.parametrize(("use", "name"), DAMAGE)
def test_a_run_with_deeply_nested_json(refused, run, use, name):
    nested = b"[" * 100_000
    head = len(nested).to_bytes(8, "little") if name.endswith("safetensors") else b""
    (run / name).write_bytes(head + nested)
    assert_says(refused(*USES[use]), f"run/{name}: is damaged: .* Restore it from a copy, or ")


@pytest.mark.parametrize(
    ("use", "name", "says"),
    [
        ("evaluate", "weights.safetensors", "has no weights yet; .* `throughtime train --resume"),
        ("predict", "weights.safetensors", "has no weights yet; expected a finished run"),
        ("resume", "checkpoint.safetensors", "cannot be read .No such file"),
    ],
)
def test_a_run_with_a_file_missing(refused, run, use, name, says):
    (run / name).unlink()
    assert_says(refused(*USES[use]), says)


def test_resuming_with_changed_data(refused, run, tmp_path):
    frame(seed=1).write_csv(tmp_path / "data.csv")
    for arguments in (USES["resume"], USES["evaluate"]):
        assert_says(refused(*arguments), "data.csv: has changed since the run began; expected the")
    (tmp_path / "data.csv").unlink()
    assert_says(refused(*USES["resume"]), "data.csv: path has no file")


def test_resuming_with_a_table(refused, run):
    line = refused("train", "data.csv", "--resume", "run")
    assert_says(line, "--resume run is given with the table data.csv; expected one of the two")


@pytest.mark.parametrize("option", ["--epochs=5", "--seed=0", "--run=run", "--threads=2"])
def test_resuming_with_options_of_its_own(refused, run, option):
    line = refused("train", "--resume", "run", option)
    name = option.split("=")[0]
    assert_says(line, f"--resume run is given with {name}; expected it alone, .* Leave out {name}")


def test_evaluating_other_tables(refused, run, tmp_path):
    frame(classes=("no", "maybe")).write_csv(tmp_path / "classes.csv")
    assert_says(refused("evaluate", "run", "classes.csv"), "unknown class 'maybe'; expected one of")
    frame().drop("b").write_csv(tmp_path / "channels.csv")
    for command in ("evaluate", "predict"):
        line = refused(command, "run", "channels.csv")
        assert_says(line, "channels.csv: has the columns .* and no 'b'; expected 'id', .* Give")
        frame().rename({"b": "B"}).write_csv(tmp_path / "renamed.csv")
        assert_says(refused(command, "run", "renamed.csv"), "Rename 'B' to 'b', if it is that col")
    frame().drop("kind").write_csv(tmp_path / "bare.csv")
    for command in ("evaluate", "diagnose", "report"):
        line = refused(command, "run", "bare.csv")
        assert_says(line, "and no 'kind'; .* Add the labels, or use `throughtime predict`")


@pytest.mark.parametrize("option", ["--sequences=0", "--steps=-1"])
def test_diagnosing_nothing(refused, run, option):
    name, value = option.split("=")
    assert_says(refused("diagnose", "run", option), f"{name} is {value}; expected a whole num")


@pytest.mark.parametrize("output", ["none/p.csv", "run", "data.csv/p.csv"])
def test_predictions_that_cannot_be_written(refused, run, output):
    line = refused("predict", "run", "data.csv", "--output", output)
    assert_says(line, f"{output}: cannot be written, .*; expected a file .* Choose another with")


def test_a_run_that_was_made_from_python(refused, tmp_path):
    from training.tiny import model, sequences

    from throughtime import fit

    for name, details in (
        ("a", {}),
        ("b", {"data": "mine"}),
        ("c", {"data": {"sha256": 1, "x": 2}}),
    ):
        fit(model(sequences(6)), sequences(6), epochs=1, folder=tmp_path / name, details=details)
        assert_says(refused("evaluate", name), f"{name}: does not say which columns it was trained")


HOSTILE = ["a\nb", "a\rb", "\x1b[31mred\x1b[0m", "[bold]b[/bold]", "[/]", "<script>x</script>",
           "a\x07\x08b", "a\u202eb", "a\u2028b", "%s %d {0}", "x" * 5000]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_in_errors(refused, tmp_path, name):
    rows = pl.DataFrame({"id": ["x", "y"], "kind": [name, name], "a": ["1", name], "b": [1, 2]})
    rows.write_csv(tmp_path / "label.csv")
    arguments = ["--sequence", "id", "--label", "kind"]
    assert len(refused("train", "label.csv", *arguments)) < 500
    assert len(refused("train", "label.csv", "--sequence", name, "--label", "kind")) < 500
    rows.rename({"b": name}).write_csv(tmp_path / "column.csv")
    assert len(refused("train", "column.csv", "--sequence", "b", "--label", "kind")) < 500
    for file in (name, f"{name}.csv", f"{name}/x.py:MyCell"):
        refused("train", file, *arguments)
        refused("info", file)
        refused("train", "--cell", file)
        refused(file)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_on_the_screen(tmp_path, name, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(classes=("plain", name)).rename({"a": f"c{name}"}).write_csv("data.csv")
    folder = "[bold]run[/bold] \x1b[31m"
    assert main(["train", "data.csv", *COLUMNS, *SMALL, "--run", folder]) == 0
    for arguments in (["evaluate", folder], ["info", folder], ["diagnose", folder]):
        assert main(arguments) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert all(line.isprintable() for line in out.split("\n"))
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    assert f"c{shown}" in out and f"plain, {shown}" in out or f"{shown}, plain" in out
    assert "[bold]run[/bold] \\x1b[31m" in out


PROCESSES = {
    "a table that is not there": ["train", "none.csv", *COLUMNS],
    "a folder that is no run": ["evaluate", "."],
    "an option that does not exist": ["train", "--lr", "3"],
    "a name that is not text": ["info", b"\xff\n\x1b[1m"],
}


@pytest.mark.parametrize("kind", PROCESSES)
def test_a_process_of_its_own(tmp_path, kind):
    command = [
        sys.executable,
        "-c",
        "import sys; from throughtime.cli import main; sys.exit(main())",
    ]
    done = subprocess.run([*command, *PROCESSES[kind]], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.count(b"\n") == 1 and b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"throughtime: ") and done.stderr[:-1].decode().isprintable()

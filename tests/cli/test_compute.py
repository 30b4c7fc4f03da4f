"""`throughtime compute`: what it prints, and what it refuses."""

import pytest

from throughtime.cli import main

MACHINE = """
states = ["A", "[bold]x"]
symbols = ["0", "1"]
blank = "0"
start = "A"
transitions = [["A", "1", "0", "R", "[bold]x"]]
"""


def test_each_step(call):
    out = call("compute", "busy-beaver-2").splitlines()
    assert out[0] == (
        "20 units, 2 steps of the network for one of the machine, 27 cells a side in float64"
    )
    assert [line.split() for line in out[1:-1]] == [
        ["0", "A", "[0]"], ["1", "B", "1[0]"], ["2", "A", "[1]1"], ["3", "B", "[0]11"],
        ["4", "A", "[0]111"], ["5", "B", "1[1]11"], ["6", "H", "11[1]1"],
    ]  # fmt: skip
    assert out[-1] == "halted, accepted after 6 steps"


@pytest.mark.parametrize(
    "options",
    [
        ["--dtype", "float32"], ["--exact"], ["--cells", "9"], ["--cells", "3,40"],
        ["--engine", "reference"], ["--engine", "cpu"], ["--watch"], ["--quiet"],
        ["--exact", "--quiet"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_way_ends_the_same(call, options):
    out = call("compute", "busy-beaver-3", *options).splitlines()
    assert out[-2].split() == ["21", "H", "11[1]11"]
    assert out[-1] == "halted, accepted after 21 steps"


def test_a_tape_and_steps(call):
    out = call("compute", "binary-counter", "111", "--steps", "3").splitlines()
    assert out[-2:] == ["     3  find the end  111[_]", "not halted after 3 steps"]
    out = call("compute", "palindromes", "ab").splitlines()
    assert out[-1] == "halted after 4 steps"
    out = call("compute", "binary-counter", "", "--quiet").splitlines()
    assert out[-1] == "halted, accepted after 2 steps"


def test_automata(call):
    out = call("compute", "divisible-by-three", "110").splitlines()
    assert out[0] == "7 units, one step of the network for each symbol, no limit"
    assert out[1:] == ["     0  0  |110", "     1  1  1|10", "     2  0  11|0", "     3  0  110|",
                       "accepted"]  # fmt: skip
    assert call("compute", "parity", "1").endswith("refused\n")


def test_a_file_with_names_of_its_own(call, tmp_path):
    (tmp_path / "m.toml").write_text(MACHINE)
    out = call("compute", tmp_path / "m.toml", "1").splitlines()
    assert out[-2:] == ["     1  [bold]x  [0]", "halted after 1 steps"]


def test_live(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")
    (tmp_path / "m.toml").write_text(MACHINE)
    assert main(["compute", str(tmp_path / "m.toml"), "1", "--watch", "--delay", "0"]) == 0
    out, err = capfd.readouterr()
    assert "step 1   [bold]x" in out and out.endswith("halted after 1 steps\n") and not err


@pytest.mark.parametrize(
    "arguments, says",
    [
        (
            ["nothing.toml"],
            "nothing.toml: there is no such file; expected a TOML file or one of add",
        ),
        (["busy-beaver-2", "012"], "tape: character 3 is '2'; expected one of the symbols"),
        (["busy-beaver-2", "--steps", "-1"], "--steps -1; expected 0 or more"),
        (["busy-beaver-2", "--delay", "nan"], "--delay nan; expected 0 or more"),
        (["busy-beaver-2", "--cells", "many"], "--cells 'many'; expected a whole number from 0"),
        (["busy-beaver-2", "--cells", "-1"], "--cells '-1'; expected a whole number from 0"),
        (["busy-beaver-2", "--cells", "1,2,3"], "--cells '1,2,3'; expected a whole number"),
        (
            ["busy-beaver-2", "--dtype", "half"],
            "--dtype is 'half'; expected one of float64, flo",
        ),
        (["busy-beaver-2", "--engine", "gpu"], "--engine is 'gpu'; expected one of cpu, reference"),
        (["busy-beaver-2", "--exact", "--cells", "3"], "expected one of the two"),
        (["parity", "--exact"], "--exact is given for a finite automaton; expected a Turing"),
        (["parity", "012"], "tape: character 3 is '2'"),
    ],
)
def test_refused(arguments, says, capfd):
    assert main(["compute", *arguments]) == 2
    out, err = capfd.readouterr()
    assert err.startswith("throughtime: ") and err.count("\n") == 1 and says in err
    assert out == ""


def test_a_tape_that_outgrows_the_numbers(capfd):
    assert main(["compute", "busy-beaver-4", "--dtype", "float32", "--quiet"]) == 2
    err = capfd.readouterr().err
    assert "tape 1 at step 106: more than 12 cells right of the head; expected at most 12" in err
    assert "Use float64 (27 cells), cells (--cells N), or unbounded integers (--exact)." in err

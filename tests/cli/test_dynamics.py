"""`throughtime dynamics`, from a trained run to its page, and what it refuses."""

import re

import pytest
from cli.test_train import COLUMNS

from throughtime.cli import main
from throughtime.training.files import read_json

FEW = ["--starts", "10"]


@pytest.fixture
def forward(call, table, tmp_path):
    return train_one(call, table, tmp_path / "run", "--direction", "forward")


def train_one(call, table, folder, *options):
    call("train", table(), *COLUMNS, "--hidden", "3", "--epochs", "1", "--quiet", "--cell", "GRU",
         "--run", folder, *options)  # fmt: skip
    return folder


def refused(capfd, *arguments):
    status = main([str(a) for a in arguments])
    out, err = capfd.readouterr()
    assert status == 2 and out == "" and err.count("\n") == 1 and "Traceback" not in err, err
    return err.removeprefix("throughtime: ").strip()


def test_a_run_end_to_end(call, forward):
    out = call("dynamics", forward, *FEW).splitlines()
    says = r"While the input stays at a = \S+, b = \S+, the network has 1 stable point\. There"
    assert re.match(says, out[0])
    assert out[1] == "10 starts: 10 fixed"
    says = r"On the data the largest Lyapunov exponent is -\d\S+ ± \S+ a step.*: small .* fade by"
    assert re.match(says, out[2])
    assert out[3].split()[:4] == ["point", "kind", "unstable", "q"]
    assert out[4].split()[:3] == ["1", "stable", "0"] and out[4].split()[-1] == "10"
    assert out[-2:] == [f"{n}: {forward / f'dynamics.{n}'}" for n in ("json", "html")]
    found = read_json(forward / "dynamics.json")
    (point,) = found["points"]
    assert point["kind"] == "stable" and point["ended"] == 10 and point["q"] <= 1e-20
    assert len(point["state"]) == len(point["eigenvalues"]) == 3
    assert {*found["input"]["channels"]} == {"a", "b"} and found["direction"] == "forward"
    assert len(found["lyapunov"]["exponents"]) == 3, "all of them"
    assert found["basins"]["nowhere"] == 0 and len(found["basins"]["point"]) == 41
    page = (forward / "dynamics.html").read_text()
    parts = ("While the input stays at", 'id="trajectories"', 'id="from_above"', 'id="basins"')
    assert sorted(parts, key=page.index) == [*parts], "the sentence comes first"
    assert "Dynamics of GRU on data.csv" in page and 'src="http' not in page


def test_the_same_seed_is_the_same_file(call, forward):
    files = []
    for _ in range(2):
        call("dynamics", forward, *FEW, "--seed", "3", "--noise", "0.1")
        files.append((forward / "dynamics.json").read_bytes())
    assert files[0] == files[1]


def test_the_input_is_the_one_asked_for(call, forward, table):
    other, channels = table("unlabelled.csv", count=4), {}
    for given in ("zero", "a=3.5"):
        call("dynamics", forward, other, *FEW, "--input", given)
        channels[given] = read_json(forward / "dynamics.json")["input"]["channels"]
    assert channels["zero"] == {"a": 0, "b": 0}
    assert channels["a=3.5"] == {"a": 3.5, "b": pytest.approx(0, abs=1)}


def test_both_directions_and_a_folder(call, table, tmp_path):
    run = train_one(call, table, tmp_path / "run", "--cell", "LSTM")
    (tmp_path / "out").mkdir()
    for direction in ("forward", "backward"):
        call("dynamics", run, *FEW, "--direction", direction, "--output", tmp_path / "out")
        assert read_json(tmp_path / "out" / "dynamics.json")["direction"] == direction
    assert not (run / "dynamics.json").exists()


def test_cycles_that_are_not_there(call, forward):
    out = call("dynamics", forward, *FEW, "--period", "2")
    assert "the network has no cycle of period 2." in out and "point" not in out.splitlines()[2]


def test_one_unit_has_no_plane(call, table, tmp_path):
    run = train_one(call, table, tmp_path / "run", "--direction", "forward", "--hidden", "1")
    call("dynamics", run, *FEW)
    page = (run / "dynamics.html").read_text()
    assert 'id="trajectories"' not in page and 'id="eigenvalues_of_points"' in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--input", "medien"], "--input is 'medien'; expected .* Did you mean median"),
        (["--input", "=3"], "--input is '=3'; expected .* Write --input x=0.5"),
        (["--input", "c=3"], "no channel 'c'; expected one of 'a', 'b'"),
        (["--input", "a=x"], "'a' is 'x'; expected a finite number"),
        (["--direction", "backward"], "--direction is backward .* forward only"),
        (["--direction", "up"], "--direction is 'up'; expected one of forward, backward"),
        (["--starts", "0"], "--starts is 0; expected a whole number"),
        (["--starts", "9" * 14], "expected at most .* over an hour .* Write --starts [0-9]+"),
        (["--between", "1.5"], "--between is 1.5; expected a share from 0 to 1"),
        (["--noise", "-1"], "--noise is -1.0; expected a number, 0 or more"),
        (["--output", "nowhere"], "nowhere: cannot be written into, because there is no such"),
        (["nosuch.csv"], "nosuch.csv: there is no such file"),
    ],
)
def test_what_is_given_wrongly(capfd, forward, options, says):
    assert re.search(says, refused(capfd, "dynamics", forward, *options))
    assert not (forward / "dynamics.json").exists()


def test_a_network_that_is_no_map_of_one_state(call, capfd, table, tmp_path):
    both = train_one(call, table, tmp_path / "both")
    says = refused(capfd, "dynamics", both)
    assert "both directions; expected one" in says and "Add --direction forward or" in says
    deep = train_one(call, table, tmp_path / "deep", "--layers", "2")
    says = refused(capfd, "dynamics", deep, "--direction", "forward")
    assert "2 layers of both directions; expected one layer" in says

"""Made data sets by name: looked at, trained on, resumed, evaluated, and what is refused."""

import csv
import io
import json
import re
import shutil

import pytest
import torch

from throughtime.cli import made, main
from throughtime.data import MADE, flip_flop
from throughtime.data.source import remembered
from throughtime.training import load
from throughtime.training.files import read_json, write_json

SMALL = "flip-flop(bits=2, steps=12, sequences=30)"
QUICK = ["--hidden", "3", "--epochs", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on a small one; nothing here changes it."""
    folder, threads = tmp_path_factory.mktemp("made") / "run", torch.get_num_threads()
    options = ["--seed", "4", "--validation", "0.25", "--run", str(folder)]
    assert main(["train", SMALL, *QUICK, *options]) == 0
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def refused(capfd):
    """Runs a command that is to be refused and gives the line."""

    def run(*arguments):
        assert main([str(a) for a in arguments]) == 2
        out, err = capfd.readouterr()
        assert out == "" and err.count("\n") == 1
        return err.removeprefix("throughtime: ").strip()

    return run


def test_names_are_those_of_the_library():
    assert made.NAMES == tuple(MADE)


LOOK = """\
flip-flop(bits=1, steps=9, sequences=10): 10 sequences of 9 steps, 90 in all
  bit1    tag: numbers, -1 to 1, mean 0.3469, 41 of 90 not known
  pulse1  input: number
test part: 20% of the sequences, drawn with seed 0
  training  8 sequences, 72 steps; -1 to 1, mean 0.2222, 36 of 72 not known
  test      2 sequences, 18 steps; -1 to 1, mean 0.6923, 5 of 18 not known
to beat: mean of training, ridge regression on steps -2 to 2
"""


def test_a_look(call):
    assert call("look", "flip-flop(bits=1, steps=9, sequences=10)") == LOOK
    out = call("look", "delayed-match(sequences=40)", "--test-share", "0.5", "--validation", "0.1")
    assert "test part: 50% of the sequences" in out and "  validation  2 sequences" in out
    assert json.loads(call("look", "sine(sequences=9)", "--json"))["sequences"] == 9


def test_what_a_run_remembers(run):
    loaded = load(run)
    source, _ = remembered(loaded.details, run)
    assert source.title == SMALL and loaded.details["cell"] == "GRU"
    train, test = source.read()
    assert (len(train), len(test)) == (24, 6)
    drawn = flip_flop(2, steps=12, sequences=30, seed=4)  # with the seed of the run
    assert torch.equal(torch.cat([train.values, test.values]).sum(0), drawn.values.sum(0))
    layer = loaded.model.recurrent[0]
    assert (layer.direction, loaded.model.dropout, loaded.model.statistics) == ("forward", 0, None)
    assert loaded.options.learning_rate == 0.01
    assert SMALL in (run / "report.html").read_text()


def test_a_run_goes_on_to_the_same_end(call, tmp_path, interrupted):
    options = [SMALL, "--hidden", "3", "--epochs", "4", "--checkpoint-seconds", "0", "--run"]
    call("train", *options, tmp_path / "whole")
    assert "--resume" in interrupted(3, "train", *options, tmp_path / "run")
    call("train", "--resume", tmp_path / "run")
    files = [tmp_path / name / "weights.safetensors" for name in ("whole", "run")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load(tmp_path / "run").results == load(tmp_path / "whole").results


def test_every_command_takes_such_a_run(call, run, tmp_path):
    scores = json.loads(call("evaluate", run, "--json"))
    assert scores["R2"] == load(run).results["test"]["R2"]
    assert call("diagnose", run).startswith("6 sequences of 12 steps")
    assert call("diagnose", run, "flip-flop(bits=2, steps=20, sequences=3)").startswith("3 seq")
    call("report", run, "flip-flop(bits=2, steps=20, sequences=3)", "--out", tmp_path / "a.html")
    assert (tmp_path / "a.html").exists()
    out = call("dynamics", run, "flip-flop(bits=2, steps=20, sequences=3)", "--starts", "5")
    assert "\n5 starts: " in out
    rows = list(csv.DictReader(io.StringIO(call("predict", run, "flip-flop(bits=2, sequences=2)"))))
    assert [*rows[0]] == ["sequence", "step", "bit1", "bit2"] and len(rows) == 200


def test_another_draw_is_a_new_one_unless_its_seed_is_named(call, run, tmp_path):
    def told(seed, name):
        path = tmp_path / f"{name}.csv"
        text = f"flip-flop(bits=2, steps=12, sequences=30{seed})"
        call("evaluate", run, text, "--predictions", path)
        return path.read_text()

    assert told("", "unless") == told(", seed=5", "after the run's 4")
    assert told(", seed=4", "the run's") != told("", "again")


def test_a_table_and_a_made_data_set_take_turns(call, run, tmp_path):
    """A table as `to_frame` gives it, for a run that knows a made data set, and back."""
    flip_flop(2, steps=12, sequences=20, seed=9).to_frame().write_csv(tmp_path / "data.csv")
    on_table = json.loads(call("evaluate", run, tmp_path / "data.csv", "--json"))
    text = "flip-flop(bits=2, steps=12, sequences=20, seed=9)"
    on_made = json.loads(call("evaluate", run, text, "--json"))
    assert on_table == on_made
    call("train", tmp_path / "data.csv", "--from", run, "--epochs", "1", "--run", tmp_path / "two")
    call("train", SMALL, "--from", tmp_path / "two", "--epochs", "1", "--run", tmp_path / "three")
    assert json.loads(call("evaluate", tmp_path / "three", "--json"))["sequences"] == 6


def test_what_is_given_wins(call, tmp_path):
    given = ["--cell", "LSTM", "--direction", "both", "--dropout", "0.1", "--learning-rate", "0.02"]
    out = call("train", "delayed-match(sequences=20)", *QUICK, *given, "--run", tmp_path / "run")
    network = "network: LSTM of 3 units, both, dropout 0.1; 2 epochs in batches of 32 with learning"
    assert f"{network} rate 0.02\n" in out
    run = load(tmp_path / "run")
    assert run.model.recurrent[0].direction == "both" and run.options.learning_rate == 0.02
    assert run.model.task.classes == {"answer": ("different", "match")}


def test_a_file_of_that_name_is_the_file(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sine").write_text("id,a\n")
    assert refused("look", "sine").startswith("sine: --sequence is missing; expected the column")


REFUSED = {
    "near": (["flipflop"], "no made data set of this name; .* Did you mean flip-flop?"),
    "underscore": (["delayed_match(items=3)"], "Did you mean delayed-match?"),
    "far": (["nothing"], "expected a table or one of flip-flop, context-integration, delayed-m"),
    "unreadable": (["sine(51)"], "'sine.51.' cannot be read; .* Write 'sine.sequences=500.'"),
    "code": (["sine(steps=print())"], "cannot be read; expected sine with options that are plai"),
    "option": (["sine(step=5)"], "`sine`: has no argument 'step'; .* Did you mean steps?"),
    "value": (["flip-flop(bits=0)"], "`flip_flop`: bits is 0; expected a whole number, 1 or more"),
    "label": (["sine", "--label", "a"], "--label is given with sine; expected it left out, becaus"),
    "sequence": (["sine", "--sequence", "a"], "--sequence is given with sine"),
    "group": (["sine", "--group", "a"], "--group is given with sine"),
    "share": (["sine", "--test-share", "2"], "--test-share is 2.0; expected a share between 0"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("command", ["look", "train"])
def test_what_is_refused(refused, kind, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, says = REFUSED[kind]
    line = refused(command, *arguments)
    assert re.search(says, line), line
    assert not [*tmp_path.iterdir()], "nothing is written"


def test_what_only_train_refuses(refused, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused("train", "sine", "--pooling", "last")
    assert line.startswith("--pooling last is given with sine; expected it left out, because the o")
    line = refused("train", "sine", "--resume", run)
    assert "is given with the table sine; expected one of the two" in line
    line = refused("train", "flip-flop(bits=3, sequences=9)", "--from", run)
    assert line.startswith("train: sequences has channels pulse1, pulse2, pulse3; expected those")
    assert not [*tmp_path.iterdir()], "nothing is written"


def test_what_has_changed_is_not_gone_on_with(refused, run, tmp_path):
    shutil.copytree(run, tmp_path / "other")
    config = read_json(tmp_path / "other" / "config.json")
    config["details"]["data"]["made_options"]["steps"] = 13
    write_json(tmp_path / "other" / "config.json", config)
    line = refused("evaluate", tmp_path / "other")
    assert "has changed since the run began; expected the same values. Install the vers" in line

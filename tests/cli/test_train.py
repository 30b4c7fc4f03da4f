"""From a table to a run folder and back out of it, as a person types it."""

import csv
import fcntl
import io
import json
import math
import sys

import polars as pl
import pytest
import torch

import throughtime
from throughtime import load
from throughtime.cli import main
from throughtime.data import datasets, read_table
from throughtime.training import evaluate, predict

COLUMNS = ["--sequence", "id", "--time", "t", "--label", "kind"]
SMALL = ["--hidden", "3", "--epochs", "1", "--batch-size", "8", "--dropout", "0",
         "--learning-rate", "0.003", "--pooling", "last", "--variational-dropout", "0",
         "--zoneout", "0", "--weight-drop", "0", "--validation", "0", "--quiet"]  # fmt: skip


def train(call, path, folder, *options):
    return call("train", path, *COLUMNS, *SMALL, "--run", folder, *options)


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
@pytest.mark.usefixtures("reports")
def test_a_table_of_ones_own(call, table, tmp_path, name):
    path, folder = table(name, count=40), tmp_path / "run"
    out = train(call, path, folder, "--epochs", "12", "--learning-rate", "0.1")
    lines = out.splitlines()
    assert lines.pop(0).startswith("throughtime LSTM, accuracy 1.0000 (of 8; 0.676 to 1.000 with")
    results = load(folder).results
    assert [f"try next: {line}" for line in results["try_next"]] == [
        lines.pop(0) for _ in results["try_next"]
    ]
    steps = sum(results["counts"][part]["steps"] for part in ("training", "test"))
    assert results["counts"]["training"] == {"sequences": 32, "steps": 124, "classes": [16, 16]}
    assert steps == len(pl.read_csv(path) if name.endswith("csv") else pl.read_parquet(path))
    assert lines[0].startswith("LSTM, both, ") and ": 12 epochs in " in lines[0]
    assert lines[0].endswith(" s on 32 sequences, 124 steps")
    assert "on 8 test sequences" in lines[1] and lines[1].endswith("accuracy")
    assert lines[2].split() == ["majority", "class", "0.5000"]
    assert lines[3].startswith("linear (logistic regression)")
    assert lines[4].split() == ["throughtime", "LSTM", "1.0000"]
    assert lines[5:] == [f"run folder: {folder}", f"report: {folder / 'report.html'}"]

    assert "8 sequences: accuracy 1.0000, loss 0.0" in call("evaluate", folder)
    other = table(f"new-{name}", count=12, seed=5)
    scores = json.loads(call("evaluate", folder, other, "--json"))
    assert scores["sequences"] == 12 and scores["accuracy"] == 1.0
    assert scores["confusion"] == [[6, 0], [0, 6]]
    assert scores["classes"] == ["no", "yes"]

    bare = pl.read_csv(other) if name.endswith("csv") else pl.read_parquet(other)
    bare = bare.select("b", "id", "a", "t", unused=pl.lit("x"))
    unlabelled = tmp_path / f"bare-{name}"
    (bare.write_csv if name.endswith("csv") else bare.write_parquet)(unlabelled)
    rows = list(csv.DictReader(io.StringIO(call("predict", folder, unlabelled))))
    assert [row["sequence"] for row in rows] == [f"s{k}" for k in range(12)]
    assert [row["predicted"] for row in rows] == ["no", "yes"] * 6
    for row in rows:
        p = {name: float(row[f"p_{name}"]) for name in ("no", "yes")}
        assert sum(p.values()) == pytest.approx(1, abs=2e-6)
        assert max(p, key=p.get) == row["predicted"]
    call("predict", folder, unlabelled, "--output", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == call("predict", folder, unlabelled)


def test_predicting_does_not_look_at_labels(call, table, tmp_path):
    train(call, table(), tmp_path / "run")
    plain = call("predict", tmp_path / "run", table("new.csv", seed=3))
    for k, kind in enumerate((pl.lit("never seen"), pl.lit(None, pl.String))):
        assert call("predict", tmp_path / "run", table(f"{k}.csv", seed=3, kind=kind)) == plain


def test_predictions_with_names_that_need_quoting(call, table, tmp_path):
    names = ('a,"b"', "c\nd")
    path = table(classes=names)
    train(call, path, tmp_path / "run")
    rows = list(csv.reader(io.StringIO(call("predict", tmp_path / "run", path))))
    assert rows[0] == ["sequence", "predicted", *(f"p_{n}" for n in sorted(names))]
    assert len(rows) == 21 and {row[1] for row in rows[1:]} <= {*names}


def test_each_probability_is_below_its_own_class(call, table, tmp_path):
    """Ten and more whole numbers, which as text have another order."""
    names = tuple(str(k) for k in range(12))
    path = table(classes=names, count=48)
    train(call, path, tmp_path / "run")
    rows = list(csv.DictReader(io.StringIO(call("predict", tmp_path / "run", path))))
    assert [*rows[0]] == ["sequence", "predicted", *(f"p_{name}" for name in names)]
    model = load(tmp_path / "run").model
    sequences = read_table(path, sequence="id", time="t", label="kind", channels=model.channels)
    assert sequences.classes == model.task.classes
    for row, expected in zip(rows, predict(model, sequences), strict=True):
        for name, p in zip(sequences.classes, expected.tolist(), strict=True):
            assert float(row[f"p_{name}"]) == pytest.approx(p, abs=1e-6)
        assert row["predicted"] == sequences.classes[int(expected.argmax())]


def test_info(call, table, tmp_path):
    train(call, table(), tmp_path / "run", "--cell", "GRU")
    out = call("info", tmp_path / "run")
    for line in (
        "layer 1, forward in time", "layer 1, backward in time", "classes: no, yes",
        "channels: a, b", f"run folder: {tmp_path / 'run'}",
    ):  # fmt: skip
        assert line in out.splitlines()
    assert "update = sigmoid(" in out and "hidden_size" not in out.splitlines()[0]
    assert "seed=0" in out and "throughtime GRU" in out
    model = load(tmp_path / "run").model
    for name, p in model.named_parameters():
        assert any(
            line.split() == [name, *" x ".join(map(str, p.shape)).split()]
            for line in out.splitlines()
        )
    assert f"in all {sum(p.numel() for p in model.parameters()):,} parameters" in out


def test_the_bundled_data(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = call("train", "--epochs", "2", "--hidden", "16")
    [folder] = (tmp_path / "runs").iterdir()
    assert f"run folder: runs/{folder.name}" in out
    assert "on 370 test sequences" in out and "majority class" in out
    _, test = datasets.japanese_vowels()
    run = load(folder)
    scores = json.loads(json.dumps(evaluate(run.model, test).to_dict()))
    beside = {"also_in_training": 0, "inputs": {"steps": 5687, "missing": {}, "not_seen": {}}}
    assert run.results["test"] == scores | beside and "note:" not in out
    assert run.model.recurrent[0].direction == "both"
    assert f"accuracy {run.results['test']['accuracy']:.4f}" in call("evaluate", folder)


@pytest.mark.slow
@pytest.mark.usefixtures("reports")
def test_a_test_table_that_is_the_training_table_is_said(call, table, tmp_path):
    path, copy, folder = table(), tmp_path / "copy.csv", tmp_path / "run"
    copy.write_bytes(path.read_bytes())  # whatever it is called
    for k, test in enumerate((path, copy)):
        out = train(call, path, folder := tmp_path / f"run{k}", "--test", test)
        names = "'s0', 's1', 's2', 's3', 's4', and others"
        said = "20 of 20 test sequences are in the training part too, value for value"
        note = f"note: {said} ({names}): on these the result does not show"
        assert note in out and note in call("info", folder)
        assert said in (folder / "report.html").read_text()
        kept = load(folder).results["test"]
        assert kept["also_in_training"] == 20
        assert kept["also_in_training_names"] == [f"s{k}" for k in range(5)]
    out = train(call, path, tmp_path / "other", "--test", table("other.csv", seed=5))
    assert "note:" not in out
    assert load(tmp_path / "other").results["test"]["also_in_training"] == 0


def test_the_folder_is_locked_until_all_is_written(call, table, tmp_path, monkeypatch):
    """Of a new run and of one that is resumed: no second process can write its results too."""
    write, free = throughtime.report.write_report, []

    def watched(run, *args):
        with open(run.folder / ".lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free.append(True)
            except BlockingIOError:
                free.append(False)
        return write(run, *args)

    monkeypatch.setattr(throughtime.report, "write_report", watched)
    train(call, table(), tmp_path / "run")
    call("train", "--resume", tmp_path / "run")
    assert free == [False, False]
    assert not (tmp_path / "run" / ".lock").exists()


@pytest.mark.slow
def test_a_second_run_in_the_same_second_has_its_own_folder(call, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        call("train", table(), *COLUMNS, *SMALL)
    assert len(list((tmp_path / "runs").iterdir())) == 3


def test_resume(call, table, tmp_path, interrupted):
    path = table()
    options = ["--epochs", "4", "--dropout", "0.3", "--checkpoint-seconds", "0"]
    train(call, path, tmp_path / "whole", *options)

    stopped = interrupted(6, "train", path, *COLUMNS, *SMALL, "--run", tmp_path / "run", *options)
    go_on = f"`throughtime train --resume {tmp_path / 'run'}`"
    assert stopped == f"throughtime: stopped. Go on with {go_on}.\n"
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    torch.manual_seed(99)
    assert "not yet tested" in call("info", tmp_path / "run")
    call("train", "--resume", tmp_path / "run")
    names = [tmp_path / name / "weights.safetensors" for name in ("whole", "run")]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert load(tmp_path / "run").results == load(tmp_path / "whole").results


def test_a_resumed_run_has_its_threads_again(call, table, tmp_path):
    train(call, table(), tmp_path / "run", "--threads", "2")
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    call("train", "--resume", tmp_path / "run")
    assert torch.get_num_threads() == 2


def test_a_cell_with_options(call, table, tmp_path):
    out = train(call, table(), tmp_path / "run", "--cell", 'GRU(reset="after")')
    assert "\nGRU, both" in out and out.startswith("throughtime GRU, accuracy ")
    cell = load(tmp_path / "run").model.recurrent[0].directions[0][0].cell
    assert repr(cell).startswith("GRU(reset='after'")
    assert "remembered" in (tmp_path / "run" / "equations.txt").read_text()


def test_excitatory_and_inhibitory_units(call, table, tmp_path):
    spec = "LeakyRNN(excitatory=0.75, density=0.5)"
    out = train(call, table(), tmp_path / "run", "--cell", spec, "--hidden", 8)
    shown = call("info", tmp_path / "run")
    row = next(line for line in shown.splitlines() if "directions.0.0.transition_h" in line)
    assert row.endswith(" 8 x 8  32 of 64 learned, 6 excitatory, 2 inhibitory")
    learned = out.partition("LeakyRNN, both, ")[2].partition(" parameters")[0]
    assert f"in all {learned} parameters" in shown
    weight = load(tmp_path / "run").model.recurrent[0].directions[0][0].transition_h
    assert (weight != 0).sum() == 32 and (weight[:, 6:] <= 0).all()


@pytest.mark.parametrize("name", ["rnn", "LeakyRNN", "MinimalGatedUnit", "indrnn"])
def test_each_cell_by_name(call, table, tmp_path, name):
    out = train(call, table(), tmp_path / "run", "--cell", name)
    assert out.lower().startswith(f"throughtime {name.lower()}, accuracy")


MINE = '''
from dataclasses import dataclass
import torch
from throughtime import Cell, affine

@dataclass(frozen=True)
class MyCell(Cell):
    """A leaky one."""
    rate: float = 0.5
    name: str = "a:b"
    states = ("h",)

    def step(self, x, h):
        return self.rate * h + torch.tanh(affine("transition", h, x))
'''


def test_a_cell_of_ones_own(call, table, tmp_path):
    file = tmp_path / "random.py"  # as a module of Python's: it must not take its place
    file.write_text(MINE)
    spec = f'{file}:MyCell(rate=0.25, name="c:d.py:E")'
    out = train(call, table(), tmp_path / "run", "--cell", spec)
    assert "\nMyCell, both" in out
    import random

    assert hasattr(random, "getstate")
    text = (tmp_path / "run" / "equations.txt").read_text()
    assert "0.25" in text
    file.unlink()  # what is saved is all that is needed from here on
    assert "accuracy" in call("evaluate", tmp_path / "run")
    assert "0.25" in call("info", tmp_path / "run")
    call("train", "--resume", tmp_path / "run")


def test_a_cell_file_in_another_folder_without_options(call, table, tmp_path):
    (tmp_path / "a.py.d").mkdir()
    file = tmp_path / "a.py.d" / "mine.py"
    file.write_text(MINE)
    out = train(call, table(), tmp_path / "run", "--cell", f"{file}:MyCell")
    assert out.startswith("throughtime MyCell, ")


def built(folder):
    model = load(folder).model
    layer = model.recurrent[0]
    return {
        "hidden": layer.hidden_size, "layers": len(layer.directions), "direction": layer.direction,
        "merge": layer.merge, "layer dropout": layer.dropout, "dropout": model.dropout,
        "variational_dropout": layer.variational_dropout, "zoneout": layer.zoneout,
        "weight_drop": layer.weight_drop, "pooling": model.readout.name,
        "sizes": model.output.sizes, "statistics": model.statistics is not None,
        "differences": model.steps.differences, "at_once": model.steps.at_once,
        "noise": model.steps.noise,
        "initial": bool(list(layer.directions[0][0].initial.parameters())),
    }  # fmt: skip


OF_THE_MODEL = [
    (["--hidden", "5"], {"hidden": 5}),
    (["--layers", "2"], {"layers": 2}),
    (["--direction", "forward"], {"direction": "forward"}),
    (["--direction", "backward"], {"direction": "backward"}),
    (["--merge", "sum"], {"merge": "sum"}),
    (["--initial-state", "zeros"], {"initial": False}),
    (["--pooling", "max"], {"pooling": "max"}),
    (["--output", "16,8"], {"sizes": (16, 8)}),
    (["--output", "7"], {"sizes": (7,)}),
    (["--dropout", "0.25"], {"dropout": 0.25, "layer dropout": 0.25}),
    (["--variational-dropout", "0.25"], {"variational_dropout": 0.25}),
    (["--zoneout", "0.25"], {"zoneout": 0.25}),
    (["--weight-drop", "0.25"], {"weight_drop": 0.25}),
    (["--no-statistics"], {"statistics": False}),
    (["--no-differences"], {"differences": False}),
    (["--at-once", "2"], {"at_once": 2}),
    (["--noise", "0"], {"noise": 0.0}),
]


@pytest.mark.parametrize(("options", "changed"), OF_THE_MODEL, ids=lambda v: " ".join(v))
def test_each_option_of_the_model_reaches_it(call, table, tmp_path, options, changed):
    train(call, table(), tmp_path / "run", *options)
    expected = {
        "hidden": 3, "layers": 1, "direction": "both", "merge": "concat", "layer dropout": 0.0,
        "dropout": 0.0, "variational_dropout": 0.0, "zoneout": 0.0, "weight_drop": 0.0,
        "pooling": "last", "sizes": (), "initial": True, "statistics": True, "differences": True,
        "at_once": 1, "noise": 0.2,
    }  # fmt: skip
    assert built(tmp_path / "run") == expected | changed


OF_TRAINING = {
    "epochs": ("2", 2), "batch-size": ("7", 7), "optimiser": ("sgd", "sgd"),
    "learning-rate": ("0.5", 0.5), "weight-decay": ("0.5", 0.5), "schedule": ("step", "step"),
    "clip": ("0.5", 0.5), "class-weights": (None, True), "label-smoothing": ("0.25", 0.25),
    "validation": ("0.25", "given"), "patience": ("3", 3), "seed": ("8", 8),
    "bptt": ("checkpointed:2", "checkpointed:2"), "scale-by-replicas": (None, True),
    "minutes": ("30", 30.0),
}  # fmt: skip


def test_each_option_of_training_reaches_it(call, table, tmp_path):
    arguments = [part for name, (text, _) in OF_TRAINING.items() for part in (f"--{name}", text)]
    train(call, table(), tmp_path / "run", *(a for a in arguments if a is not None))
    options = {**vars(load(tmp_path / "run").options)}
    assert options.pop("keep_scaling") is False  # which --from sets
    assert options == {name.replace("-", "_"): value for name, (_, value) in OF_TRAINING.items()}


def test_diagnose(call, table, tmp_path):
    path, folder = table(count=20), tmp_path / "run"
    train(call, path, folder, "--layers", "2")
    out = call("diagnose", folder)
    assert out.startswith("4 sequences of 4 to 5 steps")
    for name in ("layer 1 forward: Jacobian", "layer 2 backward: C, direct path",
                 "layer 1 backward: gradient of the loss", "layer 2 forward: keep"):  # fmt: skip
        assert name in out
    assert "h, direct path" not in out, "there is none"
    found = json.loads(call("diagnose", folder, path, "--json", "--sequences", "3", "--steps", "2"))
    assert found["lengths"] == [5, 5, 5] and found["steps"] == 2
    assert [layer["where"] for layer in found["layers"]] == [
        "layer 1 forward", "layer 1 backward", "layer 2 forward", "layer 2 backward",
    ]  # fmt: skip
    first = found["layers"][0]
    assert len(first["jacobian"]["relative"]) == 5 and first["jacobian"]["relative"][0] == 1
    assert {*first["gates"]} == {"keep", "write", "read"} and first["relu"] is None
    assert first["gradient"]["verdict"] in ("vanishing", "steady", "exploding")

    train(call, path, tmp_path / "relu", "--cell", 'RNN(activation="relu")')
    assert "of rectified paths are cut" in call("diagnose", tmp_path / "relu")


def test_none_and_nought_switch_off(call, table, tmp_path):
    train(call, table(), tmp_path / "run", "--schedule", "none", "--clip", "0")
    options = load(tmp_path / "run").options
    assert options.schedule is None and options.clip is None


def test_the_defaults_are_what_the_help_says(call, table, tmp_path):
    call("train", table(), *COLUMNS, "--epochs", "1", "--run", tmp_path / "run")
    text = " ".join(call("train", "--help").split())
    found = vars(load(tmp_path / "run").options) | built(tmp_path / "run")
    named = [*OF_TRAINING, "layers", "merge", "variational-dropout", "zoneout", "weight-drop"]
    others = ("epochs", "class-weights", "scale-by-replicas", "minutes", "learning-rate")
    for name in named:
        if name not in others:
            value = found[name.replace("-", "_")]
            default = text.partition(f" --{name} <")[2].partition("[default: ")[2].partition("]")[0]
            assert default == str(value) or float(default) == value, name
    assert "forward, backward or both; both, and" in text and found["direction"] == "both"
    assert "the output network; 0.3, and" in text and found["dropout"] == 0.3
    assert "--learning-rate <float> 0.003, and" in text and found["learning_rate"] == 0.003
    assert "Units of each state; 64," in text and found["hidden"] == 64
    assert "max unless given" in text and found["pooling"] == "max"
    assert "in training; 0.2," in text and found["noise"] == 0.2
    assert found["statistics"] and found["differences"] and found["at_once"] == 1


def test_long_sequences_are_read_several_steps_at_once_and_small_sets_many_times(call, tmp_path):
    rows = ["id,t,a,kind", *(f"s{k},{t},{(k % 2) + t},c{k % 2}" for k in range(12)
                             for t in range(100 + 10 * k))]  # fmt: skip
    (tmp_path / "long.csv").write_text("\n".join(rows))
    folder = tmp_path / "run"
    call(
        "train", tmp_path / "long.csv", *COLUMNS, "--hidden", "2", "--cell", "RNN", "--run", folder
    )
    run = load(folder)
    assert run.options.epochs == 300, "10 sequences to train on are one batch"
    assert run.model.steps.at_once == 4, "the longest have 200 and 210"
    out = call("diagnose", folder)
    assert "steps of the layers, 4 of the sequence in each" in out
    assert call("evaluate", folder).startswith("2 sequences: accuracy")


def test_the_columns_and_parts_reach_the_data(call, table, tmp_path):
    path, other = table(), table("test.csv", count=6, seed=4)
    train(call, path, tmp_path / "run", "--test", other)
    assert load(tmp_path / "run").results["test"]["sequences"] == 6
    train(call, path, tmp_path / "share", "--test-share", "0.5")
    assert load(tmp_path / "share").results["test"]["sequences"] == 10
    details = load(tmp_path / "run").details
    assert details["data"]["sequence"] == "id" and details["data"]["time"] == "t"
    assert load(tmp_path / "run").model.channels == ("a", "b")
    # without a time column it is one more channel
    call("train", path, "--sequence", "id", "--label", "kind", *SMALL, "--run", tmp_path / "no")
    assert load(tmp_path / "no").model.channels == ("t", "a", "b")


@pytest.mark.slow
def test_another_seed_is_another_model_and_the_same_seed_is_the_same(call, table, tmp_path):
    path = table()
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(call, path, tmp_path / name, "--seed", seed)
    a, b, c = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b != c
    for part in (0, 1):  # the sequences to train on, and those to test on
        a, b, c = (load(tmp_path / name).details["data"]["sha256"][part] for name in "abc")
        assert a == b != c


def test_checkpoint_seconds(call, table, tmp_path, monkeypatch):
    fit, counts = sys.modules["throughtime.training.fit"], []
    write = fit.write_checkpoint
    monkeypatch.setattr(fit, "write_checkpoint", lambda *a: (counts.append(1), write(*a)))
    train(call, table(), tmp_path / "often", "--checkpoint-seconds", "0", "--epochs", "3")
    often, counts[:] = len(counts), []
    train(call, table(), tmp_path / "seldom", "--checkpoint-seconds", "1e9", "--epochs", "3")
    assert (often, len(counts)) == (7, 2), "at the start, each of 6 batches; start and end"


def test_it_is_silent_where_there_is_no_terminal(call, table, tmp_path):
    out = train(call, table(), tmp_path / "run", "--epochs", "3")
    assert "left" not in out and "\x1b" not in out and len(out.splitlines()) == 9


def test_the_bar_on_a_terminal(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    arguments = [
        "train",
        table(),
        *COLUMNS,
        *SMALL,
        "--no-quiet",
        "--epochs",
        "3",
        "--run",
        tmp_path / "run",
    ]
    assert main([str(a) for a in arguments]) == 0
    err = capsys.readouterr().err
    assert "epoch " in err and "loss " in err and "left" in err
    arguments[-1] = tmp_path / "quiet"
    assert main([str(a) for a in [*arguments, "--quiet"]]) == 0
    assert capsys.readouterr().err == ""


def test_many_classes_are_all_shown(call, table, tmp_path):
    names = tuple(f"class number {k}" for k in range(12))
    train(call, table(classes=names, count=48), tmp_path / "run")
    out = call("evaluate", tmp_path / "run")
    for name in names:
        assert out.count(name) >= 2, "as a row and as a column"
    assert "…" not in out


def test_version_and_help(call):
    assert call("--version").split()[0] == "throughtime"
    assert call("--version").split()[1][0].isdigit()
    bare = call()
    assert bare == call("--help") == call("-h")
    for command in ("train", "evaluate", "predict", "report", "diagnose", "info"):
        assert command in bare
        text = call(command, "--help")
        assert f"throughtime {command}" in text or f"{command} [OPTIONS]" in text
        assert len(text.splitlines()) > 5


def test_every_option_of_train_is_in_its_help(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = call("train", "--help")
    for name in [*OF_TRAINING, "resume", "run", "test-share", "checkpoint-seconds", "threads"]:
        assert f"--{name}" in text


def test_probabilities_are_finite_for_values_far_off(call, table, tmp_path):
    train(call, table(), tmp_path / "run")
    out = call("predict", tmp_path / "run", table("far.csv", a=pl.lit(1e30)))
    for row in csv.DictReader(io.StringIO(out)):
        assert math.isfinite(float(row["p_no"]))


def test_chosen_channels_let_a_column_of_text_stand(call, table, tmp_path):
    path = table(note=pl.lit("a remark"))
    train(call, path, tmp_path / "run", "--channels", "a")
    assert load(tmp_path / "run").model.channels == ("a",)
    call("evaluate", tmp_path / "run", path)
    train(call, path, tmp_path / "all")
    assert load(tmp_path / "all").model.encoder.texts == {"note": ("a remark",)}


@pytest.mark.usefixtures("reports")
def test_numbers_of_sequences(call, tmp_path):
    """From a table with targets to a run folder, its report, scores and predictions."""
    rows = [
        {"id": f"s{k}", "t": t, "a": k % 7 + t / 10, "b": 1.0 * t, "height": 10.0 * (k % 7),
         "mass": None if k % 5 == 0 else k % 7 + 0.5}
        for k in range(40) for t in range(3 + k % 3)
    ]  # fmt: skip
    path, folder = tmp_path / "data.csv", tmp_path / "run"
    pl.DataFrame(rows).write_csv(path)
    columns = ["--sequence", "id", "--time", "t", "--target", "height,mass"]
    out = call("train", path, *columns, "--hidden", "8", "--epochs", "40", "--batch-size", "8",
               "--learning-rate", "0.02", "--dropout", "0", "--run", folder)  # fmt: skip
    assert "on 8 test sequences" in out and "ridge (linear regression)" in out
    run = load(folder)
    assert run.results["test"]["R2"] > 0.9 > run.results["mean"]["R2"]
    assert "Predicted over true: mass" in (folder / "report.html").read_text()
    scores = json.loads(call("evaluate", folder, "--json"))
    assert scores["RMSE"] == list(run.results["test"]["RMSE"])
    assert "height" in call("evaluate", folder) and "targets: height, mass" in call("info", folder)
    bare = tmp_path / "bare.csv"
    pl.DataFrame(rows).drop("height", "mass").write_csv(bare)
    predicted = list(csv.DictReader(io.StringIO(call("predict", folder, bare))))
    assert len(predicted) == 40 and {*predicted[0]} == {"sequence", "height", "mass"}
    assert abs(float(predicted[3]["height"]) - 30) < 10
    assert call("diagnose", folder).startswith("8 sequences")
    assert call("report", folder, path, "--out", tmp_path / "anew.html")
    assert call("report", "--compare", folder, folder, "--out", tmp_path / "both.html")


@pytest.mark.usefixtures("reports")
def test_the_time_that_is_spent_is_said(call, table, tmp_path):
    out = train(call, table(), tmp_path / "run", "--epochs", "100000", "--minutes", "0.005")
    assert ", when its --minutes were spent\n" in out
    page = (tmp_path / "run" / "report.html").read_text()
    assert "when its 0.005 minutes were spent" in page

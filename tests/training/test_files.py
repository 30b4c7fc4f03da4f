"""A file of a run is whole or absent, and one that was touched is never believed."""

import ast
import builtins
import errno
import json
import math
import os
import pickle
from pathlib import Path

import pytest
import torch
from training.tiny import model, same, sequences

import throughtime
from throughtime import RNN, fit, load
from throughtime.errors import RunError
from throughtime.training import files, run
from throughtime.training.checkpoint import read_checkpoint
from throughtime.training.files import (
    read_json,
    read_lines,
    read_tensors,
    write_json,
    write_lines,
    write_tensors,
)
from throughtime.training.optimise import optimiser

TENSORS = {
    "matrix": torch.arange(6.0).view(2, 3),
    "number": torch.tensor(2.5, dtype=torch.float64),
    "whole": torch.tensor([1, -2, 2**62]),
    "none": torch.zeros(0, 3),
    "truth": torch.tensor([True, False]),
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "turned": torch.arange(6.0).view(2, 3).T,
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
}
PLAIN = {"text": "é\n\x1b[1m", "list": [1, 2.5, None, True], "inf": math.inf, "deep": {"10": {}}}


def test_tensors_come_back(tmp_path):
    write_tensors(tmp_path / "t.safetensors", TENSORS, PLAIN)
    tensors, data = read_tensors(tmp_path / "t.safetensors")
    assert same(tensors, TENSORS) and data == PLAIN
    assert {name: t.dtype for name, t in tensors.items()} == {
        n: t.dtype for n, t in TENSORS.items()
    }


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "d.json", PLAIN | {"pair": (1, 2), "numbers": {9: 1, 10: 2}})
    assert read_json(tmp_path / "d.json") == PLAIN | {
        "pair": [1, 2], "numbers": {"9": 1, "10": 2},
    }  # fmt: skip


def test_json_is_written_for_people_too(tmp_path):
    write_json(tmp_path / "d.json", {"first": 1, "second": {"third": [2]}})
    lines = (tmp_path / "d.json").read_text().splitlines()
    assert ' "first": 1,' in lines and '  "third": [' in lines


def test_the_checksums_of_files_that_exist_stay_valid(tmp_path):
    """Over the keys in alphabetical order, however the file has them."""
    data = {"b": {"y": 1, "x": [2.5, None]}, "a": "é"}
    digest = "e0ed742005699b7602f2a0cd086cd9aed569d0c3d1c29a79912323bade632459"
    (tmp_path / "d.json").write_text(json.dumps({"sha256": digest, **data, "format": 1}))
    assert read_json(tmp_path / "d.json") == data
    write_tensors(tmp_path / "t", TENSORS, data)
    raw = (tmp_path / "t").read_bytes()
    head = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    digest = "1d40eb7ddf637ecedfc882ad07d23b949cfeb63162f7706a54c8b3617e0b12e6"
    assert json.loads(head["throughtime"]) == {"format": 1, "data": data, "sha256": digest}


def test_equal_content_is_an_equal_file(tmp_path):
    for name in "ab":
        write_tensors(tmp_path / name, dict(reversed(TENSORS.items())), PLAIN)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class _Full:
    """A file on a disk that is full after some bytes."""

    def __init__(self, file, at):
        self.file, self.at = file, at

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, content):
        self.file.write(content[: self.at])
        self.file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")


def _full(monkeypatch):
    opened = builtins.open
    monkeypatch.setattr(
        builtins, "open", lambda p, mode="r": _Full(opened(p, mode), 7) if "w" in mode else None
    )


def _failing(name):
    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    return lambda monkeypatch: monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_full, "No space left on device"),
        (_failing("fsync"), "Input/output error"),
        (_failing("replace"), "Input/output error"),
    ],
    ids=["full", "fsync", "replace"],
)
@pytest.mark.parametrize("kind", ["json", "tensors"])
def test_a_failing_write_leaves_the_old_file_whole(
    tmp_path, monkeypatch, kind, fault, says, exists
):
    path = tmp_path / "file"

    def write(n):
        if kind == "json":
            write_json(path, {"n": n})
        else:
            write_tensors(path, {"n": torch.tensor(n)}, {})

    if exists:
        write(1)
    before = path.read_bytes() if exists else None
    with monkeypatch.context() as patched:
        fault(patched)
        with pytest.raises(RunError, match=f"file: cannot be written .{says}.; expected a folder"):
            write(2)
    assert (path.read_bytes() if path.exists() else None) == before
    write(3)  # what the failure left beside it does not stand in the way
    got = read_json(path)["n"] if kind == "json" else int(read_tensors(path)[0]["n"])
    assert got == 3
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    did = []
    sync, replace = os.fsync, os.replace

    def fsync(number):
        did.append("folder" if Path(f"/proc/self/fd/{number}").resolve().is_dir() else "file")
        sync(number)

    def rename(a, b):
        did.append("rename")
        assert Path(a).parent == Path(b).parent, "a rename between disks is a copy"
        assert read_json(Path(a)) == {"n": 1}, "already whole"
        replace(a, b)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write_json(tmp_path / "file", {"n": 1})
    assert did == ["file", "rename", "folder"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small finished run, with results."""
    data = sequences(6)
    done = fit(model(data, RNN, 2), data, epochs=2, folder=tmp_path_factory.mktemp("runs") / "run")
    done.record({"test": {"accuracy": 0.75, "sequences": 6}, "note": "é"})
    return done.folder


def load_all(path):
    """Everything that a run folder can give, checkpoint included, as plain data."""
    found = load(path)
    own = model(sequences(6), RNN, 2)
    adam = optimiser(own, "adam", 3e-3, 0.0)
    state = read_checkpoint(path / "checkpoint.safetensors", own, adam, None)
    return found, state, own


VERSIONED = ["config.json", "weights.safetensors", "checkpoint.safetensors", "results.json"]
CHECKED = [*VERSIONED, "metrics.jsonl"]


def read_history(path):
    return read_lines(path, run._unchecked)


READERS = {".json": read_json, ".safetensors": read_tensors, ".jsonl": read_history}


@pytest.mark.parametrize("mask", [0x01, 0x10, 0x80, 0xFF])
@pytest.mark.parametrize("name", CHECKED)
def test_a_flipped_byte_is_never_believed(folder, tmp_path, name, mask):
    content = (folder / name).read_bytes()
    reader = READERS[Path(name).suffix]
    # all of the header of a tensor file and the text around; every few bytes of the rest
    places = [*range(0, len(content), max(1, len(content) // 250)), *range(16), len(content) - 1]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= mask
        (tmp_path / name).write_bytes(flipped)
        with pytest.raises(RunError) as caught:
            reader(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value), (place, caught.value)


@pytest.mark.parametrize("name", CHECKED)
def test_a_cut_off_file_is_never_believed(folder, tmp_path, name):
    content = (folder / name).read_bytes()
    reader = READERS[Path(name).suffix]
    for size in {0, 1, 7, 8, 9, *range(0, len(content), max(1, len(content) // 60))}:
        (tmp_path / name).write_bytes(content[:size])
        with pytest.raises(RunError, match="is damaged"):
            reader(tmp_path / name)
    (tmp_path / name).write_bytes(content + content[-1:])
    with pytest.raises(RunError, match="is damaged"):
        reader(tmp_path / name)


@pytest.mark.parametrize("name", CHECKED)
def test_a_damaged_run_cannot_be_loaded(folder, tmp_path, name):
    copy = tmp_path / "run"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    load_all(copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 4
    (copy / name).write_bytes(content)
    with pytest.raises(RunError, match=f"{name}: is damaged"):
        load_all(copy)


@pytest.mark.parametrize("name", VERSIONED)
def test_another_version_is_refused(folder, tmp_path, monkeypatch, name):
    reader = READERS[Path(name).suffix]
    monkeypatch.setattr(files, "FORMAT", 2)
    if name.endswith("json"):
        write_json(tmp_path / name, {"n": 1})
    else:
        write_tensors(tmp_path / name, {"n": torch.ones(1)}, {})
    monkeypatch.undo()
    with pytest.raises(RunError, match="has format 2; expected 1, .* Use the version of through"):
        reader(tmp_path / name)


def test_a_config_that_is_whole_but_not_understood(tmp_path):
    write_json(tmp_path / "config.json", {"model": {}, "options": {}, "details": {}})
    with pytest.raises(RunError, match="cannot be understood .* Use the version that wrote it"):
        run.read(tmp_path)


def copied(folder, to):
    to.mkdir(exist_ok=True)
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.mark.parametrize(
    "content",
    ["[1]", "nonsense", '{"epoch": 1}', "5", '{"a": ', "[" * 100_000, '{"a":' * 100_000, ""],
)
def test_a_history_that_cannot_be_read(folder, tmp_path, content):
    copied(folder, tmp_path)
    (tmp_path / "metrics.jsonl").write_text(content + "\n")
    with pytest.raises(RunError, match="metrics.jsonl: is damaged.* or remove it: the model does"):
        load(tmp_path)
    (tmp_path / "metrics.jsonl").unlink()
    assert load(tmp_path).history == []


ROW = {"epoch": 1, "loss": 0.5, "gradient_norm": 1.5, "learning_rate": 0.1, "seconds": 2.0}


@pytest.mark.parametrize("mask", [0x01, 0x10, 0x80, 0xFF])
@pytest.mark.parametrize("epochs", [1, 3])
def test_a_flipped_byte_of_a_history_is_never_believed(tmp_path, epochs, mask):
    path = tmp_path / "metrics.jsonl"
    rows = [ROW | {"epoch": k} for k in range(epochs)]
    write_lines(path, rows)
    content = path.read_bytes()
    assert read_history(path) == rows
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= mask
        path.write_bytes(flipped)
        with pytest.raises(RunError, match="metrics.jsonl: is damaged"):
            read_history(path)


@pytest.mark.parametrize("change", ["first", "middle", "last", "swapped", "doubled", "unchecked"])
def test_lines_of_a_history_that_are_not_those_written(tmp_path, change):
    path = tmp_path / "metrics.jsonl"
    write_lines(path, [ROW | {"epoch": k} for k in range(3)])
    a, b, c = path.read_text().splitlines()
    changed = {"first": [b, c], "middle": [a, c], "last": [a, b], "swapped": [a, c, b],
               "doubled": [a, b, c, c], "unchecked": [a, b, json.dumps(ROW)]}[change]  # fmt: skip
    path.write_text("\n".join(changed) + "\n")
    with pytest.raises(RunError, match="metrics.jsonl: is damaged"):
        read_history(path)


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
@pytest.mark.parametrize("name", CHECKED)
def test_deeply_nested_json_is_damage(folder, tmp_path, name, nested):
    path = copied(folder, tmp_path) / name
    if name.endswith("safetensors"):  # once as its header, once as the text in its header
        for head in (nested, json.dumps({"__metadata__": {files.HEAD: nested}})):
            path.write_bytes(len(head).to_bytes(8, "little") + head.encode())
            with pytest.raises(RunError, match=f"{name}: is damaged"):
                load_all(tmp_path)
    else:
        path.write_text(nested + "\n")
        with pytest.raises(RunError, match=f"{name}: is damaged"):
            load_all(tmp_path)


def test_data_nested_too_deeply_to_be_written_are_refused(tmp_path):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(RunError, match="d.json: cannot hold what it is given .* plain data"):
        write_json(tmp_path / "d.json", {"nested": nested})
    assert not (tmp_path / "d.json").exists()


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty folder", "a very long name"])
def test_what_is_no_run_folder(tmp_path, what):
    (tmp_path / "a file").write_text("")
    (tmp_path / "an empty folder").mkdir()
    path = tmp_path / ("a" * 300 if what == "a very long name" else what)
    with pytest.raises(RunError, match="is not a run folder; expected a folder with a config.json"):
        load(path)


def test_weights_of_another_model_are_refused(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_tensors(tmp_path / "weights.safetensors", model(sequences(6), RNN, 3).state_dict(), {})
    with pytest.raises(RunError, match="weights.safetensors: does not fit the model"):
        load(tmp_path)


class Bomb:
    """Unpickled, it leaves a mark."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
@pytest.mark.parametrize("name", CHECKED)
def test_a_pickle_is_refused_and_not_opened(folder, tmp_path, name, writer):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    mark = tmp_path / "mark"
    with open(tmp_path / name, "wb") as f:
        (pickle.dump if writer == "pickle" else torch.save)(Bomb(mark), f)
    with pytest.raises(RunError, match=f"{name}: is damaged"):
        load_all(tmp_path)
    assert not mark.exists()


RUNS_CODE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unpickles_nothing(call):
    """Whether a call of numpy's load is told to refuse what is pickled."""
    said = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
    return ast.unparse(call.func) == "np.load" and said.get("allow_pickle") is False


def test_nothing_in_the_package_unpickles_or_evaluates():
    """But for `--cell file.py:Name`, which a person asks for, nothing runs what it reads."""
    found = []
    root = Path(throughtime.__file__).parent
    for path in sorted(root.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(), str(path))))
        safe = [
            node.func for node in nodes if isinstance(node, ast.Call) and unpickles_nothing(node)
        ]
        for node in nodes:
            where = f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.split(".")[0] for alias in node.names}
                names |= {(getattr(node, "module", None) or "").split(".")[0]}
                found += [f"{where}: import {name}" for name in names & RUNS_CODE]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in ("eval", "exec", "compile", "__import__"):
                    found.append(f"{where}: {node.func.id}")
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node in safe:
                    continue
                name = f"{node.value.id}.{node.attr}"
                if name in ("torch.load", "torch.save", "numpy.load", "np.load", "os.system"):
                    found.append(f"{where}: {name}")
    allowed = ("engines/", "program/")  # code that the package itself writes, from checked programs
    assert [line for line in found if not line.startswith(allowed)] == []


def test_the_files_of_a_run_are_json_and_safetensors(folder):
    for path in folder.iterdir():
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            assert all(json.loads(line) for line in path.read_text().splitlines())
        else:
            assert path.suffix == ".safetensors" or path.name == "equations.txt"

"""Arrays of numpy, saved as .npz, as a table."""

import random
import zipfile

import numpy as np
import pytest
from data.refused import refusal

from throughtime.data import read_table
from throughtime.errors import DataError

ROLES = {"sequence": None, "time": None, "label": None}
X = np.arange(24, dtype=np.float64).reshape(3, 4, 2)  # (S, T, C)


@pytest.fixture
def npz(tmp_path):
    """Saves arrays as data.npz and gives its path."""

    def save(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return save


def test_sequences_of_equal_length(npz):
    data = read_table(npz(X=X, y=np.array([1, 0, 1])), label="y")
    assert data.channels == ("c0", "c1") and data.names == ("0", "1", "2")
    assert data.classes == ("0", "1") and data.labels.tolist() == [1, 0, 1]
    assert data.values.tolist() == X.reshape(12, 2).tolist()
    assert data.lengths.tolist() == [4, 4, 4] and data.times is None


def test_one_channel(npz):
    data = read_table(npz(X=X[:, :, 0]))
    assert (
        data.channels == ("c0",) and data.values.flatten().tolist() == X[:, :, 0].flatten().tolist()
    )


@pytest.mark.parametrize("kind", ["?", "i1", "u8", "f2", "f4", ">f8", ">i2", "g"])
def test_every_kind_of_number(npz, kind):
    x = (X % 2).astype(kind)
    data = read_table(npz(X=x, channels=["a", "b"], y=np.arange(3).astype(kind)), channels=["a"])
    assert data.values.flatten().tolist() == (X % 2).reshape(12, 2)[:, 0].tolist()


def test_padding_is_left_out(npz):
    padded = X.copy()
    padded[0, 3], padded[2, 1:] = np.nan, np.nan
    data = read_table(npz(X=padded, y=[0.5, 1.5, np.nan], lengths=[3, 4, 1]), targets=["y"])
    assert data.lengths.tolist() == [3, 4, 1]
    assert data.values[:, 0].tolist() == [0, 2, 4, 8, 10, 12, 14, 16]
    assert data.targets["y"].values[:2].tolist() == [0.5, 1.5]
    assert data.targets["y"].values[2].isnan()


def test_all_steps_end_to_end(npz):
    x = np.arange(5.0)
    for given in (x, x[:, None]):
        data = read_table(npz(X=given, offsets=[0, 3, 5], y=["a", "b"]), label="y")
        assert [s.flatten().tolist() for s in data] == [[0, 1, 2], [3, 4]]
        assert data.classes == ("a", "b")


def test_small_letters(npz):
    assert read_table(npz(x=X, y=["a", "b", "a"]), label="y").classes == ("a", "b")


def test_the_channels_have_names(npz):
    data = read_table(npz(X=X, channels=["volts", "amps"]))
    assert data.channels == ("volts", "amps")
    assert read_table(npz(X=X, channels=["volts", "amps"]), channels=["amps"]).channels == ("amps",)


def test_several_targets(npz):
    y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan]])
    data = read_table(npz(X=X, y=y), targets=["y0", "y1"])
    assert data.targets["y0"].values.tolist() == [1, 3, 5]
    assert data.targets["y1"].values[:2].tolist() == [2, 4]


@pytest.mark.parametrize("ends", [{}, {"lengths": [2, 4, 1]}, {"offsets": [0, 2, 6, 7]}])
@pytest.mark.parametrize("width", [0, 3])
def test_a_target_of_each_step_is_a_column_that_changes(npz, ends, width):
    """As a channel, to see its values."""
    steps = 7 if "offsets" in ends else (3, 4)
    x = np.ones((*np.atleast_1d(steps), 2))
    y = np.arange(x[..., 0].size * (width or 1)).reshape(*x.shape[:-1], *[width] * bool(width))
    columns = [f"y{k}" for k in range(width)] or ["y"]
    data = read_table(npz(X=x, y=y, **ends), channels=columns)
    flat = y.reshape(-1, width or 1)
    kept = [0, 1, 4, 5, 6, 7, 8] if "lengths" in ends else range(len(flat))
    assert data.values.tolist() == flat[list(kept)].tolist()


def test_a_column_may_be_named(npz):
    data = read_table(npz(X=X), sequence="sequence", channels=["c1"])
    assert data.values.shape == (12, 1) and len(data) == 3


def test_a_folder_keeps_sequences_of_one_number_apart(npz, tmp_path):
    npz(X=X).rename(tmp_path / "a.npz")
    npz(X=X).rename(tmp_path / "b.npz")
    data = read_table(tmp_path)
    assert data.names == ("a.npz: 0", "a.npz: 1", "a.npz: 2", "b.npz: 0", "b.npz: 1", "b.npz: 2")


def test_nothing_is_unpickled(npz, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was here"), "w"))

    for arrays in ({"X": np.array([Evil()])}, {"X": X, "y": np.array([Evil()] * 3, dtype=object)}):
        line = refusal(npz(**arrays), **ROLES)
        assert " has Python objects; expected numbers or texts, because objects are never" in line
        assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({"x_train": X, "labels": [1]}, "file has the arrays 'x_train', 'labels'; expected X."),
        ({}, "file has no array; expected X. Save it with"),
        ({"X": X, "length": [1]}, "file has the array 'length'; expected no others than X, y, len"),
        ({"X": X, "x": X}, "file has the array 'x'; expected no others than X, y, lengths, offset"),
        ({"X": X, "lengths": [1], "offsets": [0]}, "file has lengths and offsets; expected one of"),
        ({"X": np.ones((1, 2, 3, 4))}, "array X has shape (1, 2, 3, 4); expected (S, T, C) or (S,"),
        ({"X": np.ones((0, 2, 3))}, "array X has shape (0, 2, 3); expected (S, T, C) or (S, T), n"),
        ({"X": np.ones(3)}, "array X has shape (3,); expected (S, T, C) or (S, T), none of them 0"),
        ({"X": X, "offsets": [0, 3]}, "array X has shape (3, 4, 2); expected (N, C) or (N,), none"),
        ({"X": X[0], "offsets": [0, 3]}, "array offsets has other numbers; expected 0, then where"),
        ({"X": X[0], "offsets": [0, 2, 2, 4]}, "array offsets has other numbers; expected 0, then"),
        ({"X": X[0], "offsets": [1, 4]}, "array offsets has other numbers; expected 0, then where"),
        ({"X": X[0], "offsets": 4}, "array offsets has other numbers; expected 0, then where each"),
        ({"X": X, "lengths": [1, 2]}, "array lengths has shape (2,); expected (3,), one for each "),
        ({"X": X, "lengths": [1, 5, 2]}, "array lengths has 5 for sequence 1; expected 1 to 4, th"),
        ({"X": X, "lengths": [1, 4, 0]}, "array lengths has 0 for sequence 2; expected 1 to 4, th"),
        ({"X": X, "lengths": [1.0] * 3}, "array lengths has the type float64; expected whole numb"),
        ({"X": X, "y": [1, 2]}, "array y has shape (2,); expected (3,) or (3, K), for each sequen"),
        ({"X": X, "y": np.ones((3, 4, 2, 2))}, "array y has shape (3, 4, 2, 2); expected (3,) or "),
        ({"X": X, "y": [b"a"] * 3}, "array y has the type |S1; expected numbers or texts. Convert"),
        ({"X": X.astype(complex)}, "array X has the type complex128; expected numbers. Convert it"),
        ({"X": X, "channels": ["a"]}, "array channels has shape (1,); expected (2,), one for each"),
        ({"X": X, "channels": ["a", "a"]}, "header has the column 'a' twice; expected every name"),
        ({"X": X, "channels": ["a", "y"], "y": [1, 2, 3]}, "header has the column 'y' twice; expe"),
        ({"X": X, "channels": ["sequence", "a"]}, "header has the column 'sequence' twice; expect"),
        ({"X": np.where(X == 9, np.nan, X)}, "column 'c1', row 0 of sequence 1 has NaN; expected "),
        ({"X": np.where(X == 22, np.inf, X)}, "column 'c0', row 3 of sequence 2 has infinity; exp"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(npz, arrays, says):
    assert refusal(npz(**arrays), strict=True, **ROLES).startswith(says)


def test_files_that_are_no_arrays(npz, tmp_path):
    path = npz(X=X)
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    assert refusal(path, **ROLES).startswith("file has other contents than arrays of numpy")
    np.save(tmp_path / "one.npy", X)
    path.write_bytes((tmp_path / "one.npy").read_bytes())
    assert refusal(path, **ROLES).startswith("file has other contents than arrays of numpy")
    broken = bytearray(data)
    broken[200] ^= 255
    path.write_bytes(broken)
    assert refusal(path, **ROLES).startswith('array X is broken ("Bad CRC-32')


@pytest.mark.parametrize("shape", [10**13, 10**30, -1])
def test_an_array_that_says_it_is_larger_than_it_is(tmp_path, shape):
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}, 1)}}\n".encode()
    data = b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(64)
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", data)
    assert refusal(path, **ROLES).startswith("array X is broken (")


def test_a_file_with_broken_bytes_is_read_or_refused(tmp_path):
    path, draw = tmp_path / "data.npz", random.Random(0)
    np.savez_compressed(path, X=X, y=[1, 2, 1], lengths=[3, 4, 2])
    data = path.read_bytes()
    refused = 0
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(draw.choice([1, 2, 5])):
            broken[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(broken)
        try:
            read_table(path, label="y")
        except DataError as error:
            refused += 1
            assert str(error).isprintable()
    assert refused > 100

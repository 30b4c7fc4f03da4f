"""The bundled data is the published data."""

import subprocess
import sys
from importlib.resources import files

import pytest
import torch

from throughtime.data import japanese_vowels


def test_japanese_vowels_is_the_official_split():
    train, test = japanese_vowels()
    assert (len(train), len(test)) == (270, 370)
    assert (int(train.lengths.min()), int(train.lengths.max())) == (7, 26)
    assert (int(test.lengths.min()), int(test.lengths.max())) == (7, 29)
    assert train.channels == test.channels == tuple(f"c{i}" for i in range(12))
    assert train.classes == test.classes == tuple("123456789")
    assert train.labels.bincount().tolist() == [30] * 9
    assert test.labels.bincount().tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert train.lengths[:5].tolist() == [20, 26, 22, 20, 21]


def test_japanese_vowels_has_the_published_numbers():
    train, _ = japanese_vowels()
    row = [1.860936, -0.207383, 0.261557, -0.214562, -0.171253, -0.118167]
    assert torch.equal(train[0][0, :6], torch.tensor(row))
    # The rows and the sum of all values in the table that was published.
    for part, rows, total in zip(
        japanese_vowels(), (4274, 5687), (-1057.452303, -2146.513430), strict=True
    ):
        assert len(part.values) == rows
        assert float(part.values.double().sum()) == pytest.approx(total, abs=1e-3)


def test_the_licence_is_beside_the_data():
    note = files("throughtime.data").joinpath("files", "JAPANESE_VOWELS.md").read_text("utf-8")
    assert "CC BY 4.0" in note and "aeon" in note and "What was changed" in note


def test_importing_the_data_does_not_import_polars():
    code = "import sys, throughtime.data; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Files to read."""

import gzip

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes text or bytes as a file, in gzip where its name ends so, and gives its path."""

    def write(text, name="data.csv"):
        path = tmp_path / name
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def csv(write):
    """The same for a table with commas."""
    return write

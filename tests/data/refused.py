"""What a table that cannot be used ends with."""

import pytest

from throughtime.data import read_table
from throughtime.errors import DataError


def refusal(path, **options):
    """The line that reading the table at `path` ends with, less the file it names."""
    options = {"sequence": "id", "time": "t", "label": "kind"} | options
    with pytest.raises(DataError) as caught:
        read_table(path, **options)
    line = str(caught.value)
    assert line.isprintable(), "one line, nothing hidden in it"
    assert line.startswith(f"{path}: "), "the file comes first"
    assert "; expected " in line and line[-1] in ".?", "got; wanted. mend."
    assert caught.value.__suppress_context__
    return line.removeprefix(f"{path}: ")

"""The equations of the built-in cells, one cell a file. Importing this alone imports no torch.

A new cell is registered here, in two lines, and nowhere else: the top package, the command line
and the messages of errors take it from `BUILT_IN`, type checkers from the imports above it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throughtime.cells.cell import Cell as Cell
    from throughtime.cells.cell import activation as activation
    from throughtime.cells.connections import Connections as Connections
    from throughtime.cells.gru import GRU as GRU
    from throughtime.cells.indrnn import IndRNN as IndRNN
    from throughtime.cells.leaky_rnn import LeakyRNN as LeakyRNN
    from throughtime.cells.lstm import LSTM as LSTM
    from throughtime.cells.minimal_gated_unit import MinimalGatedUnit as MinimalGatedUnit
    from throughtime.cells.normalisation import layer_norm as layer_norm
    from throughtime.cells.rnn import RNN as RNN

BUILT_IN = {
    "RNN": "rnn",
    "LSTM": "lstm",
    "GRU": "gru",
    "LeakyRNN": "leaky_rnn",
    "MinimalGatedUnit": "minimal_gated_unit",
    "IndRNN": "indrnn",
}
"""The class of each cell, and the file that it is in."""

_FILES = {**BUILT_IN, "Cell": "cell", "Connections": "connections", "activation": "cell",
          "layer_norm": "normalisation"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    globals()[name] = value  # the next look finds it without this function
    return value


def __dir__() -> list[str]:
    return [*_FILES, "BUILT_IN"]

"""The options of `Recurrent`: whether they are what they can be, and what others call them."""

from collections.abc import Mapping
from typing import Any

from throughtime.cells import BUILT_IN, Cell
from throughtime.engines import registry
from throughtime.errors import OptionError, whole


def _of_the_cell(option: str) -> str:
    return f"Give it to the cell: `Recurrent({option}, input_size, hidden_size)`."


INSTEAD = {  # what other libraries have, and what is written here
    "bidirectional": 'Write `direction="both"`.',
    "go_backwards": 'Write `direction="backward"`.',
    "num_layers": "Write `layers=`.",
    "merge_mode": "Write `merge=`.",
    "units": "Write `hidden_size=`.",
    "recurrent_dropout": "Write `variational_dropout=`.",
    "return_sequences": "Leave it out: `y, state = layer(x)` has every step in y.",
    "return_state": "Leave it out: `y, state = layer(x)` has the state beside y.",
    "proj_size": _of_the_cell("LSTM(projection=32)"),
    "bias": _of_the_cell("LSTM(bias=False)"),
    "use_bias": _of_the_cell("LSTM(bias=False)"),
    "nonlinearity": _of_the_cell('RNN("relu")'),
    "activation": _of_the_cell('RNN("relu")'),
    "peephole": _of_the_cell("LSTM(peephole=True)"),
    "layer_norm": _of_the_cell("LSTM(layer_norm=True)"),
}


def check(
    *,
    direction: str,
    merge: str,
    input_size: int,
    hidden_size: int,
    layers: int,
    dropout: float,
    variational_dropout: float,
    weight_drop: float,
    zoneout: float | Mapping[str, float],
    engine: str | None,
) -> None:
    """**Raises:** `OptionError` for a value that an option cannot have."""
    _choice("direction", direction, ("forward", "backward", "both"))
    _choice("merge", merge, ("concat", "sum", "mean"))
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size),
                       ("layers", layers)):  # fmt: skip
        whole("Recurrent", name, size, "Give an int.")
    rates = zoneout.values() if isinstance(zoneout, Mapping) else [zoneout]
    for name, p in (
        ("dropout", dropout),
        ("variational_dropout", variational_dropout),
        ("weight_drop", weight_drop),
        *(("zoneout", rate) for rate in rates),
    ):
        if not isinstance(p, int | float) or not 0 <= p < 1:
            raise OptionError(
                f"`Recurrent`: {name} is {p!r}; expected a probability in [0, 1). "
                "Give a smaller one, or 0 for none."
            )
    registry.check(engine)


def cells(cell: Any, directions: int) -> list[Any]:
    """The cell of each direction. **Raises:** `OptionError` for what is none."""
    pair = list(cell) if isinstance(cell, tuple | list) else [cell] * directions
    if len(pair) != directions:
        raise OptionError(
            f"`Recurrent`: cell has {len(pair)} cells; expected {directions}, one for each "
            'direction. Use direction="both" for a pair.'
        )
    of_each = [c() if isinstance(c, type) and issubclass(c, Cell) else c for c in pair]
    for c in of_each:
        if not isinstance(c, Cell):
            name = c if isinstance(c, str) else getattr(c, "__name__", type(c).__name__)
            same_name = {n.lower(): n for n in BUILT_IN}.get(name.lower().removesuffix("cell"))
            raise OptionError(
                f"`Recurrent`: cell is {c!r}; expected a Cell or its class. "
                + (f"Write `throughtime.{same_name}`." if same_name else
                   "Write a class with `states` and `step`, derived from throughtime.Cell.")
            )  # fmt: skip
    return of_each


def _choice(name: str, got: object, known: tuple[str, ...]) -> None:
    if got not in known:
        raise OptionError(
            f"`Recurrent`: {name} is {got!r}; expected one of {', '.join(map(repr, known))}. "
            "Choose one of these."
        )

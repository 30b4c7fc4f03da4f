"""A network as a drawing shows it: its layers and directions, what it starts from, its output."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from throughtime.arguments import kind_of
from throughtime.errors import OptionError
from throughtime.layers import Recurrent
from throughtime.training import Model, Output
from throughtime.training.model import recurrent


@dataclass(frozen=True)
class DrawnDirection:
    """One layer in one direction.

    - `symbol`: what its transition is called: f forward and g backward in time, with the
      number of the layer where there are several.
    - `start`: whether its initial states are `"learned"`, `"zero"` or `"given"`.
    """

    symbol: tuple[str, str]
    cell: str
    reverse: bool
    states: dict[str, int]
    units: int
    inputs: int
    start: str

    @property
    def time(self) -> str:
        return "backward" if self.reverse else "forward"


@dataclass(frozen=True)
class DrawnLayer:
    """The directions of a layer, how they are joined, and the width of that."""

    directions: tuple[DrawnDirection, ...]
    merge: str
    width: int


@dataclass(frozen=True)
class Network:
    """`head` is the output network in words, and `pooling` what it sees; "" without one.

    `given` says what else than the channels of one step the first layer is given, and `beside` what
    is added to the answers without passing through time; "" where nothing is.
    """

    inputs: int
    layers: tuple[DrawnLayer, ...]
    head: str = ""
    pooling: str = ""
    given: str = ""
    beside: str = ""

    def __str__(self) -> str:
        parts = [f"Input x of width {self.inputs}{self.given}"]
        for k, layer in enumerate(self.layers, 1):
            directions = " and ".join(_in_words(direction) for direction in layer.directions)
            merge = f", joined by {layer.merge} to width {layer.width}" * (
                len(layer.directions) > 1
            )
            parts.append(f"layer {k}: {directions}{merge}")
        end = f"{self.head} on {SEEN[self.pooling]}" if self.head else "output y at every step"
        return "; ".join([*parts, end + self.beside]) + "."


SEEN = {
    "last": "the last state", "mean": "the mean over time", "max": "the maximum over time",
    "each step": "every step",
}  # fmt: skip


def network(of: nn.Module) -> Network:
    """What is drawn of a `Recurrent` or a `Model`.

    **Raises:** `OptionError` for any other module.
    """
    if isinstance(of, Recurrent):
        return Network(of.input_size, _layers([of]))
    if isinstance(of, Model):
        stack = recurrent(of)
        head = f"{type(of.output).__name__}, {of.width} → {of.task.width}"
        if isinstance(of.output, Output):
            sizes = " → ".join(map(str, (of.width, *of.output.sizes, of.task.width)))
            head = f"{'feed-forward' if of.output.sizes else 'linear'}, {sizes}"
        given, beside = _given(of), _beside(of)
        return Network(stack[0].input_size, _layers(stack), head, of.readout.name, given, beside)
    raise OptionError(
        f"`report`: what is drawn is {kind_of(of)}; expected a Recurrent or a Model. "
        "Give one of these."
    )


def _given(of: Model) -> str:
    changes = ", changes since the step before among it" if of.steps.differences else ""
    return changes + (f", {of.steps.at_once} steps in one" if of.steps.at_once > 1 else "")


def _beside(of: Model) -> str:
    if of.statistics is None:
        return ""
    sizes = f"{of.statistics.map.in_features} → {of.task.width}"
    return f", and beside it a linear map of mean, spread and last step of each column, {sizes}"


def _layers(stack: list[Recurrent]) -> tuple[DrawnLayer, ...]:
    rows = [(layer, directions) for layer in stack for directions in layer.directions]
    layers = []
    for k, (layer, directions) in enumerate(rows, 1):
        number = str(k) if len(rows) > 1 else ""
        drawn = tuple(_drawn_direction(direction, number) for direction in directions)
        widths = [direction.program.states[direction.program.output] for direction in directions]
        width = sum(widths) if layer.merge == "concat" else widths[0]
        layers.append(DrawnLayer(drawn, layer.merge, width))
    return tuple(layers)


def _drawn_direction(direction: Any, number: str) -> DrawnDirection:
    program = direction.program
    learned = bool(list(direction.initial.parameters()))
    start = "learned" if learned else "given" if list(direction.initial.buffers()) else "zero"
    return DrawnDirection(
        ("g" if direction.reverse else "f", number),
        program.cell,
        direction.reverse,
        dict(program.states),
        program.hidden_size,
        program.input_size,
        start,
    )


def _in_words(direction: DrawnDirection) -> str:
    states = ", ".join(f"{name} ({width})" for name, width in direction.states.items())
    return (
        f"{direction.cell} {''.join(direction.symbol)} {direction.time} in time, states {states}, "
        f"initial states {direction.start}"
    )

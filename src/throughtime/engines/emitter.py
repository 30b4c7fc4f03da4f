"""The interface between lowering a program and the engine that runs it.

`lower.py` decides what the loop of a program computes, in which order, and what it reads and
writes. It says so to an emitter, one operation after the other, and the emitter writes them down
in the form that its engine runs. `cpu/emitter.py` writes instructions for the native engine; an
engine for another device joins by an emitter of its own.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from throughtime.program.graph import Node

Value = TypeVar("Value")
Loop = TypeVar("Loop", covariant=True)


class Columns(NamedTuple):
    """Neighbouring columns of an array in memory, as many as the value there is wide.

    - `array`: its name; `forward_loop` and `backward_loop` in `lower.py` list the names.
    - `number`: which array of that name.
    - `first`: the first of the columns.
    """

    array: str
    number: int = 0
    first: int = 0


@runtime_checkable
class Emitter(Protocol[Value, Loop]):
    """Writes down one step of a loop over time, and at the end returns the loop.

    A `Value` is one row of numbers for each sequence at this step, `(B, width)`. What it is in
    Python is the emitter's own choice: a register, the name of a variable, a tensor. A `Loop` is
    what the engine runs.
    """

    def state(self, name: str, start: str, restart: str, final: str) -> Value:
        """A state, or the gradient at it, before this step in the order of the loop.

        Three arrays `(B, width)` go with it, numbered as the states are: `start` is read before
        the first step, `restart` belongs to resets (forward reads it, backward adds to it), and
        `final` is written after the last step.
        """
        ...

    def previous(self, name: str) -> Value:
        """In the loop backward: the value that a state had before this step. It is in the array
        "state" at the step before, or in "start" or "initial" where the sequence begins."""
        ...

    def load(self, place: Columns, width: int) -> Value:
        """What is in memory at this step."""
        ...

    def constant(self, value: float, width: int) -> Value:
        """A number in every unit."""
        ...

    def expand(self, value: Value, width: int) -> Value:
        """A value of width 1 or `width`, in `width` units."""
        ...

    def pointwise(self, node: Node, arguments: list[Value]) -> Value:
        """The value of a node that is neither a leaf nor a product. The arguments are as wide as
        the node, but the argument of a mean, variance or sum is a whole row."""
        ...

    def begin_sum(self, width: int, value: Value | None = None) -> Value:
        """A sum that products can be added to, which begins from a value or from 0."""
        ...

    def product(self, total: Value, operand: Value, weight: str, *, transposed: bool) -> Value:
        """A sum, and the product of a weight or of its transpose with an operand.

        `total` comes from `begin_sum`, `load` or `product` and is used up: the emitter may add to
        it in place. Only what is returned is used from then on.
        """
        ...

    def store(self, place: Columns, value: Value) -> None:
        """Write a value into memory at this step."""
        ...

    def accumulate(self, place: Columns, value: Value) -> None:
        """Add a value, summed over its rows, to an array without a time axis."""
        ...

    def leave(self, new: dict[str, Value]) -> None:
        """Hand the new value of each state to the next step. This ends the step."""
        ...

    def fuse(self, nodes: Sequence[Node], private: set[int]) -> tuple[Sequence[Node], set[int]]:
        """Choose nodes that one operation of the engine computes together.

        Before a step is written down, the emitter may replace nodes by others that compute the
        same from other arguments, and whose `op` only its own `pointwise` has to know.

        **Arguments:** `private`: the nodes that nothing outside the loop needs. Only these may
        disappear.

        **Returns:** the nodes, each in its place; those that are no longer computed. An emitter
        that fuses nothing returns the nodes as they are, and an empty set.
        """
        ...

    def finish(self) -> Loop:
        """The loop, after the last operation."""
        ...

"""The calls that recurrent layers make of their engines, as they happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from throughtime.engines import Call, Result
from throughtime.errors import OptionError
from throughtime.layers import Recurrent
from throughtime.layers.direction import Direction
from throughtime.program import Program


@dataclass(frozen=True, eq=False)
class Ran:
    """One call of one layer and direction.

    - `where`: "layer 1 forward", ...; layers are counted from 1 over the whole module.
    - `direction`: the layer and direction; `program` and `call`: what its engine was given.
    - `result`: what came back, `states (T, B, width)` and `final (B, width)`. Gradients taken
      at these tensors are those that come from outside the call.
    """

    where: str
    direction: Direction
    program: Program
    call: Call
    result: Result


def directions(module: nn.Module) -> dict[str, Direction]:
    """Each layer and direction of the `Recurrent`s in a module, by its place.

    **Raises:** `OptionError` if there is none.
    """
    by_place: dict[str, Direction] = {}
    layers = [layer for m in module.modules() if isinstance(m, Recurrent) for layer in m.directions]
    for k, layer in enumerate(layers, 1):
        for direction in layer:
            by_place[f"layer {k} {'backward' if direction.reverse else 'forward'}"] = direction
    if not by_place:
        raise OptionError(
            f"`{type(module).__name__}`: has no Recurrent; expected at least one to look into. "
            "Give a throughtime.Recurrent, or a module with one in it."
        )
    return by_place


@contextmanager
def watching(module: nn.Module) -> Iterator[list[Ran]]:
    """A list to which every call of the module's recurrent layers is added.

    ```python
    with watching(model) as ran:
        model(x)
    ```
    """
    ran: list[Ran] = []
    by_place = directions(module)

    def recorder(where: str, direction: Direction) -> Callable[[Program, Call, Result], Result]:
        def record(program: Program, call: Call, result: Result) -> Result:
            # views, because a state can be at once the last of `states` and `final`
            shown = Result(*(tuple(t.view_as(t) for t in part) for part in result[:2]))
            ran.append(Ran(where, direction, program, call, shown))
            return shown

        return record

    for where, direction in by_place.items():
        direction.watch = recorder(where, direction)
    try:
        yield ran
    finally:
        for direction in by_place.values():
            direction.watch = None


def outside(
    loss: Tensor, ran: list[Ran]
) -> list[tuple[tuple[Tensor | None, ...], tuple[Tensor | None, ...]]]:
    """For each call the gradient of a loss at its states and final states, or None for none."""
    flat = [t for r in ran for part in r.result[:2] for t in part]
    taken = [t for t in flat if t.requires_grad]
    gradients = torch.autograd.grad(loss, taken, allow_unused=True, retain_graph=True)
    by_id = {id(t): d for t, d in zip(taken, gradients, strict=True)}
    return [
        (
            tuple(by_id.get(id(t)) for t in r.result.states),
            tuple(by_id.get(id(t)) for t in r.result.final),
        )
        for r in ran
    ]

"""What a cell is: its states and one step of its equations."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from torch import nn

from throughtime.arguments import checked_arguments
from throughtime.errors import OptionError, TraceError, nearest
from throughtime.program import ACTIVATIONS, Program, trace


class Cell:
    """The equations of a recurrent cell, written once; everything else is derived from them.

    A subclass names its `states`, the output first, and writes `step`. A state has the
    layer's hidden size; for another width `states` is a mapping such as
    `{"h": 32, "C": None}`, None being the hidden size. Options are best the fields of a
    frozen dataclass: they are saved with the model.

    ```python
    class Elman(Cell):
        states = ("h",)

        def step(self, x, h):
            return torch.tanh(affine("transition", h, x))
    ```
    """

    states: ClassVar[Any] = ("h",)

    def step(self, x: Any, *states: Any) -> Any:
        """The new value of each state, in their order, from `x (B, I)` and the old ones."""
        raise NotImplementedError(f"`{type(self).__name__}`: has no `step`; write its equations.")

    def constrain(self, layer: nn.Module) -> None:
        """Called once with each new layer and direction: the place for constraints.

        The parameters of `layer` carry the names of the equations and have their start. What is
        registered here with `torch.nn.utils.parametrize`, `layers.connect` or one of
        `torch.nn.utils.parametrizations` is computed once a call, and engines run the result as
        they run any weight. Afterwards the parameters start anew, within what they now can be.
        """

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({options})"

    def program(self, input_size: int, hidden_size: int) -> Program:
        """The program of this cell for these sizes.

        **Raises:** `TraceError` for equations that cannot be a program.
        """
        states = self.states
        if isinstance(states, str) or not isinstance(states, tuple | list | Mapping) or not states:
            raise TraceError(
                f"`{type(self).__name__}`: states is {states!r}; expected a tuple of names, the "
                'output first. Write `states = ("h",)`.'
            )
        widths = dict(states) if isinstance(states, Mapping) else dict.fromkeys(states)
        if len(widths) < len(states) or not all(isinstance(name, str) for name in widths):
            raise TraceError(
                f"`{type(self).__name__}`: states is {states!r}; expected different names. "
                'Write `states = ("h", "C")`.'
            )
        widths = {name: hidden_size if w is None else w for name, w in widths.items()}
        for name, width in widths.items():
            if isinstance(width, bool) or not isinstance(width, int) or width < 1:
                raise TraceError(
                    f"`{type(self).__name__}`: the state {name} has width {width!r}; expected a "
                    "whole number, 1 or more. Give None for the layer's hidden_size."
                )
        return trace(
            self.step,
            widths,
            cell=type(self).__name__,
            input_size=input_size,
            hidden_size=hidden_size,
        )


BuiltIn = TypeVar("BuiltIn", bound=type[Cell])


def checked_options(cell: BuiltIn) -> BuiltIn:
    """A decorator for a built-in cell: its options are what they should be, and no sizes.

    A cell as torch.nn has it is given sizes first: here these are the layer's, and `LSTM(3, 4)`
    would be other options.
    """
    sizes = no_sizes(cell.__name__)
    signature = inspect.signature(cell.__init__)
    known = checked_arguments(otherwise=sizes)(cell.__init__)

    @functools.wraps(cell.__init__)
    def checked(*args: Any, **given: Any) -> None:
        by_place = dict(zip(signature.parameters, args, strict=False))
        for name, value in (by_place | given).items():
            default = getattr(signature.parameters.get(name), "default", None)
            if isinstance(default, bool) and not isinstance(value, bool):
                wanted = "True or False"
            elif isinstance(default, str) and type(value) in (int, float):
                wanted = f"a name, such as {default!r}"
            else:
                continue
            raise OptionError(
                f"`{cell.__name__}`: {name} is {value!r}; expected {wanted}. "
                + (sizes if name in by_place else "Give it that, or leave it out.")
            )
        known(*args, **given)

    cell.__init__ = checked
    return cell


def no_sizes(cell: str) -> str:
    """What to write where a cell was given sizes."""
    return (
        f"A cell has no sizes: write `Recurrent({cell}, input_size, hidden_size)` for a layer of it"
        + (f", or `throughtime.nn.{cell}(input_size, hidden_size)` for the one that torch has"
           if cell in ("LSTM", "GRU", "RNN") else "") + "."
    )  # fmt: skip


def activation(spec: str | Callable[..., Any]) -> Callable[..., Any]:
    """An activation by name, or a function of one argument written with torch's own.

    **Raises:** `OptionError` for a name that is not known.
    """
    if callable(spec):
        return spec
    if spec in ACTIVATIONS:
        return ACTIVATIONS[spec]
    near = nearest(spec, ACTIVATIONS)
    raise OptionError(
        f"activation is {spec!r}; expected one of {', '.join(ACTIVATIONS)}, or a function. "
        + (f"Did you mean {near!r}?" if near else "Give a function for any other.")
    )

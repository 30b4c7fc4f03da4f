"""`Recurrent`: a cell over time, in layers and directions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from throughtime.arguments import checked_arguments
from throughtime.cells import Cell
from throughtime.engines import Result, choose
from throughtime.errors import OptionError, ShapeError
from throughtime.layers import checks, options
from throughtime.layers import mask as masking
from throughtime.layers.direction import Direction
from throughtime.layers.initial_state import InitialState

State = tuple[tuple[dict[str, Tensor], ...], ...]
"""`state[layer][direction][name]`, `(B, width)`; over time `(T, B, width)`."""

Cells = Cell | type[Cell]


def _read_former_names(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Take the parameters of a run folder or a file from when `directions` was called `cells`."""
    for name in [name for name in state if name.startswith(f"{prefix}cells.")]:
        state[f"{prefix}directions.{name.removeprefix(f'{prefix}cells.')}"] = state.pop(name)


class Recurrent(nn.Module):
    """A cell over time, in layers and directions.

    ```python
    layer = Recurrent(LSTM, input_size=12, hidden_size=64, direction="both")
    y, state = layer(x, lengths=lengths)      # x (T, B, 12) -> y (T, B, 128)
    state[0][1]["C"]                          # (B, 64): first layer, backward, its cell
    ```

    **Arguments:**

    - `cell`: a `Cell` or its class; a pair `(A, B)` gives each direction its own.
    - `input_size`, `hidden_size`: columns of x, units of each state.
    - `layers`: how many, each on the outputs of the one below.
    - `direction`: `"forward"`, `"backward"` or `"both"`. Each sequence is reversed within its
      own length.
    - `merge`: of two directions: `"concat"` (twice as wide), `"sum"` or `"mean"`.
    - `dropout`: on the outputs of every layer but the last, anew at each step.
    - `variational_dropout`: one mask a sequence on what enters the affine maps, x and the
      output (Gal and Ghahramani 2016).
    - `zoneout`: probability that a unit keeps its state, or a mapping from state to it
      (Krueger et al. 2017).
    - `weight_drop`: dropout on the recurrent weights, once a call (Merity et al. 2018,
      arXiv 1708.02182).
    - `initial_state`: `"learned"` (a vector for every state, layer and direction, 0 at
      first), `"zeros"`, or a tensor `(width,)`, or a mapping from state to tensor. A learned one
      has a gradient of 0, not None, in a call that is passed a state.
    - `batch_first`: x, y, resets and states over time are `(B, T, ...)`.
    - `recompute`: forward keeps little more than the states, backward computes what lies inside
      the steps again: less than half the memory of an LSTM, for a third more time. On the CPU
      engine; the reference engine keeps what autograd keeps.
    - `engine`: `None` to let throughtime choose, `"cpu"` or `"reference"`; one that is named and
      cannot run a call raises.

    **Raises:** `CallError` for an argument that does not exist, `OptionError` for a value that is
    none of those above, `TraceError` for equations that cannot be a program.
    """

    directions: Any  # ModuleList of layers, each a ModuleList of directions, each a `Direction`

    @checked_arguments(options.INSTEAD)
    def __init__(
        self,
        cell: Cells | tuple[Cells, Cells],
        input_size: int,
        hidden_size: int,
        *,
        layers: int = 1,
        direction: Literal["forward", "backward", "both"] = "forward",
        merge: Literal["concat", "sum", "mean"] = "concat",
        dropout: float = 0.0,
        variational_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        weight_drop: float = 0.0,
        initial_state: InitialState = "learned",
        batch_first: bool = False,
        recompute: bool = False,
        engine: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        options.check(
            direction=direction, merge=merge, input_size=input_size, hidden_size=hidden_size,
            layers=layers, dropout=dropout, variational_dropout=variational_dropout,
            weight_drop=weight_drop, zoneout=zoneout, engine=engine,
        )  # fmt: skip
        reverses = {"forward": (False,), "backward": (True,), "both": (False, True)}[direction]
        cells = options.cells(cell, len(reverses))
        self.input_size, self.hidden_size = input_size, hidden_size
        self.direction, self.merge = direction, merge
        self.dropout, self.batch_first = dropout, batch_first
        self.variational_dropout, self.zoneout = variational_dropout, zoneout
        self.weight_drop = weight_drop
        self.directions = nn.ModuleList()
        width = input_size
        for _ in range(layers):
            directions = [
                Direction(
                    c,
                    width,
                    hidden_size,
                    reverse=reverse,
                    initial_state=initial_state,
                    variational_dropout=variational_dropout,
                    zoneout_rate=zoneout,
                    weight_drop=weight_drop,
                    recompute=recompute,
                    engine=engine,
                    device=device,
                    dtype=dtype,
                )
                for c, reverse in zip(cells, reverses, strict=True)
            ]
            widths = [
                direction.program.states[direction.program.output] for direction in directions
            ]
            if merge != "concat" and len({*widths}) > 1:
                raise OptionError(
                    f"`Recurrent`: merge is {merge!r} for outputs of widths {widths}; expected "
                    'equal widths. Use merge="concat".'
                )
            width = sum(widths) if merge == "concat" else widths[0]
            self.directions.append(nn.ModuleList(directions))
        self.output_size = width
        self.register_load_state_dict_pre_hook(_read_former_names)

    def forward(
        self,
        x: Tensor,
        state: Sequence[Sequence[Mapping[str, Tensor]]] | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        return_states: bool = False,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, State] | tuple[Tensor, State, State]:
        """Run over a batch of sequences.

        **Arguments:**

        - `x`: `(T, B, input_size)`, or `(B, T, input_size)` with `batch_first`.
        - `state`: to go on from, as it was returned; the initial state unless given.
        - `lengths`: real steps of each sequence, integers `(B,)`, 0 to T. What stands behind
          them is not read. On another device than the CPU they are not checked, as that would
          wait for it: beyond T counts as T, below 0 as 0.
        - `resets`: bool `(T, B)`: the state begins anew before step t, and backward after it.
        - `return_states`: also return every state at every step.
        - `mask`: bool `(T, B)`, True where a step is real. At the others, gaps or padding on any
          side, nothing of x is read and each direction holds the state that it has: y is there
          what it was at the step before, in that direction.

        **Returns:** `y (T, B, output_size)`, 0 past a sequence's length; the state after the
        last real step of each direction; with `return_states` all states over time.

        **Raises:** `ShapeError` for what does not fit.
        """
        cells = ", ".join(type(direction.cell).__name__ for direction in self.directions[0])
        call = f"Recurrent({cells})"
        weight = self.directions[0][0].like
        steps = "B, T" if self.batch_first else "T, B"
        checks.padded(call, "x", x, self.batch_first)
        checks.numbers(call, "x", x)
        checks.shape(
            call, "x", x, (*steps.split(", "), self.input_size),
            f"because input_size={self.input_size}. Set input_size to the number of columns, or "
            "give three dimensions with `x.unsqueeze`.",
        )  # fmt: skip
        checks.same_kind(call, "x", x, weight)
        resets = checks.resets(call, resets, tuple(x.shape[:2]), x.device)
        mask = checks.mask(call, mask, tuple(x.shape[:2]), x.device)
        if self.batch_first:
            x = x.transpose(0, 1)
            resets, mask = (None if t is None else t.transpose(0, 1) for t in (resets, mask))
        T, B = x.shape[:2]
        lengths = checks.lengths(call, lengths, T, B, x.device)
        starts = self.starts(call, state, B, weight)
        held = None
        if mask is not None and T:
            held = masking.hold(mask, lengths, resets)
            x, lengths, resets = masking.compact(held, x), held.lengths, held.resets
        finals, everything, results = [], [], []
        for k, (directions, start) in enumerate(zip(self.directions, starts, strict=True)):
            x = self.between(k, x)
            begin = start if held is None else masking.starts(held, directions, start)
            x, results = self.layer(directions, x, begin, lengths, resets, return_states)
            if held is not None:
                shown = return_states or k == len(starts) - 1
                results = masking.put_back(held, directions, start, results, shown)
            finals.append(_named(directions, results, "final"))
            if return_states:
                everything.append(_named(directions, results, "states"))
        y = x if held is None else self.merged([result.states[0] for result in results])
        y = y.transpose(0, 1) if self.batch_first else y
        if not return_states:
            return y, tuple(finals)
        if self.batch_first:
            everything = [
                tuple(
                    {n: s.transpose(0, 1) for n, s in direction.items()} for direction in directions
                )
                for directions in everything
            ]
        return y, tuple(finals), tuple(everything)

    def between(self, k: int, x: Tensor) -> Tensor:
        """What layer k is given of what the one below put out."""
        return F.dropout(x, self.dropout, self.training) if k else x

    def layer(
        self,
        directions: Any,
        x: Tensor,
        start: list[tuple[Tensor, ...] | None],
        lengths: Tensor | None,
        resets: Tensor | None,
        every_state: bool,
    ) -> tuple[Tensor, list[Result]]:
        """The directions of a layer, and their outputs as one, `(T, B, width)`."""
        if (
            len(directions) == 2
            and self.merge == "concat"
            and all(direction.is_plain() for direction in directions)
        ):
            both = [direction.separate_call(x, begin, lengths, resets, every_state)
                    for direction, begin in zip(directions, start, strict=True)]  # fmt: skip
            return choose.run_both(both, directions[0].engine)
        results = [direction(x, begin, lengths, resets, every_state=every_state)
                   for direction, begin in zip(directions, start, strict=True)]  # fmt: skip
        return self.merged([result.states[0] for result in results]), results

    def merged(self, outputs: list[Tensor]) -> Tensor:
        """The outputs of the directions of a layer, `(T, B, width)` each, as one."""
        if len(outputs) == 1:
            return outputs[0]
        if self.merge == "concat":
            return torch.cat(outputs, -1)
        return (outputs[0] + outputs[1]) * (0.5 if self.merge == "mean" else 1.0)

    def starts(
        self, call: str, state: Any, B: int, weight: Tensor
    ) -> list[list[tuple[Tensor, ...] | None]]:
        """For each layer and direction the given state in the order of the cell, or None.

        **Raises:** `ShapeError` for a state of another form, size or kind.
        """
        if state is None:
            return [[None] * len(directions) for directions in self.directions]
        counts = [len(directions) for directions in self.directions]
        ways_given = list(state) if isinstance(state, Sequence) else []
        if [len(s) if isinstance(s, Sequence) else None for s in ways_given] != counts:
            raise ShapeError(
                f"`{call}`: state has not the form state[layer][direction][name]; expected "
                f"{len(counts)} layer(s) of {counts[0]} direction(s). Pass a state as this layer "
                "returned it."
            )
        starts = []
        for k, (directions, given) in enumerate(zip(self.directions, state, strict=True)):
            starts.append([])
            for d, (direction, named) in enumerate(zip(directions, given, strict=True)):
                widths = direction.program.states
                if not isinstance(named, Mapping) or {*named} != {*widths}:
                    got = sorted(named) if isinstance(named, Mapping) else type(named).__name__
                    raise ShapeError(
                        f"`{call}`: state[{k}][{d}] has {got}; expected a mapping with "
                        f"{', '.join(widths)}. Pass a state as this layer returned it."
                    )
                for name, width in widths.items():
                    where = f'state[{k}][{d}]["{name}"]'
                    because = (
                        "because x has that many sequences and the state that many units. "
                        "Pass a state as this layer returned it."
                    )
                    checks.shape(call, where, named[name], (B, width), because)
                    checks.same_kind(call, where, named[name], weight)
                starts[-1].append(tuple(named[name] for name in widths))
        return starts

    def extra_repr(self) -> str:
        first = self.directions[0][0].initial
        start = "learned" if list(first.parameters()) else "fixed"
        return (
            f"{self.input_size} -> {self.output_size}, direction={self.direction!r}, "
            f"layers={len(self.directions)}, initial_state={start}"
        )


def _named(directions, results: list[Result], field: str) -> tuple[dict[str, Tensor], ...]:
    return tuple(
        dict(zip(direction.program.states, getattr(result, field), strict=True))
        for direction, result in zip(directions, results, strict=True)
    )

"""A recurrent network as a dynamical system: the map of its full state, and its derivatives."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from throughtime.dynamics.map import Map
from throughtime.engines import Call, choose
from throughtime.engines.flat import flatten, layout, restore
from throughtime.engines.linearise import Block, Blocks, identity, linearise, node_values
from throughtime.errors import OptionError, ShapeError
from throughtime.inference.programs import programs
from throughtime.layers import Recurrent
from throughtime.program import Program

Direction = Literal["forward", "backward"]
LAYERS = (Recurrent, nn.RNN, nn.LSTM, nn.GRU)


class StateMap:
    r"""The driven system $s_t = F(s_{t-1}, x_t)$ of a recurrent network in eval mode.

    s is the full state: all states of all layers side by side (an LSTM has h and C, 2H numbers
    a layer). Each layer above the first is given the new output of the one below, so that the
    layers together are one map. Weights are copied as they are now, into float64, on the device
    of the layer.

    ```python
    system = StateMap(model)
    points = fixed_points(system.under(torch.zeros(system.input_size)), starts)
    ```

    **Arguments:**

    - `module`: a `Recurrent`, an RNN, LSTM or GRU of torch.nn or `throughtime.nn`, or a module
      with one of them in it, such as a trained `Model`.
    - `direction`: which direction of a bidirectional layer, "forward" or "backward"; one layer
      only, as layers above it wait for both ends of a sequence.

    **Attributes:** `input_size`, `size` (numbers of s), `states` (name to its place in s;
    `"layer 2 h"` where there are several layers).

    **Raises:** `OptionError` for a module without a recurrent layer or with several, and for a
    bidirectional one without a direction or with several layers.
    """

    def __init__(self, module: nn.Module, direction: Direction | None = None) -> None:
        layer = the_layer(module)
        backward = _backward(layer, direction)
        with torch.no_grad():
            self.layers = [
                (program, _in_float64(call)) for program, call in programs(layer, backward)
            ]
        self.backward = backward
        self.input_size = self.layers[0][0].input_size
        self.states: dict[str, slice] = {}
        self._widths: list[list[int]] = []
        place = 0
        for k, (program, _) in enumerate(self.layers, 1):
            for name, width in program.states.items():
                title = name if len(self.layers) == 1 else f"layer {k} {name}"
                self.states[title] = slice(place, place + width)
                place += width
            self._widths.append(list(program.states.values()))
        self.size = place

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {p.stop - p.start}" for n, p in self.states.items())
        cells = ", ".join(program.cell for program, _ in self.layers)
        return f"StateMap({cells}; inputs {self.input_size}; states {states})"

    @property
    def start(self) -> Tensor:
        """The initial state, `(size,)`."""
        return torch.cat([s[0] for _, call in self.layers for s in call.start])

    @property
    def output(self) -> slice:
        """The place in s of the output of the last layer."""
        last = self._widths[-1]
        begin = self.size - sum(last)
        return slice(begin, begin + last[0])

    def under(self, x: Tensor | Sequence[float]) -> "UnderInput":
        """The autonomous map under the constant input `x (I,)`. **Raises:** `ShapeError`."""
        like = self.layers[0][1].x
        x = torch.as_tensor(x, dtype=torch.float64, device=like.device)
        if x.shape != (self.input_size,):
            raise ShapeError(
                f"`StateMap.under`: x has shape {tuple(x.shape)}; expected ({self.input_size},), "
                "one constant for each input. Give so many numbers."
            )
        return UnderInput(self, x)

    def step(self, s: Tensor, x: Tensor) -> Tensor:
        """F(s, x) for N states `(N, size)` with their inputs `(N, I)`."""
        return torch.cat([part for *_, new in self._nodes(s, x) for part in new], -1)

    def jacobian(self, s: Tensor, x: Tensor) -> Tensor:
        """dF/ds at N states with their inputs, `(N, size, size)`."""
        leaves = {n: {n: identity(s, p.stop - p.start)} for n, p in self.states.items()}
        whole = s.new_zeros(len(s), self.size, self.size)
        for place, blocks in self._through(s, x, leaves):
            for name, block in blocks.items():
                whole[:, place, self.states[name]] = block.full()
        return whole

    def input_jacobian(self, s: Tensor, x: Tensor) -> Tensor:
        """dF/dx at N states with their inputs, `(N, size, I)`."""
        whole = s.new_zeros(len(s), self.size, self.input_size)
        for place, blocks in self._through(s, x, {"x": {"x": identity(s, self.input_size)}}):
            if blocks:
                whole[:, place] = blocks["x"].full()
        return whole

    def push(self, s: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """dF/ds times columns `v (N, size, k)`, without the Jacobian."""
        leaves = {name: {"v": Block(v[:, place])} for name, place in self.states.items()}
        whole = torch.zeros_like(v)
        for place, blocks in self._through(s, x, leaves):
            if blocks:
                whole[:, place] = blocks["v"].value
        return whole

    def run(self, x: Tensor, start: Tensor | None = None) -> Tensor:
        """The states after each of T steps from the initial state, `(T, B, size)`, on an engine.

        A layer of direction backward sees its steps in the order of `x`: give it a sequence
        reversed.

        - `x`: `(T, B, I)`. `start`: `(B, size)`.
        """
        like = self.layers[0][1].x
        if x.dim() != 3 or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"`StateMap.run`: x has shape {tuple(x.shape)}; expected (T, B, "
                f"{self.input_size}). Give all inputs of each step."
            )
        x = x.to(like)
        T, B = x.shape[:2]
        begin = self.start.expand(B, -1) if start is None else start.to(like)
        if begin.shape != (B, self.size):
            raise ShapeError(
                f"`StateMap.run`: start has shape {tuple(begin.shape)}; expected ({B}, "
                f"{self.size}), the full state of each sequence. Leave it out for the initial one."
            )
        states = []
        for (program, call), own in zip(self.layers, self._split(begin), strict=True):
            if not T:
                states += [s[None][:0] for s in own.values()]
                continue
            begins = tuple(s.contiguous() for s in own.values())
            own_call = call._replace(x=x, start=begins, every_state=True)
            with torch.no_grad():
                result = choose.run(program, own_call)
            states += result.states
            x = result.states[0]
        return torch.cat(states, -1)

    def _split(self, s: Tensor) -> list[dict[str, Tensor]]:
        """The states of each layer by name, `(N, width)`."""
        of_layers = s.split([sum(widths) for widths in self._widths], -1)
        return [
            dict(zip(program.states, part.split(widths, -1), strict=True))
            for (program, _), part, widths in zip(self.layers, of_layers, self._widths, strict=True)
        ]

    def _nodes(
        self, s: Tensor, x: Tensor
    ) -> Iterator[tuple[Program, Call, dict[int, Any], list[Tensor]]]:
        """For each layer its program and call, the values of its nodes and its new states."""
        for (program, call), states in zip(self.layers, self._split(s), strict=True):
            values = node_values(program, call, x, states)
            new = [values[program.outputs[n]].expand(len(s), w) for n, w in program.states.items()]
            yield program, call, values, new
            x = new[0]

    def _through(
        self, s: Tensor, x: Tensor, leaves: Mapping[str, Blocks]
    ) -> Iterator[tuple[slice, Blocks]]:
        """The place of each state, and its derivatives by what the leaves depend on.

        `leaves`: by the name of a state, or "x".
        """
        entering, names = leaves.get("x"), iter(self.states)
        for program, call, values, _ in self._nodes(s, x):
            own = dict(zip(program.states, names, strict=False))
            given: dict[int, Blocks] = {}
            for i in program.find("state"):
                name = own[program.nodes[i].attributes["name"]]
                if name in leaves:
                    given[i] = leaves[name]
            if entering:
                given |= dict.fromkeys(program.find("input"), entering)
            after = linearise(program, call, values, given)
            yield from ((self.states[own[name]], blocks) for name, blocks in after.items())
            entering = after[program.output]


class UnderInput(Map):
    """A `StateMap` under a constant input `x (I,)`."""

    def __init__(self, system: StateMap, x: Tensor) -> None:
        self.system, self.x, self.size = system, x, system.size

    def __repr__(self) -> str:
        return f"{self.system!r}.under({self.x.tolist()})"

    def step(self, s: Tensor) -> Tensor:
        return self.system.step(s, self.x.expand(len(s), -1))

    def jacobian(self, s: Tensor) -> Tensor:
        return self.system.jacobian(s, self.x.expand(len(s), -1))

    def push(self, s: Tensor, v: Tensor) -> Tensor:
        return self.system.push(s, self.x.expand(len(s), -1), v)


def the_layer(module: nn.Module) -> nn.Module:
    """The one recurrent layer of a module. **Raises:** `OptionError` unless there is one."""
    if isinstance(module, LAYERS):
        return module
    found = {name: m for name, m in module.named_modules() if isinstance(m, LAYERS)}
    if len(found) == 1:
        return next(iter(found.values()))
    has = f"{len(found)} ({', '.join(found)})" if found else "none"
    raise OptionError(
        f"`StateMap`: module is a {type(module).__name__} with {has}; expected one recurrent "
        "layer, a Recurrent, or an RNN, LSTM or GRU of torch.nn. Give the layer itself."
    )


def _backward(layer: nn.Module, direction: str | None) -> bool:
    """Whether the direction to look at runs backward in time."""
    own = layer.direction if isinstance(layer, Recurrent) else (
        "both" if layer.bidirectional else "forward")  # fmt: skip
    if direction not in (None, "forward", "backward"):
        raise OptionError(
            f'`StateMap`: direction is {direction!r}; expected "forward" or "backward". '
            "Choose one of the two."
        )
    if own != "both":
        if direction not in (None, own):
            raise OptionError(
                f"`StateMap`: direction is {direction!r} for a layer that runs {own} only; "
                f"expected {own!r}. Leave it out."
            )
        return own == "backward"
    if direction is None:
        raise OptionError(
            "`StateMap`: the layer runs in both directions; expected one, because each is a "
            'dynamical system of its own. Give direction="forward" or direction="backward".'
        )
    count: Any = len(layer.directions) if isinstance(layer, Recurrent) else layer.num_layers
    if count > 1:
        raise OptionError(
            f"`StateMap`: the module has {count} layers of both directions; expected one, because "
            "the upper ones wait for both ends of a sequence and are no map of a state. Train one "
            'with direction="forward", or with one layer.'
        )
    return direction == "backward"


def _in_float64(call: Call) -> Call:
    """The call with tensors of its own in float64."""
    copied, _ = restore(layout(call), [t.detach().double().clone() for t in flatten(call)])
    return copied

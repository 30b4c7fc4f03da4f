"""One cell over time, in one direction: its parameters, and a call of an engine."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from throughtime.cells import Cell
from throughtime.engines import Call, Result, SeparateParameters, choose
from throughtime.engines.cpu.native import say_once_without_native
from throughtime.engines.parameters import for_all, own_biases, pack
from throughtime.errors import OptionError
from throughtime.layers.initial_state import Initial, InitialState
from throughtime.program import Balanced, Program, schedule
from throughtime.program.regularise import expected, variational, zoneout


class Masks(NamedTuple):
    """What a layer and direction draws once for a whole sequence.

    - `weights`: by the number of a recurrent product, what its weights are multiplied by.
    - `sequence`: the masks of `Call.randoms` of scope sequence, in their order.
    """

    weights: dict[int, Tensor]
    sequence: tuple[Tensor, ...]


_NO_MASKS = Masks({}, ())


class Direction(nn.Module):
    """A cell over time.

    Its parameters carry the names of the cell's equations: the weight of h in
    `affine("keep", h, x)` is `keep_h`. `cell_program` is the program of the cell, `program` what
    runs in training mode, regularised, and `eval_program` in eval mode, where masks and noise are
    their means. `watch`, while it is set, is told of every call and gives the result in its
    place, see `bptt.watch`.
    """

    watch: Callable[[Program, Call, Result], Result] | None = None

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        reverse: bool = False,
        initial_state: InitialState = "learned",
        variational_dropout: float = 0.0,
        zoneout_rate: float | Mapping[str, float] = 0.0,
        weight_drop: float = 0.0,
        recompute: bool = False,
        engine: str | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        say_once_without_native()
        self.cell, self.reverse, self.engine = cell, reverse, engine
        self.weight_drop, self.recompute = weight_drop, recompute
        program = self.cell_program = cell.program(input_size, hidden_size)
        if variational_dropout:
            program = variational(program, variational_dropout)
        if zoneout_rate:
            program = zoneout(program, zoneout_rate)
        self.program: Program = program
        self.eval_program: Program = expected(program)
        self.plan, self.eval_plan = schedule(program), schedule(self.eval_program)
        self.biases, self.places = own_biases(program, self.plan)
        # made now, so that torch.compile finds what it is and not the code that makes it
        for p in (self.program, self.eval_program):
            _ = p.json, p.vectors, p.randoms, p.affine_width
        if weight_drop and not self.plan.recurrent:
            raise OptionError(
                f"`{program.cell}`: weight_drop is {weight_drop}; expected 0, because this cell "
                "has no recurrent weight. Use dropout or zoneout."
            )
        self.initial = Initial(program.states, initial_state, device=device, dtype=dtype)
        # of the device and dtype of the parameters, which a cell may have none of
        self.like = torch.zeros((), device=device, dtype=dtype)
        for name, p in program.parameters.items():
            if hasattr(self, name):
                raise OptionError(
                    f"`{program.cell}`: a parameter is named {name!r}; expected another name, "
                    "because the layer has an attribute of that name. Rename it."
                )
            empty = torch.empty(p.shape, device=device, dtype=dtype)
            self.register_parameter(name, nn.Parameter(empty))
        self.reset_parameters()
        cell.constrain(self)
        if is_parametrized(self):
            self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Start every parameter as the cell says, in the order of its equations; one that is
        parametrised as near to it as it can be."""
        own = {name: getattr(self, name) for name in self.program.parameters}
        for name, p in self.program.parameters.items():
            p.init.fill(own[name], self.program.hidden_size, own)
            if is_parametrized(self, name):
                setattr(self, name, own[name])
                if isinstance(p.init, Balanced):  # again, of what the constraints have left
                    setattr(self, name, p.init.balance(getattr(self, name)))
                own[name] = getattr(self, name)
        for vector in self.initial.parameters():
            vector.zero_()

    def forward(
        self,
        x: Tensor,
        start: tuple[Tensor, ...] | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        every_state: bool = True,
        masks: Masks | None = None,
    ) -> Result:
        """Run over `x (T, B, I)` from `start`, or from the initial state; see `Call`, `Result`.

        `masks`: those drawn for an earlier piece of the same sequences; drawn anew unless given.
        """
        watched = self.watch is not None
        program, call = self.separate_call(x, start, lengths, resets, every_state or watched, masks)
        if self.watch is None:
            return choose.run(program, call, self.engine)
        call = pack(call)
        return self.watch(program, call, choose.run(program, call, self.engine))

    def is_plain(self) -> bool:
        """Whether a call is `separate_call` and an engine, and nobody else is to be told of it."""
        hooks = [self._forward_pre_hooks, self._forward_hooks, self._backward_pre_hooks,
                 self._backward_hooks]  # fmt: skip
        return self.watch is None and not any(hooks)

    def call(
        self,
        x: Tensor,
        start: tuple[Tensor, ...] | None = None,
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        every_state: bool = True,
        masks: Masks | None = None,
    ) -> tuple[Program, Call]:
        """What `forward` gives an engine, with packed parameters; noise, and masks unless given,
        are drawn here."""
        program, call = self.separate_call(x, start, lengths, resets, every_state, masks)
        return program, pack(call)

    def separate_call(
        self,
        x: Tensor,
        start: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        resets: Tensor | None,
        every_state: bool,
        masks: Masks | None = None,
    ) -> tuple[Program, Call]:
        """As `call`, with the parameters as the layer has them."""
        T, B = x.shape[:2]
        program = self.program if self.training else self.eval_program
        initial = self.initial.start(B, x)
        masks = masks or self.masks(x)
        whole = iter(masks.sequence)
        biases = tuple([self._own(name) for name in self.biases])
        parameters = SeparateParameters(
            biases, self.places, program.affine_width, self._weights(masks)
        )
        call = Call(
            x,
            initial if start is None else self.initial.given(start),
            () if resets is None else for_all(initial, B),
            parameters,
            tuple([self._own(name) for name in program.vectors]),
            tuple([
                next(whole) if node.attributes["scope"] == "sequence" else draw(node, T, B, x)
                for node in program.randoms
            ]),
            lengths,
            resets,
            self.reverse,
            every_state,
            self.recompute,
        )  # fmt: skip
        return program, call

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Direction":
        """What `to`, `half` and the like do with each parameter."""
        super()._apply(fn, recurse)
        self.like = fn(self.like)
        return self

    def _own(self, name: str) -> Tensor:
        own = self._parameters.get(name)  # unless it is parametrised; getattr takes longer
        return getattr(self, name) if own is None else own

    def masks(self, x: Tensor) -> Masks:
        """Draw what is drawn once for the sequences `x (T, B, I)`."""
        program, weights = self.program if self.training else self.eval_program, {}
        if not (self.weight_drop or program.randoms):
            return _NO_MASKS
        if self.weight_drop and self.training:
            for k in sorted(self.plan.recurrent):
                names = self.plan.products[k].weights
                ones = torch.ones_like(torch.cat([getattr(self, name) for name in names]))
                weights[k] = F.dropout(ones, self.weight_drop)
        nodes = [n for n in program.randoms if n.attributes["scope"] == "sequence"]
        return Masks(weights, tuple(draw(node, 0, x.shape[1], x) for node in nodes))

    def _weights(self, masks: Masks) -> tuple[tuple[Tensor, ...], ...]:
        """The weights that meet one operand, for each product."""
        plan = self.plan if self.training else self.eval_plan
        own = [tuple([self._own(name) for name in product.weights]) for product in plan.products]
        for k, mask in masks.weights.items():
            own[k] = (torch.cat(own[k]) * mask,)
        return tuple(own)

    def extra_repr(self) -> str:
        states = ", ".join(f"{n} {w}" for n, w in self.program.states.items())
        direction = ", backward" if self.reverse else ""
        return f"{self.cell}, {self.program.input_size} -> {states}{direction}"


def draw(node, T: int, B: int, like: Tensor) -> Tensor:
    """Noise or a mask from torch's generator, see `Call.randoms`."""
    shape = (T, B, node.width) if node.attributes["scope"] == "step" else (B, node.width)
    if node.attributes["distribution"] == "normal":
        return torch.randn(shape, dtype=like.dtype, device=like.device)
    uniform = torch.rand(shape, dtype=like.dtype, device=like.device)
    return (uniform < node.attributes["probability"]).to(like.dtype)

"""A compiled machine, running: tapes in, configurations out, and where its numbers end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from throughtime.errors import CapacityError, MachineError, OptionError
from throughtime.layers import Recurrent
from throughtime.layers.recurrent import State
from throughtime.universal import exact
from throughtime.universal.equations import AWAY, Blocks, Equations
from throughtime.universal.machine import Configuration, Machine
from throughtime.universal.precision import capacity
from throughtime.universal.tape import Digits

CHUNK = 4_000_000  # bytes of states in one call of the layer: they stay in the cache


@dataclass(frozen=True)
class Outcome:
    """Where a computation stands: after `steps` steps of the machine, halted or not."""

    at: Configuration
    steps: int
    halted: bool
    accepted: bool


class Computer:
    """A machine as a recurrent network, see `compile_machine`.

    - `layer`: the `Recurrent`. It saves, loads and runs as any other.
    - `per_step`: its steps for each step of the machine.
    - `capacity`: cells of tape a number holds exactly: on either side of the head, or with
      blocks in each.
    - `neurons`: all its units, those of inner layers, addresses and memory included.
    """

    def __init__(
        self, machine: Machine, layer: Recurrent, units: Equations, blocks: Blocks | None
    ) -> None:
        self.machine, self.layer, self.units, self.blocks = machine, layer, units, blocks
        self.per_step = 2 if blocks is None else 1
        self.dtype = next(layer.parameters()).dtype
        self.capacity = capacity(machine, self.dtype)
        self.digits = Digits(machine)
        gates = 0 if blocks is None else len(units.enter) + 7 * blocks.count
        self.neurons = len(units.act) + len(units.settle) + gates
        self.place = {unit: k for k, unit in enumerate(units.settle)}

    @cached_property
    def _tables(self) -> tuple[Tensor, dict[str, Tensor]]:
        """For each case whether it halts, and whether it pushes onto each side."""
        actions = [self.machine.actions.get(case) for case in self.units.cases]
        return torch.tensor([a is None for a in actions]), {
            side: torch.tensor([a is not None and a.move == move for a in actions])
            for move, side in AWAY.items()
        }

    def start(self, tapes: Sequence[str]) -> State:
        """The state of the layer with the head on the first cell of each tape, one a row.

        **Raises:** `MachineError` for a symbol that the machine does not have, `CapacityError`
        for a tape that does not fit.
        """
        H = self.layer.hidden_size
        h = torch.zeros(len(tapes), H, dtype=self.dtype)
        state = {"h": h}
        if self.blocks is not None:
            state["memory"] = torch.zeros(len(tapes), self.blocks.count, dtype=self.dtype)
        for b, tape in enumerate(tapes):
            at = self.machine.begin(tape)
            h[b, self.place["at", at.state, at.head]] = 1
            room = self.capacity
            if self.blocks is not None:
                blocks = self.blocks
                room = (blocks.count - blocks.before) * blocks.cells - 1
                h[b, self.place["first"]] = h[b, self.place["not", "last"]] = 1
                h[b, self.place["block"]] = float((blocks.before + 1) * blocks.number)
                for k in range(blocks.before + 1, blocks.count):
                    begin = (k - blocks.before) * blocks.cells - 1
                    piece = at.right[begin : begin + blocks.cells]
                    state["memory"][b, k] = float(self.digits.number(piece))
            if len(at.right) > room:
                raise self._full(f"tape {b + 1} has {len(at.right) + 1} cells", room, "right")
            near = at.right if self.blocks is None else at.right[: self.blocks.cells - 1]
            h[b, self.place["right"]] = float(self.digits.number(near))
        return ((state,),)

    def run(self, tapes: Sequence[str], steps: int, *, unbounded: bool = False) -> list[Outcome]:
        """Run the network on a batch of tapes until all machines halt, or for `steps` steps.

        **Arguments:** `unbounded`: the same weights in integers without limit, a tape after
        another, in Python; only without `cells`.

        **Raises:** as `start`; `CapacityError` where the tape outgrows the numbers.
        """
        if unbounded:
            return [self._exact(tape, steps) for tape in tapes]
        if not tapes:
            return []
        state, done = self.start(tapes), 0
        last = state[0][0]
        taken = torch.where(self.halted(last), 0, -1)
        for states in self.stream(state, 0 if bool((taken == 0).all()) else steps):
            halted = self.halted(states)
            first = torch.where(halted.any(0), halted.int().argmax(0) + done + 1, -1)
            taken = torch.where(taken < 0, first, taken)
            done += len(halted)
            last = {name: s[-1] for name, s in states.items()}
            if bool((taken >= 0).all()):
                break
        return [
            self._outcome(self.configuration(last, b), done if t < 0 else t)
            for b, t in enumerate(taken.tolist())
        ]

    def history(self, tape: str, steps: int, *, unbounded: bool = False) -> Iterator[Configuration]:
        """The configuration at the start and after each step of the machine, while it runs.

        **Raises:** as `run`.
        """
        if unbounded:
            network = self.in_integers(tape)
            yield self._seen(network)
            while network.steps < steps and not network.halted:
                network.advance(1)
                yield self._seen(network)
            return
        state = self.start([tape])
        yield self.configuration(state[0][0], 0)
        if self.halted(state[0][0]).item():
            return
        for states in self.stream(state, steps):
            for k, halted in enumerate(self.halted(states)[:, 0].tolist()):
                yield self.configuration({name: s[k] for name, s in states.items()}, 0)
                if halted:
                    return

    def configuration(self, states: dict[str, Tensor], row: int) -> Configuration:
        """What the units of one row say, the states being `(B, width)`.

        **Raises:** `MachineError` if they are not a state of this network.
        """
        h = states["h"][row]
        on = h[: len(self.units.cases)].nonzero().flatten().tolist()
        if len(on) != 1 or h[on[0]] != 1:
            raise MachineError(
                "the network has not exactly one state and symbol; expected a state that it came "
                "to after whole steps of the machine. Read it every "
                f"{self.per_step} steps."
            )
        state, head = self.units.cases[on[0]]
        left, right = (self.digits.stack(h[self.place[s]].item()) for s in ("left", "right"))
        if self.blocks is not None:
            cells, blank = self.blocks.cells, self.machine.blank
            place = int(h[self.place["place"]].item() / self.blocks.place)
            block = int(h[self.place["block"]].item() / self.blocks.number)
            held = [self.digits.stack(v).ljust(cells, blank)
                    for v in states["memory"][row].tolist()]  # fmt: skip
            left = left.ljust(place, blank) + "".join(held[: block - 1][::-1])
            right = right.ljust(cells - 1 - place, blank) + "".join(held[block:])
        return self.machine.seen(state, left[::-1], head, right)

    def halted(self, states: dict[str, Tensor]) -> Tensor:
        """Whether the machine has halted, `(..., B)` for states `(..., B, width)`."""
        return self._tables[0][self._case(states["h"])]

    def _case(self, h: Tensor) -> Tensor:
        return h[..., : len(self.units.cases)].argmax(-1)

    @torch.no_grad()
    def stream(self, state: State, steps: int) -> Iterator[dict[str, Tensor]]:
        """Run the layer from a state, many steps in a call.

        **Returns:** the states after each step of the machine, `(S, B, width)` for S steps at a
        time, until there are `steps` of them. The last is a state to go on from.

        **Raises:** `CapacityError` where the tape outgrows the numbers.
        """
        B, done, size = len(state[0][0]["h"]), 0, 32
        width = sum(s.shape[-1] for s in state[0][0].values()) * B * self.per_step
        most = max(CHUNK // (width * self.dtype.itemsize), 32)
        while done < steps:
            S = min(size, steps - done)
            x = torch.zeros(S * self.per_step, B, 1, dtype=self.dtype)
            before = state[0][0]["h"]
            _, state, over_time = self.layer(x, state, return_states=True)
            states = {n: s[self.per_step - 1 :: self.per_step]
                      for n, s in over_time[0][0].items()}  # fmt: skip
            full = self._overflow(torch.cat([before[None], states["h"]]))
            if full is not None:
                when, tape, side = full
                if when:
                    yield {name: s[:when] for name, s in states.items()}
                room = self.capacity if self.blocks is None else None
                raise self._full(f"tape {tape + 1} at step {done + when + 1}", room, side)
            yield states
            done, size = done + S, min(2 * size, most)

    def _overflow(self, h: Tensor) -> tuple[int, int, str] | None:
        """The first step, of which tape, to which side, that outgrows the numbers.

        h: `(1 + S, B, H)`, the state before the first step and after each.
        """
        before, outgrown = h[:-1], []
        for side, pushes in self._tables[1].items():
            if self.blocks is None:  # all cells are in use, and one is pushed
                scaled = before[..., self.place[side]] * self.digits.base ** (self.capacity - 1)
                full = (scaled != scaled.floor()) & pushes[self._case(before)]
            else:  # the head has left the last block on this side
                block = h[1:, :, self.place["block"]] / float(self.blocks.number)
                full = block < 1 if side == "right" else block > self.blocks.count
            when, tape = full.nonzero(as_tuple=True)
            if len(when):
                grows = side if self.blocks is None else AWAY["L" if side == "left" else "R"]
                outgrown.append((int(when[0]), int(tape[0]), grows))
        return min(outgrown, default=None)

    def _full(self, what: str, room: int | None, side: str) -> CapacityError:
        if self.blocks is not None and room is None:
            before, cells = self.blocks.before, self.blocks.cells
            room = before * cells if side == "left" else (self.blocks.count - before) * cells - 1
            return CapacityError(
                f"{what}: the head has left the tape on the {side}; expected at most {room} cells "
                "there, because the network was compiled for so many. Give more with cells "
                "(--cells)."
            )
        if self.blocks is not None:
            fix = "Give more with cells (--cells)."
        else:
            other = capacity(self.machine, torch.float64)
            wider = f"Use float64 ({other} cells), " if other != self.capacity else "Use "
            fix = f"{wider}cells (--cells N), or unbounded integers (--exact)."
        return CapacityError(
            f"{what}: more than {room} cells {side} of the head; expected at most {room}, because "
            f"the numbers are {str(self.dtype).removeprefix('torch.')}. {fix}"
        )

    def _outcome(self, at: Configuration, steps: int) -> Outcome:
        halted = (at.state, at.head) not in self.machine.actions
        return Outcome(at, steps, halted, halted and at.state in self.machine.accept)

    def in_integers(self, tape: str) -> exact.Network:
        """The same weights in integers without limit, the head on the first cell of a tape.

        **Raises:** `OptionError` for a network with cells.
        """
        if self.blocks is not None:
            raise OptionError(
                "unbounded integers are asked of a network with cells; expected one of the two. "
                "Leave cells (--cells) out."
            )
        cell = self.layer.directions[0][0]
        at = self.machine.begin(tape)
        halting = {k for k, halts in enumerate(self._tables[0].tolist()) if halts}
        start = {self.place["at", at.state, at.head]: 1,
                 self.place["right"]: self.digits.number(at.right)}  # fmt: skip
        return exact.Network(
            cell.transition_h.tolist(), cell.transition_bias.tolist(), start, halting
        )

    def _exact(self, tape: str, steps: int) -> Outcome:
        network = self.in_integers(tape)
        network.advance(steps)
        return self._outcome(self._seen(network), network.steps)

    def _seen(self, network: exact.Network) -> Configuration:
        (on,) = (k for k in network.on if k < len(self.units.cases))
        left, right = (self.digits.stack(network.value(self.place[s])) for s in ("left", "right"))
        state, head = self.units.cases[on]
        return self.machine.seen(state, left[::-1], head, right)

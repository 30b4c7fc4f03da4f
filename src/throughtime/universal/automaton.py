"""A finite automaton as a network: every unit is 0 or 1, so there is no limit at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from throughtime.cells import RNN
from throughtime.layers import Recurrent
from throughtime.universal.machine import Automaton


def compile_automaton(
    automaton: Automaton, *, dtype: torch.dtype = torch.float32, engine: str | None = None
) -> "Reader":
    """The network of a finite automaton: `Recurrent(RNN("saturated_linear"), symbols, H)`.

    A unit for each transition is 1 if the automaton has just taken it: it was in the state
    before, and reads the symbol now, clip(state + symbol - 1). Being in a state is having taken
    one of the transitions into it, or the start. A symbol is one step; x has a column for each.

    Minsky 1967, Computation: finite and infinite machines, ch. 3, has it with threshold units.
    """
    arrows = list(automaton.transitions)
    H = len(arrows) + 1  # the last unit is 1 before the first symbol
    begun = torch.zeros(H, dtype=dtype)
    begun[-1] = 1
    layer = Recurrent(
        RNN("saturated_linear"), len(automaton.symbols), H, initial_state=begun, engine=engine,
        dtype=dtype,
    )  # fmt: skip
    cell = layer.directions[0][0]
    leads = [arrow[-1] for arrow in arrows] + [automaton.start]
    with torch.no_grad():
        for p in (cell.transition_h, cell.transition_x):
            p.zero_()
        cell.transition_bias.fill_(-1)
        for k, (state, read, _) in enumerate(arrows):
            cell.transition_x[k, automaton.symbols.index(read)] = 1
            cell.transition_h[k] = torch.tensor([state == to for to in leads])
    return Reader(automaton, layer, leads)


@dataclass(frozen=True, eq=False)
class Reader:
    """An automaton as a recurrent network. `leads`: the state that each unit stands for."""

    automaton: Automaton
    layer: Recurrent
    leads: list[str]

    def encode(self, words: Sequence[str]) -> tuple[Tensor, list[int]]:
        """x `(T, B, symbols)` for words of any lengths, and the lengths.

        **Raises:** `MachineError` for a symbol that the automaton does not have.
        """
        T = max(map(len, words), default=0)
        x = torch.zeros(T, len(words), len(self.automaton.symbols),
                        dtype=next(self.layer.parameters()).dtype)  # fmt: skip
        for b, word in enumerate(words):
            self.automaton.check_word(word)
            columns = [self.automaton.symbols.index(symbol) for symbol in word]
            x[torch.arange(len(word)), b, columns] = 1
        return x, [len(word) for word in words]

    @torch.no_grad()
    def accepts(self, words: Sequence[str]) -> list[bool]:
        """Whether the network accepts each word, all in one batch."""
        x, lengths = self.encode(words)
        _, state = self.layer(x, lengths=lengths)
        accepting = torch.tensor([to in self.automaton.accept for to in self.leads])
        return state[0][0]["h"][:, accepting].any(-1).tolist()

    @torch.no_grad()
    def reads(self, word: str) -> list[str | None]:
        """The state before each symbol and after the last, as the network has it; None for none."""
        x, _ = self.encode([word])
        y, _ = self.layer(x)
        states = [self.leads[row.argmax()] if row.any() else None for row in y[:, 0]]
        return [self.automaton.start, *states]

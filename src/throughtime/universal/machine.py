"""Turing machines and finite automata, checked, with their direct simulation.

What a network computes is compared with `Machine.after` and `Automaton.reads`; the networks
themselves never call them.
"""

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from throughtime.errors import MachineError, nearest

MOVES = ("L", "R", "S")  # left, right, stay


class Action(NamedTuple):
    write: str
    move: str
    next: str


@dataclass(frozen=True)
class Configuration:
    """A machine at one moment: its state, and the tape as seen from the head.

    `left` and `right` are read from left to right; blanks at their outer ends are left out.
    """

    state: str
    left: str
    head: str
    right: str

    @property
    def tape(self) -> str:
        return self.left + self.head + self.right


@dataclass(frozen=True)
class Machine:
    """A Turing machine with one tape, infinite both ways.

    **Arguments:**

    - `states`, `symbols`: names; a symbol is one character.
    - `blank`: the symbol of every cell that was never written.
    - `start`: the state it begins in, its head on the first cell of the tape.
    - `transitions`: `(state, read, write, move, next)` each, `move` one of L, R and S (stay).
    - `accept`, `reject`: states in which it halts. It also halts, without accepting, where no
      transition is given.
    - `about`, `tape`: what it does, and a tape to try it on.

    **Raises:** `MachineError` for what is not a machine.
    """

    states: tuple[str, ...]
    symbols: tuple[str, ...]
    blank: str
    start: str
    transitions: tuple[tuple[str, ...], ...]
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    about: str = ""
    tape: str = ""

    def __post_init__(self) -> None:
        _check(self, ("state", "read", "write", "move", "next"))
        _known("blank", self.blank, self.symbols, "symbols")
        for state in self.reject:
            _known("reject", state, self.states, "states")
            if state in self.accept:
                raise MachineError(
                    f"reject has {_show(state)}, which accept has too; expected different states. "
                    "Leave it out of one of the two."
                )
        for k, (state, read, write, move, _) in enumerate(self.transitions, 1):
            where = f"transition {k} ({state}, {read})"
            _known(f"{where}: write", write, self.symbols, "symbols")
            _known(f"{where}: move", move, MOVES, "moves")
            if state in self.accept + self.reject:
                raise MachineError(
                    f"{where}: state is {_show(state)}, in which the machine halts; expected no "
                    "transition from there. Leave it out, or the state out of accept and reject."
                )
        _word("tape", self.tape, self.symbols)

    @cached_property
    def actions(self) -> dict[tuple[str, str], Action]:
        """What to do in each (state, read) that does not halt."""
        return {(state, read): Action(*rest) for state, read, *rest in self.transitions}

    def begin(self, tape: str) -> Configuration:
        """The head on the first cell of `tape`. **Raises:** `MachineError` for its symbols."""
        _word("tape", tape, self.symbols)
        return self.seen(self.start, "", tape[:1] or self.blank, tape[1:])

    def seen(self, state: str, left: str, head: str, right: str) -> Configuration:
        """A configuration without blanks at its outer ends."""
        return Configuration(state, left.lstrip(self.blank), head, right.rstrip(self.blank))

    def after(self, at: Configuration) -> Configuration | None:
        """One step of the machine itself; None where it halts."""
        action = self.actions.get((at.state, at.head))
        if action is None:
            return None
        write, move, state = action
        if move == "R":
            return self.seen(state, at.left + write, at.right[:1] or self.blank, at.right[1:])
        if move == "L":
            return self.seen(state, at.left[:-1], at.left[-1:] or self.blank, write + at.right)
        return replace(at, state=state, head=write)

    def history(self, tape: str, steps: int) -> Iterator[Configuration]:
        """The configurations of up to `steps` steps of the machine itself, the first included."""
        at: Configuration | None = self.begin(tape)
        for _ in range(steps + 1):
            if at is None:
                return
            yield at
            at = self.after(at)


@dataclass(frozen=True)
class Automaton:
    """A finite automaton: reads a word once, from its first symbol to its last.

    **Arguments:** as of `Machine`; `transitions` are `(state, read, next)`. Where none is given
    the word is refused. `tape` is a word to try it on.

    **Raises:** `MachineError` for what is not an automaton.
    """

    states: tuple[str, ...]
    symbols: tuple[str, ...]
    start: str
    transitions: tuple[tuple[str, ...], ...]
    accept: tuple[str, ...] = ()
    about: str = ""
    tape: str = ""

    def __post_init__(self) -> None:
        _check(self, ("state", "read", "next"))
        self.check_word(self.tape)

    def check_word(self, word: str) -> None:
        """**Raises:** `MachineError` for a symbol that is not one of the automaton's."""
        _word("tape", word, self.symbols)

    @cached_property
    def next(self) -> dict[tuple[str, str], str]:
        return {(state, read): next for state, read, next in self.transitions}

    def reads(self, word: str) -> list[str | None]:
        """The state before each symbol and after the last; None once there is no transition."""
        at: list[str | None] = [self.start]
        for symbol in word:
            at.append(None if at[-1] is None else self.next.get((at[-1], symbol)))
        return at


def _check(machine: Machine | Automaton, fields: tuple[str, ...]) -> None:
    """What machines and automata have in common."""
    for name in ("states", "symbols", "accept", "reject"):
        names = getattr(machine, name, ())
        if not isinstance(names, tuple) or not all(isinstance(n, str) and n for n in names):
            raise MachineError(
                f'{name} is {_show(names)}; expected names in a list. Write ["a", "b"].'
            )
        for n in names:
            if names.count(n) > 1:
                raise MachineError(
                    f"{name} has {_show(n)} twice; expected different names. Leave one out."
                )
    for name in ("states", "symbols"):
        if not getattr(machine, name):
            raise MachineError(f"{name} is empty; expected one or more. Name them in a list.")
    for symbol in machine.symbols:
        if len(symbol) != 1 or not symbol.isprintable():
            raise MachineError(
                f"symbols has {_show(symbol)}; expected single printable characters, because a "
                "tape is written as text. Give it a character of its own."
            )
    _known("start", machine.start, machine.states, "states")
    for state in machine.accept:
        _known("accept", state, machine.states, "states")
    seen: dict[tuple[str, str], int] = {}
    for k, given in enumerate(machine.transitions, 1):
        if not isinstance(given, tuple) or len(given) != len(fields):
            raise MachineError(
                f"transition {k} is {_show(given)}; expected {len(fields)} names, "
                f"({', '.join(fields)}). Write them in this order."
            )
        where = f"transition {k} ({', '.join(map(str, given[:2]))})"
        _known(f"{where}: state", given[0], machine.states, "states")
        _known(f"{where}: read", given[1], machine.symbols, "symbols")
        _known(f"{where}: next", given[-1], machine.states, "states")
        first = seen.setdefault((given[0], given[1]), k)
        if first != k:
            raise MachineError(
                f"{where}: is given again, first as transition {first}; expected one for each "
                "state and symbol. Leave one of the two out."
            )


def _known(where: str, got: Any, known: Iterable[str], what: str) -> None:
    known = tuple(known)
    if got in known:
        return
    near = nearest(got, known)
    fix = f"Did you mean {_show(near)}?" if near else f"Use one of these, or add it to {what}."
    raise MachineError(
        f"{where} is {_show(got)}; expected one of the {what}, "
        f"{', '.join(_show(n) for n in known[:8])}{', ...' if len(known) > 8 else ''}. {fix}"
    )


def _word(where: str, word: Any, symbols: tuple[str, ...]) -> None:
    if not isinstance(word, str):
        raise MachineError(f"{where} is {_show(word)}; expected text, a symbol a character.")
    for k, symbol in enumerate(word, 1):
        _known(f"{where}: character {k}", symbol, symbols, "symbols")


def _show(name: object) -> str:
    return reprlib.repr(name)


def from_data(data: Mapping[str, Any]) -> Machine | Automaton:
    """A machine from plain data, as a TOML file holds it; an automaton if it has no `blank`.

    **Raises:** `MachineError` for what is missing or not known.
    """
    kind = Machine if "blank" in data else Automaton
    needed = ["states", "symbols", "start", "transitions"] + ["blank"] * (kind is Machine)
    fields = list(kind.__dataclass_fields__)
    for name in needed:
        if name not in data:
            raise MachineError(
                f"{name} is missing; expected {', '.join(needed)}. Add a line `{name} = ...`."
            )
    for name in data:
        _known("a line", name, fields, "settings")
    made = {}
    for name, value in data.items():
        if name in ("states", "symbols", "accept", "reject", "transitions"):
            if not isinstance(value, list | tuple):
                raise MachineError(
                    f"{name} is {_show(value)}; expected a list. Write it in brackets: [...]."
                )
            value = tuple(tuple(v) if isinstance(v, list) else v for v in value)
        elif not isinstance(value, str):
            raise MachineError(f"{name} is {_show(value)}; expected text. Write it in quotes.")
        made[name] = value
    return kind(**made)

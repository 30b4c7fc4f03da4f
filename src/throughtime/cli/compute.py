"""`throughtime compute`: run a Turing machine or a finite automaton as a network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from throughtime.cli import options, paths
from throughtime.errors import OptionError, one_line

if TYPE_CHECKING:
    from throughtime.universal import Automaton, Configuration, Machine

STEPS = 1000


def compute(
    machine: str = typer.Argument(
        ..., help="A TOML file, or one of those that come with us.", callback=paths.machine
    ),
    tape: str | None = typer.Argument(None, help="Symbols; the machine's example unless given."),
    steps: int | None = typer.Option(None, help=f"Of the machine, at most; {STEPS} unless given."),
    watch: bool = typer.Option(False, "--watch", help="Live, in the terminal."),
    delay: float = typer.Option(0.1, help="Of --watch: seconds a step."),
    quiet: bool = typer.Option(False, "--quiet", help="Only where it ends: faster."),
    cells: str | None = typer.Option(
        None, help="Room on the tape on either side, or LEFT,RIGHT: many units."
    ),
    exact: bool = typer.Option(False, "--exact", help="In integers without limit."),
    dtype: str = typer.Option(
        "float64", help="float64 or float32.", callback=options.one_of("float64", "float32")
    ),
    engine: str | None = typer.Option(
        None, help="cpu or reference.", callback=options.one_of("cpu", "reference")
    ),
) -> None:
    """Run the network of a Turing machine or a finite automaton."""
    numbers = {"--steps": steps, "--delay": delay}
    for option, value in numbers.items():
        if value is not None and not 0 <= value <= 10**15:
            raise OptionError(f"{option} {value}; expected 0 or more. Give another number.")
    if exact and cells is not None:
        raise OptionError(
            f"--exact is given with --cells {cells}; expected one of the two, because integers "
            "need no blocks. Leave one out."
        )
    room = _cells(cells)
    import torch

    from throughtime.universal import Automaton, read_machine

    read = read_machine(machine)
    if isinstance(read, Automaton):
        given = {"--steps": steps is not None, "--cells": cells is not None, "--exact": exact}
        for option in (option for option, is_given in given.items() if is_given):
            raise OptionError(
                f"{option} is given for a finite automaton; expected a Turing machine, because an "
                "automaton needs no tape. Leave it out."
            )
        _read(read, tape, getattr(torch, dtype), engine)
        return
    _run(
        read, read.tape if tape is None else tape, STEPS if steps is None else steps,
        delay if watch else None, quiet, cells=room, exact=exact, dtype=getattr(torch, dtype),
        engine=engine,
    )  # fmt: skip


def _run(
    machine: "Machine", tape: str, steps: int, delay: float | None, quiet: bool, *, exact: bool,
    **settings: Any,
) -> None:  # fmt: skip
    from throughtime.universal import compile_machine

    machine.begin(tape)  # a wrong tape is refused before anything is printed
    computer = compile_machine(machine, **settings)
    per = "2 steps" if computer.per_step == 2 else "1 step"
    kind = str(computer.dtype).removeprefix("torch.")
    room = f"{computer.capacity} cells {'in a block' if computer.blocks else 'a side'} in {kind}"
    print(
        f"{computer.neurons} units, {per} of the network for one of the machine, "
        + ("integers without limit" if exact else room)
    )
    if quiet:
        (end,) = computer.run([tape], steps, unbounded=exact)
        print(_line(end.steps, end.at))
        halted, accepted, taken = end.halted, end.accepted, end.steps
    else:
        history = computer.history(tape, steps, unbounded=exact)
        taken, at = _show(history, delay)
        halted = (at.state, at.head) not in machine.actions
        accepted = halted and at.state in machine.accept
    said = "halted" + (", accepted" if accepted else "") if halted else "not halted"
    print(f"{said} after {taken:,} steps")


def _show(history: "Iterator[Configuration]", delay: float | None) -> "tuple[int, Configuration]":
    """Print each configuration on a line, or each in place of the one before it."""
    import time

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    live = Live(console=console, auto_refresh=False) if delay is not None else None
    if live is None or not console.is_terminal:
        at = None
        for k, at in enumerate(history):  # noqa: B007
            print(_line(k, at))
        assert at is not None
        return k, at
    with live:
        for k, at in enumerate(history):  # noqa: B007
            room = max((console.width - 3) // 2, 1)  # the head stays in the middle
            left = one_line(at.left[-room:]).rjust(room)
            text = Text(f"step {k:,}   {one_line(at.state)}\n\n{left}")
            text.append(at.head, "reverse bold")
            text.append(one_line(at.right[:room]))
            live.update(text, refresh=True)
            time.sleep(delay or 0.0)
    return k, at


def _line(step: int, at: "Configuration") -> str:
    return one_line(f"{step:>6}  {at.state}  {at.left}[{at.head}]{at.right}")


def _read(automaton: "Automaton", word: str | None, dtype: Any, engine: str | None) -> None:
    from throughtime.universal import compile_automaton

    word = automaton.tape if word is None else word
    reader = compile_automaton(automaton, dtype=dtype, engine=engine)
    states = reader.reads(word)
    print(f"{reader.layer.hidden_size} units, one step of the network for each symbol, no limit")
    for k, state in enumerate(states):
        shown = "no transition" if state is None else state
        print(one_line(f"{k:>6}  {shown}  {word[:k]}|{word[k:]}"))
    (accepted,) = reader.accepts([word])
    print("accepted" if accepted else "refused")


def _cells(text: str | None) -> int | tuple[int, ...] | None:
    if text is None:
        return None
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 2) or not all(0 <= n <= 10**7 for n in numbers):
        raise OptionError(
            f"--cells {text!r}; expected a whole number from 0 to 10000000, or two with a comma. "
            "Write 1000 or 100,1000."
        )
    return numbers[0] if len(numbers) == 1 else numbers

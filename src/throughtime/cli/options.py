"""The values that options may have, checked while the command line is read: before torch is
imported.

What is refused is said in the words of the command line. The library checks the same values again
for those who call it from Python.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import typer

from throughtime import errors
from throughtime.errors import OptionError

LARGEST = 2**63 - 1  # the largest number that torch takes, for a seed as for a size
LARGEST_RATE = 100.0  # of a learning rate, as training/options.py has it


def whole(least: int = 1, *, means: str = "", say: int | None = None) -> Callable[..., Any]:
    """A whole number, `least` or more; `means` says what the least one stands for. An error says to
    set `say`, or the default."""
    wanted = f"a whole number, {least} or more" + (f" ({least}: {means})" if means else "")
    return _check(lambda value: least <= value <= LARGEST, wanted, say)


def share(say: Any = None) -> Callable[..., Any]:
    """A share of a whole: 0 or more, less than 1; an error says to set `say`, or the default."""
    return _check(lambda value: 0 <= value < 1, "a number from 0 up to 1, and not 1 itself", say)


def share_or_all(say: Any = None) -> Callable[..., Any]:
    """A share of a whole, the whole included; an error says to set `say`, or the default."""
    return _check(lambda value: 0 <= value <= 1, "a share from 0 to 1", say)


def positive(most: float = float("inf"), *, say: Any = None) -> Callable[..., Any]:
    """A finite number above 0, at most `most`; an error says to set `say`, or the default."""
    wanted = "a number above 0" + (f", at most {most:g}" if most < float("inf") else "")
    return _check(lambda value: 0 < value <= most and value < float("inf"), wanted, say)


def not_negative() -> Callable[..., Any]:
    """A finite number, 0 or more."""
    return _check(lambda value: 0 <= value < float("inf"), "a number, 0 or more")


def given(context: typer.Context) -> dict[str, str]:
    """What of a command was given on the command line: its parameters, and how each is written."""
    spelled = {param.name: param.opts[0] for param in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        name: spelled[name]
        for name, source in sources.items()
        if source is not None and source.name == "COMMANDLINE"
    }


def one_of(*known: str) -> Callable[..., Any]:
    """One of these names."""

    def check(param: typer.CallbackParam, value: str | None) -> str | None:
        if value is not None and value not in known:
            option, near = param.opts[0], nearest(value, known)
            raise OptionError(
                f"{option} is {value!r}; expected one of {', '.join(known)}. "
                + (f"Did you mean {near!r}?" if near else f"Write {option} {known[0]}, say.")
            )
        return value

    return check


def _check(good: Callable[[Any], bool], wanted: str, say: Any = None) -> Callable[..., Any]:
    def check(param: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not good(value):  # nan is never good
            option = param.opts[0]
            raise OptionError(
                f"{option} is {value}; expected {wanted}. "
                f"Set {option} {param.default if say is None else say}, say."
            )
        return value

    return check


def sizes(text: str) -> tuple[int, ...]:
    """`64,32` as numbers. **Raises:** `OptionError`."""
    numbers = [whole_number(part) for part in text.split(",")] if text else []
    if not all(numbers):
        raise OptionError(
            f"--output {text!r}; expected whole numbers, 1 or more, with commas. Write 64,32."
        )
    return tuple(numbers)


def quantiles(text: str | None, *, of_numbers: bool) -> tuple[float, ...]:
    """`0.1,0.5,0.9` as numbers. **Raises:** `OptionError`, also where no numbers are predicted."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    levels = [float(p) if re.fullmatch(r"0?\.\d{1,9}", p, re.ASCII) else 0.0 for p in parts]
    if not all(levels) or len({*levels}) < len(levels):
        raise OptionError(
            f"--quantiles is {text!r}; expected numbers between 0 and 1 with commas, each once, "
            "because each is a probability. Write --quantiles 0.1,0.5,0.9."
        )
    if not of_numbers:
        raise OptionError(
            f"--quantiles {text} is given without --target or --forecast; expected columns of "
            "numbers, because only numbers have quantiles. Add --target COLUMN, or leave it out."
        )
    return tuple(levels)


def whole_number(text: str) -> int:
    """A text as a whole number; 0 for what is none, or has more than nine digits."""
    return int(text) if re.fullmatch(r"\s*\d{1,9}\s*", text, re.ASCII) else 0


_BPTT = re.compile(
    r"full|truncated:(?P<steps>\d{1,9})(:(?P<every>\d{1,9}))?|"
    r"checkpointed(:(?P<segments>\d{1,9}))?",
    re.ASCII,
)


def check_bptt(text: str, direction: str) -> None:
    """**Raises:** `OptionError` for a mode that does not exist, or not with this direction."""
    match = _BPTT.fullmatch(text)
    if match is None:
        raise OptionError(
            f"--bptt is {text!r}; expected full, truncated:STEPS, truncated:STEPS:EVERY, "
            "checkpointed or checkpointed:SEGMENTS. Write --bptt truncated:50 for windows of 50 "
            "steps."
        )
    numbers = {name: int(value) for name, value in match.groupdict().items() if value}
    for name, value in numbers.items():
        if value < 1:
            raise OptionError(
                f"--bptt is {text!r}, whose {name.upper()} is {value}; expected a whole number, 1 "
                "or more. Write --bptt truncated:50 for windows of 50 steps."
            )
    steps, every = numbers.get("steps", 0), numbers.get("every", 1)
    if steps % every:
        raise OptionError(
            f"--bptt is {text!r}; expected an EVERY that divides STEPS, because windows begin "
            f"where the state was kept. Write --bptt truncated:{-(-steps // every) * every}:{every}"
            "."
        )
    if steps and direction != "forward":
        raise OptionError(
            f"--bptt {text} is given with --direction {direction}; expected --direction forward, "
            "because a network that runs backward begins at the end of the sequence, which a "
            "window does not have. Add --direction forward."
        )


def nearest(given: str, options: Sequence[str]) -> str | None:
    """The one of `options` that somebody who writes `given` most likely means: `--lr` is
    `--learning-rate`, `--optimizer` is `--optimiser`, `--hidden-size` is `--hidden`.
    """
    name = given.lstrip("-").casefold().replace("_", "-")
    names = {option.lstrip("-"): option for option in options}
    words = {*name.split("-")}
    spelled_alike = errors.nearest(name, names, near=0.7)
    near = [
        *(n for n in names if name == "".join(word[0] for word in n.split("-"))),
        *(n for n in names if name and n.startswith(name)),
        *([spelled_alike] if spelled_alike else []),
        *(n for n in names if words.issuperset(n.split("-"))),
    ]
    return names[near[0]] if near else None

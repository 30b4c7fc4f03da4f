"""The command line: `throughtime train`, `evaluate`, `predict`, `report`, `diagnose`, `info`,
`compute`, `bench`.

Only this package prints, parses and exits. Each command imports what it needs when it runs,
so that `--help` starts at once.
"""

import sys
from collections.abc import Sequence
from typing import Any

from throughtime.cli.plain import one_line
from throughtime.errors import ThroughtimeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what a person gave wrongly is one line on stderr and status 2."""
    import typer

    from throughtime.cli.app import app

    # typer carries its own click, whose base of all usage errors it does not export
    usage_error: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = app(
            args=arguments or ["--help"], prog_name="throughtime", standalone_mode=False,
            obj=arguments,
        )  # fmt: skip
        if result == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except ThroughtimeError as e:
        return _refuse(str(e))
    except usage_error as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context is not None else "throughtime"
        message = e.format_message()
        said = _wrong_number(e, message, arguments) or message
        return _refuse(f"`{command}`: {said} See `{command} --help`.")
    except (MemoryError, RuntimeError) as e:
        if not isinstance(e, MemoryError) and "can't allocate memory" not in str(e):
            raise
        return _refuse(
            "there is not enough memory for this; expected a model and batches that fit. Set a "
            "lower --hidden, --layers or --batch-size."
        )
    except (typer.Abort, KeyboardInterrupt):
        print("throughtime: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so do we, quietly
        return 1


def _wrong_number(error: Exception, message: str, arguments: Sequence[str]) -> str | None:
    """What typer does not say: the text that an option was given in place of a number."""
    kinds = {"valid integer": "a whole number", "valid number": "a number"}
    wanted = next((kinds[kind] for kind in kinds if kind in message), None)
    given = None
    for name in getattr(getattr(error, "param", None), "opts", ()) if wanted else ():
        for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
            if argument == name or argument.startswith(f"{name}="):
                given = f"{name} has {argument.partition('=')[2] or following!r}"  # the last counts
    return f"{given}; expected {wanted}." if given else None


def _refuse(message: str) -> int:
    print(f"throughtime: {one_line(message)}", file=sys.stderr)
    return 2

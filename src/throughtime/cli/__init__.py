"""The command line: `throughtime train`, `evaluate`, `predict`, `info`.

Only this package prints, parses and exits. Each command imports what it needs when it runs,
so that `--help` starts at once.
"""

import sys
from collections.abc import Sequence

from throughtime.cli.plain import one_line
from throughtime.errors import ThroughtimeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what a person gave wrongly is one line on stderr and status 2."""
    import typer

    from throughtime.cli.app import app

    # typer carries its own click, whose base of all usage errors it does not export
    usage_error = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = app(args=arguments or ["--help"], prog_name="throughtime", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except ThroughtimeError as e:
        return _refuse(str(e))
    except usage_error as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context is not None else "throughtime"
        said = _wrong_number(e, arguments) or e.format_message()  # type: ignore[attr-defined]
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


def _wrong_number(error: Exception, arguments: Sequence[str]) -> str | None:
    """What typer does not say: the option and the text that it was given for a number."""
    option = getattr(error, "param", None)
    wanted = {"integer": "a whole number", "float": "a number"}
    if option is None or option.type.name not in wanted:
        return None
    for name in option.opts:
        for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
            if argument == name or argument.startswith(f"{name}="):
                given = argument.partition("=")[2] or following
                return f"{name} has {given!r}; expected {wanted[option.type.name]}."
    return None


def _refuse(message: str) -> int:
    print(f"throughtime: {one_line(message)}", file=sys.stderr)
    return 2

"""The command line: `throughtime train`, `evaluate`, `predict`, `info`.

Only this package prints, parses and exits. Each command imports what it needs when it runs,
so that `--help` starts at once.
"""

import sys
from collections.abc import Sequence

from throughtime.errors import ThroughtimeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what a person gave wrongly is one line on stderr and status 2."""
    import typer

    from throughtime.cli.app import app

    # typer carries its own click, whose base of all usage errors it does not export
    usage_error = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = app(args=arguments or ["--help"], standalone_mode=False)
        return result if isinstance(result, int) else 0
    except ThroughtimeError as e:
        return _refuse(str(e))
    except usage_error as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context is not None else "throughtime"
        return _refuse(f"`{command}`: {e.format_message()} See `{command} --help`.")  # type: ignore[attr-defined]
    except (typer.Abort, KeyboardInterrupt):
        print("throughtime: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so do we, quietly
        return 1


def _refuse(message: str) -> int:
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
    print(f"throughtime: {line}", file=sys.stderr)
    return 2

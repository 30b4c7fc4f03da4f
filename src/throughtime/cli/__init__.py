"""The command line: `throughtime train`, `evaluate`, `predict`, `info`.

Only this package prints, parses and exits. Each command imports what it needs when it runs,
so that `--help` starts at once.
"""

import sys
from collections.abc import Sequence

from throughtime.errors import ThroughtimeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what a person gave wrongly is one line on stderr and status 2."""
    import click

    from throughtime.cli.app import app

    try:
        result = app(args=arguments, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except ThroughtimeError as e:
        return _refuse(str(e))
    except click.ClickException as e:
        context = getattr(e, "ctx", None)
        command = context.command_path if context is not None else "throughtime"
        return _refuse(f"`{command}`: {e.format_message()} See `{command} --help`.")
    except (click.Abort, KeyboardInterrupt):
        print("throughtime: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so do we, quietly
        return 1


def _refuse(message: str) -> int:
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
    print(f"throughtime: {line}", file=sys.stderr)
    return 2

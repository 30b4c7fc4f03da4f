"""The command line: `throughtime train`, `look`, `evaluate`, `predict`, `forecast`, `report`,
`diagnose`, `dynamics`, `info`, `compute`, `bench`.

Only this package prints, parses and exits. Each command imports what it needs when it runs,
so that `--help` starts at once.
"""

import sys
from collections.abc import Sequence
from typing import Any

from throughtime.cli.stopped import Stopped
from throughtime.errors import ThroughtimeError, one_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what a person gave wrongly is one line on stderr and status 2."""
    import typer

    from throughtime.cli.app import app
    from throughtime.cli.usage import sentence

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
        return _refuse(sentence(e, arguments))
    except (MemoryError, RuntimeError) as e:
        if not isinstance(e, MemoryError) and "can't allocate memory" not in str(e):
            raise
        fix = "Give a smaller table, or end other programs."
        if arguments[:1] == ["train"]:
            fix = "Set a lower --hidden, --layers or --batch-size."
        return _refuse(
            f"there is not enough memory for this; expected a model and batches that fit. {fix}"
        )
    except (typer.Abort, KeyboardInterrupt, Stopped) as e:
        what_next = f". {e}" if isinstance(e, Stopped) else ""
        print(f"throughtime: stopped{one_line(what_next)}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; so do we, quietly
        return 1


def _refuse(message: str) -> int:
    print(f"throughtime: {one_line(message)}", file=sys.stderr)
    return 2

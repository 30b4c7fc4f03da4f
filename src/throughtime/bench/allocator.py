"""Memory that is not handed back between calls, so that no contestant pays for page faults.

Much of the time of a large pass can be the kernel's, clearing fresh pages. With these settings
of glibc's malloc, read when a process starts, a block that is freed stays with the process.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence

from throughtime.errors import OptionError

VARIABLE = "GLIBC_TUNABLES"
TUNABLES = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {
        "mmap_threshold": 1 << 40,  # large blocks are of the heap,
        "mmap_max": 0,
        "trim_threshold": 1 << 40,  # which never shrinks
        "top_pad": 1 << 26,
        "arena_max": 1,  # and is one for all threads
    }.items()
)


def described() -> str:
    """The allocator of this process in words."""
    if os.environ.get(VARIABLE) == TUNABLES:
        return "glibc, freed memory kept (no page faults)"
    setting = f" with {VARIABLE}={os.environ[VARIABLE]}" if os.environ.get(VARIABLE) else ""
    return f"{platform.libc_ver()[0] or platform.system()} as it is{setting}"


def run_again(arguments: Sequence[str]) -> int:
    """Run the command line in a new process with these settings; its exit status.

    **Raises:** `OptionError` where malloc is not glibc's.
    """
    if platform.libc_ver()[0] != "glibc":
        raise OptionError(
            "--same-allocator is given; expected a system with glibc, whose malloc it sets. Leave "
            "it out."
        )
    sys.stdout.flush()
    return subprocess.run(command(arguments), env={**os.environ, VARIABLE: TUNABLES}).returncode


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of throughtime in a new process."""
    run = "import sys; from throughtime.cli import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", run, *arguments]

"""`throughtime train --resume RUN`: a run that was stopped goes on."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from throughtime.cli import device as devices
from throughtime.cli import options as given_options
from throughtime.cli.data import known
from throughtime.cli.finish import finish
from throughtime.cli.stopped import Stopped
from throughtime.errors import OptionError


def check_alone(context: typer.Context, folder: str) -> None:
    """**Raises:** `OptionError` for an option that a resumed run has already."""
    for name, option in given_options.given(context).items():
        if name not in ("resume", "checkpoint_seconds", "quiet"):
            raise OptionError(
                f"--resume {folder} is given with {option}; expected it alone, because a run goes "
                f"on with the options that it began with. Leave out {option}."
            )


def go_on(folder: str, checkpoint_seconds: float, quiet: bool) -> None:
    from dataclasses import asdict

    import torch

    from throughtime.cli.show import progress_bar
    from throughtime.cli.walk import walk_of
    from throughtime.data.source import remembered
    from throughtime.training.fit import fit
    from throughtime.training.lock import locked
    from throughtime.training.run import read

    run = read(folder)
    run.model.to(devices.named(run.details.get("device", "cpu"), folder))
    with locked(run.folder):  # from here on, so that a second one need not read the table first
        if threads := run.details.get("threads", 0):
            torch.set_num_threads(threads)
        source, fingerprints = remembered(run.details, run.folder)
        train_part, test_part = source.read_again(fingerprints, known(run))
        whole = source.whole(**known(run))
        fitted, held = source.set_aside(train_part, test_part, fingerprints)
        options = asdict(run.options) | ({} if held is None else {"validation": held})
        with progress_bar(quiet) as progress:
            finished = fit(
                run.model, fitted, folder=folder, resume=True, progress=progress,
                checkpoint_seconds=checkpoint_seconds, details=run.details,
                then=train_part if source.trains_again(run.options.minutes) else None, **options,
            )  # fmt: skip
        finish(finished, train_part, test_part, walk_of(source, finished, whole, test_part))


@contextmanager
def resumable(folder: str) -> Iterator[None]:
    """Ctrl-C says how to go on, if there is something to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        if not os.path.exists(os.path.join(folder, "config.json")):
            raise
        raise Stopped(f"Go on with `throughtime train --resume {shlex.quote(folder)}`.") from None

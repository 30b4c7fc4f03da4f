"""How every run ends: it is tested, its results are kept and shown, its report is written."""

import shlex
import sys
from collections.abc import Callable
from typing import Any

from throughtime.errors import one_line


def finish(
    run: Any, train_part: Any, test_part: Any, walk: Callable[[], Any] | None = None
) -> None:
    """Test a trained model, keep and show the results, and write the report into its folder.

    `walk`: makes the predictions for the test part, where the model does not by itself.

    The run is whole without its report: one that cannot be written is said on stderr.
    """
    from throughtime.cli.show import show_results
    from throughtime.training.advice import try_next
    from throughtime.training.evaluate import tested
    from throughtime.training.lock import locked

    path = failure = measured = None
    with locked(run.folder):
        predictions = walk() if walk else None
        done = tested(run.model, train_part, test_part, predictions)
        run.record(done.results)
        run.model.cpu()  # what a report shows beyond this is measured on a few sequences
        try:
            from throughtime.report import kept, write_report  # what it needs may be missing

            path = write_report(run, train_part, test_part, done.predictions)
            measured = kept(run)
        except Exception as e:  # whatever it is, `throughtime report` meets it again, shown whole
            failure = f"{type(e).__name__}: {e}"
        # Written again, because how far the gradient reaches was measured for the report.
        run.record(done.results | {"try_next": try_next(run, measured)})
    show_results(run, path)
    if failure is not None:
        again = f"throughtime report {shlex.quote(str(run.folder))}"
        message = f"the run is finished, but its report cannot be written ({failure}). Write it "
        print(f"throughtime: {one_line(message)}again with `{one_line(again)}`.", file=sys.stderr)

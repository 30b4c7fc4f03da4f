"""All that the report shows of a model and its data, as plain data: kept in `report.json`."""

from typing import NotRequired, cast

from torch import Tensor

from throughtime.data import Sequences
from throughtime.errors import CallError
from throughtime.report import given
from throughtime.report.outline import outline
from throughtime.report.section import TestedRun
from throughtime.report.sections.confusion import Pair
from throughtime.report.sections.gates import GatesMeasured
from throughtime.report.sections.gradients import GradientsMeasured
from throughtime.training import Run, predict
from throughtime.training.evaluate import of_real_steps
from throughtime.training.given import sequences as given_sequences


class Measured(GatesMeasured, GradientsMeasured):
    """What the sections of this package measure; a section of a user's own adds its keys."""

    confusions: NotRequired[list[Pair]]


def measure(
    run: Run, train: Sequences, test: Sequences, predictions: Tensor | None = None
) -> Measured:
    """What a report shows beyond what is in a run already.

    Everything is measured on the test sequences with nothing drawn from torch's generator; the
    model is left in eval mode, as `fit` and `load` leave it. "Before" is the network with the
    weights that `fit` began with.

    **Arguments:** `predictions`: what `predict` says of `test`, if that is known.

    **Returns:** plain data under the keys of `Measured`; numbers have five significant digits.

    **Raises:** `CallError` for another kind of argument, or if two sections measure one thing;
    `DataError` for sequences without targets of the model's task.
    """
    given.run("measure", run)
    given_sequences("measure", "train", train)
    given_sequences("measure", "test", test)
    model = run.model.eval()
    if predictions is not None:
        predictions = of_real_steps(model, predictions, test)
    train, test = (model.task.prepare("measure", part.real_steps()) for part in (train, test))
    if predictions is None:
        predictions = predict(model, test)
    tested = TestedRun(run, train, model.task.seen(test), predictions)
    measured: dict[str, object] = {}
    for section in outline(run):
        own = section.measure(tested)
        twice = measured.keys() & own.keys()
        if twice:
            raise CallError(
                f"`measure`: the section {section.name} has the key {sorted(twice)[0]!r}, as a "
                "section before it; expected keys of its own. Choose another name for it."
            )
        measured |= own
    return cast(Measured, measured)

"""What to try next after a run: simple rules on how it went, each with an option to change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from throughtime.data.naming import quote
from throughtime.tasks.verdict import beaten
from throughtime.training.options import Options
from throughtime.training.run import Run

MOST = 3  # suggestions
FEW, FEW_IN_ALL = 10, 50  # training sequences of a class; of a task without classes


def try_next(run: Run, measured: Mapping[str, Any] | None = None) -> list[str]:
    """At most three suggestions for a run that was tested; none where none is justified.

    **Arguments:** `measured`: what `throughtime.report.measure` says of it, where that is known:
    how far the gradient reaches.
    """
    task, test = run.model.task, run.results.get("test")
    if test is None or not run.history:
        return []
    lost = not beaten(run.results, task.metric, task.baseline_titles)
    dropout = run.model.dropout
    says = [*_of_training(run.history, run.options, test.get("loss"), dropout, lost=lost)]
    if lost and measured is not None and task.ahead is None:
        says = [*does_not_reach(measured, run.model.readout.name), *says]
    if lost and not task.each_step and task.ahead is None:
        says += few_sequences(run.results, run.options)
    if lost:
        says = says or [*nothing_to_blame(run.options)]
    return says[:MOST]


def _of_training(
    history: Sequence[Mapping[str, Any]],
    options: Options,
    tested: float | None,
    dropout: float,
    *,
    lost: bool,
) -> Iterator[str]:
    if still_falling(history):
        yield (
            f"The {'validation' if options.validation else 'training'} loss was still falling at "
            f"the end: train longer, `--epochs {2 * options.epochs}`."
        )
    elif lost:
        yield from stuck(history, options)
    yield from by_heart(history, options, tested, dropout)


def still_falling(history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether more epochs may help: the training loss fell in the last quarter of them by more than
    5% of the first, or the validation loss was lowest in the last tenth.
    """
    quarter = len(history) // 4
    if quarter < 2:
        return False
    held = [row["validation_loss"] for row in history if "validation_loss" in row]
    if held:
        return len(held) - 1 - held.index(min(held)) < max(len(held) // 10, 1)
    return history[-1 - quarter]["loss"] - history[-1]["loss"] > 0.05 * history[0]["loss"]


def stuck(history: Sequence[Mapping[str, Any]], options: Options) -> Iterator[str]:
    """The training loss hardly fell from the first epoch to the last: another learning rate."""
    first, last = history[0]["loss"], history[-1]["loss"]
    if len(history) < 5 or last < 0.9 * first:
        return
    clip = options.clip or float("inf")
    clipped = sum(row.get("gradient_norm", 0.0) > clip for row in history)
    too_high = clipped > len(history) / 2 or last > first
    rate = options.learning_rate * (0.3 if too_high else 3)
    why = "gradients were long" if too_high else "gradients were short"
    yield (
        f"The training loss hardly changed ({first:.3g} to {last:.3g}) and {why}: try "
        f"`--learning-rate {rate:.1g}`."
    )


def by_heart(
    history: Sequence[Mapping[str, Any]],
    options: Options,
    tested: float | None,
    dropout: float,
) -> Iterator[str]:
    """Training sequences are answered much better than others: less freedom, or more of them.

    Others are those of the validation part in the best epoch, or else the test sequences: their
    loss is more than twice that of training, by more than a tenth of the first loss.
    """
    rows = [row for row in history if "validation_loss" in row]
    best = min(rows, key=lambda row: row["validation_loss"]) if rows else history[-1]
    own, others = best["loss"], best.get("validation_loss", tested)
    if others is None or others <= 2 * own or others - own <= 0.1 * history[0]["loss"]:
        return
    ways = [] if options.validation else ["`--validation 0.2`, which stops in time"]
    ways += [] if dropout >= 0.5 else ["`--dropout 0.5`"]
    ways += [] if options.weight_decay else ["`--weight-decay 0.01`"]
    yield (
        f"It answers its training sequences much better than others (loss {own:.3g} beside "
        f"{others:.3g}): try {', '.join([*ways, 'a smaller `--hidden`'])}, or more sequences."
    )


def does_not_reach(measured: Mapping[str, Any], pooling: str) -> Iterator[str]:
    """The gradient arrives at less than half of the steps: a cell that keeps it, a shorter way."""
    moments = [m for m in (measured.get("before"), measured.get("after")) if m]
    steps = min(measured["lengths"])
    reach = max(moment["reach"] for moment in moments)
    if reach < steps / 2:
        ways = "a cell that keeps it for longer (`--cell 'LSTM(keep_bias=3.0)'`)"
        short = "" if pooling == "mean" else ", or `--pooling mean`, a short way to every step"
        yield (
            f"Less than 1% of the gradient reaches further than {reach} of {steps} steps: try "
            f"{ways}{short}."
        )


def few_sequences(results: Mapping[str, Any], options: Options) -> Iterator[str]:
    """There are few sequences to learn from, of a class or in all."""
    training = results.get("counts", {}).get("training", {})
    counts = training.get("classes")
    if not counts:
        count = training.get("sequences", FEW_IN_ALL)
        if count < FEW_IN_ALL:
            yield f"There are only {count} training sequences: more of them would help."
        return
    least = min(range(len(counts)), key=counts.__getitem__)
    if counts[least] < FEW:
        name = quote(results["test"]["classes"][least])
        uneven = max(counts) >= 5 * counts[least] and not options.class_weights
        ways = "; `--class-weights` gives rare classes more weight" if uneven else ""
        yield (
            f"The class {name} has only {counts[least]} training sequences: more of them would "
            f"help{ways}."
        )


def nothing_to_blame(options: Options) -> Iterator[str]:
    """No rule says why the baseline is as good."""
    yield (
        "Training shows no fault: the baseline may have all that can be learned here. "
        + ("" if options.validation else "`--validation 0.2` keeps the best epoch. ")
        + "Another `--seed` shows how much of the difference is chance."
    )

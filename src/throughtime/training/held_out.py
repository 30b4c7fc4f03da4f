"""What a model is fitted on, and what it is validated on."""

from throughtime.data import Sequences, split
from throughtime.errors import OptionError
from throughtime.training.evaluate import check_channels
from throughtime.training.model import Model
from throughtime.training.options import GIVEN, Options


def held_out(
    model: Model, data: Sequences, given: Sequences | None, settings: Options
) -> tuple[Sequences, Sequences | None]:
    """What of `data` a model is fitted on, and what it is validated on, None without any.

    `given`: the sequences to validate on, in place of a share of `data`.

    **Raises:** `DataError` for sequences that do not fit the model, `OptionError` without those
    that a run began with.
    """
    if given is not None:
        check_channels("fit", model, given)
        return data, model.task.prepare("fit", given)
    if isinstance(settings.validation, str):
        raise OptionError(
            f"fit: validation is {GIVEN!r}; expected the sequences that were given when the run "
            "began. Give them as validation=."
        )
    if not settings.validation:
        return data, None
    train, aside = split(data, settings.validation, settings.seed)
    return model.task.prepare("fit", train), model.task.prepare("fit", aside)


def check_then(model: Model, then: Sequences, held: Sequences | None, settings: Options) -> None:
    """**Raises:** `OptionError` where nothing says for how many epochs to train on `then`,
    `DataError` for sequences that do not fit the model."""
    if held is None:
        raise OptionError(
            "fit: then is given without validation; expected a validation part, because it says "
            "for how many epochs to train on all data. Give validation=."
        )
    if settings.minutes is not None:
        raise OptionError(
            f"fit: then is given with minutes={settings.minutes:g}; expected one of the two, "
            "because there would be no time for a second training. Leave one out."
        )
    check_channels("fit", model, then)

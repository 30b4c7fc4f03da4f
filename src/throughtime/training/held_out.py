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

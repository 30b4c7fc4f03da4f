"""What a loss has to be."""

from torch import Tensor

from throughtime.errors import OptionError


def one_number(call: str, loss: object) -> Tensor:
    """The loss itself. **Raises:** `OptionError` unless it is a tensor of one number."""
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return loss
    shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
    raise OptionError(
        f"`{call}`: loss has {shape}; expected one number. Sum or average it, or choose one term."
    )

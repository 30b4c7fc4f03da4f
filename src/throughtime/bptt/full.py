"""Back-propagation through the whole sequence."""

from dataclasses import dataclass

from torch import Tensor

from throughtime.bptt.unrolled import States, Unrolled


@dataclass(frozen=True)
class Full:
    """The gradient through every step; what each step saved is kept until it is used.

    Werbos 1990, doi 10.1109/5.58337.
    """

    def check(self, layers) -> None:
        """Any network can be trained so."""

    def gradient(self, unrolled: Unrolled) -> tuple[Tensor, States]:
        y, state = unrolled.run(0, len(unrolled.x), unrolled.state)
        value = unrolled.value(unrolled.read(None, y, 0), state)
        unrolled.back([value])
        return value.detach(), state

    def __str__(self) -> str:
        return "full"

"""Diagnosis during training, every n steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from throughtime.diagnose.diagnosis import Diagnosis, diagnose
from throughtime.errors import whole


class Row(NamedTuple):
    """What was measured after `step` steps of the optimiser."""

    step: int
    layers: list[Diagnosis]


class Follow:
    """Diagnoses a model on one batch before training, and after every so many steps.

    ```python
    follow = Follow(model, x, lengths, loss, every=10)
    fit(model, data, progress=follow)                   # or follow() after each optimiser step
    [(row.step, row.layers[0].flow.jacobian.horizon()) for row in follow.rows]
    ```

    It draws nothing from torch's generator and leaves `.grad` alone: a run that is followed is
    the run that is not. The arguments are those of `diagnose`, with fewer samples so that it
    costs little: unless told otherwise, back from the middle and the last step of two sequences,
    two probes for each state. `rows` has what was measured.

    **Raises:** `OptionError` if `every` is less than 1.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        lengths: Tensor | None = None,
        loss: Callable[[Any], Tensor] | None = None,
        *,
        every: int = 10,
        n: int = 2,
        sequences: int = 2,
        probes: int = 2,
    ) -> None:
        whole("Follow", "every", every, "Set it to 10.")
        self.every, self.steps, self.rows = every, 0, list[Row]()
        self._measure = lambda: diagnose(
            model, x, lengths, loss, n=n, sequences=sequences, probes=probes
        )
        self.rows.append(Row(0, self._measure()))

    def __call__(self, progress: Any = None) -> None:
        """After one step of the optimiser; `progress` is what `fit` says, and is not read."""
        self.steps += 1
        if self.steps % self.every == 0:
            self.rows.append(Row(self.steps, self._measure()))

"""Which connections of a weight exist, which are fixed, and what sign each has."""

import math

import torch
from torch import Tensor, nn

from throughtime.errors import OptionError


class Connections(nn.Module):
    r"""A parametrisation, for `torch.nn.utils.parametrize`, of a weight or a vector.

    Of the numbers $V$ that an optimiser changes it makes the weight
    $W_{ij} = s_j |V_{ij}|$ where a connection is learned, and a constant, 0 where there is no
    connection, at all others. Column $j$ is what unit $j$ sends, so that one sign for each is
    Dale's principle; where $s_j$ is 0 the sign is free and $W_{ij} = V_{ij}$.

    The constraints hold exactly, whatever an optimiser does: what is not learned has a gradient of
    0, and a step that takes a weight through 0 turns it round. A rectified weight, the default of
    Song et al. 2016 (doi 10.1371/journal.pcbi.1004792), has no gradient left once it is 0 and never
    comes back; here the derivative at $V_{ij} = 0$ is 1, so that it does. Their code has the
    absolute value as its other choice.

    **Arguments:**

    - `learned`: bool in the shape of the weight; all are unless given.
    - `values`: the constants, in the shape of the weight; 0 unless given.
    - `signs`: 1, -1 or 0 for each column, of the dtype of the weight; all free unless given.

    All three are buffers: saved with the weights, and moved with them.
    """

    learned: Tensor | None
    values: Tensor | None
    signs: Tensor | None

    def __init__(
        self,
        learned: Tensor | None = None,
        values: Tensor | None = None,
        signs: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("learned", learned)
        self.register_buffer("values", values)
        self.register_buffer("signs", signs)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that is computed with, from what is learned."""
        weight = self._signed(weight)
        if self.learned is None:
            return weight
        return torch.where(self.learned, weight, 0.0 if self.values is None else self.values)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What is learned, for a weight that is assigned: 0 where nothing is, so that it adds
        nothing to norms and decay; numbers of the other sign are turned round."""
        weight = self._signed(weight)
        return weight if self.learned is None else torch.where(self.learned, weight, 0.0)

    def _signed(self, weight: Tensor) -> Tensor:
        if self.signs is None:
            return weight
        return torch.where(weight * self.signs < 0, -weight, weight)

    def extra_repr(self) -> str:
        parts = []
        if self.learned is not None:
            parts.append(f"{int(self.learned.sum()):,} of {self.learned.numel():,} learned")
        if self.signs is not None:
            counts = {"excitatory": int((self.signs > 0).sum()),
                      "inhibitory": int((self.signs < 0).sum())}  # fmt: skip
            parts += [f"{count:,} {kind}" for kind, count in counts.items()]
        return ", ".join(parts)


def drawn(
    weight: Tensor,
    *,
    excitatory: float | None = None,
    density: float = 1.0,
    self_connections: bool = True,
) -> Connections | None:
    """Connections for a recurrent weight `(H, H)`, drawn from torch's generator; None where none
    of the options restricts them.

    - `excitatory`: the share of the units, the first ones, that excite; the others inhibit.
    - `density`: the share of the connections that exist, of those that could.
    - `self_connections`: whether a unit may be connected to itself.

    **Raises:** `OptionError` for shares outside of their range.
    """
    check("drawn", excitatory, density)
    H, device = len(weight), weight.device
    learned = signs = None
    if excitatory is not None:
        first = torch.arange(H, device=device) < round(excitatory * H)
        signs = torch.where(first, 1.0, -1.0).to(weight.dtype)
    if density < 1 or not self_connections:
        others = H if self_connections else H - 1  # units that one can hear
        chosen = torch.randperm(H * others, device=device)[: round(density * H * others)]
        row, column = chosen // max(others, 1), chosen % max(others, 1)
        column = column if self_connections else column + (column >= row)
        learned = torch.zeros(H, H, dtype=torch.bool, device=device)
        learned[row, column] = True
    return None if learned is None and signs is None else Connections(learned, signs=signs)


def check(
    call: str,
    excitatory: float | None = None,
    density: float = 1.0,
    spectral_radius: float | None = None,
) -> None:
    """**Raises:** `OptionError` for numbers outside of their range."""
    if spectral_radius is not None and not (
        _number(spectral_radius) and 0 < spectral_radius < math.inf
    ):
        raise OptionError(
            f"`{call}`: spectral_radius is {spectral_radius!r}; expected a number above 0. "
            "Give 1.5, or leave it out."
        )
    if excitatory is not None and not (_number(excitatory) and 0 <= excitatory <= 1):
        raise OptionError(
            f"`{call}`: excitatory is {excitatory!r}; expected a share of the units, 0 to 1. "
            "Give 0.8 for four excitatory units to each inhibitory one, or leave it out."
        )
    if not (_number(density) and 0 < density <= 1):
        raise OptionError(
            f"`{call}`: density is {density!r}; expected a share of the connections in (0, 1]. "
            "Give 0.1 for one in ten, or leave it out."
        )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

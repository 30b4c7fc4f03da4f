"""What all made data sets share: sequences drawn one after the other, and checks of options."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor

from throughtime.data.sequences import Sequences
from throughtime.data.target import Target
from throughtime.errors import OptionError, whole

NOISE = "Set noise=0.1, or 0 for none."
Drawn = tuple[Tensor, dict[str, Tensor]]
"""The values `(T, C)` of a sequence without noise, and by name its targets, `(T,)` each."""


def draw(
    one: Callable[[Generator], Drawn],
    *,
    call: str,
    channels: Sequence[str],
    classes: Mapping[str, tuple[str, ...]] | None = None,
    sequences: int,
    noise: float = 0.0,
    seed: int,
) -> Sequences:
    """As many sequences as `sequences` says, each drawn by `one` after the one before, so that
    fewer are the first of more; then normal `noise` of this standard deviation is added.

    `call`: the name of the maker, for errors. `classes`: of the targets that have some.

    **Raises:** `OptionError`.
    """
    whole(call, "sequences", sequences, "Set sequences=1000.")
    number(call, "noise", noise, at_least=0, fix=NOISE)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise OptionError(
            f"`{call}`: seed is {seed!r}; expected a whole number, 0 or more. Set seed=0."
        )
    generator = torch.Generator().manual_seed(seed)
    arrays: list[Tensor] = []
    targets: dict[str, list[Tensor]] = {}
    for _ in range(sequences):
        x, wanted = one(generator)
        # drawn also where there is none, so that the same seed gives the same sequences beneath
        arrays.append(x + noise * torch.randn(x.shape, generator=generator))
        for name, values in wanted.items():
            targets.setdefault(name, []).append(values)
    return Sequences.from_list(
        arrays,
        channels=channels,
        targets={
            name: Target(torch.cat(values), (classes or {}).get(name, ()), each_step=True)
            for name, values in targets.items()
        },
    )


def number(
    call: str, name: str, value: object, *, at_least: float = -math.inf, above: float = -math.inf,
    at_most: float = math.inf, fix: str,
) -> None:  # fmt: skip
    """**Raises:** `OptionError` unless a value is a finite number in these bounds."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not (value >= at_least and value > above and value <= at_most):  # type: ignore[operator]
        bounds = [f"{word} {bound:g}" for word, bound in
                  (("at least", at_least), ("above", above), ("at most", at_most))
                  if math.isfinite(bound)]  # fmt: skip
        wanted = " and ".join(["a number " + bounds[0], *bounds[1:]])
        raise OptionError(f"`{call}`: {name} is {value!r}; expected {wanted}. {fix}")


def span(call: str, name: str, value: object, *, least: int, fix: str) -> tuple[int, int]:
    """Two whole numbers, from and to.

    **Raises:** `OptionError` unless both are at least `least`, the second not below the first.
    """
    pair = list(value) if isinstance(value, tuple | list) else []
    sound = len(pair) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in pair)
    if not sound or not least <= pair[0] <= pair[1]:
        raise OptionError(
            f"`{call}`: {name} is {value!r}; expected two whole numbers, {least} or more, the "
            f"smaller first. {fix}"
        )
    return pair[0], pair[1]

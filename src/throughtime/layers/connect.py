"""Which connections a layer has, said by tensors: masks, fixed values, signs."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, register_parametrization

from throughtime.arguments import checked_arguments
from throughtime.cells import Connections
from throughtime.cells.connections import check
from throughtime.errors import OptionError, ShapeError, nearest
from throughtime.layers import checks
from throughtime.layers.recurrent import Recurrent
from throughtime.program import Balanced


@checked_arguments()
@torch.no_grad()
def connect(
    layer: nn.Module,
    name: str,
    *,
    mask: Tensor | None = None,
    fixed: Tensor | None = None,
    values: Tensor | None = None,
    signs: Tensor | None = None,
    spectral_radius: float | None = None,
) -> None:
    r"""Say which connections of a weight exist, which stay as they are, and what sign each has.

    ```python
    connect(layer, "transition_h", mask=anatomy, signs=signs, spectral_radius=1.5)
    layer.directions[0][0].transition_h       # the weight that is computed with
    ```

    Row $i$ of a weight is what unit $i$ hears, column $j$ what unit or input $j$ sends. What is
    said holds exactly whatever an optimiser does, see `cells.Connections`, and is saved and loaded
    with the layer. The weight that there is stays where it fits: where no connection is it becomes
    0, and numbers of the other sign are turned round. A later call comes on top of earlier ones.
    Parameters stay the same objects, so that an optimiser may be there already.

    **Arguments:**

    - `layer`: a `Recurrent` of one layer and direction; of more `layer.directions[k][d]`; or any
      other module, such as the `torch.nn.Linear` that reads the units out.
    - `name`: of the parameter, `"transition_h"`: a weight `(H, W)` or a vector `(W,)`.
    - `mask`: bool in the shape of the parameter, True where a connection exists.
    - `fixed`: bool in that shape, True where a connection is not learned.
    - `values`: in that shape, what the fixed ones are; as they are now unless given.
    - `signs`: `(W,)`: 1 for a unit that excites, -1 for one that inhibits, 0 for one that may do
      both.
    - `spectral_radius`: of a square weight: excitation and inhibition are balanced and the largest
      modulus of an eigenvalue becomes this, see `program.Balanced`. Fixed connections stay as they
      are, so that with some it is only near to that.

    **Raises:** `OptionError`, `ShapeError` for what does not fit the layer or contradicts itself.
    """
    call = "connect"
    module = _module(call, layer)
    weight = _weight(call, module, name)
    if mask is None and fixed is None and signs is None:
        raise OptionError(
            f"`{call}`: mask, fixed and signs are not given; expected one of them. Give a mask of "
            "the connections that exist."
        )
    learned = constants = None
    because = f"because {name} has that shape. Give one for each connection."
    if mask is not None:
        learned = _bool(call, "mask", mask, weight, because)
    if fixed is not None:
        fixed = _bool(call, "fixed", fixed, weight, because)
        _nowhere(call, "fixed", None if learned is None else fixed & ~learned,
                 "only connections that exist", "Change the mask there.")  # fmt: skip
        if values is not None:
            checks.shape(call, "values", values, tuple(weight.shape), because)
        constants = torch.where(fixed, weight if values is None else values.to(weight), 0.0)
        learned = ~fixed if learned is None else learned & ~fixed
    elif values is not None:
        raise OptionError(
            f"`{call}`: values are given without fixed; expected both. Say with `fixed` which of "
            "the connections have them."
        )
    if signs is not None:
        signs = _signs(call, signs, weight)
        _nowhere(call, "fixed", None if constants is None else constants * signs < 0,
                 "values of the sign of their column", "Change signs or values.")  # fmt: skip
    balanced = None if spectral_radius is None else _balanced(call, spectral_radius, weight)
    register_parametrization(module, name, Connections(learned, constants, signs))
    weight = getattr(module, name)
    setattr(module, name, weight if balanced is None else balanced.balance(weight))


def _module(call: str, layer: Any) -> nn.Module:
    """What has the parameters. **Raises:** `OptionError` for a layer of several directions."""
    if not isinstance(layer, Recurrent):
        return layer
    every = [direction for directions in layer.directions for direction in directions]
    if len(every) > 1:
        raise OptionError(
            f"`{call}`: layer has {len(layer.directions)} layers of {len(layer.directions[0])} "
            "directions; expected one of one. Give `layer.directions[k][d]`, each in turn."
        )
    return every[0]


def _weight(call: str, module: nn.Module, name: str) -> Tensor:
    """The parameter as it is computed with. **Raises:** `OptionError` if there is none, or if
    something else than `Connections` makes it."""
    own: Any = module.parametrizations if is_parametrized(module) else {}
    parametrised = dict(own.items())
    known = [*dict(module.named_parameters(recurse=False)), *parametrised]
    if name not in known:
        near = nearest(name, known)
        raise OptionError(
            f"`{call}`: name is {name!r}; expected one of {', '.join(known) or 'none'}. "
            + (f"Did you mean {near!r}?" if near else "Name a parameter of the layer.")
        )
    other = [part for part in parametrised.get(name, ()) if not isinstance(part, Connections)]
    if other:
        raise OptionError(
            f"`{call}`: {name} has the parametrisation {type(other[0]).__name__}; expected "
            "Connections or none. Take it off with `remove_parametrizations` of "
            "torch.nn.utils.parametrize."
        )
    return getattr(module, name).detach()


def _bool(call: str, name: str, got: Tensor, weight: Tensor, because: str) -> Tensor:
    checks.shape(call, name, got, tuple(weight.shape), because)
    if got.dtype != torch.bool:
        raise ShapeError(
            f"`{call}`: {name} has dtype {got.dtype}; expected bool. Write `{name} != 0`."
        )
    return got.to(weight.device, copy=True)


def _signs(call: str, got: Tensor, weight: Tensor) -> Tensor:
    checks.shape(call, "signs", got, (weight.shape[-1],),
                 "because each column is what one unit sends. Give a sign for each.")  # fmt: skip
    signs = got.to(weight, copy=True)
    wrong = signs[(signs != 0) & (signs.abs() != 1)]
    if len(wrong):
        raise OptionError(
            f"`{call}`: signs has {wrong[0].item()}; expected 1, -1 or 0. Write `signs.sign()`."
        )
    return signs


def _nowhere(call: str, name: str, where: Tensor | None, want: str, fix: str) -> None:
    """**Raises:** `OptionError` where two of the tensors contradict each other."""
    if where is not None and where.any():
        place = where.nonzero()[0].tolist()
        raise OptionError(f"`{call}`: {name} has the connection {place}; expected {want}. {fix}")


def _balanced(call: str, radius: float, weight: Tensor) -> Balanced:
    if weight.shape != weight.shape[:1] * 2:
        raise OptionError(
            f"`{call}`: spectral_radius is given for a parameter of shape {tuple(weight.shape)}; "
            "expected a square weight, because others have no eigenvalues. Leave it out."
        )
    check(call, spectral_radius=radius)
    return Balanced(radius)

"""How each parameter of a cell starts, as data.

`"uniform"` is torch's own: U(-1/sqrt(H), 1/sqrt(H)). An initialiser is saved with the
program by its name and numbers, so it is one of those below, a number, or a function that
fills a tensor in place (saved as its name only).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from throughtime.errors import OptionError


@dataclass(frozen=True)
class Uniform:
    """U(-bound, bound); without a bound 1/sqrt(hidden_size), as torch.nn's RNNs."""

    bound: float | None = None

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        bound = 1 / math.sqrt(hidden_size) if self.bound is None else self.bound
        tensor.uniform_(-bound, bound)


@dataclass(frozen=True)
class Range:
    """U(low, high)."""

    low: float
    high: float

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        tensor.uniform_(self.low, self.high)


@dataclass(frozen=True)
class Orthogonal:
    """A random orthogonal matrix times `gain` (Saxe et al. 2014, arXiv 1312.6120)."""

    gain: float = 1.0

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        torch.nn.init.orthogonal_(tensor, self.gain)


@dataclass(frozen=True)
class Identity:
    """`gain` on the diagonal, 0 elsewhere (Le et al. 2015, arXiv 1504.00941)."""

    gain: float = 1.0

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        torch.nn.init.eye_(tensor).mul_(self.gain)


@dataclass(frozen=True)
class Constant:
    """The same number everywhere."""

    value: float

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        tensor.fill_(self.value)


@dataclass(frozen=True)
class Chrono:
    """log U(1, steps - 1): a gate that keeps for up to `steps` steps.

    Tallec and Ollivier 2018, arXiv 1804.11188, eq. 16.
    """

    steps: float

    def __post_init__(self) -> None:
        if not self.steps > 2:
            raise OptionError(f"`Chrono`: steps is {self.steps}; expected more than 2 time steps.")

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        tensor.uniform_(1, self.steps - 1).log_()


@dataclass(frozen=True)
class Negative:
    """Minus another parameter of the same cell, as chrono starts the write gate."""

    of: str

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        tensor.copy_(-others[self.of])


@dataclass(frozen=True)
class Balanced:
    """A random square matrix in which excitation and inhibition cancel, of a given spectral radius.

    Magnitudes are drawn from a gamma distribution of shape 2, as Song et al. 2016 (doi
    10.1371/journal.pcbi.1004792) draw them, with signs at random; a weight whose connections have
    signs, or do not all exist, keeps those. `balance` does the rest.
    """

    radius: float

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        tensor.exponential_().add_(torch.empty_like(tensor).exponential_())
        positive = torch.rand(tensor.shape, device=tensor.device) < 0.5
        tensor.copy_(self.balance(torch.where(positive, tensor, -tensor)))

    def balance(self, weight: Tensor) -> Tensor:
        """A weight `(H, H)` that each unit hears as much excitation as inhibition through.

        The negative numbers of each row are scaled until the row adds up to 0, which keeps single
        eigenvalues from lying far out (Rajan and Abbott 2006, doi
        10.1103/PhysRevLett.97.188104); a row that has only one of the two signs stays. Then all is
        scaled so that the largest modulus of an eigenvalue is `radius`, unless it is 0.
        """
        w = weight.double()  # numbers of half precision have no eigenvalues in torch
        excitation = w.clamp(min=0).sum(1, keepdim=True)
        inhibition = -w.clamp(max=0).sum(1, keepdim=True)
        both = (excitation > 0) & (inhibition > 0)
        w = torch.where(both & (w < 0), w * (excitation / inhibition), w)
        largest = torch.linalg.eigvals(w).abs().max()
        return torch.where(largest > 0, w * (self.radius / largest), w).to(weight.dtype)


@dataclass(frozen=True)
class Custom:
    """A function that fills a tensor in place, saved by name only."""

    name: str
    function: Callable[[Tensor], Any] | None = None

    def fill(self, tensor: Tensor, hidden_size: int, others: Mapping[str, Tensor]) -> None:
        if self.function is None:
            raise OptionError(
                f"initialiser {self.name}: was read from a file, which keeps its name but not its "
                "code; expected a function. Build the layer from the cell instead."
            )
        self.function(tensor)


Initialiser = (
    Uniform | Range | Orthogonal | Identity | Constant | Chrono | Negative | Balanced | Custom
)
_KINDS = {
    kind.__name__.lower(): kind
    for kind in (Uniform, Range, Orthogonal, Identity, Constant, Chrono, Negative, Balanced)
}
_NAMED = {
    "uniform": Uniform(),
    "orthogonal": Orthogonal(),
    "identity": Identity(),
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
}


def initialiser(spec: "str | float | Initialiser | Callable[[Tensor], Any]") -> Initialiser:
    """The initialiser meant by a name, a number, a function or an initialiser itself."""
    if isinstance(spec, Initialiser):
        return spec
    if isinstance(spec, str) and spec in _NAMED:
        return _NAMED[spec]
    if isinstance(spec, int | float):
        return Constant(float(spec))
    if callable(spec):
        return Custom(getattr(spec, "__qualname__", repr(spec)), spec)
    raise OptionError(
        f"init is {spec!r}; expected one of {', '.join(map(repr, _NAMED))}, a number, "
        "`Chrono(steps)` or another initialiser, or a function that fills a tensor in place."
    )


def to_data(init: Initialiser) -> dict[str, Any]:
    if isinstance(init, Custom):
        return {"kind": "custom", "name": init.name}
    return {"kind": type(init).__name__.lower(), **asdict(init)}


def from_data(data: dict[str, Any]) -> Initialiser:
    fields = dict(data)
    kind = fields.pop("kind")
    return Custom(fields["name"]) if kind == "custom" else _KINDS[kind](**fields)


@dataclass(frozen=True)
class Parameter:
    """Shape `(size, width)` for a weight, `(size,)` for a bias or a vector."""

    shape: tuple[int, ...]
    init: Initialiser

    def __post_init__(self) -> None:
        if isinstance(self.init, Balanced) and self.shape != self.shape[:1] * 2:
            raise OptionError(
                f"init is {self.init} for a parameter of shape {self.shape}; expected one for this "
                "shape, because only a square matrix has eigenvalues. Use another."
            )
        if len(self.shape) == 1 and isinstance(self.init, Orthogonal | Identity):
            raise OptionError(
                f"init is {self.init} for a vector; expected one for vectors, because "
                "this one fills a matrix. Use a number or a range."
            )


def starts_after(p: Parameter, before: Mapping[str, Parameter]) -> None:
    """**Raises:** `OptionError` if p copies what does not start before it, or another shape."""
    if isinstance(p.init, Negative):
        of = before.get(p.init.of)
        if of is None or of.shape != p.shape:
            raise OptionError(
                f"init is the negative of {p.init.of!r}; expected an earlier parameter of shape "
                f"{p.shape}. Declare that one first."
            )

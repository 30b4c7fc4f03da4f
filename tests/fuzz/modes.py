"""What the oracle does beside each torch function that it calls."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Twins(TorchFunctionMode):
    """Variational dropout: beside each row that is made of x or the output without a product, the
    same made of these with their masks, which is what an affine map sees."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, tuple[Tensor, Tensor]] = {}

    def add(self, row: Any, twin: Any) -> None:
        self.known[id(row)] = (row, twin)

    def of(self, row: Any) -> Any:
        return self.known[id(row)][1] if id(row) in self.known else row

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        masked = [self.of(a) for a in args]
        options = {n: self.of(a) for n, a in kwargs.items()}
        changed = any(m is not a for m, a in zip(masked, args, strict=True))
        changed |= any(options[n] is not a for n, a in kwargs.items())
        reduces = func in (torch.sum, torch.mean, torch.var)
        if changed and not reduces and isinstance(found, Tensor):
            self.add(found, func(*masked, **options))
        return found


class Jitter(TorchFunctionMode):
    """Changes the result of each operation a little, at random."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("layer_norm", "var"):  # the mean is rounded before it is subtracted
            with torch._C.DisableTorchFunction():
                noise = self.amount * torch.randn_like(args[0])
                args = (args[0] * (1 + noise), *args[1:])
        found = func(*args, **(kwargs or {}))
        exact = (
            "expand",
            "transpose",
            "detach",
            "to",
            "reshape",
            "where",
            "__getitem__",
            "neg",
            "requires_grad_",
            "permute",
            "stack",
            "cat",
            "randn_like",
            "zeros_like",
            "grad",
        )
        if name == "var":  # of equal numbers it is 0, or what the rounding of their mean leaves
            with torch._C.DisableTorchFunction():
                most = (10 * self.amount * args[0].abs().amax(-1, keepdim=True)) ** 2
                found = torch.where((found <= most) & (torch.rand(()) < 0.5), 0.0, found)
        if isinstance(found, Tensor) and found.is_floating_point() and name not in exact:
            with torch._C.DisableTorchFunction():
                if found.dim() and not (found.is_leaf and found.requires_grad):
                    found = found * (1 + self.amount * torch.randn_like(found))
        return found

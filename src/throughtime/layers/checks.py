"""Whether what a layer is called with fits it: one error for each way in which it does not."""

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from throughtime.engines.registry import transformed
from throughtime.errors import ShapeError


def padded(call: str, name: str, got: object, batch_first: bool = False) -> None:
    """**Raises:** `ShapeError` for sequences in another form than a padded tensor."""
    first = ", batch_first=True" if batch_first else ""
    if isinstance(got, PackedSequence):
        raise ShapeError(
            f"`{call}`: {name} is a PackedSequence; expected a padded tensor with its lengths. "
            f"Write `{name}, lengths = torch.nn.utils.rnn.pad_packed_sequence({name}{first})` and "
            f"`layer({name}, lengths=lengths)`."
        )
    if isinstance(got, list | tuple) and got and all(isinstance(g, Tensor) for g in got):
        raise ShapeError(
            f"`{call}`: {name} is a {type(got).__name__} of tensors; expected a padded tensor with "
            f"its lengths. Write `layer(torch.nn.utils.rnn.pad_sequence({name}{first}), "
            f"lengths=[len(s) for s in {name}])`."
        )


def numbers(call: str, name: str, got: object) -> None:
    """**Raises:** `ShapeError` for a tensor of anything but floating point numbers."""
    if isinstance(got, Tensor) and not got.is_floating_point():
        raise ShapeError(
            f"`{call}`: {name} has dtype {got.dtype}; expected floating point numbers. Write "
            f"`{name}.float()` for numbers; for classes or words, `torch.nn.Embedding(count, "
            "input_size)` makes vectors of them."
        )


def shape(call: str, name: str, got: object, want: tuple[object, ...], because: str) -> None:
    """**Raises:** `ShapeError` unless `got` is a tensor and each number in `want` is its size."""
    if not isinstance(got, Tensor):
        raise ShapeError(
            f"`{call}`: {name} is a {type(got).__name__}; expected a tensor. "
            f"Write `torch.as_tensor({name})`."
        )
    fits = got.dim() == len(want) and all(
        g == w for g, w in zip(got.shape, want, strict=True) if isinstance(w, int)
    )
    if not fits:
        raise ShapeError(
            f"`{call}`: {name} has shape {tuple(got.shape)}; expected "
            f"({', '.join(map(str, want))}{',' * (len(want) == 1)}) {because}"
        )


def same_kind(call: str, name: str, got: Tensor, weight: Tensor) -> None:
    """**Raises:** `ShapeError` for another device or dtype than that of the weights."""
    if got.device != weight.device:
        raise ShapeError(
            f"`{call}`: {name} is on {got.device}; expected {weight.device}, where the weights "
            f"are. Write `{name}.to({str(weight.device)!r})` or move the layer."
        )
    if got.dtype == weight.dtype:
        return
    if not (got.is_floating_point() and torch.is_autocast_enabled(got.device.type)):
        other = f" or `layer.to({got.dtype})`" if got.is_floating_point() else ""
        raise ShapeError(
            f"`{call}`: {name} has dtype {got.dtype}; expected {weight.dtype}, that of the "
            f"weights. Write `{name}.to({weight.dtype})`{other}."
        )


def lengths(call: str, got: object, T: int, B: int, device: torch.device) -> Tensor | None:
    """Lengths as int64 `(B,)` on the device of x.

    Those on another device than the CPU are not looked at, as that would wait for it: beyond T
    they count as T, below 0 as 0.

    **Raises:** `ShapeError` if they are not integers, not one for each sequence, or, on the CPU,
    negative or beyond T.
    """
    if got is None:
        return None
    try:
        # not on torch's default device, where to look at them may be to wait
        counts = got if isinstance(got, Tensor) else torch.as_tensor(got, device="cpu")
    except (TypeError, ValueError, RuntimeError) as e:
        raise ShapeError(
            f"`{call}`: lengths is {got!r}; expected integers ({B},). Give a list or a tensor."
        ) from e
    if counts.numel() and not _whole(counts.dtype):
        raise ShapeError(
            f"`{call}`: lengths has dtype {counts.dtype}; expected integers. "
            "Write `torch.as_tensor(lengths).long()`."
        )
    shape(call, "lengths", counts, (B,), "because x has that many sequences. Give one for each.")
    if counts.numel() and readable(counts):
        low, high = (int(v) for v in torch.aminmax(counts))
        if low < 0 or high > T:
            wrong = low if low < 0 else high
            raise ShapeError(
                f"`{call}`: lengths has {wrong}; expected 0 to {T}, the steps in x. "
                "Count the real steps of each sequence."
            )
    return counts.to(device=device, dtype=torch.int64)


def readable(counts: Tensor) -> bool:
    """Whether there are numbers to look at, and without waiting for them."""
    return counts.is_cpu and not torch.compiler.is_compiling() and not transformed()


def resets(
    call: str, got: Tensor | None, steps: tuple[int, ...], device: torch.device
) -> Tensor | None:
    """Resets as bool of the first two axes of x. **Raises:** `ShapeError` if they do not fit."""
    if got is None:
        return None
    shape(call, "resets", got, steps, "because x has these steps. Give one for each of them.")
    if got.dtype != torch.bool and not _whole(got.dtype):
        raise ShapeError(
            f"`{call}`: resets has dtype {got.dtype}; expected bool. Write `resets.bool()`."
        )
    return got.to(device=device, dtype=torch.bool)


def mask(
    call: str, got: Tensor | None, steps: tuple[int, ...], device: torch.device
) -> Tensor | None:
    """A mask as bool of the first two axes of x. **Raises:** `ShapeError` if it does not fit."""
    if got is None:
        return None
    shape(call, "mask", got, steps, "because x has these steps. Say of each whether it is real.")
    if got.dtype != torch.bool:
        raise ShapeError(
            f"`{call}`: mask has dtype {got.dtype}; expected bool, True where a step is real, "
            "because libraries differ on what 1 means. Write `mask.bool()` or `mask == 0`."
        )
    return got.to(device)


def _whole(dtype: torch.dtype) -> bool:
    return not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool)

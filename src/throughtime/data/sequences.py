"""Ragged sequences: one array of values and one of offsets, nothing padded."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from throughtime.data.classes import encode, sort_classes
from throughtime.data.naming import quote
from throughtime.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """`S` sequences of `C` channels, `N` steps in all, stored end to end as in an Arrow list.

    - `values`: float32, shape `(N, C)`; finite.
    - `offsets`: int64, shape `(S+1,)`; sequence `i` is `values[offsets[i]:offsets[i+1]]`.
    - `channels`: the names of the `C` columns.
    - `names`: the name of each sequence, as in the table it came from.
    - `labels`: int64, shape `(S,)`, each a place in `classes`; None without labels.
    - `classes`: the names of the classes, `()` if there are none.

    **Raises:** `DataError` if the parts do not fit together, if a sequence has no steps, or if
    a value is NaN or infinite.
    """

    values: Tensor
    offsets: Tensor
    channels: tuple[str, ...]
    names: tuple[str, ...]
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_layout(self)
        _check_labels(self)
        _check_finite(self)

    @classmethod
    def from_list(
        cls,
        arrays: Iterable[Any],
        labels: Iterable[Any] | None = None,
        *,
        channels: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
    ) -> "Sequences":
        """Sequences from `S` arrays of shape `(T_i, C)`; `(T_i,)` is one channel.

        - `arrays`: anything `torch.as_tensor` takes: arrays, tensors, nested lists.
        - `labels`: one a sequence, text or whole numbers.
        - `channels`, `names`: default to `c0, c1, ...` and `0, 1, ...`.
        - `classes`: default to the distinct labels, sorted; the labels are looked up in them.

        **Raises:** `DataError` if an array has another shape, a label is neither text nor a
        whole number, or nothing fits together.
        """
        steps = [_steps(array, place) for place, array in enumerate(arrays)]
        if not steps:
            raise DataError("Sequences: arrays has no sequence; expected at least 1. Add one.")
        for place, step in enumerate(steps):
            if step.shape[1] != steps[0].shape[1]:
                raise DataError(
                    f"Sequences: sequence {place} has {step.shape[1]} channels; expected "
                    f"{steps[0].shape[1]} because sequence 0 has them. Give each the same channels."
                )
        lengths = torch.tensor([0] + [len(step) for step in steps])
        kinds = tuple(classes) if classes is not None else ()
        codes = None
        if labels is not None:
            texts = [_label(label, place) for place, label in enumerate(labels)]
            try:
                kinds = kinds if classes is not None else sort_classes(texts)
                codes = encode(texts, kinds)
            except DataError as error:
                raise DataError(f"Sequences: {error}") from None
        return cls(
            values=torch.cat(steps),
            offsets=lengths.cumsum(0),
            channels=tuple(channels or (f"c{c}" for c in range(steps[0].shape[1]))),
            names=tuple(names or (str(place) for place in range(len(steps)))),
            labels=codes,
            classes=kinds,
        )

    @property
    def lengths(self) -> Int64[Tensor, " S"]:
        """The number of steps of each sequence, shape `(S,)`, all at least 1."""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> Float32[Tensor, "T C"]:
        """The values of one sequence, shape `(T_i, C)`: a view, not a copy."""
        if not -len(self) <= place < len(self):
            raise IndexError(f"Sequences: no sequence {place} among {len(self)}")
        start = place % len(self)
        return self.values[int(self.offsets[start]) : int(self.offsets[start + 1])]

    def select(self, indices: Sequence[int] | Tensor) -> "Sequences":
        """The sequences at `indices`, in that order; an index may come twice.

        **Raises:** `DataError` if there is no index or one is outside `0 .. S-1`.
        """
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        if chosen.numel() == 0 or chosen.min() < 0 or chosen.max() >= len(self):
            raise DataError(
                f"select: indices has {_range(chosen)}; expected 1 or more of 0 to "
                f"{len(self) - 1}. Select sequences that exist."
            )
        lengths = self.lengths[chosen]
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        # Row r of the result lies in sequence i at step r - offsets[i].
        shift = (self.offsets[chosen] - offsets[:-1]).repeat_interleave(lengths)
        return Sequences(
            values=self.values[torch.arange(len(shift)) + shift],
            offsets=offsets,
            channels=self.channels,
            names=tuple(self.names[i] for i in chosen.tolist()),
            labels=None if self.labels is None else self.labels[chosen],
            classes=self.classes,
        )

    def __repr__(self) -> str:
        lengths = self.lengths
        return (
            f"Sequences({len(self)} of {int(lengths.min())} to {int(lengths.max())} steps, "
            f"{len(self.channels)} channels, {len(self.values)} rows, "
            + ("no labels)" if self.labels is None else f"{len(self.classes)} classes)")
        )


def _steps(array: Any, place: int) -> Float32[Tensor, "T C"]:
    try:
        steps = torch.as_tensor(array).to(torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"Sequences: sequence {place} has {quote(error)}; expected numbers of shape (T, C). "
            "Give an array of numbers."
        ) from None
    if steps.ndim == 1:
        steps = steps[:, None]
    if steps.ndim != 2:
        raise DataError(
            f"Sequences: sequence {place} has shape {tuple(steps.shape)}; expected (T, C). "
            "Flatten the channels into one axis."
        )
    return steps


def _label(label: Any, place: int) -> str:
    """As the text that names its class; an array of no axes is the number in it."""
    shape = getattr(label, "shape", ())
    plain = label.item() if hasattr(label, "item") and shape == () else label
    if isinstance(plain, str | int) or (isinstance(plain, float) and not math.isnan(plain)):
        return str(plain)
    missing = plain is None or isinstance(plain, float)
    got = f"shape {tuple(shape)}" if shape else "no value" if missing else quote(label)
    raise DataError(
        f"Sequences: label {place} has {got}; expected one text or whole number for each sequence. "
        "Give labels of shape (S,)."
    )


def _range(indices: Tensor) -> str:
    return f"{int(indices.min())} to {int(indices.max())}" if indices.numel() else "no index"


def _check_layout(s: Sequences) -> None:
    if s.values.ndim != 2 or s.values.dtype != torch.float32:
        raise DataError(
            f"Sequences: values has shape {tuple(s.values.shape)} and {s.values.dtype}; "
            "expected (N, C) and torch.float32. Reshape or convert it."
        )
    if s.offsets.ndim != 1 or s.offsets.dtype != torch.int64 or len(s.offsets) < 2:
        raise DataError(
            f"Sequences: offsets has shape {tuple(s.offsets.shape)} and {s.offsets.dtype}; "
            "expected (S+1,) with S at least 1 and torch.int64. Give where each sequence starts."
        )
    if int(s.offsets[0]) != 0 or int(s.offsets[-1]) != len(s.values):
        raise DataError(
            f"Sequences: offsets has {int(s.offsets[0])} first and {int(s.offsets[-1])} last; "
            f"expected 0 and {len(s.values)} because values has {len(s.values)} rows. "
            "Let the offsets cover all rows."
        )
    for field, want in (("channels", s.values.shape[1]), ("names", len(s))):
        if len(getattr(s, field)) != want:
            raise DataError(
                f"Sequences: {field} has {len(getattr(s, field))} names; expected {want}. "
                "Give one name for each."
            )
    empty = (s.lengths < 1).nonzero()
    if len(empty):
        place = int(empty[0])
        raise DataError(
            f"Sequences: sequence {place} ({quote(s.names[place])}) has "
            f"{int(s.lengths[place])} steps; expected at least 1. Leave it out."
        )


def _check_labels(s: Sequences) -> None:
    if s.labels is None:
        return
    if s.labels.shape != (len(s),) or s.labels.dtype != torch.int64:
        raise DataError(
            f"Sequences: labels has shape {tuple(s.labels.shape)} and {s.labels.dtype}; "
            f"expected ({len(s)},) and torch.int64. Give one label for each sequence."
        )
    if s.labels.min() < 0 or s.labels.max() >= len(s.classes):
        raise DataError(
            f"Sequences: labels has {_range(s.labels)}; expected 0 to {len(s.classes) - 1} "
            f"because there are {len(s.classes)} classes. Name every class in classes."
        )


def _check_finite(s: Sequences) -> None:
    bad = (~s.values.isfinite()).nonzero()
    if len(bad):
        row, channel = bad[0].tolist()
        place = int(torch.searchsorted(s.offsets, row, right=True)) - 1
        raise DataError(
            f"Sequences: sequence {place} ({quote(s.names[place])}), step "
            f"{row - int(s.offsets[place])}, channel {quote(s.channels[channel])} has "
            f"{s.values[row, channel].item()}; expected a finite number. Replace or remove it."
        )

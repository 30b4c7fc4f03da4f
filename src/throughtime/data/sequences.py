"""Ragged sequences: one array of values and one of offsets, nothing padded."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from throughtime.data import mask as masking
from throughtime.data.classes import encode, sort_classes
from throughtime.data.given_targets import given_target
from throughtime.data.naming import quote
from throughtime.data.reading import Reading
from throughtime.data.target import Target, check, said
from throughtime.data.vocabulary import check_categories
from throughtime.errors import DataError, OptionError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """`S` sequences of `C` channels, `N` steps in all, stored end to end as in an Arrow list.

    - `values`: float32, shape `(N, C)`; nan where a value is missing, else finite.
    - `offsets`: int64, shape `(S+1,)`; sequence `i` is `values[offsets[i]:offsets[i+1]]`.
    - `channels`: the names of the `C` columns.
    - `names`: the name of each sequence, as in the table it came from.
    - `targets`: by name what a network is to say of each sequence or step, see `Target`.
    - `categories`: by name the channels that are one of several texts at each step, with these
      texts: their values are places among them, or -1 for a text that is none of them.
    - `attributes`: by name a text for each sequence, `S` of them, that is no input: the person
      that a recording is of, say.
    - `times`: the time of each step as the table spelled it, `N` texts; None without a time.
    - `rows`: int64, shape `(N,)`; the place of each step among the rows of the table it came from,
      from 0; None where it came from none.
    - `moments`: float64, shape `(N,)`; the time of each step as a number to measure with: the
      number itself, of a date the seconds since 1970; None without a time.
    - `reading`: how the table was read; None where they came from none.
    - `mask`: bool, shape `(N,)`, True where a step is real: at the others, gaps and padding, values
      may be NaN, and nothing is learned, scored or remembered; None where all are real.

    Where there is one target of a class for each sequence, `labels` are its places among
    `classes`.

    **Raises:** `DataError` if the parts do not fit together, if a sequence has no real steps, or
    if a value of a real step is infinite or no place among the texts of its category.
    """

    values: Tensor
    offsets: Tensor
    channels: tuple[str, ...]
    names: tuple[str, ...]
    targets: dict[str, Target] = field(default_factory=dict)
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    times: Sequence[str] | None = None
    rows: Tensor | None = None
    moments: Tensor | None = None
    reading: Reading | None = None
    mask: Tensor | None = None
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_layout(self)
        if self.mask is not None:
            masking.check(self.mask, self.offsets, self.names)
        for name, target in self.targets.items():
            check(name, target, len(self), len(self.values))
        _check_finite(self)
        real = self.values if self.mask is None else self.values[self.mask]
        check_categories(self.channels, self.categories, real)

    @classmethod
    def from_list(
        cls,
        arrays: Iterable[Any],
        labels: Iterable[Any] | None = None,
        *,
        channels: Sequence[str] | None = None,
        classes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        names: Sequence[str] | None = None,
        targets: Mapping[str, Iterable[Any] | Target] | None = None,
        attributes: Mapping[str, Iterable[Any]] | None = None,
        masks: Iterable[Any] | None = None,
        categories: Mapping[str, Sequence[str]] | None = None,
        layout: str = "ntc",
    ) -> "Sequences":
        """Sequences from `S` arrays of shape `(T_i, C)`; `(T_i,)` is one channel.

        - `arrays`: anything `torch.as_tensor` takes: arrays, tensors, nested lists; or one array
          of all, `(S, T, C)` or `(S, T)`; nan where a value is missing.
        - `layout`: `nct` for arrays of shape `(C, T_i)` or `(S, C, T)`, as aeon has them.
        - `labels`: one a sequence, text or whole numbers: the target of the name `labels`.
        - `channels`, `names`: default to `c0, c1, ...` and `0, 1, ...`.
        - `targets`: by name numbers, one a sequence; or for each step a class (text) or a number,
          an array `(T_i,)` a sequence. None or nan where one is not known. Anything else as a
          `Target`.
        - `attributes`: by name a text, one a sequence, that is no input, such as its person.
        - `masks`: bool `(T_i,)` for each, True where a step is real; all are unless given.
        - `classes`: default to the distinct labels, sorted; the labels are looked up in them. A
          mapping has those of targets of each step, by name; numbers in these are then codes.
        - `classes`: default to the distinct labels, sorted; the labels are looked up in them.
        - `categories`: by name the texts of the channels that are categories; in the arrays stand
          places among them.

        **Raises:** `DataError` if an array has another shape, a label is neither text nor a
        whole number, or nothing fits together.
        """
        if layout not in ("ntc", "nct"):
            raise OptionError(
                f"Sequences: layout has {quote(layout)}; expected 'ntc' for steps before channels, "
                "or 'nct' for channels before steps. Set one of them."
            )
        steps = [_steps(array, place, layout) for place, array in enumerate(arrays)]
        if not steps:
            raise DataError("Sequences: arrays has no sequence; expected at least 1. Add one.")
        for place, step in enumerate(steps):
            if step.shape[1] != steps[0].shape[1]:
                raise DataError(
                    f"Sequences: sequence {place} has {step.shape[1]} channels; expected "
                    f"{steps[0].shape[1]} because sequence 0 has them. Give each the same channels."
                )
        lengths = torch.tensor([0] + [len(step) for step in steps])
        of_targets = classes if isinstance(classes, Mapping) else {}
        classes = None if isinstance(classes, Mapping) else classes
        for name in of_targets:
            if name not in (targets or {}):
                raise DataError(
                    f"Sequences: classes has those of {quote(name)}, which is no target; expected "
                    "the names of targets. Give it as one, or leave it out."
                )
        if labels is None and classes is not None:
            raise DataError(
                "Sequences: classes are given without labels; expected both or neither. Give the "
                "labels, or leave classes out."
            )
        return cls(
            values=torch.cat(steps),
            offsets=lengths.cumsum(0),
            channels=tuple(channels or (f"c{c}" for c in range(steps[0].shape[1]))),
            names=tuple(names or (str(place) for place in range(len(steps)))),
            targets=({} if labels is None else {"labels": _of_labels(labels, classes)})
            | {
                name: given_target(name, values, list(map(len, steps)), of_targets.get(name))
                for name, values in (targets or {}).items()
            },
            attributes={n: tuple(map(str, texts)) for n, texts in (attributes or {}).items()},
            mask=None if masks is None else masking.of_list(masks, [len(step) for step in steps]),
            categories={name: tuple(texts) for name, texts in (categories or {}).items()},
        )

    @property
    def labels(self) -> Int64[Tensor, " S"] | None:
        """The class of each sequence, a place in `classes`; None without one such target."""
        target = self._label_target()
        return None if target is None else target.values

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of `labels`; empty without labels."""
        target = self._label_target()
        return () if target is None else target.classes

    def _label_target(self) -> Target | None:
        of_sequences = [t for t in self.targets.values() if t.classes and not t.each_step]
        return of_sequences[0] if len(of_sequences) == 1 else None

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
        return self._steps_of(chosen, self.offsets[chosen], self.lengths[chosen])

    def cut(self, first: Int64[Tensor, " S"], stop: Int64[Tensor, " S"]) -> "Sequences":
        """Of each sequence its steps from `first` up to `stop`, which is left out; sequences of
        which nothing is left are left out too.

        `first`, `stop`: int64, shape `(S,)`, between 0 and the length of the sequence.

        **Raises:** `DataError` if nothing is left of any.
        """
        chosen = (first < stop).nonzero()[:, 0]
        if not len(chosen):
            raise DataError("cut: stop has no step after first; expected at least 1. Cut less off.")
        lengths = (stop - first)[chosen]
        return self._steps_of(chosen, (self.offsets[:-1] + first)[chosen], lengths)

    def _steps_of(
        self, chosen: Int64[Tensor, " K"], starts: Int64[Tensor, " K"], lengths: Int64[Tensor, " K"]
    ) -> "Sequences":
        """Of each of the sequences `chosen` the steps from a place of all on, as many as said."""
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        # Row r of the result lies in sequence i at step r - offsets[i].
        shift = (starts - offsets[:-1]).repeat_interleave(lengths)
        steps = torch.arange(len(shift)) + shift
        return self._at(chosen, steps, offsets, None if self.mask is None else self.mask[steps])

    def real_steps(self) -> "Sequences":
        """The steps that are real by themselves, with nothing masked."""
        if self.mask is None:
            return self
        lengths = masking.real_lengths(self.mask, self.offsets)
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        return self._at(torch.arange(len(self)), self.mask.nonzero()[:, 0], offsets, None)

    def _at(
        self, chosen: Tensor, steps: Tensor, offsets: Tensor, mask: Tensor | None
    ) -> "Sequences":
        """Some sequences with some of their steps, those among all steps end to end."""
        places = chosen.tolist()
        return replace(
            self,
            values=self.values[steps],
            offsets=offsets,
            names=tuple(self.names[i] for i in places),
            targets={name: t.select(chosen, steps) for name, t in self.targets.items()},
            attributes={n: tuple(texts[i] for i in places) for n, texts in self.attributes.items()},
            times=None if self.times is None else [self.times[i] for i in steps.tolist()],
            rows=None if self.rows is None else self.rows[steps],
            moments=None if self.moments is None else self.moments[steps],
            mask=mask,
        )

    def to_frame(self) -> "pl.DataFrame":
        """A long table, a frame of polars with one row a step, as `read_table` reads it.

        Its columns are `sequence`, `time` where there are times and else `step` from 0 on,
        attributes, channels and targets; classes are written as their names, and what is not known
        is null. A target of several numbers `y` has the columns `y0`, `y1`, ...

        **Raises:** `DataError` where two columns have one name.
        """
        from throughtime.data.long_frame import long_frame  # imports polars

        return long_frame(
            self.values, self.lengths, names=self.names, channels=self.channels,
            categories=self.categories, targets=self.targets, attributes=self.attributes,
            times=self.times,
        )  # fmt: skip

    def __repr__(self) -> str:
        lengths = self.lengths
        return (
            f"Sequences({len(self)} of {int(lengths.min())} to {int(lengths.max())} steps, "
            f"{len(self.channels)} channels, {len(self.values)} rows, "
            + ("" if self.mask is None else f"{int((~self.mask).sum())} of them masked, ")
            + (f"{', '.join(said(self.targets))})" if self.targets else "no labels)")
        )


def _steps(array: Any, place: int, layout: str) -> Float32[Tensor, "T C"]:
    try:
        if isinstance(array, np.ndarray):
            array = np.array(array)  # torch takes none that runs backward or cannot be written to
        steps = torch.as_tensor(array).to(torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"Sequences: sequence {place} has {quote(error)}; expected numbers of shape (T, C). "
            "Give an array of numbers."
        ) from None
    if steps.ndim == 1:
        steps = steps[None] if layout == "nct" else steps[:, None]
    if steps.ndim != 2:
        raise DataError(
            f"Sequences: sequence {place} has shape {tuple(steps.shape)}; expected (T, C). "
            "Flatten the channels into one axis."
        )
    return steps.T if layout == "nct" else steps


def _of_labels(labels: Iterable[Any], classes: Sequence[str] | None) -> Target:
    texts = [_label(label, place) for place, label in enumerate(labels)]
    try:
        names = tuple(classes) if classes is not None else sort_classes(texts)
        return Target(encode(texts, names), names)
    except DataError as error:
        raise DataError(f"Sequences: {error}") from None


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
        "Give labels of shape (S,), or for one at each step targets={'tag': labels} and the task "
        "Tag."
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
    parts = {"channels": (s.channels, s.values.shape[1]), "names": (s.names, len(s))}
    parts |= {f"attribute {quote(n)}": (texts, len(s)) for n, texts in s.attributes.items()}
    parts |= {} if s.times is None else {"times": (s.times, len(s.values))}
    parts |= {} if s.rows is None else {"rows": (s.rows, len(s.values))}
    parts |= {} if s.moments is None else {"moments": (s.moments, len(s.values))}
    for part, (given, want) in parts.items():
        if len(given) != want:
            raise DataError(
                f"Sequences: {part} has {len(given)}; expected {want}. Give one for each."
            )
    empty = (s.lengths < 1).nonzero()
    if len(empty):
        place = int(empty[0])
        raise DataError(
            f"Sequences: sequence {place} ({quote(s.names[place])}) has "
            f"{int(s.lengths[place])} steps; expected at least 1. Leave it out."
        )


def _check_finite(s: Sequences) -> None:
    real = True if s.mask is None else s.mask[:, None]
    bad = (s.values.isinf() & real).nonzero()
    if len(bad):
        row, channel = bad[0].tolist()
        place = int(torch.searchsorted(s.offsets, row, right=True)) - 1
        raise DataError(
            f"Sequences: sequence {place} ({quote(s.names[place])}), step "
            f"{row - int(s.offsets[place])}, channel {quote(s.channels[channel])} has "
            f"{s.values[row, channel].item()}; expected a finite number, or nan where it is "
            "missing. Replace it."
        )

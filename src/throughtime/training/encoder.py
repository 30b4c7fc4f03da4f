"""What recurrent layers are given of a batch: numbers scaled, missing ones filled, categories."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.data import Scaler, Sequences
from throughtime.data.categories import occurring
from throughtime.data.filling import last_known
from throughtime.data.naming import quote, quote_all
from throughtime.errors import DataError, OptionError

WIDEST = 16  # columns of a category, at most
NOT_SEEN = 0.02  # share of steps at which training takes a category for one that was not seen


class Encoder(nn.Module):
    """From the channels of a batch `(T, B, C)` to the inputs of the recurrent layers `(T, B, I)`.

    Their columns are, one after the other:

    - of each number: scaled as it was in the training part. Where it is missing the last value of
      the sequence takes its place, or else the mean of the training part;
    - of each channel in `missing`: 1 where its value is missing, else 0;
    - of each category of `k` texts: `min(16, k // 2 + 1)` numbers learned for each text, and for
      one that was not seen in training. The last text of the sequence takes the place of one that
      is missing; where there is none yet it is one not seen. So that these are learned too,
      training takes the text at 2% of the steps, drawn from torch's generator, for one not seen.

    What it knows of the training part are buffers: they are saved with the weights.

    **Arguments:**

    - `channels`: their names.
    - `categories`: by name the channels that are categories, with their texts.
    - `missing`: the channels that have a column which tells where they are missing.

    **Raises:** `OptionError` for a name that is no channel.
    """

    beyond = 0  # rows at the end of each sequence that are not steps of the recurrent layers

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        channels: Sequence[str],
        categories: Mapping[str, Sequence[str]] | None = None,
        missing: Sequence[str] = (),
    ) -> None:
        super().__init__()
        categories = categories or {}
        self.channels = tuple(channels)
        for argument, names in (("categories", categories), ("missing", missing)):
            for name in names:
                if name not in self.channels:
                    raise OptionError(
                        f"`Encoder`: {argument} has {quote(name)}; expected one of the channels "
                        f"{quote_all(channels)}. Name one of them."
                    )
        chosen = [name for name in self.channels if name in categories]
        self.texts = {name: tuple(categories[name]) for name in chosen}
        self.missing = tuple(name for name in self.channels if name in missing)
        self.categories = nn.ModuleList(_Category(len(texts)) for texts in self.texts.values())
        self.numbers = [c for c, name in enumerate(self.channels) if name not in self.texts]
        self.told = [self.channels.index(name) for name in self.missing]
        self.width = len(self.numbers) + len(self.told) + sum(c.width for c in self._each())
        self.register_buffer("mean", torch.zeros(len(self.channels)))
        self.register_buffer("std", torch.ones(len(self.channels)))

    @classmethod
    def of(cls, sequences: Sequences) -> "Encoder":
        """One for training on some sequences; its `width` is the `input_size` of the layers. See
        `encoder_for` for series that are to be forecast."""
        missing = sequences.real_steps().values.isnan().any(0).tolist()
        named = zip(sequences.channels, missing, strict=True)
        return cls(sequences.channels, sequences.categories, [n for n, some in named if some])

    def fit(self, train: Sequences) -> None:
        """Take over what is known of the training part: its scale, and the texts that it has.

        **Raises:** `DataError` for a channel without a value in it.
        """
        train = train.real_steps()
        empty = train.values.isnan().all(0)
        if empty.any():
            name = self.channels[int(empty.int().argmax())]
            raise DataError(
                f"channel {quote(name)} has no value in the training part; expected one at some "
                "steps, to learn from. Leave the channel out."
            )
        self.scale(Scaler.fit(train))
        for category, (name, texts) in zip(self._each(), self.texts.items(), strict=True):
            values = train.values[:, self.channels.index(name)]
            category.seen.copy_(occurring(values, len(texts)))

    def scale(self, scaler: Scaler) -> None:
        """Take over the means and standard deviations of a fitted scaler."""
        self.mean.copy_(scaler.mean)
        self.std.copy_(scaler.std)

    def forward(
        self, x: Tensor, before: Tensor | None = None, resets: Tensor | None = None
    ) -> Tensor:
        """`(T, B, width)` of `x (T, B, C)`, nan where a value is missing.

        - `before`: `(B, C)`, the last value that is known of the steps before; nan where none is.
        - `resets`: `(T, B)`, true where a sequence begins.
        """
        known = _filled(x, before, resets)
        numbers = (torch.where(known.isnan(), self.mean, known) - self.mean) / self.std
        columns = [numbers[..., self.numbers] if self.texts else numbers]
        if self.told:
            columns.append(x[..., self.told].isnan().to(numbers.dtype))
        for category, name in zip(self._each(), self.texts, strict=True):
            columns.append(category(known[..., self.channels.index(name)]))
        return torch.cat(columns, -1) if len(columns) > 1 else columns[0]

    def not_seen(self, name: str, values: Tensor) -> Tensor:
        """Which of the values `(N,)` of a category are texts that the training part has not."""
        category = self._each()[list(self.texts).index(name)]
        return ~values.isnan() & (category.slots(values) == len(category.seen))

    def describe(self) -> dict[str, Any]:
        """All but the weights and the channels, as plain data."""
        return {"categories": self.texts, "missing": self.missing}

    def extra_repr(self) -> str:
        return f"{len(self.channels)} channels -> {self.width}"

    def _each(self) -> list["_Category"]:
        return [*self.categories]  # type: ignore[list-item]


def _filled(x: Tensor, before: Tensor | None, resets: Tensor | None) -> Tensor:
    """The last known value at each step, nan where there is none yet."""
    if before is None:
        return last_known(x, resets)
    if resets is not None:
        resets = torch.cat([torch.zeros_like(resets[:1]), resets])
    return last_known(torch.cat([before[None], x]), resets)[1:]


class _Category(nn.Module):
    """Places among texts `(T, B)` as columns `(T, B, width)` that are learned."""

    seen: Tensor

    def __init__(self, texts: int) -> None:
        super().__init__()
        self.width = min(WIDEST, texts // 2 + 1)
        self.embedding = nn.Embedding(texts + 1, self.width)  # the last is for texts not seen
        self.register_buffer("seen", torch.ones(texts, dtype=torch.bool))

    def slots(self, places: Tensor) -> Tensor:
        """The row of each in the embedding; the last one where it was not seen, or is nan."""
        places = places.nan_to_num(-1.0).long()
        known = torch.cat([self.seen, self.seen.new_zeros(1)])[places]  # -1 is the last
        return torch.where(known, places, len(self.seen))

    def forward(self, places: Tensor) -> Tensor:
        slots = self.slots(places)
        if self.training:
            drawn = torch.rand(slots.shape, device=slots.device) < NOT_SEEN
            slots = slots.masked_fill(drawn, len(self.seen))
        return self.embedding(slots)

"""Scaling: each channel to mean 0 and standard deviation 1 on the training set."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from throughtime.data.sequences import Sequences
from throughtime.errors import DataError


@dataclass(frozen=True, eq=False)
class Scaler:
    """`(x - mean) / std` for each channel; fitted once and kept with the model.

    - `mean`: float32, shape `(C,)`, in the units of the channels.
    - `std`: float32, shape `(C,)`, in the units of the channels; positive.

    **Raises:** `DataError` if the two do not fit together or `std` is not positive.
    """

    mean: Tensor
    std: Tensor

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape:
            raise DataError(
                f"Scaler: mean and std have shapes {tuple(self.mean.shape)} and "
                f"{tuple(self.std.shape)}; expected (C,) twice. Fit the scaler again."
            )
        both = torch.stack([self.mean, self.std])
        if not both.isfinite().all() or not (self.std > 0).all():
            raise DataError(
                "Scaler: mean or std has a value that is not finite, or a std that is not "
                "positive; expected finite means and positive stds. Fit the scaler again."
            )

    @classmethod
    def fit(cls, sequences: Sequences) -> "Scaler":
        """Mean and standard deviation (divided by `N`) over all real steps of all sequences, of
        what is not missing.

        A channel that never changes gets `std` 1, so that it is scaled to 0. One that is a
        category gets mean 0 and `std` 1, so that it stays as it is.
        """
        values = sequences.real_steps().values.double()
        mean = values.nanmean(0).nan_to_num(0.0)  # of a channel without a value
        std = (values - mean).square().nanmean(0).nan_to_num(0.0).sqrt().float()
        kept = torch.tensor([name in sequences.categories for name in sequences.channels])
        mean = mean.float().masked_fill(kept, 0.0)
        # In float64 the sum of equal float32 numbers is exact, so a constant has exactly std 0.
        return cls(mean=mean, std=std.masked_fill((std == 0) | kept, 1.0))

    def apply(self, sequences: Sequences) -> Sequences:
        """The same sequences, scaled.

        **Raises:** `DataError` if they have another number of channels.
        """
        if sequences.values.shape[1] != len(self.mean):
            raise DataError(
                f"Scaler: sequences has {sequences.values.shape[1]} channels; expected "
                f"{len(self.mean)} because it was fitted on them. Give the same channels."
            )
        return replace(sequences, values=(sequences.values - self.mean) / self.std)

    def to_dict(self) -> dict[str, list[float]]:
        """As plain lists for JSON; a Python float holds a float32 exactly, so nothing is lost."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Scaler":
        """The scaler that `to_dict` wrote, bit for bit.

        **Raises:** `DataError` if `saved` is not such a dictionary.
        """
        try:
            mean, std = (torch.tensor(saved[k], dtype=torch.float32) for k in ("mean", "std"))
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise DataError(
                "Scaler: saved has other contents; expected lists of numbers 'mean' and 'std'. "
                "Give what to_dict returned."
            ) from None
        return cls(mean=mean, std=std)

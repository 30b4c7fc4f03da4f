"""The inputs of each step as columns of numbers: what baselines are fitted on."""

import torch
import torch.nn.functional as F
from torch import Tensor

from throughtime.data import Scaler, Sequences
from throughtime.data.filling import filled

MOST = 32  # columns of a category, at most


def steps(sequences: Sequences, fitted_on: Sequences) -> Tensor:
    """The inputs of all steps of some sequences end to end, `(N, F)`, float64.

    Numbers are scaled to mean 0 and spread 1 in `fitted_on`, the training part; the last value of
    the sequence takes the place of one that is missing, or else the mean. Then comes a column for
    each channel that has missing values in `fitted_on`, 1 where it has none and else 0; then of
    each category a column for each of its texts, the 32 commonest in `fitted_on` at most, 1 where
    the step has it and else 0.
    """
    known, fitted_on = filled(sequences), fitted_on.real_steps()
    scaler = Scaler.fit(fitted_on)
    scaled = ((known - scaler.mean) / scaler.std).nan_to_num(0.0).double()
    numbers = [c for c, n in enumerate(sequences.channels) if n not in sequences.categories]
    gaps = fitted_on.values.isnan().any(0)
    columns = [scaled[:, numbers], sequences.values[:, gaps].isnan().double()]
    for name, texts in fitted_on.categories.items():
        channel = sequences.channels.index(name)
        places = fitted_on.values[:, channel]
        counts = torch.bincount(places[places >= 0].long(), minlength=len(texts))
        commonest = counts.sort(descending=True, stable=True).indices[:MOST].sort().values
        slots = known[:, channel].nan_to_num(-1.0).long() + 1  # 0 is none of the texts
        columns.append(F.one_hot(slots, len(texts) + 1)[:, commonest + 1].double())
    return torch.cat(columns, 1)

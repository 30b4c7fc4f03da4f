"""What is true of sequences, as columns beside what is predicted of them."""

import torch
from torch import Tensor

from throughtime.data import Sequences


def true_columns(sequences: Sequences) -> tuple[list[str], list[list[str | float | None]]]:
    """The names of the columns, `true_` and that of the target, and the rows.

    One row for each sequence, in their order; of targets of each step one for each step, in the
    order of `sequences.rows` where the sequences come from a table. What is not known is None.
    """
    columns: dict[str, list[str | float | None]] = {}
    for name, target in sequences.targets.items():
        values = target.values
        if target.each_step and sequences.rows is not None:
            values = values[sequences.rows.argsort()]
        if target.classes:
            columns[f"true_{name}"] = [target.classes[k] if k >= 0 else None for k in values]
        elif values.dim() == 1:
            columns[f"true_{name}"] = _numbers(values)
        else:
            columns |= {f"true_{name}_{k}": _numbers(column) for k, column in enumerate(values.T)}
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def _numbers(values: Tensor) -> list[str | float | None]:
    return [None if torch.isnan(value) else float(value) for value in values]

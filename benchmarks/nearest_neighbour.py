"""The class of the nearest training sequence by dynamic time warping, on the test parts.

    python benchmarks/nearest_neighbour.py wheels nearest.csv --sets GunPoint,Trace

No window, squared differences summed over all channels (DTW_D). The data sets are those of
`default_recipe.py`, with its wheels.
"""

import argparse
import csv
from pathlib import Path

import torch
from default_recipe import CLASSES, read
from torch import Tensor


def distances(x: Tensor, lengths: Tensor, y: Tensor) -> Tensor:
    """The warped distance of `y (M, C)` to each of `x (S, N, C)`, padded at will, `(S,)`.

    The table of all partial paths is gone through by its diagonals, each at once.
    """
    (S, N, _), M = x.shape, len(y)
    result = x.new_full((S,), torch.inf)
    before = earlier = x.new_full((S, N + 1), torch.inf)  # column i + 1 is step i of x
    earlier = earlier.clone()
    earlier[:, 0] = 0  # the path begins here
    for d in range(N + M - 1):
        first, last = max(0, d - M + 1), min(N - 1, d)
        steps = torch.arange(first, last + 1)
        cost = (x[:, steps] - y[d - steps]).square().sum(-1)
        here = x.new_full((S, N + 1), torch.inf)
        nearest = torch.minimum(before[:, first : last + 1], before[:, first + 1 : last + 2])
        here[:, first + 1 : last + 2] = cost + torch.minimum(nearest, earlier[:, first : last + 1])
        ends = lengths + M - 2 == d
        result[ends] = here[ends, lengths[ends]]
        before, earlier = here, before
    return result


def accuracy(wheels: Path, name: str) -> float:
    train, test = read(wheels, name, "train"), read(wheels, name, "test")
    x = torch.nn.utils.rnn.pad_sequence(train.arrays, batch_first=True)
    lengths = torch.tensor([len(a) for a in train.arrays])
    right = [
        train.targets[int(distances(x, lengths, y).argmin())] == target
        for y, target in zip(test.arrays, test.targets, strict=True)
    ]
    return sum(right) / len(right)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheels", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--sets", help="with commas; all with classes unless given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.sets.split(",") if given.sets else CLASSES:
        with given.csv.open("a", newline="") as file:
            csv.writer(file).writerow([name, f"{accuracy(given.wheels, name):.4f}"])


if __name__ == "__main__":
    main()

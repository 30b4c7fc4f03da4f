"""Long tables to train on: the adding problem, and digits as rows.

    python benchmarks/tables.py adding adding.parquet --sequences 10000 --steps 200
    python benchmarks/tables.py digits digits.npz digits.parquet

The adding problem (Hochreiter, Schmidhuber 1997): of a sequence of numbers drawn from [0, 1) two
are marked, one in each half, and their sum is asked for; always 1 has a squared error of 1/6.
Digits are read from an `.npz` with images `x (S, rows, columns)`, 0 to 255, and classes `y (S,)`,
such as the digits of MNIST; a step is a row of pixels.
"""

import argparse

import numpy
import polars


def adding(sequences: int, steps: int, seed: int) -> polars.DataFrame:
    draw = numpy.random.default_rng(seed)
    value = draw.random((sequences, steps))
    marked = numpy.zeros((sequences, steps), dtype=int)
    each = numpy.arange(sequences)
    marked[each, draw.integers(0, steps // 2, sequences)] = 1
    marked[each, draw.integers(steps // 2, steps, sequences)] = 1
    total = (value * marked).sum(1)
    return polars.DataFrame(
        {
            "sequence": each.repeat(steps), "step": numpy.tile(numpy.arange(steps), sequences),
            "value": value.ravel(), "marked": marked.ravel(), "sum": total.repeat(steps),
        }
    )  # fmt: skip


def digits(path: str) -> polars.DataFrame:
    with numpy.load(path) as kept:
        images, classes = kept["x"], kept["y"]
    count, rows, columns = images.shape
    pixels = images.reshape(-1, columns) / 255
    return polars.DataFrame(
        {
            "digit": numpy.arange(count).repeat(rows),
            "row": numpy.tile(numpy.arange(rows), count),
            "label": classes.repeat(rows),
            **{f"p{k}": pixels[:, k] for k in range(columns)},
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers(dest="kind", required=True)
    of = kinds.add_parser("adding")
    of.add_argument("table", help="written as Parquet")
    of.add_argument("--sequences", type=int, default=10_000)
    of.add_argument("--steps", type=int, default=200)
    of.add_argument("--seed", type=int, default=0)
    of = kinds.add_parser("digits")
    of.add_argument("npz")
    of.add_argument("table", help="written as Parquet")
    given = parser.parse_args()
    table = (
        digits(given.npz)
        if given.kind == "digits"
        else adding(given.sequences, given.steps, given.seed)
    )
    table.write_parquet(given.table)
    print(f"{given.table}: {len(table)} rows")


if __name__ == "__main__":
    main()

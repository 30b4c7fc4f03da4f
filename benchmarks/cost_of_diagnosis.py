"""What it costs to diagnose a model every few steps while it trains, in per cent of the time.

The Japanese Vowels with the settings of `throughtime train`, alternately without and with
`Follow`; the median of several runs of each.
"""

import argparse
import statistics
import time

import torch

from throughtime import GRU, LSTM, RNN, Model, Recurrent, datasets, fit
from throughtime.data import collate
from throughtime.diagnose import Follow

CELLS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--every", type=int, default=10)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--hidden", type=int, default=128)
    options.add_argument("--batch", type=int, default=8, help="sequences that the loss is of")
    options.add_argument("--sequences", type=int, default=2)
    options.add_argument("--steps", type=int, default=2, help="sampled steps of each sequence")
    options.add_argument("--probes", type=int, default=2)
    options.add_argument("--cells", nargs="*", default=["LSTM"])
    given = options.parse_args()
    torch.set_num_threads(1)
    train, _ = datasets.japanese_vowels()
    batch = collate(train, torch.arange(given.batch))

    def loss(scores):
        return torch.nn.functional.cross_entropy(scores, batch.y)

    def once(cell: str, followed: bool) -> tuple[float, int]:
        torch.manual_seed(0)
        layer = Recurrent(CELLS[cell], 12, given.hidden, direction="both")
        model = Model(layer, classes=train.classes, channels=train.channels, pooling="mean")
        started, follow = time.process_time(), None
        if followed:
            follow = Follow(
                model, batch.x, batch.lengths, loss, every=given.every, n=given.steps,
                sequences=given.sequences, probes=given.probes,
            )  # fmt: skip
        fit(model, train, epochs=given.epochs, progress=follow)
        return time.process_time() - started, len(follow.rows) if follow else 0

    for cell in given.cells:
        once(cell, True)  # what is loaded and traced once
        plain, followed = [], []
        for _ in range(given.runs):
            plain.append(once(cell, False)[0])
            seconds, count = once(cell, True)
            followed.append(seconds)
        a, b = statistics.median(plain), statistics.median(followed)
        print(
            f"{cell}: {a:.2f} s without, {b:.2f} s with {count} diagnoses (every {given.every} "
            f"steps): {100 * (b - a) / a:+.1f}%, {1000 * (b - a) / count:.0f} ms each"
        )


if __name__ == "__main__":
    main()

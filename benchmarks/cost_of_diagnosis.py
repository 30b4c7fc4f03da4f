"""What it costs to diagnose a model every few steps while it trains, in per cent of the time.

The Japanese Vowels with the settings of `throughtime train`, followed by `Follow`: the processor
time of a diagnosis beside that of the steps of the same run, medians of several runs.
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

    def once(cell: str) -> tuple[float, float]:
        """Milliseconds of a diagnosis, and of a step of the optimiser."""
        torch.manual_seed(0)
        layer = Recurrent(CELLS[cell], 12, given.hidden, direction="both")
        model = Model(layer, classes=train.classes, channels=train.channels, pooling="mean")
        follow = Follow(
            model, batch.x, batch.lengths, loss, every=given.every, n=given.steps,
            sequences=given.sequences, probes=given.probes,
        )  # fmt: skip
        each: list[float] = []

        def progress(at):
            started, before = time.process_time(), len(follow.rows)
            follow(at)
            if len(follow.rows) > before:
                each.append(time.process_time() - started)

        started = time.process_time()
        fit(model, train, epochs=given.epochs, progress=progress)
        training = time.process_time() - started - sum(each)
        return 1000 * statistics.median(each), 1000 * training / follow.steps

    for cell in given.directions:
        once(cell)  # what is loaded and traced once
        runs = [once(cell) for _ in range(given.runs)]
        share = statistics.median(a / (b * given.every) for a, b in runs)
        diagnosis, step = (statistics.median(r[k] for r in runs) for k in (0, 1))
        print(f"{cell}: {diagnosis:.1f} ms a diagnosis, {step:.1f} ms a step; every {given.every} "
              f"steps {share:+.1%}")  # fmt: skip


if __name__ == "__main__":
    main()

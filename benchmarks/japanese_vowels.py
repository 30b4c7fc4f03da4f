"""Accuracy on the Japanese Vowels beside torch.nn's layers: one script, one set of settings.

The settings are those of `throughtime train`, chosen by cross-validation on the training set.
For each network and seed both libraries train the same model but for the recurrent layer, and
are tested once on the official test set. Prints medians; `--csv FILE` keeps every run.
"""

import argparse
import csv
import multiprocessing
import statistics
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import throughtime

CELLS = {"LSTM": throughtime.LSTM, "GRU": throughtime.GRU("after"), "RNN": throughtime.RNN}
NETWORKS = [("LSTM", True), ("GRU", True), ("LSTM", False), ("GRU", False), ("RNN", False)]


class TorchLayer(nn.Module):
    """A layer of torch.nn on ragged batches, called as `Recurrent` is."""

    def __init__(self, kind: str, inputs: int, hidden: int, both: bool) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(inputs, hidden, bidirectional=both)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        y, state = self.layer(packed)
        return pad_packed_sequence(y, total_length=len(x))[0], state


def run(job):
    library, kind, both, seed, epochs, hidden = job
    torch.set_num_threads(1)
    train, test = throughtime.datasets.japanese_vowels()
    torch.manual_seed(seed)
    direction = "both" if both else "forward"
    recurrent = throughtime.Recurrent(CELLS[kind], 12, hidden, direction=direction)
    model = throughtime.Model(
        recurrent, classes=train.classes, channels=train.channels, pooling="mean", dropout=0.3
    )
    if library == "torch.nn":
        model.recurrent = nn.ModuleList([TorchLayer(kind, 12, hidden, both)])
    start = time.perf_counter()
    throughtime.fit(model, train, epochs=epochs, seed=seed)
    seconds = time.perf_counter() - start
    accuracy = throughtime.evaluate(model, test).accuracy
    return {"library": library, "network": "bi" * both + kind, "seed": seed,
            "accuracy": accuracy, "seconds": seconds}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--epochs", type=int, default=30)
    options.add_argument("--hidden", type=int, default=128)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--csv")
    given = options.parse_args()
    libraries = ("throughtime", "torch.nn")
    jobs = [
        (library, kind, both, seed, given.epochs, given.hidden)
        for kind, both in NETWORKS
        for seed in range(given.seeds)
        for library in libraries
    ]
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        rows = pool.map(run, jobs, chunksize=1)
    print(f"{'network':10}{'library':14}{'median':>8}{'lowest':>8}{'highest':>9}{'seconds':>9}")
    for kind, both in NETWORKS:
        for library in libraries:
            network = "bi" * both + kind
            own = [r for r in rows if (r["network"], r["library"]) == (network, library)]
            found = [r["accuracy"] for r in own]
            took = statistics.median(r["seconds"] for r in own)
            print(
                f"{network:10}{library:14}{statistics.median(found):8.4f}{min(found):8.4f}"
                f"{max(found):9.4f}{took:9.1f}"
            )
    if given.csv:
        with open(given.csv, "w", newline="") as f:
            writer = csv.DictWriter(f, rows[0])
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()

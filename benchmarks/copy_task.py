"""Does the memory horizon before training say whether training succeeds? On the copy task.

A few symbols of eight are shown, then blanks for `lag` steps, then a mark, and the network is to
repeat the symbols (Hochreiter and Schmidhuber 1997; Arjovsky et al. 2016, arXiv 1511.06464). For
each network, lag and seed: the horizon measured before training (the lag where the state
Jacobian has 1% of its norm left, "beyond" if that is past the sequence), what is left of the
direct path over the whole sequence, and whether training then solved the task, 99% of the symbols
right on new sequences. Runs are rows of a CSV; those that are there are not run again, so the
script may be stopped and started at will.
"""

import argparse
import time
from pathlib import Path

import torch
from rows import append, saved

from throughtime import GRU, LSTM, RNN, Chrono, Recurrent
from throughtime.diagnose import diagnose

NETWORKS = {
    "tanh RNN": lambda lag: RNN(),
    "ReLU RNN, identity": lambda lag: RNN("relu", recurrent_init="identity"),
    "LSTM, keep bias 0": lambda lag: LSTM(keep_bias=0.0),
    "LSTM, keep bias 3": lambda lag: LSTM(keep_bias=3.0),
    "LSTM, chrono": lambda lag: LSTM(keep_bias=Chrono(lag)),
    "GRU": lambda lag: GRU(),
}
LAGS = (20, 50, 100, 200)
SYMBOLS = 8
FIELDS = ("network", "lag", "seed", "horizon", "rate", "gradient_horizon", "direct_left", "length",
          "accuracy", "solved", "steps", "seconds")  # fmt: skip


def batch(size, lag, count, draw):
    """Inputs `(T, B, 10)`, one-hot: eight symbols, the blank and the mark; and `(count, B)`."""
    symbols = torch.randint(SYMBOLS, (count, size), generator=draw)
    T = lag + 2 * count
    x = torch.full((T, size), SYMBOLS)
    x[:count] = symbols
    x[T - count - 1] = SYMBOLS + 1
    return torch.nn.functional.one_hot(x, SYMBOLS + 2).float(), symbols


def run(network, lag, seed, given):
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(1000 + seed)
    layer = Recurrent(NETWORKS[network](lag), SYMBOLS + 2, given.hidden)
    head = torch.nn.Linear(given.hidden, SYMBOLS)

    def loss_of(y, symbols):
        scores = head(y[-given.symbols :])
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), symbols.flatten()), scores

    x, symbols = batch(4, lag, given.symbols, draw)
    (before,) = diagnose(layer, x, loss=lambda out: loss_of(out[0], symbols)[0], n=4)
    parameters = [*layer.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=given.learning_rate)
    started, accuracy, step = time.perf_counter(), 0.0, 0
    for step in range(1, given.steps + 1):
        x, symbols = batch(given.batch_size, lag, given.symbols, draw)
        loss, _ = loss_of(layer(x)[0], symbols)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if step % 50 == 0 or step == given.steps:
            with torch.no_grad():
                x, symbols = batch(128, lag, given.symbols, draw)
                scores = loss_of(layer(x)[0], symbols)[1]
                accuracy = float((scores.argmax(-1) == symbols).float().mean())
            if accuracy >= 0.99:
                break
    jacobian, gradient = before.flow.jacobian, before.flow.gradient
    return {
        "network": network, "lag": lag, "seed": seed,
        "horizon": jacobian.horizon() or "beyond", "rate": round(jacobian.rate, 5),
        "gradient_horizon": (gradient.horizon() if gradient else None) or "beyond",
        "direct_left": f"{max(float(d.relative[-1]) for d in before.direct.values()):.2g}",
        "length": len(x), "accuracy": round(accuracy, 4), "solved": int(accuracy >= 0.99),
        "steps": step, "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def table(rows):
    """Markdown: for each network and lag the horizons and in how many seeds it was solved."""
    print("| network | " + " | ".join(f"lag {lag}" for lag in LAGS) + " |")
    print("|---|" + "---|" * len(LAGS))
    for network in NETWORKS:
        cells = []
        for lag in LAGS:
            own = [r for r in rows if (r["network"], int(r["lag"])) == (network, lag)]
            horizons = sorted((r["horizon"] for r in own), key=reach)
            middle = horizons[len(horizons) // 2] if own else "-"
            cells.append(f"{middle}; {solved(own)}")
        print(f"| {network} | " + " | ".join(cells) + " |")
    for beyond in (False, True):
        own = [r for r in rows if (reach(r["horizon"]) >= int(r["lag"])) == beyond]
        each = [f"{solved([r for r in own if int(r['lag']) == lag])} at lag {lag}" for lag in LAGS]
        said = "of the lag or more" if beyond else "short of the lag"
        print(f"\nhorizon {said}, solved: {solved(own)}; {', '.join(each)}")


def solved(rows):
    return f"{sum(int(r['solved']) for r in rows)} of {len(rows)}"


def reach(horizon):
    return float("inf") if horizon == "beyond" else float(horizon)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--csv", default="copy_task.csv")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, default=2000, help="of the optimiser, at most")
    options.add_argument("--hidden", type=int, default=64)
    options.add_argument("--symbols", type=int, default=1, help="to repeat")
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--learning-rate", type=float, default=3e-3)
    options.add_argument("--seconds", type=float, default=float("inf"), help="start none after")
    options.add_argument("--lags", type=int, nargs="*", default=LAGS)
    options.add_argument("--table", action="store_true", help="only print what is there")
    given = options.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a vanished gradient is made of numbers that are slow
    path = Path(given.csv)
    rows = saved(path)
    known = {(r["network"], int(r["lag"]), int(r["seed"])) for r in rows}
    jobs = [(n, lag, s) for lag in given.lags for s in range(given.seeds) for n in NETWORKS]
    started = time.perf_counter()
    for job in jobs:
        if given.table or job in known or time.perf_counter() - started > given.seconds:
            continue
        row = run(*job, given)
        append(path, FIELDS, row)
        rows.append(row)
        print(", ".join(f"{k} {v}" for k, v in row.items()), flush=True)
    left = len(jobs) - len({*jobs} & {(r["network"], int(r["lag"]), int(r["seed"])) for r in rows})
    if left:
        print(f"{left} runs left")
    table(rows)


if __name__ == "__main__":
    main()

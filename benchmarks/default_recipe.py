"""Which recipe is the default: compared on validation folds of training parts of real data sets.

    pip download --no-deps -d wheels aeon==1.6.0 sktime==1.2.0 tslearn==0.10.0 scikit-learn==1.9.1
    python benchmarks/default_recipe.py wheels folds.csv            # 3 folds of the training parts
    python benchmarks/default_recipe.py wheels test.csv --test 3 --recipes chosen

The data are read from the wheels; nothing of them is installed. A fit is written to the CSV when it
is done, and those that stand in it are not repeated.
"""

import argparse
import csv
import gzip
import io
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy
import torch

from throughtime import Recurrent, cells
from throughtime.data import Sequences
from throughtime.tasks import Classify, Regress
from throughtime.training import Model, fit, tested
from throughtime.training.recipe import OF_SEQUENCES

MOST = 300  # training sequences of a set, in the folds
FOLDS = 3
AEON, SKTIME = "aeon/datasets/data", "sktime/datasets/data"
CLASSES = {
    "ACSF1": AEON, "ArrowHead": AEON, "BasicMotions": AEON, "GunPoint": AEON,
    "ItalyPowerDemand": AEON, "JapaneseVowels": AEON, "OSULeaf": AEON,
    "PickupGestureWiimoteZ": AEON, "PLAID": SKTIME, "Trace": "", "digits": "",
}  # fmt: skip
NUMBERS = {"CardanoSentiment": AEON, "Covid3Month": AEON, "Tecator": SKTIME}

FORMER = {
    "cell": "LSTM", "hidden": 128, "pooling": "mean", "dropout": 0.3, "statistics": False,
    "differences": False, "noise": 0.0, "updates": 0, "epochs": 30, "longest": 0,
    "batch_size": 32, "learning_rate": 3e-3,
}  # fmt: skip
MORE = FORMER | {"hidden": 64, "updates": 300, "epochs": OF_SEQUENCES.least, "longest": 64}
MEAN = MORE | {"noise": 0.2, "statistics": True, "differences": True}
CHOSEN = MEAN | {"pooling": "max"}
RECIPES = {
    "former": FORMER,
    "more steps": MORE,
    "mean": MEAN,
    "chosen": CHOSEN,
    "GRU": CHOSEN | {"cell": "GRU"},
    "no differences": CHOSEN | {"differences": False},
    "600": CHOSEN | {"updates": 600},
    "noise 0.1": CHOSEN | {"noise": 0.1},
    "no statistics": CHOSEN | {"statistics": False},
    "128 units": CHOSEN | {"hidden": 128},
    "no noise": CHOSEN | {"noise": 0.0},
    "128 steps": CHOSEN | {"longest": 128},
}


class Part(NamedTuple):
    arrays: list[torch.Tensor]
    targets: list[str]


def ts(text: str) -> Part:
    """The sequences of a `.ts` file: channels with colons between, the target last."""
    arrays, targets, data = [], [], False
    for line in map(str.strip, text.splitlines()):
        if data and line:
            *channels, target = line.split(":")
            numbers = [list(map(float, channel.split(","))) for channel in channels]
            arrays.append(torch.tensor(numbers).T.contiguous())
            targets.append(target)
        data = data or line.lower() == "@data"
    return Part(arrays, targets)


def read(wheels: Path, name: str, part: str) -> Part:
    """One part, `train` or `test`, of a data set."""

    def content(package: str, path: str) -> bytes:
        with zipfile.ZipFile(next(wheels.glob(f"{package}-*.whl"))) as wheel:
            return wheel.read(path)

    if name == "Trace":
        kept = numpy.load(io.BytesIO(content("tslearn", "tslearn/.cached_datasets/Trace.npz")))
        return Part([*torch.tensor(kept[f"X_{part}"]).float()], [*map(str, kept[f"y_{part}"])])
    if name == "digits":
        packed = content("scikit_learn", "sklearn/datasets/data/digits.csv.gz")
        rows = numpy.loadtxt(io.StringIO(gzip.decompress(packed).decode()), delimiter=",")
        rows = torch.tensor(rows[:898] if part == "train" else rows[898:])
        return Part([*rows[:, :64].reshape(-1, 8, 8).float()], [str(int(k)) for k in rows[:, 64]])
    folder = (CLASSES | NUMBERS)[name]
    path = f"{folder}/{name}/{name}_{part.upper()}.ts"
    return ts(content(folder.split("/")[0], path).decode("utf-8-sig"))


def sequences(name: str, part: Part, chosen: list[int], classes: list[str]) -> Sequences:
    arrays, targets = [part.arrays[k] for k in chosen], [part.targets[k] for k in chosen]
    if name in NUMBERS:
        return Sequences.from_list(arrays, targets={"y": [*map(float, targets)]})
    return Sequences.from_list(arrays, targets, classes=classes)


def folds(name: str, targets: list[str]) -> torch.Tensor:
    """The fold of each sequence: of each class, or of neighbours in value, as many in each."""
    generator = torch.Generator().manual_seed(0)
    if name in NUMBERS:
        groups = [torch.tensor([float(target) for target in targets]).argsort()]
    else:
        same = [[k for k, t in enumerate(targets) if t == c] for c in sorted({*targets})]
        groups = [torch.tensor(g)[torch.randperm(len(g), generator=generator)] for g in same]
    fold, order = torch.empty(len(targets), dtype=torch.long), torch.cat(groups)
    fold[order] = torch.arange(len(order)) % FOLDS
    return fold


def trained(recipe: dict, train: Sequences, seed: int) -> Model:
    torch.manual_seed(seed)
    of = dict(recipe)
    longest, updates = of.pop("longest"), of.pop("updates")
    at_once = max(1, -(-int(train.lengths.max()) // longest)) if longest else 1
    batches = -(-len(train) // of["batch_size"])
    epochs = max(of.pop("epochs"), -(-updates // batches))
    task = Classify(train.classes) if train.labels is not None else Regress(("y",))
    columns = len(train.channels) * (2 if of["differences"] else 1) * at_once
    layer = Recurrent(
        getattr(cells, of.pop("cell")), columns, of.pop("hidden"), direction="both",
        initial_state="learned",
    )  # fmt: skip
    given = {name: of.pop(name) for name in
             ("pooling", "dropout", "statistics", "differences", "noise")}  # fmt: skip
    model = Model(layer, task=task, channels=train.channels, at_once=at_once, **given)
    return fit(model, train, epochs=epochs, seed=seed, **of).model


def scores(model: Model, train: Sequences, test: Sequences) -> dict[str, tuple[float, float]]:
    """Error and loss of the model and of the linear baseline; the error: share wrong, or 1 - R2."""
    results = tested(model, train, test).results
    linear = "linear" if train.labels is not None else "ridge"
    metric = "accuracy" if train.labels is not None else "R2"
    rows = {"model": results["test"], "linear": results[linear]}
    return {who: (1 - s[metric], s["loss"]) for who, s in rows.items()}


class Table:
    """The CSV of all fits; what stands in it is not fitted again."""

    def __init__(self, path: Path) -> None:
        self.path, self.done = path, set()
        if path.exists():
            with path.open() as file:
                self.done = {tuple(row[:3]) for row in csv.reader(file)}
        else:
            path.write_text("recipe,set,fold,error,loss,seconds\n")

    def add(self, recipe: str, name: str, k: int, error: float, loss: float, seconds: float):
        if (recipe, name, str(k)) not in self.done:
            with self.path.open("a", newline="") as file:
                row = [recipe, name, k, f"{error:.4f}", f"{loss:.4f}", f"{seconds:.1f}"]
                csv.writer(file).writerow(row)
            self.done.add((recipe, name, str(k)))


def parts(wheels: Path, name: str, k: int, test: bool) -> tuple[Sequences, Sequences]:
    """What to train on, and fold k of it to score on; or the training part and the test part."""
    part = read(wheels, name, "train")
    classes, every = sorted({*part.targets}), torch.arange(len(part.targets))
    if test:
        other = read(wheels, name, "test")
        places = [*range(len(other.targets))]
        train = sequences(name, part, every.tolist(), classes)
        return train, sequences(name, other, places, classes)
    chosen = every
    if len(every) > MOST:
        chosen = torch.randperm(len(every), generator=torch.Generator().manual_seed(0))[:MOST]
    fold = folds(name, [part.targets[i] for i in chosen])
    each = chosen[fold != k].tolist(), chosen[fold == k].tolist()
    return sequences(name, part, each[0], classes), sequences(name, part, each[1], classes)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheels", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--recipes", help="with semicolons; all of them unless given")
    parser.add_argument("--sets", help="with commas; all of them unless given")
    parser.add_argument("--test", type=int, default=0, help="on the test parts, with so many seeds")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(given.csv)
    for recipe in given.recipes.split(";") if given.recipes else RECIPES:
        for k in range(given.test or FOLDS):
            for name in given.sets.split(",") if given.sets else [*CLASSES, *NUMBERS]:
                if (recipe, name, str(k)) in table.done:
                    continue
                train, held = parts(given.wheels, name, k, given.test > 0)
                start = time.process_time()
                model = trained(RECIPES[recipe], train, seed=k if given.test else 0)
                seconds = time.process_time() - start
                for who, (error, loss) in scores(model, train, held).items():
                    table.add(recipe if who == "model" else who, name, k, error, loss, seconds)


if __name__ == "__main__":
    main()

"""Three tasks of a few lines, of the kinds that the seam must carry, as a user would write them.

`Duration`: a number for each sequence, whose scale is taken from the training part. `Phases`: a
class and a number at once, at every step, some of them not known. `Next`: the values of the next
step, made from the sequences themselves, as a forecast or a generator makes them; in windows whose
state is carried on, too.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from throughtime.data import Sequences, Streams, Target
from throughtime.errors import DataError
from throughtime.tasks import Metric, Scores, Task


@dataclass(frozen=True)
class Errors(Scores):
    """The mean squared error of numbers, and of tags their accuracy."""

    sequences: int
    loss: float
    rmse: float
    accuracy: float = 0.0

    def to_dict(self):
        return {"sequences": self.sequences, "loss": self.loss, "rmse": self.rmse,
                "accuracy": self.accuracy}  # fmt: skip

    def in_history(self):
        return {"loss": self.loss, "rmse": self.rmse}

    def summary(self):
        return f"{self.sequences} sequences: error {self.rmse:.4f}"


class Numbers(Task):
    """What tasks of numbers share: rows of them, described by the fields."""

    metric = Metric("rmse", higher=False)

    def predictions(self, out):
        return out

    def rows(self, predictions, sequences):
        header = ["row", *(f"y{k}" for k in range(self.width))]
        return header, [[n, *row] for n, row in enumerate(predictions.tolist())]

    def describe(self):
        return {}

    @classmethod
    def from_description(cls, data):
        return cls()


@dataclass(frozen=True)
class Duration(Numbers):
    mean: float = 0.0
    std: float = 1.0

    name = "duration"
    width = 1

    def prepare(self, call, sequences):
        if "duration" not in sequences.targets:
            raise DataError(f"{call}: no duration is given; expected one for each sequence.")
        return sequences

    def fitted(self, train):
        values = train.targets["duration"].values
        return Duration(float(values.mean()), float(values.std()))

    def loss(self, out, batch):
        return (out[:, 0] - (batch.targets["duration"] - self.mean) / self.std).square().sum()

    def answers(self, batch):
        return torch.tensor(len(batch.lengths))

    def predictions(self, out):
        return out * self.std + self.mean

    def scores(self, predictions, sequences):
        error = predictions[:, 0] - sequences.targets["duration"].values
        squared = float(error.square().mean())
        return Errors(len(sequences), squared, squared**0.5)

    baseline_titles = {"mean": "the mean"}

    def baselines(self, train, test):
        mean = train.targets["duration"].values.mean()
        return {"mean": self.scores(mean.expand(len(test), 1), test)}

    def describe(self):
        return {"mean": self.mean, "std": self.std}

    @classmethod
    def from_description(cls, data):
        return cls(data["mean"], data["std"])


@dataclass(frozen=True)
class Phases(Numbers):
    name = "phases"
    each_step = True
    width = 3  # two classes and a number

    def prepare(self, call, sequences):
        return replace(
            sequences, targets={name: sequences.targets[name] for name in ("phase", "level")}
        )

    def loss(self, out, batch):
        phase, level = batch.targets["phase"], batch.targets["level"]
        classes = F.cross_entropy(
            out[..., :2].flatten(0, -2), phase.flatten(), ignore_index=-1, reduction="sum"
        )
        known = ~level.isnan()
        return classes + (out[..., 2] - level)[known].square().sum()

    def answers(self, batch):
        known = ~batch.targets["level"].isnan()
        return known.sum() + (batch.targets["phase"] >= 0).sum()

    def predictions(self, out):
        return torch.cat([out[..., :2].softmax(-1), out[..., 2:]], -1)

    def scores(self, predictions, sequences):
        phase, level = (sequences.targets[name].values for name in ("phase", "level"))
        known, error = phase >= 0, predictions[:, 2] - level
        likelihood = predictions[known].gather(1, phase[known, None]).log()
        squared = error[~level.isnan()].square()
        right = (predictions[:, :2].argmax(1) == phase)[known].float().mean()
        loss = (squared.sum() - likelihood.sum()) / (len(squared) + len(likelihood))
        return Errors(len(sequences), float(loss), float(squared.mean().sqrt()), float(right))


@dataclass(frozen=True)
class Next(Numbers):
    channels: int = 2
    window: int = 0  # steps of windows whose state is carried on; 0: whole sequences

    name = "next"
    each_step = True

    @property
    def width(self):
        return self.channels

    @property
    def carries_state(self):
        return self.window > 0

    def batches(self, train, batch_size, seed):
        if not self.window:
            return super().batches(train, batch_size, seed)
        return Streams(train, batch_size, self.window)

    def prepare(self, call, sequences):
        following = sequences.values.roll(-1, 0)
        following[sequences.offsets[1:] - 1] = torch.nan  # nothing comes after the last step
        return replace(sequences, targets={"next": Target(following, each_step=True)})

    def loss(self, out, batch):
        known = ~batch.targets["next"].isnan()
        return (out - batch.targets["next"])[known].square().sum()

    def answers(self, batch):
        return (~batch.targets["next"].isnan()).sum()

    def scores(self, predictions, sequences):
        error = predictions - sequences.targets["next"].values
        squared = float(error[~error.isnan()].square().mean())
        return Errors(len(sequences), squared, squared**0.5)

    def describe(self):
        return {"width": self.channels, "window": self.window}

    @classmethod
    def from_description(cls, data):
        return cls(data["width"], data["window"])


def sequences(count=24, seed=0):
    """Two noisy channels that go round; targets of every kind, some of those of steps not known."""
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 9, (count,), generator=draw)
    arrays, phases, levels = [], [], []
    for n in lengths.tolist():
        angle = torch.arange(n) * 0.9 + 6 * torch.rand((), generator=draw)
        noise = 0.1 * torch.randn(n, 2, generator=draw)
        arrays.append(torch.stack([angle.sin(), angle.cos()], 1) + noise)
        phases.append((angle.sin() > 0).long())
        levels.append(angle.cos())
    made = Sequences.from_list(arrays)
    phase, level = torch.cat(phases), torch.cat(levels)
    targets = {
        "turn": Target((level[made.offsets[:-1]] > 0).long(), ("left", "right")),
        "duration": Target(lengths * 0.5 + 3),
    }
    phase[::7], level[3::5] = -1, torch.nan
    targets["phase"] = Target(phase, ("down", "up"), each_step=True)
    targets["level"] = Target(level, each_step=True)
    return replace(made, targets=targets)

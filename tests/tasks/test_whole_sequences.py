"""A task whose loss is one of whole sequences, not a sum over their steps."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from tasks.toys import Numbers, sequences
from torch.nn.utils.rnn import pad_sequence

from throughtime import GRU, Recurrent, fit, load, predict, training
from throughtime.bptt import Checkpointed, Full, Truncated
from throughtime.data import Sequences, Target, collate
from throughtime.tasks import Scores
from throughtime.training.objective import Objective


@dataclasses.dataclass(frozen=True)
class OnlyLoss(Scores):
    sequences: int
    loss: float

    def to_dict(self):
        return {"sequences": self.sequences, "loss": self.loss, "rmse": self.loss}

    def in_history(self):
        return {"loss": self.loss}

    def summary(self):
        return f"{self.loss:.4f}"


@dataclasses.dataclass(frozen=True)
class Spell(Numbers):
    """Connectionist temporal classification of two letters; words of one or two."""

    name = "spell"
    each_step = True
    in_pieces = False
    width = 3

    def prepare(self, call, sequences):
        return sequences

    def loss(self, out, batch):
        word = batch.targets["word"]
        return F.ctc_loss(out.log_softmax(-1), word.nan_to_num().long(), batch.lengths,
                          word.isfinite().sum(1), reduction="none").sum()  # fmt: skip

    def answers(self, batch):
        return torch.tensor(len(batch.lengths))

    def predictions(self, out):
        return out.log_softmax(-1)

    def scores(self, predictions, sequences):
        steps = pad_sequence(predictions.split(sequences.lengths.tolist()))
        word = sequences.targets["word"].values
        total = F.ctc_loss(steps, word.nan_to_num().long(), sequences.lengths,
                           word.isfinite().sum(1), reduction="none").mean()  # fmt: skip
        return OnlyLoss(len(sequences), float(total))


def data():
    arrays = [array for array in (sequences()[k] for k in range(12)) if len(array) > 2]
    words = [torch.tensor([1.0 + k % 2, 2.0 - k % 2][: 1 + k % 3 % 2]) for k in range(len(arrays))]
    word = Target(pad_sequence(words, batch_first=True, padding_value=torch.nan))
    return Sequences.from_list(arrays, targets={"word": word})


def model(direction="forward"):
    torch.manual_seed(0)
    layer = Recurrent(GRU, 2, 5, direction=direction)
    return training.Model(layer, task=Spell(), channels=("c0", "c1"))


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("mode", [Full(), Checkpointed(3), Truncated(50)], ids=str)
def test_every_mode_sees_whole_sequences(mode, direction):
    if direction == "both" and isinstance(mode, Truncated):
        pytest.skip("truncated goes forward in time only")
    own, made = model(direction).double(), data()
    batch = collate(made, torch.arange(len(made)))
    objective = Objective(own, own.task.training_loss(made), batch)
    loss, _ = objective.backward(mode, scale_by_replicas=False)
    gradients = {n: p.grad.clone() for n, p in own.named_parameters()}
    own.zero_grad()
    want = own.task.loss(own(batch.x, batch.lengths), batch) / len(made)
    want.backward()
    assert float(loss) == pytest.approx(float(want.detach()), rel=1e-9)
    for name, p in own.named_parameters():
        torch.testing.assert_close(gradients[name], p.grad, rtol=1e-6, atol=1e-8, msg=name)
        assert p.grad.abs().max() > 0


@pytest.mark.parametrize("bptt", ["full", "checkpointed:2", "truncated:3"])
def test_it_is_trained_and_loaded(tmp_path, bptt):
    own, made = model(), data()
    before = training.evaluate(own, made).loss
    run = fit(own, made, folder=tmp_path / "run", epochs=20, learning_rate=0.02, bptt=bptt)
    assert training.evaluate(own, made).loss < 0.8 * before
    again = load(run.folder, task=Spell).model
    assert torch.equal(predict(again, made), predict(own, made))
    assert run.history[-1]["loss"] == pytest.approx(training.evaluate(own, made).loss, rel=0.05)

"""Statistics, changes and several steps at once of columns that are learned, and of gaps."""

import pytest
import torch
from training.test_encoder import DATA, KIND
from training.tiny import same_when_resumed

from throughtime import GRU, Recurrent, fit
from throughtime.bptt import mode
from throughtime.data import collate
from throughtime.training import Encoder, Model
from throughtime.training.objective import Objective


def model(direction="both", **options):
    torch.manual_seed(0)
    encoder = Encoder.of(DATA)
    layer = Recurrent(GRU, 4 * encoder.width, 5, direction=direction)
    return Model(
        layer, task=KIND, encoder=encoder, statistics=True, differences=True, at_once=2, **options
    )


@pytest.mark.parametrize("bptt", ["full", "checkpointed:2", "truncated:8"])
def test_embeddings_have_the_gradient_of_the_plain_loss(bptt):
    own = model("forward").eval()  # in training some texts are taken for ones not seen
    batch = collate(KIND.prepare("test", DATA), torch.arange(len(DATA)))
    loss = own.task.training_loss(DATA)
    plain = loss.total(own(batch.x, batch.lengths), batch) / len(DATA)
    names, parameters = zip(*own.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(plain, parameters), strict=True))
    Objective(own, loss, batch).backward(mode(bptt), scale_by_replicas=False)
    for name, parameter in own.named_parameters():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-6), name
    assert any("embedding" in name and expected[name].any() for name in names)


def test_resumed_it_is_the_same_run(tmp_path):
    same_when_resumed(lambda: model(noise=0.2), DATA, tmp_path)


def test_a_sequence_is_answered_alike_alone_and_in_a_batch():
    run = fit(model(), DATA, epochs=2)
    batch = collate(DATA, torch.arange(len(DATA)))
    together = run.model(batch.x, batch.lengths)
    assert together.isfinite().all()
    for k in range(len(DATA)):
        assert torch.allclose(run.model(DATA[k][:, None])[0], together[k], atol=1e-5)

"""Layers in torch's DistributedDataParallel."""

import pytest
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from throughtime import LSTM, LeakyRNN, Recurrent

pytestmark = pytest.mark.usefixtures("types_unchecked")


@pytest.fixture
def group():
    """This process alone."""
    store = dist.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("engine", [None, "reference"])
def test_a_learned_initial_state_that_a_given_one_replaces(engine, group):
    """Without a gradient of it the next call would raise."""
    layer = Recurrent(LSTM, 3, 4, layers=2, direction="both", engine=engine)
    model = DistributedDataParallel(layer)
    x, state = torch.randn(5, 2, 3), None
    for _ in range(3):
        layer.zero_grad()
        y, state = model(x, state)
        y.square().sum().backward()
        state = tuple(tuple({n: s.detach() for n, s in direction.items()} for direction in both)
                      for both in state)  # fmt: skip
    for name, p in layer.named_parameters():
        assert p.grad is not None and bool(p.grad.any()) != (".initial." in name), name


def test_connections_are_sent_with_the_buffers(group):
    layer = Recurrent(LeakyRNN(excitatory=0.5, density=0.5), 3, 4)
    model, x = DistributedDataParallel(layer), torch.randn(5, 2, 3)
    for _ in range(2):
        layer.zero_grad()
        model(x)[0].square().sum().backward()
    for name, p in layer.named_parameters():
        assert p.grad is not None and p.grad.any(), name


@pytest.mark.parametrize("kind", ["learned", "zeros"])
def test_a_state_that_is_given_goes_in_as_it_is(kind):
    """Also where the learned one is no number."""
    layer = Recurrent(LSTM, 3, 4, initial_state=kind, dtype=torch.float64)
    for p in layer.directions[0][0].initial.parameters():
        torch.nn.init.constant_(p, torch.nan)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    h = {name: torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for name in ("h", "C")}
    y, _ = layer(x, [[h]])
    assert y.isfinite().all()
    y.sum().backward()
    assert all(s.grad is not None and s.grad.isfinite().all() for s in h.values())
    for p in layer.directions[0][0].initial.parameters():
        assert torch.equal(p.grad, torch.zeros(4, dtype=torch.float64))

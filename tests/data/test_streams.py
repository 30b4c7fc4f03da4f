"""Streams: every step once, in order, and the state may be carried from window to window."""

import dataclasses

import pytest
import torch

from throughtime import GRU, Recurrent
from throughtime.data import Sequences, Streams, Target
from throughtime.errors import OptionError


def some(lengths):
    values = torch.arange(1.0, 2 * sum(lengths) + 1).reshape(-1, 2)
    return Sequences.from_list(list(values.split(lengths)))


@pytest.mark.parametrize("batch_size, steps", [(1, 4), (3, 4), (2, 100), (5, 1)])
def test_rows_go_on_where_they_stopped(batch_size, steps):
    data = some([5, 1, 7, 4, 3])
    streams = Streams(data, batch_size, steps)
    windows = list(streams)
    assert len(windows) == len(streams)
    assert {len(w.x) for w in windows[:-1]} <= {steps}
    x, resets, owner = (torch.cat(parts) for parts in zip(*windows, strict=True))
    n = streams.length
    assert torch.equal(x.transpose(0, 1).reshape(-1, 2), data.values[: n * batch_size])
    owner, resets = owner.T.flatten(), resets.T.flatten()
    whole = torch.repeat_interleave(torch.arange(5), data.lengths)[: n * batch_size]
    assert torch.equal(owner, whole)
    begins = torch.cat([torch.tensor([True]), whole[1:] != whole[:-1]])
    assert torch.equal(resets, begins)


def test_windows_are_batches_with_the_targets_of_their_steps():
    data = some([5, 1, 7, 4, 3])
    places = torch.arange(20)
    targets = {"place": Target(places.float(), each_step=True), "kind": Target(places[:5].float())}
    streams = Streams(dataclasses.replace(data, targets=targets), 3, 4)
    batches = list(streams.epoch(0))
    assert len(batches) == len(streams) and {*batches[0].targets} == {"place"}
    for batch, window in zip(batches, streams, strict=True):
        assert torch.equal(batch.x, window.x) and torch.equal(batch.resets, window.resets)
        assert torch.equal(batch.targets["place"] * 2 + 1, batch.x[..., 0])
        assert batch.lengths.tolist() == [len(batch.x)] * 3 and batch.indices.tolist() == [0, 1, 2]
        assert torch.equal(batch.to("cpu").piece(0, 1).resets, batch.resets[:1])
    (last,) = streams.epoch(7, start=1)
    assert torch.equal(last.x, batches[1].x), "the same in each epoch, from a place on"


def test_a_carried_state_gives_each_sequence_its_own_outputs():
    data = some([5, 1, 7, 4, 3])
    torch.manual_seed(0)
    layer, state, outputs = Recurrent(GRU, 2, 3), None, []
    for window in Streams(data, 1, 4):
        y, state = layer(window.x, state, resets=window.resets)
        outputs.append(y)
    alone = torch.cat([layer(data[k][:, None])[0] for k in range(5)])
    assert torch.allclose(torch.cat(outputs), alone, atol=1e-6)


@pytest.mark.parametrize("batch_size, steps, says", [
    (0, 3, "batch_size has 0; expected at least 1 and at most 5"),
    (6, 3, "batch_size has 6; .* at most 5, the steps there are"),
    (1, 0, "steps has 0; expected at least 1"),
])  # fmt: skip
def test_bad_input(batch_size, steps, says):
    with pytest.raises(OptionError, match=says):
        Streams(some([2, 3]), batch_size, steps)

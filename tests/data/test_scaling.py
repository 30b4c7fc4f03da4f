"""Scaling: fitted over all steps, kept exactly."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data import Scaler, Sequences
from throughtime.errors import DataError

FLOATS = st.floats(-1e6, 1e6, width=32)


def some(seed=0):
    generator = torch.Generator().manual_seed(seed)
    arrays = [torch.randn(n, 3, generator=generator) * 5 + 100 for n in (4, 9, 2)]
    return Sequences.from_list(arrays, ["a", "b", "a"])


def test_fit_counts_every_step_once():
    sequences = Sequences.from_list([[0.0, 0.0, 0.0], [4.0]])
    scaler = Scaler.fit(sequences)
    assert scaler.mean.tolist() == [1.0]
    assert scaler.std.tolist() == pytest.approx([3**0.5])


def test_applied_to_its_own_data_gives_mean_0_and_std_1():
    sequences = some()
    scaled = Scaler.fit(sequences).apply(sequences)
    assert torch.allclose(scaled.values.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(scaled.values.std(0, correction=0), torch.ones(3), atol=1e-5)
    assert scaled.names == sequences.names and scaled.classes == sequences.classes
    assert torch.equal(scaled.labels, sequences.labels)
    assert sequences.values.mean() > 90  # the ones given are left as they were


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(1, 50))
def test_a_constant_channel_gets_std_1_and_becomes_0(value, steps):
    sequences = Sequences.from_list([[value] * steps])
    scaler = Scaler.fit(sequences)
    assert scaler.std.tolist() == [1.0]
    assert scaler.apply(sequences).values.abs().max() == 0


@given(st.lists(st.tuples(FLOATS, st.floats(2**-100, 1e6, width=32)), min_size=1, max_size=9))
def test_json_keeps_every_bit(pairs):
    mean, std = torch.tensor(pairs).T
    again = Scaler.from_dict(json.loads(json.dumps(Scaler(mean, std).to_dict())))
    assert torch.equal(again.mean.view(torch.int32), mean.contiguous().view(torch.int32))
    assert torch.equal(again.std.view(torch.int32), std.contiguous().view(torch.int32))


def test_other_channels_are_refused():
    with pytest.raises(DataError, match="sequences has 1 channels; expected 3 .*same channels"):
        Scaler.fit(some()).apply(Sequences.from_list([[1.0]]))


@pytest.mark.parametrize(
    "mean, std, says",
    [
        ([0.0, 0.0], [1.0], r"shapes \(2,\) and \(1,\)"),
        ([0.0], [0.0], "not positive; .*Fit the scaler again"),
        ([float("nan")], [1.0], "not finite"),
        ([0.0], [float("inf")], "not finite"),
    ],
)
def test_a_scaler_that_cannot_scale_is_refused(mean, std, says):
    with pytest.raises(DataError, match=says):
        Scaler(torch.tensor(mean), torch.tensor(std))


@pytest.mark.parametrize("saved", [{}, {"mean": [0.0]}, {"mean": ["x"], "std": [1.0]}])
def test_a_dictionary_with_other_contents_is_refused(saved):
    with pytest.raises(DataError, match="saved has other contents; .*to_dict"):
        Scaler.from_dict(saved)

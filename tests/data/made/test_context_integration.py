"""The sign of the mean of the stream that the context names."""

import pytest
import torch

from throughtime.data import context_integration
from throughtime.errors import OptionError


def test_the_answer_is_the_sign_of_the_mean_of_the_named_stream():
    data = context_integration(steps=30, answer=4, sequences=100)
    assert data.channels == ("stream1", "stream2", "context1", "context2")
    answers = data.targets["answer"].values.view(100, 30)
    other = 0
    for k in range(100):
        streams, context = data[k][:, :2], data[k][:, 2:]
        assert (context == context[0]).all() and sorted(context[0].tolist()) == [0, 1]
        assert (streams[-4:] == 0).all() and (streams[:-4] != 0).all()
        named = context[0].tolist().index(1.0)
        signs = [1.0 if streams[:-4, s].mean() > 0 else -1.0 for s in (0, 1)]
        assert answers[k, :-4].isnan().all()
        assert answers[k, -4:].tolist() == [signs[named]] * 4
        other += signs[1 - named] != signs[named]
    assert 30 < other < 70, "what is to be ignored says the contrary as often as not"


def test_without_noise_a_stream_is_its_level():
    data = context_integration(steps=6, answer=1, strength=2.0, noise=0, sequences=200)
    levels = {*data.values.view(200, 6, 4)[:, :5, :2].flatten().tolist()}
    assert levels == {-2.0, -1.0, -0.5, 0.5, 1.0, 2.0}


def test_noise_is_that_of_the_streams():
    quiet, noisy = (context_integration(noise=n, sequences=100) for n in (0.0, 0.3))
    apart = (noisy.values - quiet.values).view(100, 60, 4)
    assert abs(apart[:, :50, :2].std() - 0.3) < 0.01
    assert not apart[:, 50:].any() and not apart[..., 2:].any()


@pytest.mark.parametrize("steps", [1, 10])
def test_the_answer_leaves_steps_for_the_streams(steps):
    with pytest.raises(OptionError, match=f"answer is 10; expected fewer than the {steps} steps"):
        context_integration(steps)
    assert torch.isnan(context_integration(11, sequences=1).targets["answer"].values).sum() == 1

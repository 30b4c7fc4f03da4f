"""The last pulse of each channel, remembered."""

import math

import torch

from throughtime import GRU, Recurrent
from throughtime.data import flip_flop
from throughtime.tasks import Tag
from throughtime.training import Model, fit


def test_the_target_is_the_sign_of_the_last_pulse():
    data = flip_flop(bits=2, steps=30, pulses=0.2, sequences=20)
    assert data.channels == ("pulse1", "pulse2") and [*data.targets] == ["bit1", "bit2"]
    known = 0
    for k in range(len(data)):
        begin = int(data.offsets[k])
        for channel, name in enumerate(data.targets):
            last = math.nan
            for step, pulse in enumerate(data[k][:, channel].tolist()):
                assert pulse in (-1.0, 0.0, 1.0)
                last = pulse or last
                target = data.targets[name].values[begin + step].item()
                assert target == last or (math.isnan(target) and math.isnan(last))
                known += not math.isnan(target)
    assert 0.8 * 1200 < known < 1200, "some steps come before the first pulse"


def test_pulses_are_as_frequent_as_asked_and_of_both_signs():
    x = flip_flop(bits=3, pulses=0.1, sequences=200).values
    assert abs((x != 0).float().mean() - 0.1) < 0.005
    assert abs(x[x != 0].mean()) < 0.05
    assert (flip_flop(bits=1, pulses=1, sequences=2).values != 0).all()


def test_noise_leaves_pulses_and_targets_as_they_are():
    quiet, noisy = flip_flop(sequences=20), flip_flop(sequences=20, noise=0.1)
    assert abs((noisy.values - quiet.values).std() - 0.1) < 0.005
    for name, target in quiet.targets.items():
        assert torch.equal(target.values.nan_to_num(), noisy.targets[name].values.nan_to_num())


def test_a_model_is_fitted_to_it():
    data = flip_flop(bits=2, steps=20, sequences=40)
    torch.manual_seed(0)
    model = Model(Recurrent(GRU, 2, 16), task=Tag.of(data), channels=data.channels)
    losses = [row["loss"] for row in fit(model, data, epochs=15, learning_rate=0.02).history]
    assert losses[-1] < 0.5 * losses[0]

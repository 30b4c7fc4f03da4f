"""torch's own samples and error samples for these six classes, run against ours."""

import pytest
import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

from throughtime import nn

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
INFO = {info.name.removeprefix("nn."): info for info in module_db}
CASES = [(n, d, t) for n in NAMES for d in (torch.float32, torch.float64) for t in (True, False)]

# torch's samples are of wrong types on purpose
pytestmark = [
    pytest.mark.usefixtures("types_unchecked"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
]


def inputs(function, name, dtype, training):
    return function(INFO[name], device="cpu", dtype=dtype, requires_grad=False, training=training)


def flat(output):
    if isinstance(output, torch.Tensor):
        return [output]
    return [t for part in output if part is not None for t in flat(part)]


@pytest.mark.parametrize("name, dtype, training", CASES)
def test_samples(name, dtype, training):
    samples = inputs(INFO[name].module_inputs_func, name, dtype, training)
    assert samples
    for sample in samples:
        a, k = sample.constructor_input.args, dict(sample.constructor_input.kwargs)
        theirs = getattr(torch.nn, name)(*a, **k, dtype=dtype).train(training)
        ours = getattr(nn, name)(*a, **k, dtype=dtype).train(training)
        ours.load_state_dict(theirs.state_dict())
        a, k = sample.forward_input.args, sample.forward_input.kwargs
        for got, want in zip(flat(ours(*a, **k)), flat(theirs(*a, **k)), strict=True):
            assert got.shape == want.shape and got.dtype == want.dtype
            limit = 1e-10 if dtype == torch.float64 else 1e-5
            assert torch.allclose(got, want, rtol=limit, atol=limit)


@pytest.mark.parametrize("name, dtype, training", CASES)
def test_errors(name, dtype, training):
    samples = inputs(INFO[name].module_error_inputs_func, name, dtype, training)
    assert samples
    for sample in samples:
        made, given = sample.module_error_input.constructor_input, None
        cls = getattr(nn, name)
        with pytest.raises(sample.error_type, match=sample.error_regex):
            module = cls(*made.args, **{"dtype": dtype} | dict(made.kwargs)).train(training)
            assert sample.error_on != ModuleErrorEnum.CONSTRUCTION_ERROR
            given = sample.module_error_input.forward_input
            module(*given.args, **given.kwargs)
        assert (given is None) == (sample.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR)

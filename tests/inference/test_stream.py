"""A layer one step at a time gives what it gives over the sequence."""

import os
import signal
import threading

import numpy as np
import pytest
import torch
from catalogue import CELLS
from engines.recorded import Recorded, only

from throughtime import LSTM, Recurrent, nn
from throughtime.engines.cpu import CPU
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError, ShapeError
from throughtime.inference import Stream

I, H, T = 3, 5, 7  # noqa: E741


def run(stream, x):
    """All steps of `x (T, B, I)`, or `(T, I)` without a batch."""
    return torch.from_numpy(np.stack([stream.step(row).copy() for row in x.numpy()]))


def layer_of(cell, **options):
    torch.manual_seed(0)
    layer = Recurrent(cell, I, H, **options)
    for direction in layer.modules():  # a start that shows
        for name, p in direction.named_parameters(recurse=False):
            if name.endswith("0"):
                torch.nn.init.normal_(p)
    return layer.eval()


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5 if a.dtype == torch.float32 else 1e-12)


@pytest.fixture(params=[CPU, Reference])
def engine(request):
    """The one engine that there is; both are to be asked for a way of one step at a time."""
    with only(Recorded(request.param())) as (engine,):
        yield engine
        assert "one_step" in engine.ran


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [None, 1, 19])
@pytest.mark.parametrize("name", CELLS)
def test_stream_equals_sequence(name, batch, dtype, engine):
    layer = layer_of(CELLS[name], layers=2, dtype=dtype)
    x = torch.randn(T, batch or 1, I, dtype=dtype)
    y, (*_, last) = layer(x)
    stream = Stream(layer, batch)
    outputs = run(stream, x if batch else x[:, 0])
    close(outputs, y if batch else y[:, 0])
    for state, value in last[0].items():
        close(stream.state[1][state], value)


@pytest.mark.parametrize("width", [64, 65, 200])
def test_several_blocks_and_tiles(width):
    layer, x = Recurrent(LSTM, width, width).eval(), torch.randn(T, 50, width)
    close(run(Stream(layer, 50), x), layer(x)[0])


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(I, H, num_layers=2),
        nn.LSTM(I, H, proj_size=2, num_layers=2),
        nn.GRU(I, H, bias=False),
        torch.nn.GRU(I, H),
        torch.nn.RNN(I, H, nonlinearity="relu", num_layers=2),
        torch.nn.LSTM(I, H, batch_first=True),
    ],
    ids=str,
)
def test_layers_of_torch(layer):
    x = torch.randn(T, 2, I)
    y = layer(x.transpose(0, 1))[0].transpose(0, 1) if layer.batch_first else layer(x)[0]
    close(run(Stream(layer, 2), x), y)


def test_reset_and_state(engine):
    layer, x = layer_of(LSTM(), layers=2), torch.randn(T, I)
    stream = Stream(layer)
    first = run(stream, x[:3])
    kept = stream.state
    rest = run(stream, x[3:])
    stream.state = kept
    assert torch.equal(run(stream, x[3:]), rest)
    stream.reset()
    assert torch.equal(run(stream, x[:3]), first)


def test_state_of_one_layer_is_not_that_of_the_stream():
    stream = Stream(layer_of(LSTM()))
    before = stream.state[0]["h"].clone()
    stream.state[0]["h"].fill_(9)
    assert torch.equal(stream.state[0]["h"], before)


@pytest.mark.parametrize(
    "layer",
    [
        layer_of(LSTM(), layers=2),
        layer_of(LSTM(), initial_state=torch.ones(H)),
        nn.LSTM(I, H, num_layers=2),
    ],
    ids=["learned", "given", "drop-in"],
)
def test_the_layer_stays_as_it_was(layer, engine):
    before = {name: t.clone() for name, t in layer.state_dict().items()}
    for batch in (None, 3):
        stream = Stream(layer, batch)
        run(stream, torch.randn(T, *([] if batch is None else [batch]), I))
        stream.state = [{n: s + 1 for n, s in named.items()} for named in stream.state]
        after = layer.state_dict()
        assert all(torch.equal(after[name], t) for name, t in before.items())


def test_a_state_is_told_by_its_names_in_any_order():
    layer, x = layer_of(LSTM()), torch.randn(T, I)
    one, other = Stream(layer), Stream(layer)
    state = {name: torch.randn(1, H) for name in ("h", "C")}
    one.state, other.state = (state,), ({name: state[name] for name in ("C", "h")},)
    assert torch.equal(run(one, x), run(other, x))


def test_weights_are_those_at_the_start_and_training_mode_stays(engine):
    layer, x = layer_of(LSTM(), zoneout=0.5).train(), torch.randn(T, I)
    stream = Stream(layer)
    expected = layer.eval()(x[:, None])[0][:, 0]
    layer.train()
    with torch.no_grad():
        for p in layer.parameters():
            p.fill_(7)
    close(run(stream, x), expected)
    assert all(m.training for m in layer.modules())


def test_half_numbers_that_numpy_has():
    layer, x = layer_of(LSTM, layers=2, dtype=torch.float16), torch.randn(T, I).half()
    assert torch.equal(run(Stream(layer), x), layer(x[:, None])[0][:, 0])


def test_ctrl_c_comes_between_steps(engine, ctrl_c):
    """The state is then that after a whole number of steps, in every layer."""
    layer, x = layer_of(LSTM, layers=3), np.ones(I, np.float32)
    for _ in range(5):
        stream, steps = Stream(layer), 0
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
            while True:
                stream.step(x)
                steps += 1
        whole = Stream(layer)
        for _ in range(steps):
            whole.step(x)
        before = whole.state
        whole.step(x)
        assert any(
            all(torch.equal(a[name], b[name]) for a, b in zip(stream.state, state, strict=True)
                for name in b)
            for state in (before, whole.state)
        )  # fmt: skip


def test_streams_run_at_once():
    layer, x = Recurrent(LSTM, 64, 64).eval(), torch.randn(200, 64)
    expected, outputs = run(Stream(layer), x), {}
    threads = [
        threading.Thread(target=lambda k=k: outputs.update({k: run(Stream(layer), x)}))
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(outputs[k], expected) for k in range(4))


BAD = {
    "list": ([0.0] * I, "x is a list"),
    "shape": (np.zeros(I + 1, np.float32), r"x has shape \(4,\) and dtype float32; expected a"),
    "rows": (np.zeros((1, I), np.float32), r"x has shape \(1, 3\)"),
    "dtype": (np.zeros(I), "dtype float64; expected"),
    "layout": (np.zeros(2 * I, np.float32)[::2], "not C-contiguous"),
    "none": (None, "x is a NoneType"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_x_leaves_the_state(kind, engine, types_unchecked):
    x, message = BAD[kind]
    stream = Stream(layer_of(LSTM()))
    stream.step(np.ones(I, np.float32))
    before = stream.state
    with pytest.raises(ShapeError, match=message):
        stream.step(x)
    assert all(torch.equal(v, before[0][n]) for n, v in stream.state[0].items())


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        (torch.nn.Linear(3, 4), {}, "layer is a Linear; expected a Recurrent"),
        (Recurrent(LSTM, I, H, direction="both"), {}, "direction 'both'; expected \"forward\""),
        (Recurrent(LSTM, I, H, direction="backward"), {}, "direction 'backward'"),
        (torch.nn.LSTM(I, H, bidirectional=True), {}, "direction 'both'"),
        (torch.nn.LSTM(I, H), {"batch": 0}, "batch is 0"),
        (torch.nn.LSTM(I, H), {"batch": 1.5}, "batch is 1.5"),
        (torch.nn.LSTM(I, H, device="meta"), {}, "layer is on meta"),
        (torch.nn.LSTM(I, H, dtype=torch.bfloat16), {}, r"dtype torch.bfloat16; .*\.float\(\)"),
        (Recurrent(LSTM, I, H, dtype=torch.bfloat16), {}, r"dtype torch.bfloat16; .*\.float\(\)"),
    ],
)
def test_bad_layers(layer, options, message, types_unchecked):
    with pytest.raises(OptionError, match=message):
        Stream(layer, **options)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ((), "state has 0 layers; expected 1"),
        (({"h": torch.zeros(1, H)},), r"state\[0\]\['C'\] has NoneType; expected a tensor"),
        (({"h": torch.zeros(H), "C": torch.zeros(1, H)},), r"has \(5,\); expected a tensor \(1, 5"),
    ],
)
def test_bad_states(state, message, types_unchecked):
    stream = Stream(layer_of(LSTM()))
    with pytest.raises(ShapeError, match=message):
        stream.state = state

"""However a call of the CPU engine is cut up, and whoever else is running: the same results."""

import os
import signal
import threading

import pytest
import torch
from agreement import agree, regularised_call
from catalogue import CELLS
from engines.recorded import only
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime import GRU, LSTM, RNN, Recurrent
from throughtime.engines import ENGINES
from throughtime.engines.cpu import CPU
from throughtime.engines.cpu.loops import forward_loop
from throughtime.engines.cpu.native import native
from throughtime.engines.cpu.settings import hoisted
from throughtime.engines.derived import LoopMode
from throughtime.layers.direction import Direction

# the checks of types take several times as long as what is tested here
pytestmark = pytest.mark.usefixtures("types_unchecked")

KINDS = ["rnn", "lstm", "lstm-everything", "gru-before", "gru-after", "mgu", "leaky", "indrnn"]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cut():
    """Sets how every call is cut up, see `Split` in native/engine.h."""
    with only(*ENGINES):
        yield lambda *split: ENGINES.__setitem__(0, CPU(split=split))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12)
@given(
    threads=st.integers(1, 4),
    by_units=st.booleans(),
    tile_rows=st.integers(1, 9),
    block=st.sampled_from([0, 16, 32, 64, 128]),
    together=st.integers(1, 20),
    shape=st.tuples(
        st.integers(1, 5), st.integers(1, 19), st.integers(1, 70), st.sampled_from([1, 16, 50, 130])
    ),
    ragged=st.booleans(),
    resets=st.booleans(),
    reverse=st.booleans(),
)
def test_agrees_however_it_is_cut(
    name, threads, by_units, tile_rows, block, together, shape, ragged, resets, reverse
):
    program, call = regularised_call(name, *shape, torch.float64, reverse, ragged, resets, 0)
    agree(program, call, 1e-11, CPU(split=(threads, by_units, tile_rows, block, together)))


@pytest.mark.parametrize("hoist", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_agrees_in_every_mode(name, hoist, recompute):
    for ragged, resets, reverse in ((False, False, False), (True, True, True)):
        program, call = regularised_call(
            name, 5, 6, 7, 9, torch.float64, reverse, ragged, resets, 1
        )
        agree(program, call._replace(recompute=recompute), 1e-11, CPU(hoist=hoist))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-11), (torch.float32, 1e-4)])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru-before", "gru-after", "mgu"])
def test_an_input_much_wider_than_the_units_is_hoisted(name, dtype, tolerance, two_threads):
    T, B = 20, 40
    plain = Direction(CELLS[name], 181, 10, dtype=dtype)
    masked = Direction(CELLS[name], 181, 10, dtype=dtype, variational_dropout=0.3)
    x, lengths = torch.randn(T, B, 181, dtype=dtype), torch.randint(0, T + 1, (B,))
    start = tuple(torch.randn(B, w, dtype=dtype) for w in plain.program.states.values())

    def call(direction, lengths=None, resets=None, reverse=False):
        with torch.no_grad():
            return direction.call(x, start, lengths, resets)[1]._replace(reverse=reverse)

    for resets, reverse in ((None, False), (torch.rand(T, B) < 0.3, True)):
        whole = call(plain, None, resets, reverse)
        if resets is not None:
            whole = whole._replace(initial=tuple(torch.randn_like(s) for s in start))
        assert hoisted(plain.program, whole)
        agree(plain.program, whole, tolerance)
    # not where x would be masked first, nor for few steps
    for program, other in (
        (plain.program, call(plain, lengths)),
        (masked.program, call(masked)),
        (plain.program, whole._replace(x=x[:12])),
    ):
        assert not hoisted(program, other)


def test_recompute_keeps_less_and_gives_the_same():
    x = torch.randn(6, 3, 5, dtype=torch.float64)
    for cell in (LSTM, GRU, GRU("after"), RNN):
        grads, kept = [], []
        for recompute in (False, True):
            torch.manual_seed(0)
            layer = Recurrent(cell, 5, 8, direction="both", recompute=recompute, dtype=x.dtype)
            sizes = []
            with torch.autograd.graph.saved_tensors_hooks(
                lambda t, sizes=sizes: sizes.append(t.numel()) or t, lambda t: t
            ):
                y, _ = layer(x, lengths=[6, 1, 0])
            y.square().sum().backward()
            grads.append([p.grad for p in layer.parameters()])
            kept.append(sum(sizes))
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
        assert kept[1] <= kept[0]
    assert kept[1] == kept[0]  # of an RNN there is nothing to leave out


def test_the_states_that_are_not_asked_for_are_not_returned():
    layer = Recurrent(LSTM, 3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    y, final, states = layer(x, return_states=True)
    again, last = layer(x)
    assert torch.equal(y, again) and torch.equal(final[0][0]["C"], last[0][0]["C"])
    torch.testing.assert_close(states[0][0]["C"][-1], last[0][0]["C"], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["lstm", "gru-before", "mgu"])
@pytest.mark.parametrize("shape", [(7, 37, 5, 3), (3, 16, 20, 1), (4, 50, 1, 17)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ragged", [False, True])
def test_rows_in_the_lanes_give_the_states_that_units_there_give(name, shape, dtype, ragged):
    program, call = regularised_call(name, *shape, dtype, False, ragged, True, 0)
    first, *others = [
        CPU(split=split).forward(program, call).states
        for split in ((1, False, 16, 64, 48), (1, False, 16, 0, 32), (3, False, 32, 0, 32))
    ]
    for states in others:
        for a, b in zip(first, states, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "shape", [(100, 1, 64), (100, 2, 300), (1, 256, 8), (50, 9, 128), (9, 70, 3)]
)
def test_never_more_threads_than_torch_has(threads, shape):
    T, B, H = shape
    module = native()
    lowered = forward_loop(LSTM().program(16, H), LoopMode(False), True, 2)
    used, by_units, tile_rows, block, together = module.split(lowered.native, False, T, B, threads)
    assert 1 <= used <= threads and 1 <= tile_rows <= together
    assert block % module.panel(False) == 0
    if not by_units and used > 1:
        assert B // used >= 4


@pytest.mark.parametrize(
    ("B", "panels", "across"), [(64, 0.5, True), (64, 1.25, True), (64, 4, False), (2, 0.5, False)]
)
def test_rows_are_in_the_lanes_where_units_would_leave_them_empty(B, panels, across):
    module = native()
    if module.panel(False) < 16:
        pytest.skip("vectors of 4 leave few lanes empty")
    H = int(panels * module.panel(False))
    lowered = forward_loop(LSTM().program(16, H), LoopMode(False), False, 1)
    _, _, tile_rows, block, _ = module.split(lowered.native, False, 50, B, 2)
    assert (block == 0) == across
    if across:
        assert tile_rows % module.panel(False) == 0


def test_one_split_gives_the_same_bits_every_time(two_threads):
    layer = Recurrent(LSTM, 6, 40)
    x = torch.randn(50, 24, 6)

    def run():
        layer.zero_grad()
        y, _ = layer(x)
        y.square().sum().backward()
        return [y, *(p.grad.clone() for p in layer.parameters())]

    first = run()
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, run(), strict=True))


def test_several_python_threads_at_once(two_threads, cut):
    torch.manual_seed(0)
    layer = Recurrent(GRU, 8, 32, dtype=torch.float64)
    xs = [torch.randn(30, 12, 8, dtype=torch.float64) for _ in range(4)]

    def gradient(x):
        return torch.autograd.grad(layer(x)[0].square().sum(), layer.directions[0][0].update_h)[0]

    for split in ((2, False, 4, 64, 48), (2, True, 12, 16, 48)):
        cut(*split)
        want = [gradient(x) for x in xs]
        got: dict[int, list] = {k: [] for k in range(4)}

        def work(k, got=got):
            got[k] += [gradient(xs[k]) for _ in range(10)]

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for k in range(4):
            for g in got[k]:
                torch.testing.assert_close(g, want[k], rtol=1e-12, atol=1e-12)


def fork_and_run(layer, x, want, seconds=60):
    """A child of fork runs a layer; whether it came to the same result in time."""
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)  # a hang ends with a signal
        good = False
        try:
            with torch.no_grad():
                good = torch.equal(layer(x)[0], want)
        finally:
            os._exit(0 if good else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_no_hang_after_fork(times, two_threads, cut):
    layer = Recurrent(LSTM, 8, 64)
    x = torch.randn(20, 16, 8)  # small: torch's own parallel operations do hang after fork
    for split in ((2, False, 8, 64, 48), (2, True, 16, 32, 48)):
        cut(*split)
        with torch.no_grad():
            want = layer(x)[0]
        for _ in range(times):
            assert fork_and_run(layer, x, want)


def test_large_tensors_use_memory_again():
    from throughtime import _native

    layer = Recurrent(RNN, 4, 64)
    x = torch.randn(1200, 8, 4)
    _native.release_memory()
    assert _native.memory_kept() == 0
    y, _ = layer(x)
    first = y.detach().clone()
    y.sum().backward()
    part = y.detach()[:10]
    del y
    assert _native.memory_kept() > 0  # what backward alone needed
    before = part.clone()
    layer(x)[0].sum().backward()
    assert torch.equal(part, before)  # a view keeps its memory
    assert torch.equal(layer(x)[0].detach(), first)
    _native.release_memory()
    assert _native.memory_kept() == 0


def test_an_output_that_was_changed_in_place_is_noticed():
    layer = Recurrent(LSTM, 3, 4)
    y, _ = layer(torch.randn(5, 2, 3))
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()

"""Ctrl-C ends a long call of the CPU engine before it is done, and nothing of it is kept."""

import os
import signal
import threading
import time

import pytest
import torch
from engines.recorded import only

from throughtime import GRU, LSTM, Recurrent
from throughtime.engines import ENGINES, after, pieces
from throughtime.engines.cpu import CPU, ahead, memory, products, run
from throughtime.engines.cpu.native import native

pytestmark = pytest.mark.usefixtures("types_unchecked", "ctrl_c")


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


class Press:
    """Ctrl-C a moment after the engine, or the block, has begun to run, and before it is left."""

    def __init__(self, at_once: bool = False):
        self.at_once = at_once

    def __enter__(self):
        self.run, self.begun = run.run, threading.Event()
        run.run = self._run
        if self.at_once:
            self.begun.set()
        self.thread = threading.Thread(target=self._press)
        self.thread.start()

    def _run(self, *arguments):
        self.begun.set()
        self.run(*arguments)

    def _press(self):
        self.begun.wait()
        time.sleep(0.03)
        os.kill(os.getpid(), signal.SIGINT)

    def __exit__(self, kind, *_):
        run.run = self.run
        self.begun.set()
        self.thread.join()
        if kind is None:
            time.sleep(0.05)


@pytest.fixture
def made(monkeypatch):
    """The tensors over time that the engine has made: nan where nothing was written."""
    made, new = [], memory.over_time

    def recorded(call, *shape):
        made.append(new(call, *shape).fill_(float("nan")))
        return made[-1]

    monkeypatch.setattr(memory, "over_time", recorded)
    return made


def unfinished(tensors) -> bool:
    """Whether some of each was never written, at its first or its last step."""
    return all(bool(t[0].isnan().any() or t[-1].isnan().any()) for t in tensors)


def long_call(cell=LSTM, *, T=4000, B=4, **options):
    """A layer and x, much work that needs little memory."""
    torch.manual_seed(0)
    return Recurrent(cell, 8, 512, **options), torch.randn(T, B, 8)


# rows of their own, units shared out, and rows in the lanes
SPLITS = {"chosen": None, "rows": (2, False, 2, 256, 2), "units": (2, True, 4, 64, 48),
          "across": (1, False, 16, 0, 16)}  # fmt: skip


@pytest.mark.parametrize("split", SPLITS)
def test_forward_ends_in_the_middle(two_threads, split, made):
    layer, x = long_call()
    with only(CPU(split=SPLITS[split]), *ENGINES[1:]):
        with pytest.raises(KeyboardInterrupt), Press():
            layer(x)
    assert unfinished(made)
    y = layer(x[:5])[0]  # the memory that threads keep is whole
    torch.testing.assert_close(y, layer.double()(x[:5].double())[0].float())


@pytest.mark.parametrize("cell", [LSTM, GRU("before")])
def test_backward_ends_in_the_middle_and_gives_no_gradient(threads, cell, made):
    layer, x = long_call(cell)
    x.requires_grad_()
    loss = layer(x)[0].sum()
    made.clear()
    with pytest.raises(KeyboardInterrupt), Press():
        loss.backward()
    assert made and unfinished(made)
    assert x.grad is None and all(p.grad is None for p in layer.parameters())


def test_both_directions_end_in_the_middle(two_threads, made):
    layer, x = long_call(direction="both")
    with torch.no_grad(), pytest.raises(KeyboardInterrupt), Press():
        layer(x)
    assert unfinished(made)


def test_the_product_ahead_of_the_loop_ends_in_the_middle(two_threads):
    rows, width, out = 400_000, 2048, 48
    x, weight = torch.randn(1, width).expand(rows, width), torch.randn(out, width)
    z = torch.full((rows, out), torch.nan)
    with pytest.raises(KeyboardInterrupt), Press(at_once=True):
        native().affine(False, x, weight, None, z, two_threads)
    assert z.isnan().any()


def test_gradients_of_weights_end_in_the_middle(two_threads):
    dz, operand = torch.randn(5000, 8, 512), torch.randn(5000, 8, 48)
    to = [torch.full((512, 48), torch.nan) for _ in range(40)]
    with pytest.raises(KeyboardInterrupt), Press(at_once=True):
        native().outer(False, dz, [(0, 512, operand, t, 0) for t in to], two_threads)
    assert to[-1].isnan().any()


def test_a_handler_that_raises_nothing_is_called_once_and_the_result_is_whole(two_threads):
    """Resets backward add to what is there: beginning anew may not count it twice."""
    layer, x = long_call(T=2000, B=3)
    resets = torch.rand(x.shape[:2], generator=torch.Generator().manual_seed(1)) < 0.01
    calls = []

    def gradients():
        layer.zero_grad()
        y = layer(x, resets=resets)[0]
        with Press() if calls else threading.Lock():
            y.square().sum().backward()
        return [y.detach()] + [p.grad.clone() for p in layer.parameters() if p.grad is not None]

    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append((number, frame)))
    try:
        want = gradients()
        with Press():
            got = layer(x, resets=resets)[0]
        assert torch.equal(got, want[0])
        assert len(calls) == 1
        again = gradients()
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(calls) == 2
    assert all(number == signal.SIGINT and frame is not None for number, frame in calls)
    for a, b in zip(again, want, strict=True):
        assert torch.equal(a, b)


def test_a_signal_that_is_ignored_changes_nothing(two_threads):
    layer, x = long_call(T=2000, B=3)
    want = layer(x)[0]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Press():
            got = layer(x)[0]
    finally:
        signal.signal(signal.SIGINT, before)
    assert torch.equal(got, want)


def test_another_thread_goes_on():
    """Ctrl-C is the main thread's."""
    layer, x = long_call(T=2000, B=3)
    want, results = layer(x)[0], []
    other = threading.Thread(target=lambda: results.append(layer(x)[0]))
    with pytest.raises(KeyboardInterrupt), Press():
        other.start()
        while True:
            time.sleep(0.01)
    other.join()
    assert torch.equal(results[0], want)


@pytest.mark.parametrize("name", ["lstm", "gru-before"])
def test_products_in_pieces_are_whole_ones(name, monkeypatch):
    """Large ones are torch's, and Python acts on Ctrl-C between their pieces."""
    from catalogue import CELLS

    cut, whole = [], pieces.pieces

    def counted(rows, work):
        cut.append(list(whole(rows, work)))
        return iter(cut[-1])

    layer = Recurrent(CELLS[name], 70, 60, layers=2, dtype=torch.float64)
    x = torch.randn(40, 16, 70, dtype=torch.float64, requires_grad=True)

    def result():
        layer.zero_grad()
        x.grad = None
        y = layer(x)[0]
        y.square().sum().backward()
        return [y.detach(), x.grad, *(p.grad for p in layer.parameters())]

    want = result()
    for module in (pieces, ahead):
        monkeypatch.setattr(module, "pieces", counted)
    monkeypatch.setattr(pieces, "PIECE", 500_000)
    for limit in ("NARROW", "SMALL", "VECTOR"):
        monkeypatch.setattr(products, limit, 0)
    got = result()
    assert after.times is pieces.times and cut and all(len(c) > 1 for c in cut)
    assert {c[-1].stop for c in cut} == {640}
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)

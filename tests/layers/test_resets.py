"""A stream with resets is its pieces as sequences of their own."""

import pytest
import torch
from catalogue import CELLS

from throughtime import LSTM, Recurrent

pytestmark = pytest.mark.usefixtures("types_unchecked")
DIRECTIONS = ("forward", "backward", "both")


def layer_of(cell=LSTM, **options) -> Recurrent:
    torch.manual_seed(0)
    layer = Recurrent(cell, 2, 3, dtype=torch.float64, **options).eval()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(torch.randn_like(p) * 0.2)
    return layer


def pieces(resets: torch.Tensor, length: int) -> list[tuple[int, int]]:
    """Where the pieces of one stream begin and end."""
    begins = [0, *(t for t in range(1, length) if resets[t])]
    return [(a, b) for a, b in zip(begins, [*begins[1:], length], strict=True) if b > a]


def check(layer, resets, lengths=None, start=None):
    """Against the pieces, and every gradient with it."""
    T, B = resets.shape
    reverse = layer.direction == "backward"
    both = layer.direction == "both"
    x = torch.randn(T, B, 2, dtype=torch.float64)
    weight = torch.randn(T, B, layer.output_size, dtype=torch.float64)
    y, state = layer(x, state=start, lengths=lengths, resets=resets)
    want = torch.zeros_like(y)
    ends = [[] for _ in layer.directions[0]]
    for b in range(B):
        length = T if lengths is None else int(lengths[b])
        parts = pieces(resets[:, b], length)
        last = {}
        for k, (begin, end) in enumerate(parts):
            # what is given starts the piece that comes first in time's direction, unless it
            # is itself reset at once
            one = None
            if start is not None:
                d, direction = 0, start[0][0]
                first = k == (len(parts) - 1 if reverse else 0)
                fresh = not reverse and bool(resets[0, b])
                assert not both
                one = (
                    [[{n: s[b : b + 1] for n, s in direction.items()}]]
                    if first and not fresh
                    else None
                )
            piece, state_of_piece = layer(x[begin:end, b : b + 1], state=one)
            want = want.index_put((torch.arange(begin, end), torch.tensor([b])), piece[:, 0])
            last[k] = state_of_piece
        for d, _ in enumerate(ends):
            backward = reverse or d == 1
            if parts:
                ends[d].append(last[0 if backward else len(parts) - 1][0][d])
            else:
                ends[d].append(None)
    assert torch.allclose(y, want, rtol=1e-12, atol=1e-13)
    for d, own_ends in enumerate(ends):
        for b, end in enumerate(own_ends):
            for name in end or ():
                assert torch.allclose(state[0][d][name][b], end[name][0], rtol=1e-12, atol=1e-13)
    parameters = list(layer.parameters())
    got = torch.autograd.grad((y * weight).sum(), parameters, allow_unused=True)
    wanted = torch.autograd.grad((want * weight).sum(), parameters, allow_unused=True)
    for g, w, p in zip(got, wanted, parameters, strict=True):
        g, w = (torch.zeros_like(p) if t is None else t for t in (g, w))
        assert (g - w).abs().max() <= 1e-10 * max(1.0, float(w.abs().max()))


RESETS = {
    "in mid-stream": [[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0]],
    "at step 0": [[1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0]],
    "at the last step": [[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]],
    "one after the other": [[0, 0, 1, 1, 1, 0], [1, 1, 0, 0, 1, 1]],
    "everywhere": [[1] * 6, [1] * 6],
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("key", RESETS)
def test_resets_are_pieces(key, direction):
    check(layer_of(direction=direction), torch.tensor(RESETS[key]).T.bool())


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("key", RESETS)
def test_with_lengths(key, direction):
    resets = torch.tensor(RESETS[key] * 2).T.bool()
    check(layer_of(direction=direction), resets, lengths=torch.tensor([5, 0, 1, 4]))


@pytest.mark.parametrize("direction", ("forward", "backward"))
@pytest.mark.parametrize("key", RESETS)
@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 3])])
def test_with_a_given_state(key, direction, lengths):
    start = ({n: torch.randn(2, 3, dtype=torch.float64) for n in ("h", "C")},)
    check(layer_of(direction=direction), torch.tensor(RESETS[key]).T.bool(), lengths, (start,))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell(name, direction):
    torch.manual_seed(5)
    resets = torch.rand(6, 4) < 0.4
    check(layer_of(CELLS[name], direction=direction), resets, lengths=torch.tensor([6, 0, 1, 4]))


def test_the_learned_initial_state_hears_of_every_reset():
    layer = layer_of()
    x = torch.randn(6, 1, 2, dtype=torch.float64)
    never, once = torch.zeros(6, 1).bool(), torch.tensor([[0, 0, 0, 1, 0, 0]]).T.bool()
    start = ({n: torch.randn(1, 3, dtype=torch.float64) for n in ("h", "C")},)
    h0 = layer.directions[0][0].initial.h0
    for resets, heard in ((never, False), (once, True)):
        loss = layer(x, state=(start,), resets=resets)[0].sum()
        (gradient,) = torch.autograd.grad(loss, h0, allow_unused=True)
        assert (gradient is not None and gradient.abs().max() > 0) == heard


@pytest.mark.parametrize("layers", [2, 3])
def test_stacked(layers):
    layer = layer_of(layers=layers, direction="both")
    x = torch.randn(6, 1, 2, dtype=torch.float64)
    resets = torch.tensor([[0, 0, 0, 1, 0, 0]]).T.bool()
    want = torch.cat([layer(x[:3])[0], layer(x[3:])[0]])
    assert torch.allclose(layer(x, resets=resets)[0], want, rtol=1e-12, atol=1e-13)


def test_integers_are_resets_too():
    layer, x = layer_of(), torch.randn(6, 2, 2, dtype=torch.float64)
    resets = torch.tensor(RESETS["in mid-stream"]).T
    assert torch.equal(layer(x, resets=resets)[0], layer(x, resets=resets.bool())[0])

"""throughtime.nn against torch.nn: outputs, states and every gradient, over random shapes.

Each tensor is compared relative to its largest value. In float64 both agree to 1e-10. In
float32 our error against the result in float64 is at most 4 times torch's own.
"""

import copy

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throughtime import nn

pytestmark = [
    pytest.mark.usefixtures("types_unchecked"),
    # torch's own implementation of it says so
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
]

NAMES = ("RNN", "LSTM", "GRU")
# Where torch happens to be exact (in a tensor of one or two values it often is) four times its
# error is nothing. So 32 ulp are always granted: 1 - z of a GRU's gate loses as much by z = 0.97.
FLOOR = 32 * torch.finfo(torch.float32).eps
# A tensor of fewer values may be a single sum that cancels: its float32 error is taken relative to
# the largest value of all tensors.
FEW = 16


def spectral_radius_at_most_one(module: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, p in module.named_parameters():
            if not name.startswith("weight_hh"):
                continue
            for gate in p.split(p.shape[1]) if p.shape[0] % p.shape[1] == 0 else [p]:
                # the norm bounds the radius, for projected weights too
                gate /= max(1.0, float(torch.linalg.matrix_norm(gate, 2)))


def everything(module, x, hx, seed=0) -> list[torch.Tensor]:
    """Output, states, and the gradients of weights, input and given states."""
    leaves = []

    def leaf(t):
        leaves.append(t.detach().clone().requires_grad_())
        return leaves[-1]

    if isinstance(x, torch.nn.utils.rnn.PackedSequence):
        given = x._replace(data=leaf(x.data))
    else:
        given = leaf(x)
    state = hx
    if hx is not None:
        state = tuple(map(leaf, hx)) if isinstance(hx, tuple) else leaf(hx)
    if isinstance(module, torch.nn.RNNCellBase):
        outputs = module(given, state)
        y, end = (outputs[0], outputs) if isinstance(outputs, tuple) else (outputs, ())
    else:
        y, end = module(given, state)
    y = y.data if isinstance(y, torch.nn.utils.rnn.PackedSequence) else y
    flat = [y, *(end if isinstance(end, tuple) else (end,))]
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in flat]
    loss = sum((t * w.to(t.dtype)).sum() for t, w in zip(flat, weights, strict=True))
    parameters = [*module.parameters(), *leaves]
    gradients = torch.autograd.grad(loss, parameters)
    return [t.detach() for t in (*flat, *gradients)]


def compare(kind: str, options: dict, x, hx) -> None:
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(**options).double()
    spectral_radius_at_most_one(theirs)
    ours = getattr(nn, kind)(**options).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)

    def single(t):
        if isinstance(t, tuple) and not hasattr(t, "_fields"):
            return tuple(map(single, t))
        return t if t is None else t.to(torch.float32)

    want = everything(theirs, x, hx)
    torch32 = everything(copy.deepcopy(theirs).float(), single(x), single(hx))
    ours32 = everything(copy.deepcopy(ours).float(), single(x), single(hx))
    ours64 = everything(ours, x, hx)
    largest = max(w.abs().max() for w in want if w.numel()).clamp(min=1e-6)
    for k, tensors in enumerate(zip(want, ours64, torch32, ours32, strict=True)):
        w, a, b32, a32 = tensors
        assert a.shape == w.shape and a32.shape == w.shape
        if not w.numel():
            continue
        scale = w.abs().max().clamp(min=1e-6)
        assert (a - w).abs().max() / scale < 1e-10, f"float64, tensor {k}"
        scale = scale if w.numel() >= FEW else largest
        own, bound = ((t - w).abs().max() / scale for t in (a32, b32))
        assert own <= max(4 * float(bound), FLOOR), f"float32, tensor {k}: {own} against {bound}"


options_ = st.fixed_dictionaries(
    {
        "input_size": st.integers(1, 7),
        "hidden_size": st.integers(1, 9),
        "num_layers": st.integers(1, 3),
        "bidirectional": st.booleans(),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
    }
)


def states_for(kind, options, batch: tuple[int, ...], given: bool):
    if not given:
        return None
    rows = options["num_layers"] * (2 if options["bidirectional"] else 1)
    h = torch.randn(rows, *batch, options.get("proj_size") or options["hidden_size"]).double()
    if kind != "LSTM":
        return h
    return h, torch.randn(rows, *batch, options["hidden_size"]).double()


def padded(kind, options, T, B, given, projected=False, relu=False) -> None:
    torch.manual_seed(1)
    if kind == "LSTM" and projected and options["hidden_size"] > 1:
        options = options | {"proj_size": (options["hidden_size"] + 1) // 2}
    if kind == "RNN":
        options = options | {"nonlinearity": "relu" if relu else "tanh"}
    I = options["input_size"]  # noqa: E741
    if B is None:
        x, batch = torch.randn(T, I).double(), ()
    else:
        shape = (B, T, I) if options["batch_first"] else (T, B, I)
        x, batch = torch.randn(shape).double(), (B,)
    compare(kind, options, x, states_for(kind, options, batch, given))


ONE = {"input_size": 1, "hidden_size": 1, "num_layers": 1, "bidirectional": False, "bias": True,
       "batch_first": False}  # fmt: skip
ALL = {"input_size": 5, "hidden_size": 7, "num_layers": 3, "bidirectional": True, "bias": True,
       "batch_first": True}  # fmt: skip
shapes = {
    "options": options_,
    "T": st.integers(1, 9),
    "B": st.one_of(st.none(), st.integers(1, 5)),
    "given": st.booleans(),
    "flag": st.booleans(),
}


@pytest.mark.parametrize("kind", NAMES)
@settings(max_examples=25)
@given(**shapes)
@example(options=ONE, T=1, B=1, given=False, flag=False)
@example(options=ALL, T=11, B=3, given=True, flag=True)
@example(options=ALL, T=4, B=None, given=True, flag=True)
@example(options=ALL | {"bias": False}, T=4, B=None, given=False, flag=False)
def test_padded(kind, options, T, B, given, flag):
    padded(kind, options, T, B, given, projected=flag, relu=flag)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NAMES)
@settings(max_examples=300)
@given(**shapes | {"T": st.integers(1, 40), "B": st.integers(1, 9)})
def test_padded_many(kind, options, T, B, given, flag):
    padded(kind, options, T, B, given, projected=flag, relu=flag)


@pytest.mark.parametrize("kind", NAMES)
@settings(max_examples=15)
@given(
    options=options_,
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    given=st.booleans(),
    projected=st.booleans(),
    in_order=st.booleans(),
)
@example(options=ALL, lengths=[5, 1, 3, 3], given=True, projected=True, in_order=False)
@example(options=ALL, lengths=[5, 1, 3, 3], given=True, projected=False, in_order=True)
def test_packed(kind, options, lengths, given, projected, in_order):
    torch.manual_seed(1)
    if kind == "LSTM" and projected and options["hidden_size"] > 1:
        options = options | {"proj_size": (options["hidden_size"] + 1) // 2}
    lengths = sorted(lengths, reverse=True) if in_order else lengths
    sequences = [torch.randn(n, options["input_size"]).double() for n in lengths]
    x = torch.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=in_order)
    compare(kind, options, x, states_for(kind, options, (len(lengths),), given))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("in_order", [True, False])
def test_a_packed_sequence_comes_back_as_one(kind, in_order):
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, kind)(3, 4), getattr(nn, kind)(3, 4)
    ours.load_state_dict(theirs.state_dict())
    lengths = [5, 3, 3] if in_order else [3, 5, 3]
    x = torch.nn.utils.rnn.pack_sequence(
        [torch.randn(n, 3) for n in lengths], enforce_sorted=in_order
    )
    a, b = ours(x)[0], theirs(x)[0]
    assert type(a) is type(b) and torch.equal(a.batch_sizes, b.batch_sizes)
    for name in ("sorted_indices", "unsorted_indices"):
        one, other = getattr(a, name), getattr(b, name)
        assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@settings(max_examples=25)
@given(
    I=st.integers(1, 7),
    H=st.integers(1, 9),
    B=st.one_of(st.none(), st.integers(1, 5)),
    bias=st.booleans(),
    given_state=st.booleans(),
    relu=st.booleans(),
)
@example(I=1, H=1, B=1, bias=True, given_state=False, relu=False)
@example(I=3, H=5, B=None, bias=False, given_state=True, relu=True)
def test_cells(kind, I, H, B, bias, given_state, relu):  # noqa: E741
    torch.manual_seed(1)
    options = {"input_size": I, "hidden_size": H, "bias": bias}
    if kind == "RNNCell":
        options["nonlinearity"] = "relu" if relu else "tanh"
    batch = () if B is None else (B,)
    hx = None
    if given_state:
        hx = torch.randn(*batch, H).double()
        hx = (hx, torch.randn(*batch, H).double()) if kind == "LSTMCell" else hx
    compare(kind, options, torch.randn(*batch, I).double(), hx)


@pytest.mark.parametrize("kind", NAMES)
def test_dropout(kind):
    """The same generator gives the same masks as torch's own; eval mode has none."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(3, 8, num_layers=3, dropout=0.4).double()
    ours = getattr(nn, kind)(3, 8, num_layers=3, dropout=0.4).double()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(6, 4, 3).double()
    outputs = []
    for module in (theirs, ours):
        torch.manual_seed(7)
        outputs.append(module(x)[0])
    assert torch.allclose(*outputs, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(ours(x)[0], outputs[1])
    quiet = [module.eval()(x)[0] for module in (theirs, ours)]
    assert torch.allclose(*quiet, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(quiet[1], outputs[1])


@pytest.mark.parametrize("state", [None, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", NAMES)
def test_autocast(kind, dtype, state):
    """Whatever dtypes come together, outputs, states and gradients are those of float32, rounded
    to 8 bits somewhere and only there."""
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, kind)(3, 8), getattr(nn, kind)(3, 8)
    ours.load_state_dict(theirs.state_dict())
    x, hx = torch.randn(6, 4, 3), None
    if state is not None:
        hx = torch.randn(2, 1, 4, 8).unbind() if kind == "LSTM" else torch.randn(1, 4, 8)
    want = everything(theirs, x, hx)
    cast = tuple(h.to(state) for h in hx) if isinstance(hx, tuple) else hx
    cast = cast.to(state) if isinstance(cast, torch.Tensor) else cast
    with torch.autocast("cpu", torch.bfloat16):
        values = everything(ours, x.to(dtype), cast)
    assert not torch.equal(values[0].float(), want[0])
    for k, (a, b) in enumerate(zip(values, want, strict=True)):
        assert (a.float() - b).abs().max() < 0.05 * b.abs().max(), f"tensor {k}"

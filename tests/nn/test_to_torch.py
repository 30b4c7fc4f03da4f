"""For programs that ask for torch's exact types, and torch.jit.trace."""

from typing import Any

import pytest
import torch

from throughtime import nn
from throughtime.errors import OptionError

pytestmark = [
    pytest.mark.usefixtures("types_unchecked"),
    # of torch itself, for tracing and quantized tensors
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::torch.jit.TracerWarning",
        "ignore:torch.quantize_per:UserWarning",
    ),
]
LAYERS, CELLS = ("RNN", "LSTM", "GRU"), ("RNNCell", "LSTMCell", "GRUCell")
kinds = pytest.mark.parametrize("kind", LAYERS + CELLS)


def layer_of(kind, **options):
    if kind in LAYERS:
        options = {"num_layers": 2, "bidirectional": True, **options}
    return getattr(nn, kind)(3, 4, **options).eval()


def flat(out):
    """The tensors that a layer returns, whatever its kind."""
    return [out] if isinstance(out, torch.Tensor) else [t for part in out for t in flat(part)]


def same(a, b):
    for x, y in zip(flat(a), flat(b), strict=True):
        torch.testing.assert_close(x, y)


@kinds
def test_trace_records_what_torch_would(kind):
    layer = layer_of(kind)
    shapes = ((5, 2, 3), (9, 4, 3)) if kind in LAYERS else ((2, 3), (4, 3))
    first, other = (torch.randn(shape) for shape in shapes)
    traced: Any = torch.jit.trace(layer, first)
    theirs: Any = torch.jit.trace(layer.to_torch(), first)
    names = [node.kind() for node in traced.inlined_graph.nodes()]
    assert names == [node.kind() for node in theirs.inlined_graph.nodes()]
    same(traced(first), layer(first))
    if kind in LAYERS:
        same(traced(other), layer(other))  # nothing of the first sizes is in the graph


@kinds
def test_the_same_layer_of_torch(kind):
    layer = layer_of(kind)
    layer.weight_hh_requires = "kept"
    plain = layer.to_torch()
    assert type(plain) is getattr(torch.nn, kind) and type(layer) is getattr(nn, kind)
    assert not plain.training and plain.weight_hh_requires == "kept"
    assert repr(plain) == repr(layer)
    for (a, p), (b, q) in zip(plain.named_parameters(), layer.named_parameters(), strict=True):
        assert a == b and p is q
    x = torch.randn(5, 2, 3)[: 5 if kind in LAYERS else 1].squeeze(0)
    same(plain(x), layer(x))
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.1)
    same(plain(x), layer(x))  # one trains with the other
    plain.double()
    assert next(layer.parameters()).dtype == torch.float64


def test_a_model_with_layers_in_it():
    model = nn.Sequential(
        nn.Linear(3, 3), nn.ModuleDict({"a": nn.LSTM(3, 4), "b": nn.GRUCell(3, 4)})
    )
    model.register_buffer("mean", torch.zeros(3))
    plain = nn.to_torch(model)
    assert [type(m) for m in plain.modules()] == [
        torch.nn.Sequential, torch.nn.Linear, torch.nn.ModuleDict, torch.nn.LSTM, torch.nn.GRUCell
    ]  # fmt: skip
    assert type(model[1]["a"]) is nn.LSTM and plain.mean is model.mean
    assert {id(p) for p in plain.parameters()} == {id(p) for p in model.parameters()}


def test_quantize_dynamic_finds_the_layer():
    model = nn.to_torch(torch.nn.Sequential(nn.LSTM(3, 4)))
    quantized = torch.ao.quantization.quantize_dynamic(model, {torch.nn.LSTM}, dtype=torch.qint8)
    assert type(quantized[0]).__module__.startswith("torch.ao.nn.quantized.dynamic")


def test_what_torch_has_no_class_for():
    class Mine(nn.GRU):
        pass

    with pytest.raises(OptionError, match="the module is a Mine, derived from throughtime.nn.GRU;"):
        Mine(3, 4).to_torch()
    layer = nn.LSTM(3, 4)
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with pytest.raises(
        OptionError, match="the module '0' is a ParametrizedLSTM, .*remove_parametrizations"
    ):
        nn.to_torch(torch.nn.Sequential(layer))

"""A layer written down and built again is the same layer."""

import inspect
import json

import pytest
import torch

from throughtime import GRU, LSTM, Cell, Recurrent, affine
from throughtime.errors import RunError
from throughtime.layers.description import ADDED, describe, from_description

OPTIONS = {
    "layers": 3,
    "direction": "backward",
    "merge": "mean",
    "dropout": 0.1,
    "variational_dropout": 0.2,
    "zoneout": {"h": 0.1, "C": 0.5},
    "weight_drop": 0.3,
    "initial_state": "zeros",
    "batch_first": True,
    "recompute": True,
    "engine": "reference",
}


def again(layer):
    """The layer after a journey through text, with the same weights."""
    data = json.loads(json.dumps(describe(layer)))
    other = from_description(data)
    assert json.loads(json.dumps(describe(other))) == data
    other.load_state_dict(layer.state_dict())
    return other


def same(layer, other):
    x = torch.randn(4, 5, 3)
    for one in (layer, other):
        one.train()
    results = []
    for one in (layer, other):
        torch.manual_seed(3)
        y, state = one(x)
        torch.manual_seed(3)
        one.eval()
        results.append((y, one(x)[0], *state[-1][-1].values()))
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)
    assert repr(layer) == repr(other)


def test_the_list_of_options_is_whole():
    taken = {*inspect.signature(Recurrent.__init__).parameters}
    assert {*OPTIONS} == taken - {"self", "cell", "input_size", "hidden_size", "device", "dtype"}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_survives(name):
    layer = Recurrent(LSTM, 3, 4, **{name: OPTIONS[name]})
    plain = describe(Recurrent(LSTM, 3, 4))
    other = again(layer)
    assert describe(other)[name] == OPTIONS[name] != plain[name]
    same(layer, other)


def test_an_engine_and_recompute_reach_every_direction():
    layer = Recurrent(GRU, 3, 4, layers=2, direction="both", recompute=True, engine="reference")
    for directions in again(layer).directions:
        assert [(d.engine, d.recompute) for d in directions] == [("reference", True)] * 2


@pytest.mark.parametrize("options", [{}, {"merge": "sum"}, {"layers": 2}], ids=str)
def test_a_pair_of_cells(options):
    layer = Recurrent((LSTM(peephole=True), GRU("after")), 3, 4, direction="both", **options)
    other = again(layer)
    same(layer, other)
    assert [repr(d.cell) for d in other.directions[-1]] == [
        repr(LSTM(peephole=True)), repr(GRU("after")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given", [torch.arange(4.0), torch.tensor(0.5), {"C": torch.arange(4.0)}], ids=str
)
def test_a_given_initial_state(given):
    layer = Recurrent(LSTM, 3, 4, layers=2, direction="both", initial_state=given)
    other = again(layer)
    same(layer, other)
    names = [name for name, _ in other.directions[1][1].initial.named_buffers()]
    assert names == (["C0"] if isinstance(given, dict) else ["h0", "C0"])


def test_a_cell_is_not_needed_again():
    class Fading(Cell):
        states = ("h",)

        def step(self, x, h):
            return 0.5 * h + torch.tanh(affine("transition", x))

    same(layer := Recurrent(Fading, 3, 4, layers=2), again(layer))
    with pytest.raises(RunError, match="has other equations than the model was trained with"):
        from_description(describe(layer), cell=LSTM)
    from_description(describe(layer), cell=Fading)


def test_an_old_description_has_fewer_keys():
    data = describe(Recurrent(LSTM, 3, 4, zoneout=0.2))
    old = {name: value for name, value in data.items() if name not in ADDED}
    assert describe(from_description(old)) == data

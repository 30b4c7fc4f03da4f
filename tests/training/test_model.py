"""A model is its recurrent layers, what it sees of them, and an output network; and is data."""

import json

import pytest
import torch
from torch import nn
from training.tiny import model as tiny_model
from training.tiny import sequences

import throughtime
from throughtime import GRU, LSTM, RNN, Cell, LeakyRNN, Model, Output, Recurrent, affine
from throughtime.data import Scaler, collate
from throughtime.errors import CallError, OptionError, RunError
from throughtime.tasks import Classify

LENGTHS = torch.tensor([5, 1, 3, 5, 2])


def ragged(channels=2):
    """`x (5, 5, channels)` with rubbish past the lengths, which nothing may read."""
    x = torch.randn(5, 5, channels, generator=torch.Generator().manual_seed(3))
    return x.masked_fill((torch.arange(5)[:, None] >= LENGTHS)[..., None], 1e6)


def built(recurrent, **options):
    classes = options.pop("classes", ("p", "q", "r"))
    stack = [recurrent] if isinstance(recurrent, Recurrent) else recurrent
    channels = tuple(f"c{k}" for k in range(stack[0].input_size))
    return Model(recurrent, classes=classes, channels=channels, **options)


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_pooling_equals_a_slow_loop(direction, pooling):
    torch.manual_seed(0)
    model = built(Recurrent(LSTM, 2, 3, direction=direction, layers=2), pooling=pooling).eval()
    x = ragged()
    scores = model(x, LENGTHS)
    assert scores.shape == (5, 3)
    for b, length in enumerate(LENGTHS.tolist()):
        y, _ = model.recurrent[0](x[:length, b : b + 1])
        y = y[:, 0]  # (T, D * 3), one sequence by itself
        seen = {"mean": y.mean(0), "max": y.amax(0)}
        # forward the last step is the last one; backward, where it has read all, the first
        ends = {"forward": y[-1], "backward": y[0], "both": torch.cat([y[-1, :3], y[0, 3:]])}
        expected = model.output((seen | {"last": ends[direction]})[pooling])
        assert torch.allclose(scores[b], expected, atol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize(("merge", "width"), [("concat", 6), ("sum", 3), ("mean", 3)])
def test_the_output_network_has_the_width_of_what_it_sees(pooling, merge, width):
    model = built(Recurrent(GRU, 2, 3, direction="both", merge=merge), pooling=pooling)
    # the last step of both directions is not merged: each has read all of the sequence
    assert model.width == (6 if pooling == "last" else width)
    assert model(ragged(), LENGTHS).shape == (5, 3)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_without_lengths_all_steps_are_real(pooling):
    model = built(Recurrent(GRU, 2, 3, direction="both"), pooling=pooling).eval()
    x = torch.randn(5, 5, 2)
    assert torch.equal(model(x), model(x, torch.full((5,), 5)))


def test_the_max_of_negative_outputs_is_not_the_padding():
    model = built(Recurrent(LeakyRNN(activation="tanh"), 2, 3), pooling="max").eval()
    model.recurrent[0].directions[0][0].transition_bias.data.fill_(-9.0)
    model.output = nn.Identity()
    assert (model(ragged().clamp(-1, 1), LENGTHS) < 0).all()


def test_a_model_scales_its_own_input():
    data = sequences()
    model = tiny_model(data).eval()
    batch = collate(data, torch.arange(len(data)))
    raw = model(batch.x, batch.lengths)
    scaler = Scaler.fit(data)
    scaled = collate(scaler.apply(data), torch.arange(len(data)))
    by_hand = model(scaled.x, scaled.lengths)
    model.encoder.scale(scaler)
    assert torch.equal(model(batch.x, batch.lengths), by_hand)
    assert not torch.equal(raw, by_hand)
    given = tiny_model(data, scaler=scaler).eval()
    assert torch.equal(given(batch.x, batch.lengths), by_hand)
    assert {"encoder.mean", "encoder.std"} <= {*model.state_dict()}


def test_dropout_is_on_what_the_output_network_sees_in_training_only():
    model = built(Recurrent(RNN, 2, 3), dropout=0.5)
    model.output = nn.Identity()
    x = ragged()
    torch.manual_seed(0)
    seen = model.train()(x, LENGTHS)
    assert (seen == 0).any()
    quiet = model.eval()(x, LENGTHS)
    assert not (quiet == 0).any()
    assert torch.allclose(seen[seen != 0], 2 * quiet[seen != 0])


def test_several_recurrent_layers_follow_one_another():
    stack = [Recurrent(GRU, 2, 3, direction="both"), Recurrent(LSTM, 6, 4)]
    model = built(stack).eval()
    x = ragged()
    _, state = stack[1](stack[0](x, lengths=LENGTHS)[0], lengths=LENGTHS)
    assert torch.equal(model(x, LENGTHS), model.output(state[0][0]["h"]))


def test_an_output_network_with_inner_layers():
    torch.manual_seed(0)
    network = Output(4, 3, sizes=(8, 5), activation="tanh")
    assert [tuple(p.shape) for p in network.parameters()] == [
        (8, 4), (8,), (5, 8), (5,), (3, 5), (3,),
    ]  # fmt: skip
    z = torch.randn(6, 4)
    expected = z
    linear = [m for m in network if isinstance(m, nn.Linear)]
    for k, layer in enumerate(linear):
        expected = expected @ layer.weight.T + layer.bias
        expected = expected.tanh() if k < 2 else expected
    assert torch.allclose(network(z), expected, atol=1e-6)
    assert len(Output(4, 3)) == 1


class Unsaved(Cell):
    """A cell whose code the reader of a run does not have."""

    states = ("h", "trace")

    def __init__(self, rate=0.5):
        self.rate = rate

    def step(self, x, h, trace):
        new = torch.tanh(affine("transition", h, x))
        return new, self.rate * trace + new


MODELS = {
    "one cell": lambda: built(Recurrent(LSTM, 2, 3)),
    "options of a cell": lambda: built(Recurrent(GRU(reset="after", activation="relu"), 2, 3)),
    "backward": lambda: built(Recurrent(RNN, 2, 3, direction="backward")),
    "layers, merged": lambda: built(Recurrent(RNN, 2, 3, direction="both", merge="sum", layers=3)),
    "a pair of cells": lambda: built(Recurrent((LSTM, GRU), 2, 3, direction="both", layers=2)),
    "dropouts": lambda: built(
        Recurrent(LSTM, 2, 3, layers=2, dropout=0.1, variational_dropout=0.2, weight_drop=0.3),
        dropout=0.4,
    ),
    "zoneout": lambda: built(Recurrent(LSTM, 2, 3, zoneout=0.2)),
    "zoneout by state": lambda: built(Recurrent(LSTM, 2, 3, zoneout={"h": 0.1, "C": 0.5})),
    "no initial state": lambda: built(Recurrent(LSTM, 2, 3, initial_state="zeros")),
    "given initial state": lambda: built(Recurrent(LSTM, 2, 3, initial_state=torch.randn(3))),
    "given for one state": lambda: built(
        Recurrent(LSTM, 2, 3, initial_state={"C": torch.randn(3)}, direction="both")
    ),
    "several": lambda: built([Recurrent(GRU, 2, 3, direction="both"), Recurrent(LSTM, 6, 4)]),
    "mean": lambda: built(Recurrent(RNN, 2, 3, direction="both"), pooling="mean"),
    "max": lambda: built(Recurrent(RNN, 2, 3), pooling="max"),
    "inner layers": lambda: built(
        Recurrent(RNN, 2, 3), output=Output(3, 3, sizes=(7, 5), activation="sigmoid")
    ),
    "a user's cell": lambda: built(Recurrent(Unsaved(rate=0.25), 2, 3, zoneout=0.1, layers=2)),
    "noise": lambda: built(Recurrent(LeakyRNN(noise=0.3), 2, 3)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_described_model_is_the_same_model(name):
    torch.manual_seed(5)
    model = MODELS[name]()
    model.encoder.scale(Scaler(torch.tensor([1.0, -2.0]), torch.tensor([3.0, 0.5])))
    data = json.loads(json.dumps(model.describe()))
    again = Model.from_description(data)
    assert json.loads(json.dumps(again.describe())) == data
    again.load_state_dict(model.state_dict())
    x = ragged()
    for one in (model.eval(), again.eval()):
        one(x, LENGTHS)
    assert torch.equal(model(x, LENGTHS), again(x, LENGTHS))
    results = []
    for one in (model.train(), again.train()):
        torch.manual_seed(11)
        results.append(one(x, LENGTHS))
    assert torch.equal(*results), "the same masks and noise in training too"
    assert throughtime.training.equations(again) == throughtime.training.equations(model)


def test_a_custom_output_network_is_given_again():
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.map = nn.Linear(3, 3)

        def forward(self, z):
            return self.map(z).square()

    model = built(Recurrent(RNN, 2, 3), output=Head())
    data = json.loads(json.dumps(model.describe()))
    with pytest.raises(RunError, match=r"Head, which is code .* expected `output=`"):
        Model.from_description(data)
    again = Model.from_description(data, output=Head())
    again.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(ragged(), LENGTHS), again.eval()(ragged(), LENGTHS))


def test_a_cell_with_other_equations_is_refused():
    data = built(Recurrent(GRU(reset="after"), 2, 3, layers=2)).describe()
    Model.from_description(data, cell=GRU(reset="after"))
    for other in (GRU, GRU(reset="before"), LSTM):
        with pytest.raises(RunError, match="other equations .* Leave cell out"):
            Model.from_description(data, cell=other)


@pytest.mark.usefixtures("types_unchecked")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: built(Recurrent(RNN, 2, 3), pooling="first"), "pooling is 'first'; expected one"),
        (
            lambda: built(Recurrent(RNN, 2, 3), pooling="each step"),
            "'last', 'mean', 'max' because its task answers once for each sequence",
        ),
        (
            lambda: Model(Recurrent(RNN, 2, 3), channels=("a", "b")),
            "neither task nor classes are given; expected one of the two",
        ),
        (
            lambda: Model(Recurrent(RNN, 2, 3), task=Classify, channels=("a", "b")),
            "task is the class Classify; expected a Task",
        ),
        (
            lambda: built(Recurrent(RNN, 2, 3), task=Classify(("p", "q"))),
            "both task and classes are given; expected one of the two",
        ),
        (lambda: built(Recurrent(RNN, 2, 3), dropout=1.0), "dropout is 1.0; expected a prob"),
        (lambda: built(Recurrent(RNN, 2, 3), classes=("one",)), "classes has 1; expected at least"),
        (lambda: built(Recurrent(RNN, 2, 3, batch_first=True)), "is batch_first; expected time"),
        (
            lambda: built([Recurrent(RNN, 2, 3), Recurrent(RNN, 4, 3)]),
            r"recurrent\[1\] has input_size=4; expected 3",
        ),
    ],
)
def test_what_a_model_refuses(make, message):
    with pytest.raises((OptionError, CallError), match=message):
        make()

"""What the recurrent layers are given while all channels stay as they are."""

import pytest
import torch

from throughtime import GRU, Recurrent
from throughtime.data import Sequences
from throughtime.errors import DataError, OptionError
from throughtime.training import Encoder, Model
from throughtime.training.layer_inputs import constant_channels, constant_input, layer_inputs


def sequences():
    nan = torch.nan
    rows = [[[1.0, 0, nan], [2, 1, 5]], [[9, 1, 5], [2, 1, 6], [3, 0, 7]]]
    return Sequences.from_list(
        [torch.tensor(r) for r in rows], ["a", "b"], channels=("x", "colour", "gap"),
        categories={"colour": ("red", "blue")},
    )  # fmt: skip


def model(**options):
    torch.manual_seed(0)
    encoder = Encoder.of(sequences())
    encoder.fit(sequences())
    width = encoder.width * (2 if options.get("differences") else 1) * options.get("at_once", 1)
    return Model(Recurrent(GRU, width, 3), encoder=encoder, classes=("a", "b"), **options)


def test_typical_values():
    of = model()
    assert constant_channels(of, sequences()).tolist() == [2, 1, 5.5]
    assert constant_channels(of, sequences(), "mean").tolist() == pytest.approx([3.4, 1, 5.75])
    assert constant_channels(of, sequences(), "zero").tolist() == [0, 1, 0], "a text has no zero"
    given = constant_channels(of, sequences(), {"x": "-4.5", "colour": "red"})
    assert given.tolist() == [-4.5, 0, 5.5]


def test_a_constant_goes_through_the_encoder():
    """The layer is given the same as in the middle of a long sequence that does not change."""
    of = model(differences=True, at_once=2)
    of.steps.spread.copy_(torch.linspace(1, 2, len(of.steps.spread)))
    values = torch.tensor([4.0, 1.0, 5.0])
    found = constant_input(of, values)
    assert found.shape == (of.recurrent[0].input_size,)
    inputs, lengths = layer_inputs(of, values.expand(10, 1, 3), torch.tensor([10]))
    assert lengths.tolist() == [5] and torch.equal(inputs[3, 0], found)
    once, twice = found.chunk(2)
    assert torch.equal(once, twice)
    encoded, changes = once.chunk(2)
    assert not changes.any()
    assert encoded[0] == pytest.approx((4 - float(of.encoder.mean[0])) / float(of.encoder.std[0]))
    assert encoded[2] == 0, "nothing is missing"


def test_the_model_stays_as_it_was():
    of = model()
    of.train()
    before = torch.get_rng_state()
    constant_input(of, torch.zeros(3))
    assert of.training and torch.equal(before, torch.get_rng_state())


def test_what_there_is_not():
    of = model()
    for given, says in (
        ({"y": "1"}, "no channel 'y'; expected one of 'x', 'colour', 'gap'"),
        ({"x": "red"}, "'x' is 'red'; expected a finite number"),
        ({"x": "inf"}, "'x' is 'inf'; expected a finite number"),
        ({"colour": "green"}, "'colour' is 'green'; expected one of its texts 'red', 'blue'"),
    ):
        with pytest.raises(OptionError, match=says):
            constant_channels(of, sequences(), given)
    empty = Sequences.from_list(
        [torch.tensor([[1.0, 0, torch.nan]])], channels=("x", "colour", "gap"),
        categories={"colour": ("red", "blue")},
    )  # fmt: skip
    with pytest.raises(DataError, match="channel 'gap' has no value"):
        constant_channels(of, empty)

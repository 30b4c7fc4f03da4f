"""What is not a model or not sequences is named, with the call that is right."""

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence
from training.tiny import model, sequences

from throughtime import LSTM, Model, Recurrent, evaluate, fit, predict
from throughtime.errors import CallError, OptionError, ShapeError
from throughtime.training import Run
from throughtime.training.options import Options

pytestmark = pytest.mark.usefixtures("types_unchecked")
WRONG_MODELS = {
    "module": (lambda: torch.nn.Linear(2, 2), "a Linear", "with your module as `output`"),
    "layer": (lambda: Recurrent(LSTM, 2, 4), "a Recurrent", "`Model(layer, classes=sequences."),
    "run": (lambda: Run(model(sequences()), Options()), "a Run", "(run.model, sequences)`."),
    "class": (
        lambda: LSTM,
        "the class LSTM",
        "Write `Model(Recurrent(LSTM, input_size, hidden_size)",
    ),
}


@pytest.mark.parametrize("kind", WRONG_MODELS)
@pytest.mark.parametrize("call", [fit, predict, evaluate])
def test_what_is_no_model(call, kind):
    make, is_, fix = WRONG_MODELS[kind]
    with pytest.raises(CallError) as caught:
        call(make(), sequences())
    assert str(caught.value).startswith(f"`{call.__name__}`: model is {is_}; expected a Model. ")
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [torch.zeros(4, 5, 2), [torch.zeros(5, 2)], "table.csv"], ids=type
)
@pytest.mark.parametrize("call", [fit, predict, evaluate])
def test_what_are_no_sequences(call, wrong):
    name = "data" if call is fit else "sequences"
    with pytest.raises(CallError) as caught:
        call(model(sequences()), wrong)
    says = f"`{call.__name__}`: {name} is a {type(wrong).__name__}; expected Sequences. "
    assert str(caught.value).startswith(says)
    assert "`throughtime.data.Sequences.from_list(arrays, labels)`" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "fix"),
    [("lr", "Write `learning_rate=`."), ("num_epochs", "Write `epochs=`."),
     ("optimizer", "Write `optimiser="), ("epoch", "Did you mean epochs?"),
     ("device", "`model.to(device)`"), ("foldr", "Did you mean folder?")],
)  # fmt: skip
def test_options_of_other_libraries(name, fix):
    with pytest.raises(CallError) as caught:
        fit(model(sequences()), sequences(), **{name: 1})
    assert str(caught.value).startswith(f"`fit`: has no argument {name!r}; expected epochs, ")
    assert fix in str(caught.value)


def test_a_model_is_called_with_a_padded_tensor():
    arrays = [torch.zeros(5, 2), torch.zeros(3, 2)]
    for x, is_ in ((pack_sequence(arrays), "PackedSequence"), (arrays, "list of tensors")):
        with pytest.raises(ShapeError, match=f"`Model`: x is a {is_}; expected a padded tensor"):
            model(sequences())(x)


def test_a_model_is_made_of_recurrent_layers():
    for layer, is_ in ((torch.nn.LSTM(2, 4), "LSTM"), (LSTM, "type"), ([LSTM()], "LSTM")):
        with pytest.raises(CallError, match=rf"`Model`: recurrent\[0\] is a {is_}; expected a Rec"):
            Model(layer, classes=("a", "b"), channels=("c", "d"))
    with pytest.raises(OptionError, match="`Model`: neither channels nor encoder are given; expec"):
        Model(Recurrent(LSTM, 2, 4), classes=("a", "b"))

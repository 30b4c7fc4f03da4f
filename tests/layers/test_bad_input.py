"""What does not fit is one error: what was given, what was expected, how to mend it."""

import re

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence, pad_sequence

from throughtime import GRU, LSTM, RNN, Cell, Recurrent, affine, parameter
from throughtime.errors import CallError, OptionError, ShapeError

pytestmark = pytest.mark.usefixtures("types_unchecked")

FORM = re.compile(r"`\w+(\(.*\))?`: .+ (has|is) .+; expected .+[\]).,\w] [A-Z].+\.$", re.DOTALL)
X = torch.zeros(5, 2, 3)
H = torch.zeros(2, 4)
OK = (({"h": H, "C": H},),)


@pytest.mark.parametrize(
    "x, message",
    [
        (X[..., :2], "x has shape (5, 2, 2); expected (T, B, 3) because input_size=3. Set "
         "input_size to the number of columns, or give three dimensions with `x.unsqueeze`."),
        (X[0], "x has shape (2, 3); expected (T, B, 3) because input_size=3. Set "
         "input_size to the number of columns, or give three dimensions with `x.unsqueeze`."),
        (X.double(), "x has dtype torch.float64; expected torch.float32, that of the weights. "
         "Write `x.to(torch.float32)` or `layer.to(torch.float64)`."),
        (X.long(), "x has dtype torch.int64; expected floating point numbers. Write `x.float()` "
         "for numbers; for classes or words, `torch.nn.Embedding(count, input_size)` makes vectors "
         "of them."),
        (X[..., 0].long(), "x has dtype torch.int64; expected floating point numbers. Write "
         "`x.float()` for numbers; for classes or words, `torch.nn.Embedding(count, input_size)` "
         "makes vectors of them."),
        (pack_sequence([X[:, 0], X[:2, 0]]), "x is a PackedSequence; expected a padded tensor with "
         "its lengths. Write `x, lengths = torch.nn.utils.rnn.pad_packed_sequence(x)` and "
         "`layer(x, lengths=lengths)`."),
        ([X[:, 0], X[:2, 0]], "x is a list of tensors; expected a padded tensor with its lengths. "
         "Write `layer(torch.nn.utils.rnn.pad_sequence(x), lengths=[len(s) for s in x])`."),
        (X.to("meta"), "x is on meta; expected cpu, where the weights are. Write `x.to('cpu')` "
         "or move the layer."),
        (X.numpy(), "x is a ndarray; expected a tensor. Write `torch.as_tensor(x)`."),
    ],
    ids=["columns", "dimensions", "dtype", "integers", "words", "packed", "list", "device",
         "array"],
)  # fmt: skip
def test_x(x, message):
    refuses(message, x)


def test_what_the_errors_say_to_write_works():
    layer = Recurrent(LSTM, 3, 4)
    sequences = [torch.randn(5, 3), torch.randn(2, 3)]
    padded, lengths = pad_packed_sequence(pack_sequence(sequences))
    of_packed = layer(padded, lengths=lengths)[0]
    of_list = layer(pad_sequence(sequences), lengths=[len(s) for s in sequences])[0]
    assert torch.equal(of_packed, of_list) and of_packed.shape == (5, 2, 4)
    first = Recurrent(LSTM, 3, 4, batch_first=True)
    with pytest.raises(ShapeError, match=r"pad_packed_sequence\(x, batch_first=True\)"):
        first(pack_sequence(sequences))


def test_whole_numbers_are_refused_under_autocast_too():
    with torch.autocast("cpu"), pytest.raises(ShapeError, match="x has dtype torch.int64"):
        Recurrent(LSTM, 3, 4)(X.long())


ARGUMENTS = {
    "bidirectional": 'Write `direction="both"`.',
    "num_layers": "Write `layers=`.",
    "proj_size": "`Recurrent(LSTM(projection=32), input_size, hidden_size)`.",
    "nonlinearity": '`Recurrent(RNN("relu"), input_size, hidden_size)`.',
    "zonout": "Did you mean zoneout?",
    "colour": "Leave it out.",
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_of_other_libraries(name):
    with pytest.raises(CallError) as caught:
        Recurrent(LSTM, 3, 4, **{name: 2})
    assert str(caught.value).startswith(f"`Recurrent`: has no argument {name!r}; expected cell, ")
    assert str(caught.value).endswith(ARGUMENTS[name])


@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.LSTM(3, 4), "LSTM", torch.nn.LSTMCell])
def test_a_layer_of_torch_is_no_cell(cell):
    with pytest.raises(
        OptionError, match=r"expected a Cell or its class. Write `throughtime.LSTM`"
    ):
        Recurrent(cell, 3, 4)


@pytest.mark.parametrize(
    "lengths, message",
    [
        ([6, 1], "lengths has 6; expected 0 to 5, the steps in x. Count the real steps of each "
         "sequence."),
        ([1, -1], "lengths has -1; expected 0 to 5, the steps in x. Count the real steps of each "
         "sequence."),
        ([1.0, 2.0], "lengths has dtype torch.float32; expected integers. "
         "Write `torch.as_tensor(lengths).long()`."),
        (torch.tensor([True, False]), "lengths has dtype torch.bool; expected integers. "
         "Write `torch.as_tensor(lengths).long()`."),
        (torch.ones(2, dtype=torch.complex128), "lengths has dtype torch.complex128; expected "
         "integers. Write `torch.as_tensor(lengths).long()`."),
        ([1], "lengths has shape (1,); expected (2,) because x has that many sequences. Give one "
         "for each."),
        ([[1, 2]], "lengths has shape (1, 2); expected (2,) because x has that many sequences. "
         "Give one for each."),
        ("ab", "lengths is 'ab'; expected integers (2,). Give a list or a tensor."),
        ([[1], [1, 2]], "lengths is [[1], [1, 2]]; expected integers (2,). Give a list or a "
         "tensor."),
    ],
    ids=["beyond", "negative", "float", "bool", "complex", "count", "2d", "text", "jagged"],
)  # fmt: skip
def test_lengths(lengths, message):
    refuses(message, X, lengths=lengths)


def test_no_sequences_have_no_lengths():
    y, _ = Recurrent(LSTM, 3, 4)(X[:, :0], lengths=[])
    assert y.shape == (5, 0, 4)


@pytest.mark.parametrize(
    "resets, message",
    [
        (torch.ones(5, 2), "resets has dtype torch.float32; expected bool. Write "
         "`resets.bool()`."),
        (torch.ones(5, 2, dtype=torch.complex64), "resets has dtype torch.complex64; expected "
         "bool. Write `resets.bool()`."),
        (torch.ones(2, 5) > 0, "resets has shape (2, 5); expected (5, 2) because x has these "
         "steps. Give one for each of them."),
        (torch.ones(5) > 0, "resets has shape (5,); expected (5, 2) because x has these steps. "
         "Give one for each of them."),
        ([[True] * 2] * 5, "resets is a list; expected a tensor. Write "
         "`torch.as_tensor(resets)`."),
    ],
    ids=["float", "complex", "turned", "1d", "list"],
)  # fmt: skip
def test_resets(resets, message):
    refuses(message, X, resets=resets)


@pytest.mark.parametrize("resets", [torch.ones(2, 5) > 0, torch.ones(5) > 0], ids=["2d", "1d"])
def test_with_batch_first_shapes_are_named_as_they_were_given(resets):
    layer = Recurrent(LSTM, 3, 4, batch_first=True)
    with pytest.raises(ShapeError, match=r"expected \(5, 2\) because x has these steps"):
        layer(X, resets=resets)
    with pytest.raises(ShapeError, match=r"expected \(B, T, 3\) because input_size=3"):
        layer(X[..., :2])


FORM_OF_STATE = (
    "state has not the form state[layer][direction][name]; expected 1 layer(s) of 1 "
    "direction(s). Pass a state as this layer returned it."
)
FIT = "because x has that many sequences and the state that many units. Pass a state as this layer "


@pytest.mark.parametrize(
    "state, message",
    [
        ((H, H), FORM_OF_STATE),
        (OK * 2, FORM_OF_STATE),
        ((OK[0] * 2,), FORM_OF_STATE),
        ([None], FORM_OF_STATE),
        (5, FORM_OF_STATE),
        (OK[0], FORM_OF_STATE),
        (((H,),), "state[0][0] has Tensor; expected a mapping with h, C. Pass a state as this "
         "layer returned it."),
        ((({"h": H},),), "state[0][0] has ['h']; expected a mapping with h, C. Pass a state as "
         "this layer returned it."),
        ((({"h": H, "C": H[:1]},),), 'state[0][0]["C"] has shape (1, 4); expected (2, 4) '
         f"{FIT}returned it."),
        ((({"h": H[:, :3], "C": H},),), 'state[0][0]["h"] has shape (2, 3); expected (2, 4) '
         f"{FIT}returned it."),
        ((({"h": H, "C": H.double()},),), 'state[0][0]["C"] has dtype torch.float64; expected '
         'torch.float32, that of the weights. Write `state[0][0]["C"].to(torch.float32)` or '
         "`layer.to(torch.float64)`."),
        ((({"h": H, "C": H.to("meta")},),), 'state[0][0]["C"] is on meta; expected cpu, where the '
         "weights are. Write `state[0][0][\"C\"].to('cpu')` or move the layer."),
        ((({"h": 1.0, "C": H},),), 'state[0][0]["h"] is a float; expected a tensor. Write '
         '`torch.as_tensor(state[0][0]["h"])`.'),
    ],
    ids=["torch's", "layers", "directions", "none", "number", "one way", "tensor", "missing",
         "batch", "width", "dtype", "device", "float"],
)  # fmt: skip
def test_state(state, message):
    refuses(message, X, state=state)


def refuses(message, x, **options):
    with pytest.raises(ShapeError) as error:
        Recurrent(LSTM, 3, 4)(x, **options)
    assert str(error.value) == f"`Recurrent(LSTM)`: {message}"


class Initial(Cell):
    def step(self, x, h):
        return torch.tanh(affine("a", x, h) + parameter("initial"))


class Training(Cell):
    def step(self, x, h):
        return torch.tanh(affine("a", x, h) + parameter("training"))


WHOLE = "expected a whole number, 1 or more. Give an int."
RATE = "expected a probability in [0, 1). Give a smaller one, or 0 for none."


@pytest.mark.parametrize(
    "cell, options, message",
    [
        (LSTM, {"direction": "up"}, "`Recurrent`: direction is 'up'; expected one of 'forward', "
         "'backward', 'both'. Choose one of these."),
        (LSTM, {"merge": "max"}, "`Recurrent`: merge is 'max'; expected one of 'concat', 'sum', "
         "'mean'. Choose one of these."),
        (LSTM, {"engine": "abacus"}, "`Recurrent`: engine is 'abacus'; expected 'cpu' or "
         "'reference', or None to let throughtime choose. Leave it out."),
        (LSTM, {"initial_state": "ones"}, "`Recurrent`: initial_state is 'ones'; expected "
         '"learned", "zeros" or a tensor. Choose one of the three.'),
        (LSTM, {"initial_state": 0.5}, "`Recurrent`: initial_state is 0.5 for h; expected a "
         "tensor. Write `torch.tensor(0.5)`."),
        (LSTM, {"initial_state": torch.ones(3)}, "`Recurrent`: initial_state has shape (3,) for "
         "h; expected (4,), one value for each unit. For a state of each row pass `state=` when "
         "the layer is called."),
        (LSTM, {"initial_state": {"c": torch.ones(4)}}, "`Recurrent`: initial_state has 'c'; "
         "expected a state of the cell, h, C. Name one of these."),
        (LSTM, {"layers": 0}, f"`Recurrent`: layers is 0; {WHOLE}"),
        (LSTM, {"hidden_size": -1}, f"`Recurrent`: hidden_size is -1; {WHOLE}"),
        (LSTM, {"hidden_size": True}, f"`Recurrent`: hidden_size is True; {WHOLE}"),
        (LSTM, {"hidden_size": 2.5}, f"`Recurrent`: hidden_size is 2.5; {WHOLE}"),
        (LSTM, {"input_size": "3"}, f"`Recurrent`: input_size is '3'; {WHOLE}"),
        (LSTM, {"dropout": 1.0}, f"`Recurrent`: dropout is 1.0; {RATE}"),
        (LSTM, {"dropout": "half"}, f"`Recurrent`: dropout is 'half'; {RATE}"),
        (LSTM, {"weight_drop": -0.1}, f"`Recurrent`: weight_drop is -0.1; {RATE}"),
        (LSTM, {"variational_dropout": 1}, f"`Recurrent`: variational_dropout is 1; {RATE}"),
        (LSTM, {"zoneout": {"h": 2}}, f"`Recurrent`: zoneout is 2; {RATE}"),
        (LSTM, {"zoneout": float("nan")}, f"`Recurrent`: zoneout is nan; {RATE}"),
        (LSTM, {"zoneout": {"c": 0.1}}, "`LSTM`: zoneout has 'c'; expected a state of the cell, "
         "h, C. Name one of these."),
        ((LSTM, GRU), {}, "`Recurrent`: cell has 2 cells; expected 1, one for each direction. Use "
         'direction="both" for a pair.'),
        ("lstm", {}, "`Recurrent`: cell is 'lstm'; expected a Cell or its class. "
         "Write `throughtime.LSTM`."),
        ("mine", {}, "`Recurrent`: cell is 'mine'; expected a Cell or its class. Write a class "
         "with `states` and `step`, derived from throughtime.Cell."),
        (Initial, {}, "`Initial`: a parameter is named 'initial'; expected another name, because "
         "the layer has an attribute of that name. Rename it."),
        (Training, {}, "`Training`: a parameter is named 'training'; expected another name, "
         "because the layer has an attribute of that name. Rename it."),
        ((LSTM, LSTM(projection=2)), {"direction": "both", "merge": "mean"}, "`Recurrent`: merge "
         "is 'mean' for outputs of widths [4, 2]; expected equal widths. Use "
         'merge="concat".'),
    ],
    ids=lambda v: str(v)[:30] if isinstance(v, dict) else "",
)  # fmt: skip
def test_options(cell, options, message):
    with pytest.raises((OptionError, ShapeError)) as error:
        Recurrent(cell, **{"input_size": 3, "hidden_size": 4} | options)
    assert str(error.value) == message
    assert FORM.match(message)


def test_unknown_activation():
    with pytest.raises(OptionError, match=r"activation is 'tahn'; .* Did you mean 'tanh'\?"):
        Recurrent(RNN("tahn"), 3, 4)


def test_every_error_is_a_value_error_of_ours():
    with pytest.raises(ValueError):
        Recurrent(LSTM, 3, 4)(X[0])
    with pytest.raises(ValueError):
        Recurrent(LSTM, 3, 0)

"""A cell is its equations: sizes are not taken for options of it."""

import copy
import pickle

import pytest

import throughtime.cells
from throughtime import GRU, LSTM, RNN, LeakyRNN
from throughtime.errors import CallError, OptionError, ThroughtimeError

pytestmark = pytest.mark.usefixtures("types_unchecked")
BUILT_IN = [getattr(throughtime.cells, name) for name in throughtime.cells.BUILT_IN]


@pytest.mark.parametrize("sizes", [(3,), (3, 4), (3, 4, 2)], ids=str)
@pytest.mark.parametrize("cell", BUILT_IN)
def test_sizes_are_the_layers(cell, sizes):
    with pytest.raises(ThroughtimeError) as caught:
        cell(*sizes)
    assert f"write `Recurrent({cell.__name__}, input_size, hidden_size)`" in str(caught.value)
    own = cell in (LSTM, GRU, RNN)
    assert (
        f"`throughtime.nn.{cell.__name__}(input_size, hidden_size)`" in str(caught.value)
    ) == own


@pytest.mark.parametrize("cell", BUILT_IN)
def test_sizes_by_name(cell):
    says = rf"`{cell.__name__}`: has no argument 'input_size'; expected .*A cell has no sizes"
    with pytest.raises(CallError, match=says):
        cell(input_size=3, hidden_size=4)


def test_options_are_of_their_kind():
    with pytest.raises(
        OptionError, match=r"^`LSTM`: peephole is 3; expected True or False. A cell"
    ):
        LSTM(3, 4)
    with pytest.raises(OptionError, match=r"^`LSTM`: bias is None; expected True or False. Give"):
        LSTM(bias=None)
    with pytest.raises(OptionError, match=r"^`RNN`: activation is 3; .* Give it that, or leave it"):
        RNN(activation=3)
    with pytest.raises(
        OptionError, match=r"^`GRU`: reset is 3; expected a name, such as 'before'."
    ):
        GRU(3, 4)
    with pytest.raises(CallError, match=r"has no argument 'peepole'.*Did you mean peephole\?$"):
        LSTM(peepole=True)


@pytest.mark.parametrize("cell", [LSTM(True, projection=3), GRU("after"), LeakyRNN(1, 0)], ids=repr)
def test_a_checked_cell_is_data_still(cell):
    for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert other == cell and hash(other) == hash(cell) and repr(other) == repr(cell)

"""The equations of the built-in cells, one cell a file."""

from throughtime.cells.cell import Cell as Cell
from throughtime.cells.cell import activation as activation
from throughtime.cells.gru import GRU as GRU
from throughtime.cells.indrnn import IndRNN as IndRNN
from throughtime.cells.layer_norm import layer_norm as layer_norm
from throughtime.cells.leaky_rnn import LeakyRNN as LeakyRNN
from throughtime.cells.lstm import LSTM as LSTM
from throughtime.cells.minimal_gated_unit import MinimalGatedUnit as MinimalGatedUnit
from throughtime.cells.rnn import RNN as RNN

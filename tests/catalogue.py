"""Every cell and option that the property tests run over. A new cell joins this one list."""

from throughtime import GRU, LSTM, RNN, Chrono, IndRNN, LeakyRNN, MinimalGatedUnit
from throughtime.cells import Cell

CELLS: dict[str, Cell] = {
    "rnn": RNN(),
    "rnn-deep": RNN("relu", hidden=(5, 3)),
    "rnn-softplus": RNN("softplus", bias=False, recurrent_init="orthogonal"),
    "lstm": LSTM(),
    "lstm-peephole": LSTM(peephole=True, keep_bias=Chrono(20)),
    "lstm-layer-norm": LSTM(layer_norm=True),
    "lstm-projection": LSTM(projection=3),
    "lstm-everything": LSTM(peephole=True, layer_norm=True, projection=2, gate="hardsigmoid"),
    "gru-before": GRU("before"),
    "gru-after": GRU("after"),
    "gru-no-bias": GRU("after", bias=False),
    "leaky": LeakyRNN(0.3, noise=0.1, activation="tanh"),
    "mgu": MinimalGatedUnit(),
    "indrnn": IndRNN("tanh"),
}

"""Network: the equations of its cells, once each, and where each state begins."""

from throughtime import GRU, LSTM, Model, Recurrent, report
from throughtime.report.sections import network
from throughtime.training import Options, Run


def test_the_initial_state_is_in_order(plain_run):
    for trace in report.initial_state(plain_run[0].model).data:
        assert list(trace.y) == sorted(trace.y)


def test_equations_stand_once_for_all_layers_that_have_them():
    layers = [Recurrent(LSTM, 2, 4), Recurrent(GRU, 4, 4), Recurrent(LSTM, 4, 4)]
    run = Run(Model(layers, classes=("a", "b"), channels=("x", "y")), Options())
    text = str(next(network.write(run, None)))
    assert text.count("<math") == 2 and text.count("<svg") == 2
    assert "<h3>The equations of layer 1 forward, layer 3 forward</h3>" in text
    assert "<h3>The equations of layer 2 forward</h3>" in text
    assert text.count("<pre>") == 3, "the programs of all sizes"


def test_where_states_begin():
    says = network.where_states_begin({"layer 1: h": [-0.5, 0.1], "layer 1: C": [0.2, 0.3]})
    assert says.endswith("The farthest from it: layer 1: h, 0.5.")

"""How figures are put together."""

import plotly.graph_objects as go

from throughtime.report.style import one_of


def test_one_of():
    both = [go.Figure(go.Scatter(y=[k])) for k in range(2)]
    made = one_of(both, "layer")
    assert [(t.meta["layer"], t.visible) for t in made.data] == [("0", True), ("1", False)]

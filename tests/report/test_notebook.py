"""Figures in a notebook, and in what nbconvert makes of it: HTML goes with plotly's own data."""

import sys
import types

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from throughtime import report
from throughtime.report.style import figure, line, one_of, panels


@pytest.fixture
def renderer():
    """Set plotly's renderer, and put the former back."""
    before = pio.renderers.default

    def put(name):
        pio.renderers.default = name

    yield put
    pio.renderers.default = before


@pytest.fixture
def displayed(monkeypatch):
    """What is handed to IPython's display."""
    shown = []
    module = types.ModuleType("IPython.display")
    module.display = lambda bundle, raw: shown.append((bundle, raw))
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return shown


def drawn():
    made = figure(300)
    made.add_trace(line([0, 1], [2.0, 3.0], "a curve"))
    return made


@pytest.mark.parametrize("name", ["plotly_mimetype", "vscode", "jupyterlab+plotly_mimetype"])
@pytest.mark.parametrize(
    "make", [drawn, lambda: panels(2, 300, 20), lambda: one_of([drawn()], "k")]
)
def test_every_kind_of_figure_is_html_too(renderer, displayed, make, name):
    renderer(name)
    made = make()
    made._ipython_display_()
    ((bundle, raw),) = displayed
    assert raw and {*bundle} == {"application/vnd.plotly.v1+json", "text/html"}
    for html in (bundle["text/html"], made._repr_html_()):
        assert "plotly-graph-div" in html and "Plotly.newPlot" in html
        assert "<html" not in html, "a part of a page"


def test_the_html_has_the_curves_and_where_plotly_is(renderer):
    renderer("plotly_mimetype")
    html = drawn()._repr_mimebundle_()["text/html"]
    assert '"name":"a curve"' in html and 'src="https://cdn.plot.ly/plotly-' in html
    assert len(html) < 50_000, "without the 5 MB of plotly.js"


@pytest.mark.parametrize("name", ["browser", "plotly_mimetype+svg", "", "notebook"])
def test_a_renderer_of_the_reader_is_left_alone(renderer, monkeypatch, displayed, name):
    renderer(name)
    monkeypatch.setattr(go.Figure, "_ipython_display_", lambda self: displayed.append("plotly's"))
    monkeypatch.setattr(go.Figure, "_repr_mimebundle_", lambda self: {"text/html": "plotly's"})
    drawn()._ipython_display_()
    assert displayed == ["plotly's"] and drawn()._repr_mimebundle_() == {"text/html": "plotly's"}


def test_names_from_outside_stay_text(renderer):
    renderer("plotly_mimetype")
    made = figure(300)
    made.add_trace(line([0, 1], [2.0, 3.0], "</script><b>broken"))
    html = made._repr_mimebundle_()["text/html"]
    assert "<b>" not in html and "&lt;b&gt;broken" in html


def test_figures_of_the_report_are_such_figures(plain_run, renderer):
    renderer("plotly_mimetype")
    run, measured = plain_run
    scores = run.results["test"]
    for made in (report.learning_curves(run), report.gradient_by_lag(measured),
                 report.over_time(measured), report.confusion(scores)):  # fmt: skip
        assert "Plotly.newPlot" in made._repr_mimebundle_()["text/html"]

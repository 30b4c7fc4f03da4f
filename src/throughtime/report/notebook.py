"""A figure that shows in a notebook, and in the page that is exported from one."""

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.io.base_renderers import PlotlyRenderer


class Shown(go.Figure):
    """A plotly figure that is HTML too.

    Unless it is told otherwise, plotly hands a notebook its own kind of data alone, which Jupyter
    draws and nbconvert leaves out of a page. Here HTML goes with it, which asks plotly's server
    for plotly.js. A renderer of plotly's that the reader has chosen does what it always does.
    """

    def _repr_mimebundle_(self, *args: Any, **options: Any) -> dict[str, Any]:
        if not _data_alone():
            return super()._repr_mimebundle_(*args, **options)
        html = self.to_html(full_html=False, include_plotlyjs="cdn")
        return pio.renderers["plotly_mimetype"].to_mimebundle(self.to_dict()) | {"text/html": html}

    def _ipython_display_(self) -> None:
        if not _data_alone():
            super()._ipython_display_()
            return
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        display(self._repr_mimebundle_(), raw=True)


def _data_alone() -> bool:
    """Whether a notebook would be given plotly's own kind of data and nothing else."""
    names = [name for name in (pio.renderers.default or "").split("+") if name]
    return {type(pio.renderers[name]) for name in names} == {PlotlyRenderer}

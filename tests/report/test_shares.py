"""Logarithmic axes."""

import pytest

from throughtime.report.shares import log_axis


@pytest.mark.parametrize(
    ("values", "kind", "dtick"),
    [([1.0, 5.0], "linear", None), ([1.0, 20.0], "log", None), ([1.0, 1e3], "log", 1),
     ([1.0, 1e10], "log", 2), ([], "linear", None)],
)  # fmt: skip
def test_logarithmic_axes(values, kind, dtick):
    axis = log_axis(values)
    assert (axis["type"], axis.get("dtick")) == (kind, dtick)

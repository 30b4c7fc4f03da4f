"""Few digits, and few points of a long curve."""

from throughtime.report.rounding import rounded, thinned


def test_rounding_and_thinning():
    assert rounded({"a": [1.23456789, float("nan"), 3, None, "x"]}) == {
        "a": [1.2346, None, 3, None, "x"]
    }
    assert thinned(5) == [0, 1, 2, 3, 4]
    assert thinned(100, 3)[::2] == [0, 99] and len(thinned(100, 3)) == 3

"""What every error shares: the nearest name, and text from outside on one line."""

import pytest

from throughtime.errors import OptionError, ThroughtimeError, nearest, one_line, whole

KNOWN = ("LSTM", "GRU", "RNN")


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("LTSM", KNOWN, "LSTM"),
        ("RNNs", iter(KNOWN), "RNN"),
        ("colour", KNOWN, None),
        (3, ("13", "7"), "13"),
        ("x", (), None),
    ],
)
def test_nearest(name, known, near):
    assert nearest(name, known) == near


def test_how_near_is_near():
    assert nearest("LSTX", KNOWN) == "LSTM"
    assert nearest("LSTX", KNOWN, near=0.8) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a column", "a column"),
        ("über, 小", "über, 小"),
        ("two\nlines\tand \x1b[31mred", "two\\nlines\\tand \\x1b[31mred"),
        ("\u202ebackward\u2028", "\\u202ebackward\\u2028"),
        (3.5, "3.5"),
    ],
)
def test_one_line(text, shown):
    assert one_line(text) == shown and one_line(text).isprintable()


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_whole(value):
    says = r"^`fit`: epochs is .*; expected a whole number, 1 or more. Give an int.$"
    with pytest.raises(OptionError, match=says) as caught:
        whole("fit", "epochs", value, "Give an int.")
    assert isinstance(caught.value, ThroughtimeError)
    whole("fit", "epochs", 1, "Give an int.")

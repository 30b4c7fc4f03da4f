"""Windows of series: which steps each has, and that training sees none of those to be forecast."""

import pytest
import torch

from throughtime.data import Sequences
from throughtime.data.windows import before, windows
from throughtime.errors import DataError


def counting(*lengths):
    """Series whose values are 100 times their number, plus the step."""
    return Sequences.from_list([100.0 * k + torch.arange(n) for k, n in enumerate(lengths)])


def ends(part):
    return [(part.names[k], part[k][0].item(), part[k][-1].item()) for k in range(len(part))]


def test_the_last_windows_end_a_horizon_apart():
    cut = windows(counting(10, 7), 2, count=3, least=2)
    assert ends(cut) == [
        ("0", 0, 5), ("0", 0, 7), ("0", 0, 9), ("1", 100, 104), ("1", 100, 106),
    ]  # fmt: skip


def test_what_is_before_them_has_none_of_the_steps_they_forecast():
    series = counting(10, 7, 5, 3, 1)
    train, test = before(series, 2, count=3, least=2), windows(series, 2, count=3, least=2)
    assert train.lengths.tolist() == [4, 3, 3, 3, 1]
    for name in {*test.names}:
        k = train.names.index(name)
        first = min(test[i][-2].item() for i in range(len(test)) if test.names[i] == name)
        assert train[k][-1].item() + 1 == first


@pytest.mark.parametrize("stride", (1, 2, 5))
def test_origins_lie_a_stride_apart(stride):
    cut = windows(counting(30), 5, count=4, stride=stride)
    assert cut.lengths.diff().tolist() == [stride] * 3 and int(cut.lengths[-1]) == 30


def test_a_series_too_short_has_no_window_and_stays_whole():
    series = counting(20, 3)
    assert {*windows(series, 4, count=2, least=4).names} == {"0"}
    assert before(series, 4, count=2, least=4).lengths.tolist() == [12, 3]


def test_none_long_enough_is_an_error():
    with pytest.raises(DataError, match="longest series has 5 steps; expected at least 8"):
        windows(counting(5, 3), 4, count=1, least=4)

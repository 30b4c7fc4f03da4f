"""Whether the test is the sample that was shown before the delay."""

import pytest

from throughtime.data import delayed_match
from throughtime.errors import OptionError


def test_the_answer_is_whether_both_are_the_same_item():
    data = delayed_match(items=3, shown=2, delay=(1, 4), answer=3, noise=0, sequences=200)
    answer = data.targets["answer"]
    assert data.channels == ("item1", "item2", "item3")
    assert answer.classes == ("different", "match") and answer.each_step
    delays, pairs = {*()}, {*()}
    for k in range(len(data)):
        x, length = data[k].tolist(), int(data.lengths[k])
        begins = length - 3 - 2
        delays.add(begins - 2)
        shown = [row.index(1.0) if any(row) else None for row in x]
        assert all(sum(row) in (0, 1) for row in x)
        sample, test = shown[0], shown[begins]
        assert shown == [sample] * 2 + [None] * (begins - 2) + [test] * 2 + [None] * 3
        said = answer.values[data.offsets[k] : data.offsets[k + 1]].tolist()
        assert said == [-1] * (length - 3) + [int(sample == test)] * 3
        pairs.add((sample, test))
    assert delays == {1, 2, 3, 4}
    assert len(pairs) == 9, "each sample with each test"
    matches = (answer.values.view(-1)[data.offsets[1:] - 1] == 1).float().mean()
    assert abs(matches - 0.5) < 0.1


def test_without_a_delay_the_test_follows_at_once():
    data = delayed_match(delay=(0, 0), sequences=3)
    assert data.lengths.tolist() == [15, 15, 15]
    assert data.values.std() > 0


@pytest.mark.parametrize("delay", [(3, 2), (-1, 2), 5, (1, 2, 3), (0.5, 2), (True, 2), "ab"])
def test_a_delay_that_cannot_be(delay, types_unchecked):
    with pytest.raises(OptionError, match="`delayed_match`: delay is .*; expected two whole num"):
        delayed_match(delay=delay)


def test_one_item_has_no_other():
    with pytest.raises(OptionError, match="items is 1; expected 2 or more, because the test may"):
        delayed_match(1)

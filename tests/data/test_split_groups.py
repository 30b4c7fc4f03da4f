"""Whole groups set aside: none on both sides, shares of classes kept as well as they allow."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data import Sequences, split
from throughtime.data.split_groups import check_groups
from throughtime.errors import DataError, OptionError


def some(groups, labels=None):
    arrays = [[float(k)] for k in range(len(groups))]
    return Sequences.from_list(arrays, labels, attributes={"person": groups})


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=40).filter(lambda groups: len({*groups}) > 1),
    st.floats(0.01, 0.99),
    st.integers(0, 9),
)
def test_a_group_is_on_one_side_and_nothing_is_lost(groups, share, seed):
    sequences = some(groups, [k % 2 for k in range(len(groups))])
    train, aside = split(sequences, share, seed, group="person")
    assert not {*train.attributes["person"]} & {*aside.attributes["person"]}
    assert sorted(train.names + aside.names, key=int) == list(sequences.names)
    assert list(aside.names) == sorted(aside.names, key=int)  # in their order
    check_groups({"training": train, "test": aside}, "person")


def test_equal_groups_give_the_share_exactly():
    _, aside = split(some([k // 4 for k in range(40)]), 0.3, seed=1, group="person")
    assert len(aside) == 12 and len({*aside.attributes["person"]}) == 3


def test_shares_of_classes_are_kept_where_groups_allow_it():
    """Half of the groups have one class and half the other: one of each kind is set aside."""
    groups = [k // 5 for k in range(50)]
    labels = ["a" if group % 2 else "b" for group in groups]
    for seed in range(5):
        _, aside = split(some(groups, labels), 0.2, seed, group="person")
        assert aside.labels.bincount().tolist() == [5, 5]


def test_a_large_group_is_not_set_aside_for_a_small_share():
    groups = ["large"] * 50 + [f"small{k // 2}" for k in range(50)]
    for seed in range(5):
        _, aside = split(some(groups), 0.2, seed, group="person")
        assert "large" not in aside.attributes["person"] and len(aside) == 20


def test_the_seed_decides():
    def groups(seed):
        return {*split(some([k // 2 for k in range(40)]), 0.2, seed, group="person")[1].names}

    assert groups(0) == groups(0) and groups(0) != groups(1)


def test_one_group_cannot_be_split():
    with pytest.raises(
        DataError, match="all sequences have the same 'person', '0'; expected at le"
    ):
        split(some([0, 0, 0]), 0.2, group="person")


def test_groups_have_to_be_known():
    bare = replace(some([0, 1]), attributes={})
    with pytest.raises(DataError, match="the attributes none and no 'person'; expected it because"):
        split(bare, 0.2, group="person")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"group": "person", "over_time": True}, "group is 'person' and over_time is set; expec"),
        ({"gap": 2}, "gap is 2; expected 0 without over_time"),
        ({"gap": -1, "over_time": True}, "gap is -1; expected 0 or more"),
    ],
)
def test_options_that_do_not_go_together(options, says):
    with pytest.raises(OptionError, match=says):
        split(some([0, 1, 2]), 0.2, **options)


def test_a_group_that_spans_parts_is_named():
    train, test = some(["ann", "bob", "cy"]), some(["dan", "cy", "bob"])
    says = "column 'person' has 'cy', 'bob' in the training and in the test part; expected each gr"
    with pytest.raises(DataError, match=says):
        check_groups({"training": train, "test": test}, "person")

"""What each channel is: a number, a truth value, a category; missing, constant in a sequence."""

import torch

from throughtime.data import Kind, Sequences, kinds

NAN = torch.nan
DATA = Sequences.from_list(
    [
        [[1.0, 0.0, 2.0, NAN, NAN], [2.5, 1.0, 2.0, 1.0, NAN]],
        [[NAN, NAN, 7.0, 0.0, NAN], [3.0, 1.0, NAN, -1.0, NAN], [NAN, 1.0, 7.0, 0.0, NAN]],
    ],
    channels=("flow", "open", "site", "valve", "none"),
    categories={"valve": ("a", "b")},
)


def test_the_kinds():
    assert kinds(DATA) == {
        "flow": Kind("number", 0, 2, False),
        "open": Kind("boolean", 0, 1, False),
        "site": Kind("number", 0, 1, True),
        "valve": Kind("category", 2, 1, False),
        "none": Kind("number", 0, 5, True),
    }


def test_a_change_from_one_sequence_to_the_next_is_none():
    for k in range(2):
        assert kinds(DATA.select([k]))["site"].constant
    back = Sequences.from_list([[[1.0], [NAN], [2.0]], [[2.0], [NAN], [2.0]]])
    assert not kinds(back)["c0"].constant and kinds(back.select([1]))["c0"].constant

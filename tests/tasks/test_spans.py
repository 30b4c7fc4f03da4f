"""Spans: by a slow reading of conlleval's rules, by hand, on random tags."""

import random

import pytest
import torch

from throughtime.tasks.spans import are_bio, scheme, span_scores, spans

BIOES = ("O", "B-x", "I-x", "E-x", "S-x", "B-y", "I-y", "E-y", "S-y")


def conlleval(tags):
    """The spans of one sequence, as conlleval's startOfChunk and endOfChunk say."""

    def split(tag):
        return tag.partition("-")[::2]

    found, start = [], None
    before = ("O", "")
    for k, now in enumerate([*map(split, tags), ("O", "")]):
        (p, kind_before), (n, kind) = before, now
        other = kind != kind_before
        ends = p in "ES" or (p in "BI" and n in "BSO") or (p != "O" and other)
        begins = n in "BS" or (p in "ESO" and n in "EI") or (n != "O" and other)
        if p != "O" and ends and start is not None:
            found.append((start, k - 1, kind_before))
            start = None
        if n != "O" and begins:
            start = k
        before = now
    return found


def of_tags(tags, classes, begins=(0,)):
    places = torch.tensor([classes.index(tag) for tag in tags])
    at = torch.zeros(len(tags), dtype=torch.bool)
    at[list(begins)] = True
    of = scheme(classes)
    found = spans(places, at, of)
    return [(a, b, of.types[k]) for a, b, k in zip(*(part.tolist() for part in found), strict=True)]


@pytest.mark.parametrize("classes", [BIOES, BIOES[:3] + BIOES[5:7], BIOES[::-1]])
def test_random_tags_as_conlleval_reads_them(classes):
    draw = random.Random(0)
    for n in [1, 2, *[8] * 300]:
        tags = draw.choices(classes, k=n)
        assert of_tags(tags, classes) == conlleval(tags), tags


def test_an_I_without_its_B_counts_as_a_B():
    tags = ["I-x", "I-x", "O", "I-y", "I-x", "B-x", "I-x"]
    classes = ("O", "B-x", "I-x", "B-y", "I-y")
    assert of_tags(tags, classes) == [(0, 1, "x"), (3, 3, "y"), (4, 4, "x"), (5, 6, "x")]


def test_no_span_goes_on_into_the_next_sequence():
    classes = ("B-x", "I-x", "O")
    tags = ["O", "B-x", "I-x", "I-x"]
    assert of_tags(tags, classes, begins=(0, 3)) == [(1, 2, "x"), (3, 3, "x")]
    assert of_tags(tags, classes) == [(1, 3, "x")]


def test_other_tags_are_runs():
    assert of_tags("aabba", ("a", "b")) == [(0, 1, "a"), (2, 3, "b"), (4, 4, "a")]
    assert of_tags("aabb", ("a", "b"), begins=(0, 1)) == [(0, 0, "a"), (1, 1, "a"), (2, 3, "b")]


@pytest.mark.parametrize(
    ("classes", "are"),
    [
        (("B-x", "I-x", "O"), True), (("S-x", "O"), True), (("B-x", "B-y"), True),
        (("O", "P"), False), (("B-", "O"), False), (("a", "b"), False), (("O",), False),
        (("X-a", "O"), False), (("B-x", "P"), False), (("B-x", "O-"), False),
    ],
)  # fmt: skip
def test_which_classes_are_bio(classes, are):
    assert are_bio(classes) == are


def test_a_span_is_right_as_a_whole():
    classes = ("O", "B-x", "I-x", "B-y", "I-y")
    true = ["B-x", "I-x", "O", "B-y", "O", "B-x", "I-x", "B-y"]
    said = ["B-x", "I-x", "O", "B-x", "O", "B-x", "O", "B-y"]  # right, type, end, right
    at = torch.zeros(len(true), dtype=torch.bool)
    at[0] = True
    places = [torch.tensor([classes.index(tag) for tag in tags]) for tags in (said, true)]
    scores = span_scores(*places, at, scheme(classes))
    assert (scores.precision, scores.recall, scores.F1) == (0.5, 0.5, 0.5)
    assert scores.types == ("x", "y") and scores.true == (2, 2)
    assert scores.precision_each == (1 / 3, 1.0) and scores.recall_each == (0.5, 0.5)
    assert scores.F1_each == pytest.approx((2 / 5, 2 / 3))


def test_without_any_span_the_scores_are_0():
    of, at = scheme(("O", "B-x")), torch.tensor([True, False])
    scores = span_scores(torch.tensor([0, 0]), torch.tensor([0, 0]), at, of)
    assert (scores.precision, scores.recall, scores.F1, scores.true) == (0, 0, 0, (0,))

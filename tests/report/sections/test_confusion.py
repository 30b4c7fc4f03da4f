"""Confusion: counts, differences, and the commonest ones as sequences."""

import itertools

import torch
from report.conftest import noisy
from report.made_up import results

from throughtime import report
from throughtime.report import measure
from throughtime.report.rounding import rounded
from throughtime.report.sections import confusion


def test_confusions():
    assert confusion.what_is_confused(results(1.0, 1, 0.5)) == [
        "No test sequence is taken for one of another class."
    ]
    says = confusion.what_is_confused(results(0.75, 1, 0.5, n=40))
    assert says == ["10 of 40 test sequences are taken for one of another class. The commonest "
                    "confusion: k0 taken for k1, 5 of 20."]  # fmt: skip
    one = results(0.5, 1, 0.5, n=4)
    one["test"]["confusion"] = [[2, 0], [2, 0]]
    assert confusion.what_is_confused(one)[-1] == "Every sequence is taken for k0."


def test_the_commonest_confusions(plain_run):
    """Each beside the surest right ones, with the probability of the class it was taken for."""
    run, test = plain_run[0], noisy(seed=1)
    names = list(test.classes)
    probabilities = torch.rand(len(test), 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    measured = measure(run, noisy(), test, probabilities)["confusions"]
    chosen, wrong = probabilities.argmax(-1), []
    for i, j in itertools.permutations(range(3), 2):
        wrong.append(int(((test.labels == i) & (chosen == j)).sum()))
    assert [p["count"] for p in measured] == sorted(wrong, reverse=True)[:3]
    for pair in measured:
        i, j = names.index(pair["true"]), names.index(pair["taken"])
        for key, label, taken in (("it", i, j), ("of_true", i, i), ("of_taken", j, j)):
            those = ((test.labels == label) & (chosen == taken)).nonzero()[:, 0].tolist()
            surest = max(those, key=lambda k, c=taken: float(probabilities[k, c]))
            assert pair[key]["name"] == test.names[surest]
            assert pair[key]["label"] == names[label]
            assert pair[key]["probability"] == rounded(float(probabilities[surest, taken]))
        assert pair["count"] == ((test.labels == i) & (chosen == j)).sum()


def test_confusion_counts_and_differences(plain_run):
    scores = plain_run[0].results["test"]
    figure = report.confusion(scores)
    heat, text = figure.data
    assert [list(row) for row in heat.customdata] == [list(row) for row in scores["confusion"]]
    assert sum(map(int, text.text)) == scores["sequences"]
    other = scores | {"confusion": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]}
    beside = report.confusion(other, scores)
    expected = [[a - b for a, b in zip(*rows, strict=True)]
                for rows in zip(other["confusion"], scores["confusion"], strict=True)]  # fmt: skip
    assert [list(row) for row in beside.data[0].customdata] == expected


def test_a_confusion_is_shown_between_the_surest_of_its_classes(plain_run):
    measured = plain_run[1]
    for k, pair in enumerate(measured["confusions"]):
        figure, there = report.confused(measured, k), ("of_true", "it", "of_taken")
        kept = [pair[key] for key in there if pair[key] is not None]
        titles = [note.text for note in figure.layout.annotations]
        assert len(titles) == len(kept) and f"taken for {pair['taken']}" in " ".join(titles)
        for row, sequence in enumerate(kept):
            assert titles[row].endswith(f": {sequence['name']}")
            assert list(figure.data[2 * row].y) == sequence["values"][0]

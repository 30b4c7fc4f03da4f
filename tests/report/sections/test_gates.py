"""Gates: how open they are, and how they move."""

import pytest
from report.made_up import moments

from throughtime import report
from throughtime.report.sections.gates import how_open


def test_gates():
    def gated(**gates):
        one = moments()
        one["after"]["layers"][0]["gates"] = {
            k: {"closed": c, "open": o} for k, (c, o) in gates.items()
        }
        return " ".join(how_open(one))

    assert gated() == "This cell has no gates; below are its states."
    assert "Nearly always: keep (layer 1 forward) is open" in gated(keep=(0.0, 0.95), read=(0, 0))
    assert "write (layer 1 forward) is closed" in gated(write=(0.95, 0.0))
    assert "The most decided gate is keep (layer 1 forward): 20% of its values are below 0.1 and 30% above" in gated(keep=(0.2, 0.3), read=(0.1, 0.1))  # noqa: E501  # fmt: skip


def test_gates_over_time_show_one_choice_at_first(plain_run):
    _, measured = plain_run
    figure = report.over_time(measured)
    seen = [t for t in figure.data if t.visible is not False]
    assert {t.meta["sequence"] for t in seen} == {"0"}
    assert [t.meta["what"] for t in seen if "what" in t.meta] == ["0 keep"]
    what = {(t.meta["sequence"], t.meta["what"]) for t in figure.data if "what" in t.meta}
    layers = measured["gates"][0]["layers"]
    assert len(what) == len(measured["gates"]) * sum(len(layer["values"]) for layer in layers)


def test_shares_of_a_gate_are_a_whole(plain_run):
    bars = report.saturation(plain_run[1]).data
    for parts in zip(*(bar.x for bar in bars), strict=True):
        assert sum(parts) == pytest.approx(1, abs=1e-4)

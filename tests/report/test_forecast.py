"""The report of a forecast: scores, fans, steps, quantiles, known inputs, series, parts in time."""

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from report.test_page import Page
from tasks.series import HORIZON, SEASON, series

from throughtime import GRU, Model, Recurrent, encoder_for, fit, predict, report, training
from throughtime.data import Sequences
from throughtime.data.windows import before, windows
from throughtime.report import outline
from throughtime.report.section import Figure
from throughtime.report.sections import (
    by_series,
    fans,
    forecast,
    known_inputs,
    parts_in_time,
    quantiles,
    steps_ahead,
)
from throughtime.tasks import Forecast
from throughtime.training import Options, Run

TASK = Forecast(("sales",), HORIZON, ("price",), SEASON)
HOSTILE = "<b onclick=alert(1)>"


def timed(data, start=1000.0, every=10.0):
    """With a time for each step, the same clock for all series."""
    steps = torch.cat([torch.arange(n) for n in data.lengths.tolist()])
    times = [f"<i>day {k}" for k in steps.tolist()]
    return dataclasses.replace(data, times=times, moments=start + every * steps.double())


def made(data=None, task=TASK, count=2, epochs=0, folder=None, source=None):
    """A tested run, the parts, and what is measured of it."""
    data, details = timed(series()) if data is None else data, {"data": source} if source else {}
    train, test = before(data, task.horizon, count=count), windows(data, task.horizon, count=count)
    torch.manual_seed(0)
    encoder = encoder_for(task, train)
    model = Model(Recurrent(GRU, encoder.width, 4), task=task, encoder=encoder)
    if epochs:
        run = fit(model, train, epochs=epochs, learning_rate=1e-3, folder=folder, details=details)
    else:
        encoder.fit(train)
        run = Run(model.eval(), Options(epochs=1), details=details)
    done = training.tested(run.model, train, test)
    run.record(done.results)
    measured: Any = report.measure(run, train, test, done.predictions)
    return run, train, test, measured, done.predictions


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return made(epochs=2, folder=tmp_path_factory.mktemp("runs") / "one")


def texts(section, run, measured):
    return "".join(str(part) for part in section.write(run, measured) if isinstance(part, str))


def figures(section, run, measured):
    return [part for part in section.write(run, measured) if isinstance(part, Figure)]


def test_the_page_has_every_section_and_no_text_of_the_data_as_html(whole):
    run, train, test, measured, _ = whole
    names = [section.name for section in outline.of_task(run)]
    assert names == [
        "forecast", "fans", "steps_ahead", "quantiles", "known_inputs", "by_series",
        "parts_in_time",
    ]  # fmt: skip
    page = report.report(run, measured)
    assert {"fans", "steps_ahead", "quantiles", "known_inputs", "parts_in_time"} <= {
        *Page(page).figures
    }
    assert "<i>day" not in page and "&lt;i&gt;day" in page
    again = report.report(run, json.loads(json.dumps(measured)))  # as a folder has it
    assert Page(again).text == Page(page).text


def test_all_scores_stand_beside_those_of_the_baselines():
    run, *_, measured, _ = made()
    own = run.results["test"]
    run.results = {
        "test": own,
        "last": {**own, "MASE": 7.125, "coverage": [0.25, *own["coverage"][1:]]},
        "left_out": {"theta": "Theta is left out: because `x`."},
    }
    text = texts(forecast, run, measured)
    for score in ("MASE", "sMAPE", "RMSE", "MAE", "wQL"):
        assert f"<td>{own[score]:.4g}</td>" in text
    assert '<th scope="row">last value</th><td>7.125</td>' in text and "<td>25.0%</td>" in text
    assert f"<td>{own['coverage'][0]:.1%}</td>" in text and "in 0.1 to 0.9" in text
    assert "Theta is left out: because <code>x</code>." in text
    assert "Tested on 12 windows of 6 series, 3 steps ahead each." in text
    assert "repeats the value 4 steps before" in text


@pytest.mark.parametrize(("out", "says"), [(0, ""), (2, "2 of 6 series never"), (6, "No series")])
def test_series_that_never_change_are_told(out, says):
    run, *_, measured, _ = made()
    run.results["test"]["left_out"] = out
    text = texts(forecast, run, measured)
    assert says in text and ("never changed there" in text) == (out == 2)


def test_a_start_that_no_epoch_was_better_than_is_told():
    run, *_, measured, _ = made()
    assert "of the start" not in texts(forecast, run, measured)
    run.history = [{"epoch": 1, "again": 0}]
    assert "of the start" in texts(forecast, run, measured)


def test_no_result_yet_and_no_measurements():
    run, *_ = made()
    run.results = {}
    assert "Not tested yet" in texts(forecast, run, None)
    for section in outline.of_task(run)[1:]:
        assert [*section.write(run, None)] == [], section.name


def test_fans_of_the_worst_the_middle_and_the_best_series(whole):
    run, _, test, measured, predictions = whole
    of = run.results["test"]["by_series"]
    order = sorted(zip(of["MASE"], of["series"], strict=True), reverse=True)
    assert [fan["series"] for fan in measured["fans"]] == [order[k][1] for k in (0, 3, 5)]
    fan = measured["fans"][0]
    window = max(k for k, name in enumerate(test.names) if name == fan["series"])
    y, n = test[window][:, 0], int(test.lengths[window])
    assert fan["past"] == [*range(-19, 1)] and fan["ahead"] == [1, 2, 3]
    for kept, true in ((fan["history"], y[n - 23 : n - 3]), (fan["came"], y[n - 3 :])):
        assert [v is None for v in kept] == true.isnan().tolist()
        assert [v or 0.0 for v in kept] == pytest.approx(true.nan_to_num().tolist(), rel=1e-4)
    told = torch.tensor(fan["quantiles"])  # (Q, H)
    assert torch.allclose(told, predictions[window, 0].T, rtol=1e-4)
    assert fan["times"] == [f"<i>day {k}" for k in range(n - 23, n)]


def test_bands_lie_between_opposite_quantiles_and_begin_at_the_last_known_value(whole):
    run, _, _, measured, _ = whole
    fan = {**measured["fans"][0], "history": [*measured["fans"][0]["history"][:-1], 5.0]}
    widest, *_ = bands = [t for t in fans.drawn([fan]).data if t.fill == "toself"]
    assert [band.name for band in bands] == [
        "0.1 to 0.9", "0.2 to 0.8", "0.3 to 0.7", "0.4 to 0.6",
    ]  # fmt: skip
    assert [*widest.x] == [0, 1, 2, 3, 3, 2, 1, 0]
    low, high = fan["quantiles"][0], fan["quantiles"][-1]
    assert [*widest.y] == [5.0, *high, *low[::-1], 5.0]
    unknown = {**fan, "history": [*fan["history"][:-1], None]}
    assert [*fans.drawn([unknown]).data[0].x] == [1, 2, 3, 3, 2, 1]


def test_the_values_in_the_widest_band_are_counted(whole):
    fan = dict(whole[3]["fans"][0])
    fan |= {"came": [1.0, None, 9.0], "quantiles": [[0.0] * 3] * 8 + [[2.0] * 3]}
    assert "holds 1 of 2 values here" in " ".join(fans.says([fan]))


def test_of_one_series_there_are_fans_of_its_windows():
    _, _, test, measured, predictions = made(series(1), count=4)
    error = (predictions[:, 0, :, 4] - TASK.actual(test)[:, 0]).abs().nanmean(-1)
    assert [fan["score"] for fan in measured["fans"]] == ["MAE"] * 3
    order = error.sort(descending=True).values[[0, 2, 3]]
    assert [f["error"] for f in measured["fans"]] == pytest.approx(order.tolist(), rel=1e-4)
    says = " ".join(fans.says(measured["fans"]))
    assert "The window with the largest error" in says and measured["fans"][0]["times"] is None
    axis = fans.drawn(measured["fans"]).layout.xaxis3
    assert axis.title.text == "steps from the last known one" and axis.tickvals is None


def test_errors_by_step_of_all_that_were_tested():
    run, *_, measured, _ = made()
    own = run.results["test"]
    other = {"MASE": [1.0, 2.0, 3.0], "RMSE": [4.0, 5.0, 6.0]}
    run.results["last"] = {**own, "by_step": other}
    named = {"GRU": own, "last value": run.results["last"]}
    drawn = steps_ahead.by_step(named).data
    assert [t.name for t in drawn] == ["GRU", "last value"] * 2
    assert [*drawn[0].y] == pytest.approx(own["by_step"]["MASE"], rel=1e-4)
    assert [*drawn[1].y] == other["MASE"] and [*drawn[3].y] == other["RMSE"]
    assert [*drawn[0].x] == [1, 2, 3]
    assert len(figures(steps_ahead, run, measured)) == 1
    assert "1 at step 1 and 2 at step 3; it is largest 2 steps ahead, 5." in steps_ahead.says(
        [1.0, 5.0, 2.0]
    )
    run.results["test"] = {**own, "by_step": {"MASE": [1.0], "RMSE": [1.0]}}
    assert figures(steps_ahead, run, measured) == []


@pytest.mark.parametrize(
    ("coverage", "middle", "says"),
    [
        (0.5, 0.5, "the intervals are too narrow."), (0.99, 0.5, "the intervals are too wide."),
        (0.78, 0.5, "neither too narrow nor too wide"), (0.8, 0.8, "the forecasts are too high."),
        (0.8, 0.2, "the forecasts are too low."),
    ],
)  # fmt: skip
def test_intervals_that_are_too_narrow_or_too_wide(coverage, middle, says):
    of = {
        "sequences": 100, "intervals": [[0.1, 0.9]], "coverage": [coverage],
        "levels": [0.1, 0.5, 0.9], "below": [0.1, middle, 0.9],
    }  # fmt: skip
    text = " ".join(quantiles.says(of))
    assert says in text and ("the forecasts are" in text) == (middle != 0.5)
    drawn = quantiles.below({"GRU": of, "last value": of}).data
    assert [*drawn[1].x] == of["levels"] and [*drawn[1].y] == of["below"]


def test_a_known_input_that_matters_and_one_that_does_not():
    """The series follows one input: permuted, the loss is that of these permutations."""
    draw = torch.Generator().manual_seed(0)
    arrays = []
    for _ in range(8):
        k, other = torch.randn(60, generator=draw), torch.randn(60, generator=draw)
        arrays.append(
            torch.stack([10 + 3 * k + 0.1 * torch.randn(60, generator=draw), k, other], -1)
        )
    data = Sequences.from_list(arrays, channels=("y", "k", "other"))
    task = Forecast(("y",), 2, ("k", "other"))
    run, train, test, measured, _ = made(data, task, epochs=1)
    known = measured["known_inputs"]
    assert known["windows"] == known["of"] == 16
    assert known["loss"] == pytest.approx(run.results["test"]["wQL"], rel=1e-3)
    k, other = known["inputs"]
    assert k["among"] == other["among"] == "windows" and len(k["losses"]) == 5
    assert min(k["losses"]) > 2 * known["loss"] and max(other["losses"]) < 1.2 * known["loss"]
    assert "Most depends on k" in " ".join(known_inputs.says(known))
    bars = known_inputs.mixed_up(known).data[0]
    assert bars.x[0] == pytest.approx(sum(k["losses"]) / 5, rel=1e-4) and len(bars.x) == 2
    draw, values = torch.Generator().manual_seed(0), test.values.clone()
    moved = known_inputs.elsewhere(16, draw)
    for to, place in enumerate(moved.tolist()):
        end, source = int(test.offsets[to + 1]), int(test.offsets[place + 1])
        values[end - 2 : end, 1] = test.values[source - 2 : source, 1]
    mixed = dataclasses.replace(test, values=values)
    loss = task.scores(predict(run.model, mixed), mixed).wQL
    assert k["losses"][0] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    ("ahead", "among"),
    [
        ([[1, 2], [3, 4]], "windows"), ([[1, 2], [1, 2]], "steps"), ([[1, 2]], "steps"),
        ([[1, 1], [1, 1]], ""), ([[math.nan, 1], [math.nan, 1]], "steps"),
        ([[math.nan, math.nan]], ""),
    ],
)  # fmt: skip
def test_among_what_an_input_is_mixed(ahead, among):
    assert known_inputs.varies_among(torch.tensor(ahead, dtype=torch.float32)) == among


@pytest.mark.parametrize("count", (1, 2, 3, 10))
def test_nothing_stays_at_its_place(count):
    others = known_inputs.elsewhere(count, torch.Generator().manual_seed(1))
    assert others.sort().values.tolist() == [*range(count)]
    assert count == 1 or (others != torch.arange(count)).all()


def test_how_inputs_were_mixed_is_told():
    def of(among, windows=4):
        losses = [1.0] if among else []
        one = {"name": HOSTILE, "among": among, "losses": losses}
        return {"windows": windows, "of": 9, "loss": 1.0, "inputs": [one]}

    says = lambda *given: " ".join(known_inputs.says(of(*given)))  # noqa: E731
    assert "No input makes" in says("windows") and "4 test windows of 9" in says("windows")
    assert "are the same in all windows: they are mixed among the steps" in says("steps")
    assert "are those of one window: they are mixed among the steps" in says("steps", 1)
    run, *_ = made()
    assert "cannot be told" in texts(known_inputs, run, {"known_inputs": of("")})
    (drawn,) = figures(known_inputs, run, {"known_inputs": of("windows")})
    assert "<b" not in str(drawn.figure.layout.yaxis.ticktext)


def test_without_a_known_input_there_is_no_such_section():
    run, *_, measured, _ = made(task=dataclasses.replace(TASK, known=()))
    assert "known_inputs" not in measured and figures(known_inputs, run, measured) == []


def test_the_worst_series_come_first_and_those_without_a_score_last():
    of = {
        "series": [f"s{k}" for k in range(25)], "MASE": [None, *map(float, range(24))],
        "wQL": [0.5] * 25,
    }  # fmt: skip
    ordered = by_series.worst_first(of)
    assert ordered[0] == ("s24", 23.0, 0.5) and ordered[-1] == ("s0", None, 0.5)
    run, *_ = made()
    run.results["test"]["by_series"] = of
    text = texts(by_series, run, None)
    assert text.count("<tr>") == 21 and "of 25" in text and ">s4<" not in text
    assert "MASE is below 1 for 1 of 24." in text


def test_the_parts_in_time_follow_each_other():
    described = {"targets": ["sales"], "horizon": HORIZON, "known": ["price"], "windows": 2}
    run, train, test, measured, _ = made(source={"series": described})
    split = measured["parts_in_time"]
    assert split["clock"] and split["of"] == len(split["series"]) == 6
    whole = timed(series())
    for k, one in enumerate(split["series"]):
        n, parts = int(whole.lengths[k]), one["parts"]
        assert one["name"] == whole.names[k]
        cuts = [1000.0, 1000 + 10.0 * (n - 12), 1000 + 10.0 * (n - 6), 1000 + 10.0 * n]
        ends = [(s["start"], s["stop"]) for s in parts.values()]
        assert [*parts] == ["train", "validation", "test"]
        assert ends == [*zip(cuts[:-1], cuts[1:], strict=True)]
        assert parts["test"]["first"] == f"<i>day {n - 6}"
        assert parts["test"]["last"] == f"<i>day {n - 1}"
    bars = parts_in_time.bars(split).data
    assert [bar.name for bar in bars] == ["training", "validation", "test"]
    assert bars[2].base[0] + bars[2].x[0] == split["series"][0]["parts"]["test"]["stop"]
    (drawn,) = figures(parts_in_time, run, measured)
    assert "<i>" not in str(drawn.tables) and "once more" not in drawn.says
    run.history = [{"again": 3}]
    assert "once more" in figures(parts_in_time, run, measured)[0].says


def test_without_times_steps_are_counted_and_it_is_said_what_is_not_known():
    run, train, _, measured, _ = made(series())
    split = measured["parts_in_time"]
    for n, one in zip(train.lengths.tolist(), split["series"], strict=True):
        ends = {part: (s["start"], s["stop"]) for part, s in one["parts"].items()}
        assert ends == {"train": (0, n), "test": (n, n + 6)}
    says = " ".join(parts_in_time.says({**split, "validated": True}, False))
    assert "no times" in says and "it is not told where" in says
    assert "validation" not in " ".join(parts_in_time.says(split, False))


def test_of_many_series_some_are_drawn():
    _, *_, measured, _ = made(series(30))
    split = measured["parts_in_time"]
    assert split["of"] == 30 and len(split["series"]) == 20
    assert (split["series"][0]["name"], split["series"][-1]["name"]) == ("s0", "s29")


def test_a_series_without_a_window_is_only_trained_on():
    data = series(3)
    short = data.cut(torch.zeros(3, dtype=torch.int64), torch.tensor([2, 40, 40]))
    run, _, _, measured, _ = made(short)
    parts = {one["name"]: [*one["parts"]] for one in measured["parts_in_time"]["series"]}
    assert parts == {"s0": ["train"], "s1": ["train", "test"], "s2": ["train", "test"]}
    assert figures(parts_in_time, run, measured)


def test_two_targets_each_have_their_fans_and_scores():
    data = series(4)
    both = torch.stack([data.values[:, 0], data.values[:, 0] * 3, data.values[:, 1]], -1)
    data = dataclasses.replace(data, values=both, channels=("a", "b", "price"))
    run, _, test, measured, predictions = made(data, Forecast(("a", "b"), 2, (), SEASON))
    of = run.results["test"]["by_series"]
    titles = [f"{fan['series']}, {fan['target']}" for fan in measured["fans"]]
    assert titles[0] == of["series"][max(range(8), key=of["MASE"].__getitem__)]
    fan = measured["fans"][0]
    window = max(k for k, name in enumerate(test.names) if name == fan["series"])
    want = predictions[window, ("a", "b").index(fan["target"])].T
    assert torch.allclose(torch.tensor(fan["quantiles"]), want, rtol=1e-4)
    run.results["test"]["left_out"] = 1
    assert "1 of 8 pairs of a series and a target" in texts(forecast, run, measured)


def test_one_quantile_has_no_bands():
    run, *_, measured, _ = made(task=dataclasses.replace(TASK, quantiles=(0.5,)))
    page = Page(report.report(run, measured))
    assert "should hold" not in page.text and "fans" in page.figures


def test_runs_side_by_side(whole):
    run, *_, measured, _ = whole
    other, *_, others, _ = made(epochs=1, folder=run.folder.with_name("two"))
    own = {"sha256": ["a", "b"], "path": "a.csv", "made": None}
    run.details, other.details = {"data": own}, {"data": own}
    page = Page(report.compare([run, other], [measured, others]))
    for one in (run, other):
        for score in ("MASE", "sMAPE", "RMSE", "MAE", "wQL"):
            assert f"{one.results['test'][score]:.4g}" in page.text
    assert "seasonal naive" in page.text and "weighted quantile loss" in page.text
    other.details = {"data": {**own, "sha256": ["a", "c"]}}
    page = Page(report.compare([run, other], [measured, others]))
    assert "cannot be compared" in page.text and "seasonal naive" not in page.text

"""The task of a forecast: what it takes, its quantiles, its loss and its calibration."""

import dataclasses
import math

import pytest
import torch
from tasks.series import HORIZON, SEASON, series

from throughtime.data.windows import windows
from throughtime.errors import DataError, OptionError
from throughtime.tasks import Forecast
from throughtime.tasks.ahead import DECILES

TASK = Forecast(("sales",), HORIZON, ("price",), SEASON)
TEST = TASK.prepare("test", windows(series(), HORIZON, count=2))


@pytest.mark.parametrize(("given", "says"), [
    (dict(targets=()), "targets is empty"), (dict(horizon=0), "horizon is 0; expected a whole"),
    (dict(season=0), "season is 0"), (dict(known=("sales",)), "'sales' is named twice"),
    (dict(quantiles=()), "quantiles is empty"), (dict(quantiles=(0.5, 1.5)), "between 0 and 1"),
    (dict(targets="sales"), r"Write `targets=\(\"sales\",\)`"),
])  # fmt: skip
def test_what_it_does_not_take(given, says, types_unchecked):
    with pytest.raises(OptionError, match=says):
        Forecast(**{"targets": ("sales",), "horizon": 3} | given)


def test_channels_that_are_not_there():
    for task, says in ((Forecast(("x",), 3), "no number 'x'"),
                       (Forecast(("sales",), 3, ("x",)), "no 'x'; expected it")):  # fmt: skip
        with pytest.raises(DataError, match=says):
            task.prepare("fit", series())


def test_it_is_described_and_made_again():
    task = dataclasses.replace(TASK, widths=(1.0,) * 9, persistence=(0.5,))
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in task.describe().items()}
    assert Forecast.from_description(plain) == task


def test_what_it_has_prepared_it_prepares_to_the_same_again():
    again = TASK.prepare("test", TEST)
    assert torch.equal(again.targets["sales"].values, TEST.targets["sales"].values)
    last = TEST[0][-HORIZON:, 0]
    assert torch.equal(TEST.targets["sales"].values[0].nan_to_num(), last.nan_to_num())


def test_quantiles_do_not_cross_whatever_their_widths():
    task = Forecast(("y",), 1, quantiles=(0.1, 0.2, 0.5), widths=(0.8, 1.4, 1.0))
    q = task.predictions(torch.tensor([-1.0, -0.8, 0.0]))
    assert (q.diff(dim=-1) >= 0).all() and q[0, 0, -1] == 0


def made(width, count=600, seed=0):
    """Windows of normal numbers, and quantiles that are `width` times as wide as they are."""
    draw = torch.Generator().manual_seed(seed)
    data = windows(series(count, seed), HORIZON, count=1)
    values = data.values.clone()
    rows = data.offsets[1:, None] - torch.arange(HORIZON, 0, -1)
    values[rows, 0] = torch.randn(len(data), HORIZON, generator=draw)
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor(DECILES))
    q = (width * z).expand(len(data), 1, HORIZON, 9)
    return q, dataclasses.replace(data, values=values)


@pytest.mark.parametrize("width", (0.5, 1.0))
def test_intervals_are_widened_until_they_hold(width):
    q, data = made(width)
    task = TASK.calibrated(q, data)
    wide = task.predictions(q.flatten(1)) if q.dim() == 2 else torch.sort(
        q * torch.tensor(task.widths), -1
    ).values  # fmt: skip
    before, after = (TASK.scores(of, data).coverage[0] for of in (q, wide))
    assert abs(after - 0.8) <= abs(before - 0.8) + 0.02
    if width == 0.5:
        assert before < 0.55 < after


def test_few_windows_change_little():
    q, data = made(0.5)
    few = TASK.calibrated(q[:2], data.select([0, 1]))
    assert all(0.9 < w < 1.2 for w in few.widths)


def test_the_change_over_a_season_is_the_unit_of_errors():
    data = series(3, missing=0.0)
    for k in range(3):
        y = data[k][:, 0].double()
        want = (y[SEASON:] - y[:-SEASON]).abs().mean()
        assert float(TASK.scales(data)[k, 0]) == pytest.approx(float(want), rel=1e-5)
    flat = dataclasses.replace(data, values=torch.full_like(data.values, 200.0))
    assert TASK.scales(flat)[0, 0] == 2.0 and TASK.changes(flat)[0, 0] == 0.0


def test_rows_and_truth_stand_beside_each_other():
    q, data = made(1.0, count=3)
    header, rows = TASK.rows(q, data)
    names, true = TASK.truth(data)
    assert header[:4] == ["series", "time", "step", "sales"] and len(header) == 3 + 9
    assert names == ["origin", "true_sales"] and len(rows) == len(true) == 3 * HORIZON
    assert [row[:3] for row in rows[:HORIZON]] == [["s0", None, k + 1] for k in range(HORIZON)]
    assert true[0][1] == pytest.approx(float(data[0][-HORIZON, 0]))


def test_one_quantile_has_no_paths():
    task = Forecast(("sales",), HORIZON, quantiles=(0.5,))
    with pytest.raises(OptionError, match="paths: the model forecasts one quantile"):
        task.path_rows(torch.zeros(len(TEST), 1, HORIZON, 1), TEST, 3, 0)


def test_what_is_not_known_has_no_loss():
    from throughtime.data import collate

    batch = collate(TEST, torch.arange(len(TEST)))
    batch.targets["sales"][:] = math.nan
    out = torch.zeros(len(TEST), TASK.width)
    assert TASK.loss(out, batch) == 0 and TASK.answers(batch) == 0

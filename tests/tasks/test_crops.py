"""The pieces of series that a forecast is trained on: what stands where, and what is asked."""

import math

import torch
from tasks.series import HORIZON, SEASON, series

from throughtime.tasks import Forecast
from throughtime.tasks.crops import LEAST, MOST, Crops

DATA = series()
TASK = Forecast(("sales",), HORIZON, ("price",), SEASON, context=10)


def crops(**options):
    given = dict(series=DATA, ahead=TASK.ahead, scales=TASK.scales(DATA), batch_size=8)
    return Crops(**given | options)


def test_the_target_of_a_step_is_what_comes_next():
    for batch in [*crops().epoch(0)][:5]:
        T = len(batch.x) - HORIZON
        for b, owner in enumerate(batch.indices.tolist()):
            whole = DATA[owner][:, 0]
            known = int(batch.lengths[b]) - HORIZON
            piece = batch.x[:known, b, 0]
            first = next(
                k for k in range(len(whole)) if torch.equal(
                    whole[k : k + known].nan_to_num(-1), piece.nan_to_num(-1)
                )
            )  # fmt: skip
            for t in range(T):
                for h in range(HORIZON):
                    asked = batch.targets["ahead"][t, b, h]
                    place = first + t + h + 1
                    if not asked.isnan():
                        assert t < known and asked == whole[place]
            assert torch.equal(batch.targets["scale"][b], TASK.scales(DATA)[owner])


def test_every_step_with_enough_before_it_is_asked_sooner_or_later():
    seen = {owner: set() for owner in range(len(DATA))}
    source = crops()
    for epoch in range(4):
        for batch in source.epoch(epoch):
            asked = ~batch.targets["ahead"][..., 0].isnan()
            for b, owner in enumerate(batch.indices.tolist()):
                values = batch.targets["ahead"][asked[:, b], b, 0]
                seen[owner] |= {v.item() for v in values}
    for owner, values in seen.items():
        later = DATA[owner][8 + 1 :, 0]
        assert {v.item() for v in later if not math.isnan(v)} <= values


def test_an_epoch_is_drawn_from_its_number_and_goes_on_from_any_batch():
    source = crops()
    whole, rest = [*source.epoch(3)], [*source.epoch(3, start=5)]
    assert len(whole) == len(source) and len(rest) == len(source) - 5
    assert all(
        torch.equal(a.x.nan_to_num(), b.x.nan_to_num())
        for a, b in zip(whole[5:], rest, strict=True)
    )
    other = next(iter(source.epoch(4)))
    assert not torch.equal(other.indices, whole[0].indices)


def test_few_series_are_seen_several_times_and_very_many_in_part():
    assert len(crops(batch_size=1000)) == LEAST
    assert len(crops(batch_size=1)) in range(LEAST, MOST + 1)
    assert len(Crops(series(300), TASK.ahead, TASK.scales(series(300)), 1)) == MOST


def test_nothing_is_read_of_another_series():
    for batch in crops().epoch(0):
        for b, owner in enumerate(batch.indices.tolist()):
            own = {v.item() for v in DATA[owner][:, 1]}
            prices = batch.x[: int(batch.lengths[b]), b, 1]
            assert {v.item() for v in prices if not math.isnan(v)} <= own

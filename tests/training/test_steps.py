"""What the recurrent layers are given: changes, several steps as one, noise; never the padding."""

import pytest
import torch
from training.tiny import sequences

from throughtime import GRU, Model, Recurrent, fit
from throughtime.errors import OptionError
from throughtime.tasks import Classify, Tag
from throughtime.training.steps import Steps, changes

LENGTHS = torch.tensor([5, 1, 3, 4, 2])


def ragged(rubbish=1e6):
    """`y (5, 5, 2)` with rubbish past the lengths, which nothing may read."""
    y = torch.randn(5, 5, 2, generator=torch.Generator().manual_seed(3))
    return y.masked_fill((torch.arange(5)[:, None] >= LENGTHS)[..., None], rubbish)


def test_changes_stand_beside_each_column_in_units_of_their_spread():
    steps = Steps(2, differences=True)
    steps.spread.copy_(torch.tensor([2.0, 4.0]))
    y = ragged()
    given = steps(y, LENGTHS)
    assert given.shape == (5, 5, 4) and steps.width == 4
    assert torch.equal(given[..., :2], y)
    assert torch.equal(given[0, :, 2:], torch.zeros(5, 2))
    assert torch.equal(given[2, 0, 2:], (y[2, 0] - y[1, 0]) / torch.tensor([2.0, 4.0]))


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 7])
def test_several_steps_are_read_side_by_side(at_once):
    steps, y = Steps(2, at_once=at_once), ragged()
    given, lengths = steps(y, LENGTHS), steps.lengths(LENGTHS)
    assert given.shape == (-(-5 // at_once), 5, 2 * at_once) and steps.width == 2 * at_once
    for b, length in enumerate(LENGTHS.tolist()):
        flat = torch.zeros(len(given) * at_once, 2)
        flat[:length] = y[:length, b]
        own = -(-length // at_once)
        assert lengths[b] == own
        assert torch.equal(given[:own, b].flatten(), flat[: own * at_once].flatten())


def test_padding_is_never_read():
    steps = Steps(2, differences=True, at_once=2)
    one, other = (steps(ragged(rubbish), LENGTHS) for rubbish in (1e6, -7.0))
    real = torch.arange(3)[:, None] < steps.lengths(LENGTHS)
    assert torch.equal(one[real], other[real])


def test_noise_is_on_every_number_in_training_only():
    steps, y = Steps(2, differences=True, noise=0.5), torch.zeros(400, 10, 2)
    torch.manual_seed(0)
    drawn = steps.train()(y, torch.full((10,), 400))
    assert drawn.std() == pytest.approx(0.5, rel=0.02)
    assert drawn.std((0, 1)).min() > 0.45
    assert torch.equal(steps.eval()(y, torch.full((10,), 400)), torch.zeros(400, 10, 4))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"at_once": 0}, "at_once is 0; expected a whole number, 1 or more"),
     ({"noise": -1.0}, "noise is -1.0; expected a number, 0 or more"),
     ({"noise": float("nan")}, "noise is nan; expected a number, 0 or more")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(options, says):
    with pytest.raises(OptionError, match=says):
        Steps(2, **options)


def test_fit_takes_the_spread_of_changes_from_the_training_part():
    data = sequences()
    model = Model(
        Recurrent(GRU, 4, 3), classes=data.classes, channels=data.channels, differences=True
    )
    run = fit(model, data, epochs=1)
    arrays = [(data[k] - model.encoder.mean) / model.encoder.std for k in range(len(data))]
    changes = torch.cat([array[1:] - array[:-1] for array in arrays])
    expected = changes.square().mean(0).sqrt()
    assert torch.allclose(run.model.steps.spread, expected, rtol=1e-5)


def test_a_column_that_never_changes_is_not_divided_by_0():
    data = sequences()
    data.values[:, 1] = 4.0
    model = Model(
        Recurrent(GRU, 4, 3), classes=data.classes, channels=data.channels, differences=True
    )
    assert fit(model, data, epochs=1).model.steps.spread[1] == 1.0


def test_the_first_layer_has_the_width_of_what_it_is_given():
    for options, width in (({"differences": True}, 4), ({"at_once": 3}, 6),
                           ({"differences": True, "at_once": 3}, 12)):  # fmt: skip
        Model(Recurrent(GRU, width, 3), classes=("a", "b"), channels=("x", "y"), **options)
        with pytest.raises(OptionError, match=f"input_size=2; expected {width}, what it is given"):
            Model(Recurrent(GRU, 2, 3), classes=("a", "b"), channels=("x", "y"), **options)


def test_where_steps_are_masked_changes_are_since_the_last_real_one():
    mask = torch.tensor([[0, 1, 1], [1, 0, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0]]).bool()
    y = torch.randn(5, 3, 2).masked_fill(~mask[..., None], 1e6)
    seen = changes(y, mask)
    for b in range(3):
        real = mask[:, b].nonzero()[:, 0]
        expected = changes(y[real, b][:, None])[:, 0]
        assert torch.equal(seen[real, b], expected)
    assert torch.equal(changes(y, torch.ones(5, 3).bool()), changes(y))


@pytest.mark.parametrize("task", [Classify(("a", "b")), Tag(("a", "b"))], ids=["classify", "tag"])
def test_a_masked_step_is_as_if_it_were_not_there(task):
    torch.manual_seed(0)
    options = {} if task.each_step else {"at_once": 2, "statistics": True}
    layer = Recurrent(GRU, 4 * options.get("at_once", 1), 3, direction="both")
    model = Model(layer, task=task, channels=("x", "y"), differences=True, **options).eval()
    mask = torch.tensor([1, 0, 0, 1, 1, 0, 1]).bool()
    x = torch.randn(7, 1, 2)
    masked = model(x, mask=mask[:, None])
    alone = model(x[mask])
    assert torch.allclose(masked[mask] if task.each_step else masked, alone, atol=1e-6)

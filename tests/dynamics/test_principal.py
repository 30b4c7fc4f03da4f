"""Principal components of states whose variance is known."""

import pytest
import torch
from dynamics.systems import rotation

from throughtime.dynamics import principal
from throughtime.errors import OptionError, ShapeError


def stretched():
    """Variances 9 and 1 along axes that are turned by 0.3, and nothing in the third number."""
    corners = torch.tensor([[3.0, 1], [3, -1], [-3, 1], [-3, -1]], dtype=torch.float64)
    return torch.cat([corners @ rotation(0.3).T, torch.zeros(4, 1)], -1) + 5


def test_the_axes_are_those_along_which_the_states_were_stretched():
    found = principal(stretched())
    assert torch.allclose(found.mean, torch.full((3,), 5.0))
    assert torch.allclose(found.share, torch.tensor([0.9, 0.1, 0.0]).double())
    first = torch.cat([rotation(0.3)[:, 0], torch.zeros(1)])
    assert torch.allclose(found.axes[:, 0], first), "the largest entry is positive"
    assert torch.allclose(found.axes.T @ found.axes, torch.eye(3).double())
    assert str(found) == "Principal(3 numbers in 3 axes: 90.0%, 10.0%, 0.0%)"


def test_there_and_back():
    states = stretched()
    found = principal(states, 2)
    assert found.axes.shape == (3, 2)
    at = found.project(states)
    assert torch.allclose(at.abs(), torch.tensor([3.0, 1.0]).double().expand(4, 2))
    assert torch.allclose(found.back(at), states), "the third number never varies"
    assert torch.allclose(found.project(found.mean), torch.zeros(2).double())


def test_states_that_do_not_vary_have_no_share():
    assert principal(torch.ones(4, 2)).share.tolist() == [0, 0]


def test_what_is_no_state(types_unchecked):
    with pytest.raises(ShapeError, match=r"states has shape \(2, 3, 4\); expected \(N, S\)"):
        principal(torch.zeros(2, 3, 4))
    with pytest.raises(OptionError, match="not finite"):
        principal(torch.tensor([[1.0, torch.nan]]))
    with pytest.raises(OptionError, match="count is 0"):
        principal(stretched(), 0)

"""Connections that do not exist, are fixed or have one sign, as a parametrisation of a weight."""

import pytest
import torch

from throughtime.cells import Connections
from throughtime.cells.connections import drawn
from throughtime.errors import OptionError

V = torch.tensor([[0.5, -2.0, 3.0], [-0.5, 2.0, 0.0]])
SIGNS = torch.tensor([1.0, -1.0, 0.0])
LEARNED = torch.tensor([[True, False, True], [True, True, True]])
VALUES = torch.tensor([[9.0, 7.0, 9.0], [9.0, 9.0, 9.0]])


@pytest.mark.parametrize(
    ("given", "weight", "slope"),
    [
        ({"learned": LEARNED}, [[0.5, 0.0, 3.0], [-0.5, 2.0, 0.0]], [[1, 0, 1], [1, 1, 1]]),
        ({"signs": SIGNS}, [[0.5, -2.0, 3.0], [0.5, -2.0, 0.0]], [[1, 1, 1], [-1, -1, 1]]),
        (
            {"learned": LEARNED, "values": VALUES, "signs": SIGNS},
            [[0.5, 7.0, 3.0], [0.5, -2.0, 0.0]],
            [[1, 0, 1], [-1, -1, 1]],
        ),
    ],
)
def test_the_weight_and_its_derivative(given, weight, slope):
    own = V.clone().requires_grad_()
    w = Connections(**given)(own)
    assert w.tolist() == weight
    (gradient,) = torch.autograd.grad(w, own, torch.full_like(w, 5.0))
    assert gradient.tolist() == [[5.0 * s for s in row] for row in slope]


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_at_zero_the_derivative_is_one(sign):
    """Where a rectified weight would stay for good."""
    own = torch.zeros(1, 1, requires_grad=True)
    Connections(signs=torch.tensor([sign]))(own).sum().backward()
    assert own.grad is not None and own.grad.item() == 1.0


def test_what_is_not_learned_has_no_gradient_of_anything():
    own = V.clone().requires_grad_()
    w = Connections(LEARNED)(own)
    (gradient,) = torch.autograd.grad(w, own, torch.full_like(w, torch.nan))
    assert gradient[0, 1] == 0 and gradient[LEARNED].isnan().all()


def test_a_weight_that_is_assigned_is_kept_where_it_fits():
    those = Connections(LEARNED, VALUES, SIGNS)
    back = those.right_inverse(V)
    assert back.tolist() == [[0.5, 0.0, 3.0], [0.5, -2.0, 0.0]]
    fits = those(back)
    assert torch.equal(those(those.right_inverse(fits)), fits)
    assert those.extra_repr() == "5 of 6 learned, 1 excitatory, 1 inhibitory"


def test_they_are_saved_and_moved():
    those = Connections(LEARNED, VALUES, SIGNS)
    assert {*those.state_dict()} == {"learned", "values", "signs"}
    those.double()
    assert those(V.double()).dtype == torch.float64 and those.learned.dtype == torch.bool
    assert {*Connections(LEARNED).state_dict()} == {"learned"}


@pytest.mark.parametrize("self_connections", [True, False])
@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_a_share_of_the_connections_exists(density, self_connections):
    H = 20
    those = drawn(torch.zeros(H, H), density=density, self_connections=self_connections)
    if density == 1 and self_connections:
        assert those is None
        return
    possible = H * (H if self_connections else H - 1)
    assert int(those.learned.sum()) == round(density * possible)
    assert those.signs is None
    if not self_connections:
        assert not those.learned.diagonal().any()


def test_every_connection_is_as_likely_as_any_other():
    torch.manual_seed(0)
    draws = [drawn(torch.zeros(4, 4), density=0.5, self_connections=False) for _ in range(2000)]
    share = torch.stack([those.learned.double() for those in draws]).mean(0)
    others = ~torch.eye(4, dtype=torch.bool)
    assert (share[others] - 0.5).abs().max() < 0.05  # 4.5 standard errors


def test_the_seed_repeats_them():
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(drawn(torch.zeros(9, 9), density=0.3).learned)
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize(("share", "count"), [(0.8, 8), (0.0, 0), (1, 10), (0.54, 5)])
def test_the_first_units_excite(share, count):
    those = drawn(torch.zeros(10, 10, dtype=torch.float64), excitatory=share)
    assert those.signs.tolist() == [1.0] * count + [-1.0] * (10 - count)
    assert those.learned is None and those.signs.dtype == torch.float64


def test_one_unit_without_a_connection_to_itself():
    assert drawn(torch.zeros(1, 1), self_connections=False).learned.tolist() == [[False]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excitatory": 1.2}, "excitatory is 1.2; expected a share of the units, 0 to 1"),
        ({"excitatory": float("nan")}, "excitatory is nan; expected a share"),
        ({"excitatory": True}, "excitatory is True; expected a share"),
        ({"density": 0}, r"density is 0; expected a share of the connections in \(0, 1\]"),
        ({"density": "half"}, "density is 'half'; expected a share"),
    ],
)
def test_shares_outside_of_their_range(options, message, types_unchecked):
    with pytest.raises(OptionError, match=f"`drawn`: {message}"):
        drawn(torch.zeros(3, 3), **options)

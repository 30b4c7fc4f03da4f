"""How parameters start: the statistics of every initialiser, and the errors."""

import math

import pytest
import torch

from throughtime import LSTM, Cell, Chrono, Recurrent, affine, parameter
from throughtime.errors import OptionError
from throughtime.program import (
    Balanced,
    Constant,
    Identity,
    Negative,
    Orthogonal,
    Parameter,
    Range,
    Uniform,
)
from throughtime.program.parameters import Custom, from_data, initialiser, starts_after, to_data


def fill(init, *shape, hidden_size=100, others=None):
    torch.manual_seed(5)
    tensor = torch.empty(shape, dtype=torch.float64)
    init.fill(tensor, hidden_size, others or {})
    return tensor


def is_uniform(tensor, low, high):
    """Inside, close to both ends, and with the mean and variance of a uniform distribution."""
    n, width = tensor.numel(), high - low
    assert n >= 10_000
    assert low <= tensor.min() < low + width * 0.01
    assert high - width * 0.01 < tensor.max() <= high
    error = 5 / math.sqrt(n)
    assert abs(float(tensor.mean()) - (low + high) / 2) < error * width / math.sqrt(12)
    assert abs(float(tensor.var()) / (width**2 / 12) - 1) < error
    # no row or column is a copy of another
    assert torch.unique(tensor).numel() > 0.99 * n


def test_uniform_is_that_of_torch():
    is_uniform(fill(Uniform(), 100, 200, hidden_size=25), -0.2, 0.2)
    is_uniform(fill(Uniform(0.7), 20_000), -0.7, 0.7)


def test_uniform_repeats_torch_nn():
    torch.manual_seed(3)
    wanted = torch.nn.RNNCell(4, 9).weight_ih
    torch.manual_seed(3)
    got = torch.empty(9, 4)
    Uniform().fill(got, 9, {})
    assert torch.equal(got, wanted)


def test_range():
    is_uniform(fill(Range(0.25, 1.5), 20_000), 0.25, 1.5)


@pytest.mark.parametrize("shape", [(7, 7), (12, 5), (5, 12), (1, 1)])
def test_orthogonal(shape):
    q = fill(Orthogonal(1.5), *shape)
    gram = q @ q.T if shape[0] <= shape[1] else q.T @ q
    wanted = 2.25 * torch.eye(min(shape), dtype=torch.float64)
    torch.testing.assert_close(gram, wanted, rtol=0, atol=1e-12)


def radius(weight):
    return float(torch.linalg.eigvals(weight).abs().max())


def test_balanced():
    w = fill(Balanced(1.3), 300, 300)
    assert abs(radius(w) - 1.3) < 1e-12
    torch.testing.assert_close(w.sum(1), torch.zeros(300, dtype=torch.float64), rtol=0, atol=1e-12)
    assert abs(float((w > 0).double().mean()) - 0.5) < 5 * 0.5 / 300
    # a gamma distribution of shape k has the coefficient of variation 1 / sqrt(k)
    own = w[w > 0]
    assert abs(float(own.std() / own.mean()) - math.sqrt(0.5)) < 0.02
    # Rajan and Abbott: sqrt(N var) is the radius, as no eigenvalue lies far out
    assert abs(math.sqrt(300) * float(w.std()) / 1.3 - 1) < 0.1


def test_balance_keeps_signs_and_what_is_not_there():
    w = torch.tensor([[1.0, 2.0, -6.0], [0.0, 4.0, -1.0], [3.0, 0.0, 0.0]], dtype=torch.float64)
    balanced = Balanced(2.0).balance(w)
    assert abs(radius(balanced) - 2.0) < 1e-12
    scale = balanced[2, 0] / 3.0
    want = torch.tensor([[1.0, 2.0, -3.0], [0.0, 4.0, -4.0], [3.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(balanced, want * scale)
    assert Balanced(2.0).balance(w.half()).dtype == torch.float16


def test_a_weight_without_a_loop_has_no_radius_to_scale():
    w = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    assert torch.equal(Balanced(2.0).balance(w), w)


def test_balanced_is_for_square_weights():
    with pytest.raises(OptionError, match=r"Balanced.*of shape \(2, 3\); expected one for this sh"):
        Parameter((2, 3), Balanced(1.0))
    with pytest.raises(OptionError, match=r"of shape \(2,\); expected one"):
        Parameter((2,), Balanced(1.0))


def test_orthogonal_is_random():
    torch.manual_seed(1)
    a, b = torch.empty(5, 5), torch.empty(5, 5)
    Orthogonal().fill(a, 5, {})
    Orthogonal().fill(b, 5, {})
    assert not torch.allclose(a, b)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_identity(shape):
    assert torch.equal(fill(Identity(0.5), *shape), 0.5 * torch.eye(*shape, dtype=torch.float64))


def test_constant():
    assert torch.equal(fill(Constant(-1.5), 3, 2), torch.full((3, 2), -1.5, dtype=torch.float64))


def test_chrono_is_the_log_of_uniform():
    is_uniform(fill(Chrono(50), 20_000).exp(), 1.0, 49.0)


def test_negative_copies():
    of = torch.randn(8, dtype=torch.float64)
    assert torch.equal(fill(Negative("keep"), 8, others={"keep": of}), -of)


def test_custom():
    def ramp(tensor):
        tensor.copy_(torch.arange(tensor.numel()).reshape(tensor.shape))

    assert fill(Custom("ramp", ramp), 2, 3).tolist() == [[0, 1, 2], [3, 4, 5]]


def parameters_of(layer):
    return {name.split(".")[-1]: p.detach() for name, p in layer.named_parameters()}


def test_a_layer_starts_as_its_cell_says():
    def fives(tensor):
        tensor.fill_(5.0)

    class Mine(Cell):
        def step(self, x, h):
            z = affine("a", h, x, init={"h": "identity", "x": fives}, bias_init=2)
            return torch.tanh(z) * parameter("u", init=Range(3.0, 4.0))

    torch.manual_seed(0)
    p = parameters_of(Recurrent(Mine(), 3, 200))
    assert torch.equal(p["a_h"], torch.eye(200))
    assert torch.equal(p["a_x"], torch.full((200, 3), 5.0))
    assert torch.equal(p["a_bias"], torch.full((200,), 2.0))
    assert 3 <= p["u"].min() < 3.1 < 3.9 < p["u"].max() <= 4
    assert torch.equal(p["h0"], torch.zeros(200))


def test_the_name_that_stands_for_all_operands():
    class Mine(Cell):
        def step(self, x, h):
            return torch.tanh(affine("a", h, x, init="orthogonal", bias_init="zeros"))

    p = parameters_of(Recurrent(Mine(), 5, 4, dtype=torch.float64))
    for name in ("a_h", "a_x"):
        gram = p[name] @ p[name].T
        torch.testing.assert_close(gram, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-12)
    assert not p["a_bias"].any()


@pytest.mark.parametrize("layer_norm", [False, True])
def test_chrono_starts_the_write_gate_at_the_negative(layer_norm):
    torch.manual_seed(0)
    p = parameters_of(Recurrent(LSTM(layer_norm=layer_norm, keep_bias=Chrono(100)), 3, 500))
    end = "shift" if layer_norm else "bias"
    keep, write = p[f"keep_{end}"], p[f"write_{end}"]
    assert torch.equal(write, -keep)
    assert 0 <= keep.min() < 1
    assert math.log(90) < keep.max() <= math.log(99)


def test_resetting_draws_anew():
    layer = Recurrent(LSTM(), 3, 4)
    before = parameters_of(layer)["keep_h"].clone()
    layer.directions[0][0].reset_parameters()
    assert not torch.equal(parameters_of(layer)["keep_h"], before)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("uniform", Uniform()),
        ("orthogonal", Orthogonal()),
        ("identity", Identity()),
        ("zeros", Constant(0.0)),
        ("ones", Constant(1.0)),
        (3, Constant(3.0)),
        (-0.5, Constant(-0.5)),
        (Chrono(9), Chrono(9)),
    ],
)
def test_what_a_name_or_number_means(spec, meant):
    assert initialiser(spec) == meant


@pytest.mark.parametrize(
    "init",
    [Uniform(), Uniform(0.1), Range(-1, 2), Orthogonal(2.0), Identity(), Constant(0.1),
     Chrono(7), Negative("u"), Balanced(1.5), Custom("mine")],
    ids=str,
)  # fmt: skip
def test_as_data_and_back(init):
    assert from_data(to_data(init)) == init


def test_a_function_from_a_file_has_no_code():
    with pytest.raises(OptionError, match="initialiser mine: was read from a file, which keeps"):
        fill(Custom("mine"), 3)


@pytest.mark.parametrize("spec", ["orthogonl", None, [1.0], torch.zeros(2)])
def test_what_is_no_initialiser(spec, unchecked):
    with pytest.raises(OptionError, match="; expected one of 'uniform', 'orthogonal', 'identity'"):
        initialiser(spec)


@pytest.mark.parametrize("steps", [2, 1, 0, -3, math.nan])
def test_chrono_needs_time(steps):
    with pytest.raises(OptionError, match=rf"`Chrono`: steps is {steps}; expected more than 2"):
        Chrono(steps)


@pytest.mark.parametrize("init", [Orthogonal(), Identity()])
def test_a_vector_is_no_matrix(init):
    Parameter((4, 1), init)
    with pytest.raises(OptionError, match="for a vector; expected one for vectors"):
        Parameter((4,), init)


def test_a_negative_comes_after_what_it_copies():
    p = Parameter((4,), Negative("keep"))
    starts_after(p, {"keep": Parameter((4,), Uniform())})
    for before in ({}, {"keep": Parameter((5,), Uniform())}):
        with pytest.raises(OptionError, match="negative of 'keep'; expected an earlier parameter"):
            starts_after(p, before)

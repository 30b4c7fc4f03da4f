"""Masks, fixed values and signs of any weight: run, trained, saved and loaded as given."""

import copy
import json

import numpy as np
import pytest
import torch
from catalogue import CELLS
from engines.recorded import Recorded, only
from torch import nn
from torch.nn.utils import parametrizations
from training.tiny import model, sequences

from throughtime import GRU, LSTM, RNN, Cell, LeakyRNN, Recurrent, Stream, affine, bptt, fit, load
from throughtime.engines.cpu import CPU
from throughtime.engines.reference import Reference
from throughtime.errors import OptionError, RunError, ShapeError
from throughtime.layers import connect
from throughtime.layers.description import describe, from_description
from throughtime.layers.parametrised import count, plain_name
from throughtime.training.optimise import OPTIMISERS, optimiser

T, B, I, H = 6, 3, 4, 5  # noqa: E741


def layer_of(cell=RNN, *, dtype=torch.float64, **options):
    torch.manual_seed(0)
    return Recurrent(cell, I, H, dtype=dtype, **options)


def only_direction(layer):
    return layer.directions[0][0]


def plain(layer):
    """A layer with the weights that are computed with, and no constraints."""
    other = from_description(describe(layer) | {"parametrised": []}).double()
    with torch.no_grad():
        for k, directions in enumerate(layer.directions):
            for d, direction in enumerate(directions):
                for name in direction.program.parameters:
                    getattr(other.directions[k][d], name).copy_(getattr(direction, name))
    return other


def constrained(cell, **options):
    """A layer with a mask, fixed values and signs in every parameter of every direction."""
    layer = layer_of(cell, **options)
    for directions in layer.directions:
        for direction in directions:
            for name in direction.program.parameters:
                p = getattr(direction, name)
                mask, fixed = torch.rand(p.shape) < 0.7, torch.rand(p.shape) < 0.3
                connect(direction, name, signs=torch.randint(-1, 2, p.shape[-1:]))
                connect(direction, name, mask=mask, fixed=fixed & mask)
    return layer


@pytest.mark.parametrize("name", CELLS)
def test_every_parameter_of_every_cell(name):
    """Outputs are those of the same weights without constraints, gradients by the chain rule."""
    layer = constrained(CELLS[name]).eval()
    free = plain(layer).eval()
    x = torch.randn(T, B, I, dtype=torch.float64)
    outputs = [one(x)[0] for one in (layer, free)]
    assert torch.equal(*outputs)
    for y in outputs:
        y.square().sum().backward()
    direction = only_direction(layer)
    for parameter in direction.program.parameters:
        signs, mask = direction.parametrizations[parameter]
        own = direction.parametrizations[parameter].original
        slope = torch.where(own * signs.signs < 0, -1.0, 1.0) * mask.learned
        want = getattr(only_direction(free), parameter).grad * slope
        torch.testing.assert_close(own.grad, want, rtol=1e-12, atol=1e-13, msg=parameter)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", [LeakyRNN(excitatory=0.6, density=0.7), LSTM(), GRU()], ids=str)
def test_engines_agree_and_the_fast_one_runs(cell, dtype):
    layer = constrained(cell, dtype=dtype, direction="both")
    x, found = torch.randn(T, B, I, dtype=dtype), []
    for engine in (CPU(), Reference()):
        with only(Recorded(engine)) as (recorded,):
            y, _ = layer(x)
            found.append([y, *torch.autograd.grad(y.sin().sum(), [*layer.parameters()])])
        assert recorded.ran[:2] == ["forward", "forward"]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
    recorded = [Recorded(CPU()), Recorded(Reference())]
    with only(*recorded):
        layer(x)[0].sum().backward()
    assert recorded[0].ran and not recorded[1].ran, "a constraint is no reason for another engine"


def test_the_weight_is_computed_once_a_call():
    layer, calls = layer_of(LeakyRNN(excitatory=0.6)), []
    part = only_direction(layer).parametrizations.transition_h[0]
    part.register_forward_hook(lambda *_: calls.append(1))
    layer(torch.randn(50, B, I, dtype=torch.float64))[0].sum().backward()
    assert len(calls) == 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_no_optimiser_leaves_the_constraints(name):
    layer = layer_of(dtype=torch.float32)
    mask = torch.rand(H, H) < 0.6
    fixed = mask & (torch.rand(H, H) < 0.3)
    values, signs = torch.rand(H, H), torch.tensor([1.0, 1, 1, -1, -1])
    values = values * signs
    optimise = optimiser(layer, name, 0.3, weight_decay=0.1)  # made before: it keeps its weights
    connect(layer, "transition_h", mask=mask, fixed=fixed, values=values, signs=signs)
    direction = only_direction(layer)
    own, before = direction.parametrizations.transition_h.original, direction.transition_h.detach()
    x, turned = torch.randn(T, B, I), False
    for _ in range(40):
        optimise.zero_grad()
        layer(x)[0].sum().backward()
        optimise.step()
        w = direction.transition_h.detach()
        assert (w[~mask] == 0).all()
        assert torch.equal(w[fixed], values[fixed])
        assert (w * signs >= 0).all()
        assert (own[~mask | fixed] == 0).all(), "nothing for norms and decay to see"
        turned = turned or bool((own * signs < 0).any())
    learned = mask & ~fixed
    assert (w[learned] != before[learned]).all()
    assert turned, "a step through 0 was among them"


def test_a_weight_comes_back_from_zero():
    """As a rectified one does not."""
    layer = layer_of(RNN("identity"))
    connect(layer, "transition_h", signs=torch.ones(H))
    direction = only_direction(layer)
    with torch.no_grad():
        direction.transition_h = torch.zeros(H, H, dtype=torch.float64)
        direction.initial.h0.fill_(1.0)
    optimise = torch.optim.SGD(layer.parameters(), 0.01)
    x = torch.zeros(1, B, I, dtype=torch.float64)
    for _ in range(5):
        optimise.zero_grad()
        (-layer(x)[0].sum()).backward()
        optimise.step()
    assert (direction.transition_h > 0.1).all()


def test_connections_of_inputs_and_of_an_output_network():
    layer, head = layer_of(), nn.Linear(H, 2)
    connect(layer, "transition_x", signs=torch.ones(I))
    assert (only_direction(layer).transition_x >= 0).all()
    excitatory = torch.arange(H) < 4
    connect(head, "weight", mask=excitatory.expand(2, H))
    assert not head.weight[:, 4:].any() and head.weight[:, :4].all()


def test_the_spectral_radius_of_signed_weights():
    layer = layer_of()
    connect(layer, "transition_h", signs=torch.tensor([1, 1, 1, 1, -1]), spectral_radius=0.7)
    w = only_direction(layer).transition_h.detach()
    assert abs(float(torch.linalg.eigvals(w).abs().max()) - 0.7) < 1e-12
    torch.testing.assert_close(w.sum(1), torch.zeros(H, dtype=torch.float64), rtol=0, atol=1e-14)


def test_fixed_ones_stay_as_they_are_and_later_calls_come_on_top():
    layer = layer_of(LeakyRNN(excitatory=0.6, self_connections=False))
    direction = only_direction(layer)
    before = direction.transition_h.detach()
    connect(layer, "transition_h", fixed=torch.eye(H) == 0)
    assert torch.equal(direction.transition_h, before) and count(direction) == H * I + 2 * H
    connect(layer, "transition_h", mask=torch.ones(H, H).triu() > 0)
    assert torch.equal(direction.transition_h, before.triu())
    assert direction.transition_h.requires_grad


def test_parameters_that_are_reset_stay_constrained():
    layer = layer_of(LeakyRNN(excitatory=0.6, density=0.5))
    direction = only_direction(layer)
    before = direction.transition_h.detach()
    direction.reset_parameters()
    after = direction.transition_h.detach()
    assert torch.equal(before.sign(), after.sign()) and not torch.allclose(before, after)
    assert abs(float(torch.linalg.eigvals(after).abs().max()) - 1.5) < 1e-12


@pytest.mark.parametrize("direction", ["forward", "both"])
@pytest.mark.parametrize("how", [bptt.Full(), bptt.Checkpointed(3)], ids=str)
@pytest.mark.parametrize("scaled", [False, True])
def test_modes_of_bptt(how, direction, scaled):
    """What is learned has the gradient of the weight that is computed with, by its sign."""
    layer = layer_of(LeakyRNN(excitatory=0.6, density=0.7), direction=direction, layers=2)
    x = torch.randn(T, B, I, dtype=torch.float64)
    free, own = plain(layer), {}
    for one in (layer, free):
        bptt.backward(
            how, [one], x, read=lambda total, y, start: y.square().sum() + (total or 0),
            loss=lambda total, state: total, scale_by_replicas=scaled,
        )  # fmt: skip
        own[one] = {plain_name(n): p.grad for n, p in one.named_parameters()}
    for name, want in own[free].items():
        got = own[layer][name]
        if name.endswith("transition_h"):
            where = layer.get_submodule(name.removesuffix(".transition_h"))
            want = want * where.parametrizations.transition_h[0].learned
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-12, msg=name)


def test_replicas_are_those_of_the_weight_that_is_computed_with():
    layer = layer_of(LeakyRNN(excitatory=0.6, density=0.7))
    x = torch.randn(T, B, I, dtype=torch.float64)
    (those,) = bptt.replicas(layer, lambda: layer(x)[0].square().sum())
    free = plain(layer)
    free(x)[0].square().sum().backward()
    total = sum(those.at(t)["transition_h"] for t in range(T))
    torch.testing.assert_close(total, only_direction(free).transition_h.grad)


def test_weight_drop_a_stream_a_copy_and_another_dtype():
    layer = layer_of(LeakyRNN(excitatory=0.6, density=0.7), weight_drop=0.5)
    x = torch.randn(T, 1, I, dtype=torch.float64)
    layer(x)[0].sum().backward()
    own = only_direction(layer).parametrizations.transition_h.original
    assert own.grad.any() and not own.grad[only_direction(layer).transition_h == 0].any()
    y = layer.eval()(x)[0]
    stream = Stream(layer)
    steps = np.stack([stream.step(row).copy() for row in x[:, 0].numpy()])
    torch.testing.assert_close(torch.from_numpy(steps), y[:, 0])
    other = copy.deepcopy(layer)
    assert torch.equal(other(x)[0], y)
    only_direction(other).transition_h = torch.zeros(H, H, dtype=torch.float64)
    assert torch.equal(layer(x)[0], y), "the copy has its own"
    torch.testing.assert_close(layer.float()(x.float())[0], y.float())


@pytest.mark.slow
def test_inside_torch_compile(types_unchecked):
    layer = layer_of(LeakyRNN(excitatory=0.6, density=0.7), dtype=torch.float32)
    x = torch.randn(T, B, I)
    y = torch.compile(layer, fullgraph=True, backend="aot_eager")(x)[0]
    torch.testing.assert_close(y, layer(x)[0])


def again(layer, **given):
    """The layer after a journey through text, with the same tensors."""
    data = json.loads(json.dumps(describe(layer)))
    other = from_description(data, **given).double()
    other.load_state_dict(layer.state_dict())
    assert json.loads(json.dumps(describe(other))) == data
    return other


def test_a_layer_comes_back_without_the_code_of_its_cell():
    x = torch.randn(T, B, I, dtype=torch.float64)
    for cell in (LeakyRNN(excitatory=0.6, density=0.7), LSTM()):
        layer = layer_of(cell, layers=2, direction="both")
        connect(layer.directions[1][0], "candidate_h" if cell == LSTM() else "transition_h",
                fixed=torch.rand(H, H) < 0.5)  # fmt: skip
        other = again(layer)
        found = []
        for one in (layer, other):
            y = one(x)[0]
            found.append([y, *torch.autograd.grad(y.sum(), [*one.parameters()])])
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class Turning(Cell):
    """With a parametrisation of torch's: code, that no file has."""

    def step(self, x, h):
        return torch.tanh(affine("transition", h, x))

    def constrain(self, layer):
        parametrizations.orthogonal(layer, "transition_h")


def test_a_parametrisation_of_a_cell_of_ones_own():
    layer = layer_of(Turning)
    w = only_direction(layer).transition_h
    torch.testing.assert_close(w @ w.T, torch.eye(H, dtype=torch.float64))
    x = torch.randn(T, B, I, dtype=torch.float64)
    torch.testing.assert_close(again(layer, cell=Turning)(x)[0], layer(x)[0])
    with pytest.raises(RunError, match="layer of Turning has the parametrisation _Orthogonal, whi"):
        again(layer)
    connect(layer, "transition_x", signs=torch.ones(I))
    with pytest.raises(RunError, match="Turning'> has the parametrisations .*those of the run fol"):
        again(layer, cell=Turning)
    with pytest.raises(OptionError, match="transition_h has the parametrisation _Orthogonal; exp"):
        connect(layer, "transition_h", signs=torch.ones(H))


def test_a_run_folder_has_them_and_their_count(tmp_path):
    data = sequences(12)
    network = model(data, LeakyRNN(excitatory=0.75, density=0.5), 8)
    assert isinstance(network.output, nn.Sequential)
    connect(network.output[0], "weight", mask=(torch.arange(8) < 6).expand(2, 8))
    weight = only_direction(network.recurrent[0]).transition_h.detach()
    parameters = count(network)
    assert parameters == 2 * 8 + 32 + 8 + 8 + 2 * 6 + 2
    run = fit(network, data, folder=tmp_path / "run", epochs=2)
    other = load(tmp_path / "run").model
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    after = only_direction(other.recurrent[0]).transition_h
    assert torch.equal(after.sign(), weight.sign()) and not torch.equal(after, weight)
    assert not other.output[0].weight[:, 6:].any()
    from throughtime.training.run import read

    assert count(read(tmp_path / "run").model) == parameters, "without its weights"


ONES = torch.ones(H, H)


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("transition_h", {}, OptionError, "mask, fixed and signs are not given; expected one"),
        ("transitionh", {"mask": ONES > 0}, OptionError, "name is 'transitionh'.*Did you mean 'tr"),
        ("transition_h", {"mask": ONES}, ShapeError, r"mask has dtype torch.float32; expected boo"),
        ("transition_h", {"mask": ONES[1:] > 0}, ShapeError, r"mask has shape \(4, 5\); expected"),
        ("transition_h", {"mask": [[True]]}, ShapeError, "mask is a list; expected a tensor"),
        ("transition_h", {"signs": ONES}, ShapeError, r"signs has shape \(5, 5\); expected \(5,\)"),
        ("transition_h", {"signs": ONES[0] / 2}, OptionError, "signs has 0.5; expected 1, -1 or 0"),
        ("transition_h", {"values": ONES, "signs": ONES[0]}, OptionError, "values are given witho"),
        ("transition_h", {"fixed": ONES > 0, "values": ONES[0]}, ShapeError, "values has shape"),
        ("transition_h", {"fixed": ONES > 0, "mask": torch.eye(H) > 0}, OptionError,
         r"fixed has the connection \[0, 1\]; expected only connections that exist"),
        ("transition_h", {"fixed": ONES > 0, "values": ONES, "signs": -ONES[0]}, OptionError,
         r"fixed has the connection \[0, 0\]; expected values of the sign of their column"),
        ("transition_x", {"signs": ONES[0, :I], "spectral_radius": 1.0}, OptionError,
         r"spectral_radius is given for a parameter of shape \(5, 4\); expected a square"),
        ("transition_h", {"signs": ONES[0], "spectral_radius": -1.0}, OptionError,
         "spectral_radius is -1.0; expected a number above 0"),
    ],
)  # fmt: skip
def test_what_does_not_fit(name, given, error, message, types_unchecked):
    layer = layer_of()
    before = {n: t.clone() for n, t in layer.state_dict().items()}
    with pytest.raises(error, match=f"`connect`: {message}"):
        connect(layer, name, **given)
    assert all(torch.equal(layer.state_dict()[n], t) for n, t in before.items())


def test_of_several_directions_one_is_named():
    with pytest.raises(OptionError, match="layer has 2 layers of 1 directions; expected one of"):
        connect(layer_of(layers=2), "transition_h", signs=torch.ones(H))

"""A contestant that computes something else is an error, whatever its speed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from throughtime import GRU, Cell, affine
from throughtime.bench import Shape, Task, agreement
from throughtime.bench.contestant import Prepared
from throughtime.bench.contestants import contestants
from throughtime.bench.measure import measure
from throughtime.bench.modules import Throughtime, TorchNN
from throughtime.errors import AgreementError

TASK = Task("gru", Shape(6, 3, 2, 4), training=True)


class Wrong(TorchNN):
    """torch.nn with one number of one result changed in one dtype."""

    name, title = "wrong", "a wrong library"

    def __init__(self, what, change, dtype=torch.float64):
        self.what, self.change, self.dtype = what, change, dtype

    def prepare(self, task, material):
        right = super().prepare(task, material)

        def read(result):
            arrays = right.read(result)
            if task.dtype == self.dtype:
                arrays[self.what] = changed = arrays[self.what].copy()
                changed.flat[0] = self.change(changed.flat[0])
            return arrays

        return Prepared(right.run, read)


def off(value):
    return value + 0.01


def test_those_that_agree_pass():
    expected = agreement.exact(TASK, [Throughtime(), TorchNN()])
    y = expected.results["y"]
    assert y.shape == (6, 3, 4) and y.dtype == np.float64 and expected.shape == TASK.shape
    assert {*expected.results} == {"y", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}


@pytest.mark.parametrize("what", ["y", "weight_hh_l0", "bias_ih_l0"])
@pytest.mark.parametrize("change", [off, lambda value: float("nan")])
def test_another_result_is_an_error(what, change):
    with pytest.raises(AgreementError, match=f"a wrong library, gru at .*=6,3,2,4, .*: {what} dif"):
        agreement.exact(TASK, [Throughtime(), TorchNN(), Wrong(what, change)])


def test_the_very_object_that_is_timed_is_checked():
    fine = agreement.exact(TASK, [Throughtime(), TorchNN()])
    wrong = Wrong("y", off, torch.float32)
    for training in (False, True):
        task = replace(TASK, training=training)
        with pytest.raises(AgreementError, match="y differs by .* in float32|float32: y differs"):
            measure(task, [Throughtime(), wrong], fine, 1)


def test_small_differences_are_seen_in_float64():
    with pytest.raises(AgreementError, match="more than 1e-09"):
        agreement.exact(TASK, [Throughtime(), Wrong("y", lambda value: value + 1e-8)])


def test_other_shapes_and_names_are_an_error():
    right = {"y": np.ones((2, 3))}
    agreement.demand(TASK, TorchNN(), {"y": np.ones((2, 3))}, right)
    agreement.demand(TASK, TorchNN(), {"y": np.zeros((2, 3))}, {"y": np.zeros((2, 3))})
    for other in ({"y": np.ones((2, 4))}, {}, {**right, "weight": np.ones(2)}):
        with pytest.raises(AgreementError):
            agreement.demand(TASK, TorchNN(), other, right)


class Chaotic(Cell):
    """A random network of large gain, in which errors grow."""

    def step(self, x, h):
        return torch.tanh(10 * affine("transition", h, x))


def test_a_chaotic_cell_is_compared_as_long_as_it_can_be_followed():
    task = Task(Chaotic(), Shape(60, 2, 1, 16))
    shape = agreement.followed(task)
    assert 1 < shape.T < 50 and shape[1:] == task.shape[1:]
    both = contestants(task, [])
    expected = agreement.exact(replace(task, training=True), both)
    assert expected.shape == shape and measure(task, both, expected, 1).compared == shape.T
    assert agreement.followed(TASK) == TASK.shape
    assert agreement.followed(replace(TASK, cell=GRU())) == TASK.shape

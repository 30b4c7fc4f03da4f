"""Which engine runs a call: what was asked for, what it can do, and what torch is about to do."""

import contextlib

import pytest
import torch
import torch._dynamo  # which keeps the functions of torch that it finds: not those set here
from engines.calls import random_call
from engines.recorded import Recorded, only

from throughtime import LSTM, Recurrent
from throughtime.engines import choose
from throughtime.engines.cpu import CPU
from throughtime.engines.gradients import detached
from throughtime.engines.reference import Reference
from throughtime.engines.registry import transformed
from throughtime.errors import OptionError

PROGRAM = LSTM().program(3, 4)


@pytest.fixture
def ran():
    """What the engines were asked to run, in order."""
    asked = []
    with only(Recorded(CPU(), asked, "cpu "), Recorded(Reference(), asked, "reference ")):
        yield asked


def call(dtype=torch.float64, wanted=False, **options):
    made = random_call(PROGRAM, 4, 2, dtype=dtype, **options)
    return made if wanted else detached(made)


@pytest.fixture
def compiling(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


@pytest.mark.parametrize(
    ("engine", "runs"), [(None, "cpu"), ("cpu", "cpu"), ("reference", "reference")]
)
@pytest.mark.parametrize("wanted", [False, True])
def test_what_is_asked_for(ran, engine, runs, wanted):
    choose.run(PROGRAM, call(wanted=wanted), engine=engine)
    assert ran == [f"{runs} forward"]


def test_a_call_that_the_cpu_engine_cannot_run(ran):
    half = call(torch.float16)
    for engine in (None, "reference"):
        choose.run(PROGRAM, half, engine=engine)
    assert ran == ["reference forward"] * 2
    with pytest.raises(
        OptionError, match='`LSTM`: engine is "cpu"; .* because the dtypes are torch.float16'
    ):
        choose.run(PROGRAM, half, engine="cpu")
    assert ran == ["reference forward"] * 2


def _under_grad(work):
    return torch.func.grad(lambda one: (work(), one)[1])(torch.ones(()))


def _under_vmap(work):
    return torch.vmap(lambda one: (work(), one)[1])(torch.ones(2))


def _under_forward_mode(work):
    with torch.autograd.forward_ad.dual_level():
        work()


@pytest.mark.parametrize("under", [_under_grad, _under_vmap, _under_forward_mode])
@pytest.mark.parametrize("traced", [False, True])
def test_under_a_transform_the_plain_loop_runs(ran, monkeypatch, under, traced):
    given = call()
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: traced)
    for engine in (None, "reference"):
        under(lambda engine=engine: choose.run(PROGRAM, given, engine=engine))
    assert ran == ["reference forward"] * 2
    with pytest.raises(OptionError, match="here because a torch.func transform is active"):
        under(lambda: choose.run(PROGRAM, given, engine="cpu"))
    assert not transformed()


@pytest.mark.parametrize("engine", [None, "cpu"])
def test_while_torch_traces_the_loop_is_one_operator(ran, compiling, engine):
    result = choose.run(PROGRAM, call(), engine=engine)
    assert ran == ["cpu compiled forward"]
    torch.testing.assert_close(result[:2], Reference().forward(PROGRAM, call())[:2])


@pytest.mark.parametrize("engine", ["gpu", "", "CPU"])
def test_an_engine_that_does_not_exist(engine):
    says = f"engine is '{engine}'; expected 'cpu' or 'reference', or None"
    for run in (lambda: choose.run(PROGRAM, call(), engine=engine),
                lambda: choose.run_both([(PROGRAM, call())], engine),
                lambda: Recurrent(LSTM, 3, 4, engine=engine)):  # fmt: skip
        with pytest.raises(OptionError, match=says):
            run()


@pytest.mark.parametrize(
    ("how", "runs"),
    [
        ("plain", ["cpu forward_both"]), ("named", ["cpu forward_both"]),
        ("reference", ["reference forward"] * 2), ("wanted", ["cpu forward"] * 2),
        ("half", ["reference forward"] * 2), ("one of them", ["cpu forward"] * 2),
        ("dual", ["reference forward"] * 2),
    ],
)  # fmt: skip
def test_both_directions_at_once_where_no_gradient_is_wanted(ran, how, runs):
    dtype = torch.float16 if how == "half" else torch.float64
    first = call(dtype, wanted=how == "wanted")
    second = call(dtype, wanted=how in ("wanted", "one of them"), reverse=True, seed=1)
    engine = {"named": "cpu", "reference": "reference"}.get(how)
    level = torch.autograd.forward_ad.dual_level if how == "dual" else contextlib.nullcontext
    with level():
        y, results = choose.run_both([(PROGRAM, first), (PROGRAM, second)], engine)
    assert ran == runs
    apart = [Reference().forward(PROGRAM, c).states[0] for c in (first, second)]
    torch.testing.assert_close(y, torch.cat(apart, -1))
    assert [r.states[0].shape for r in results] == [(4, 2, 4)] * 2

"""Which engine runs a call: what was asked for, what it can do, and what torch is about to do."""

import contextlib

import pytest
import torch
from engines.calls import random_call

from throughtime import LSTM
from throughtime.engines import choose
from throughtime.errors import OptionError

PROGRAM = LSTM().program(3, 4)


@pytest.fixture
def ran(monkeypatch):
    """The names of the engines that were called, in order."""
    found = []

    def spy(owner, attribute, name):
        real = getattr(owner, attribute)
        monkeypatch.setattr(owner, attribute, lambda *a: found.append(name) or real(*a))

    plain = choose.reference.forward
    monkeypatch.setattr(
        choose.operator, "run", lambda p, c, *_: found.append("operator") or plain(p, c)
    )
    spy(choose.node, "run", "cpu")
    spy(choose.node, "run_both", "both")
    spy(choose.reference, "forward", "reference")
    return found


def call(dtype=torch.float64, wanted=False, **options):
    made = random_call(PROGRAM, 4, 2, dtype=dtype, **options)
    return made if wanted else made._replace(
        x=made.x.detach(), start=tuple(s.detach() for s in made.start),
        weights=tuple(w.detach() for w in made.weights), bias=made.bias.detach(),
    )  # fmt: skip


@pytest.fixture
def compiling(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


@pytest.mark.parametrize(("engine", "runs"), [(None, "cpu"), ("cpu", "cpu")] + [("reference",) * 2])
@pytest.mark.parametrize("wanted", [False, True])
def test_what_is_asked_for(ran, engine, runs, wanted):
    choose.run(PROGRAM, call(wanted=wanted), engine=engine)
    assert ran == [runs]


def test_a_call_that_the_cpu_engine_cannot_run(ran):
    half = call(torch.float16)
    for engine in (None, "reference"):
        choose.run(PROGRAM, half, engine=engine)
    assert ran == ["reference"] * 2
    with pytest.raises(
        OptionError, match='`LSTM`: engine is "cpu"; .* because the dtypes are torch.float16'
    ):
        choose.run(PROGRAM, half, engine="cpu")
    assert ran == ["reference"] * 2


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
    assert ran == ["reference"] * 2
    with pytest.raises(OptionError, match="here because a torch.func transform is active"):
        under(lambda: choose.run(PROGRAM, given, engine="cpu"))
    assert not choose.transformed()


@pytest.mark.parametrize("engine", [None, "cpu"])
def test_while_torch_traces_the_loop_is_one_operator(ran, compiling, engine):
    choose.run(PROGRAM, call(), engine=engine)
    assert ran == ["operator"]


@pytest.mark.parametrize("engine", ["gpu", "", "CPU"])
def test_an_engine_that_does_not_exist(engine):
    says = f"engine is '{engine}'; expected 'cpu' or 'reference', or None"
    for run in (lambda: choose.run(PROGRAM, call(), engine=engine),
                lambda: choose.run_both([(PROGRAM, call(), None)], engine)):  # fmt: skip
        with pytest.raises(OptionError, match=says):
            run()


@pytest.mark.parametrize(
    ("how", "runs"),
    [
        ("plain", ["both"]), ("named", ["both"]), ("reference", ["reference"] * 2),
        ("wanted", ["cpu"] * 2), ("half", ["reference"] * 2), ("one of them", ["cpu"] * 2),
        ("dual", ["reference"] * 2),
    ],
)  # fmt: skip
def test_both_directions_at_once_where_no_gradient_is_wanted(ran, how, runs):
    dtype = torch.float16 if how == "half" else torch.float64
    first = call(dtype, wanted=how == "wanted")
    second = call(dtype, wanted=how in ("wanted", "one of them"), reverse=True, seed=1)
    engine = {"named": "cpu", "reference": "reference"}.get(how)
    level = torch.autograd.forward_ad.dual_level if how == "dual" else contextlib.nullcontext
    with level():
        y, results = choose.run_both([(PROGRAM, first, None), (PROGRAM, second, None)], engine)
    assert ran == runs
    apart = [choose.reference.forward(PROGRAM, c).states[0] for c in (first, second)]
    torch.testing.assert_close(y, torch.cat(apart, -1))
    assert [r.states[0].shape for r in results] == [(4, 2, 4)] * 2

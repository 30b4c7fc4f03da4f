"""Each engine against the reference engine: every cell, option and edge shape; and what it says of
its results is so."""

import pytest
import torch
from agreement import ENGINES, agree, regularised_call
from catalogue import CELLS
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.engines import ENGINES as LISTED
from throughtime.engines.flat import flatten
from throughtime.engines.gradients import detached
from throughtime.engines.reference import Reference

TIGHT = {torch.float64: 1e-11, torch.float32: 2e-5}
EVERY = ENGINES | {"reference": Reference()}


@pytest.mark.parametrize("dtype", TIGHT)
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=8)
@given(
    shape=st.tuples(
        st.integers(0, 6), st.integers(1, 9), st.integers(1, 20), st.sampled_from([3, 7, 16, 33])
    ),
    reverse=st.booleans(),
    ragged=st.booleans(),
    resets=st.booleans(),
    recompute=st.booleans(),
    seed=st.integers(0, 9),
)
def test_agrees_with_the_reference(
    engine, name, dtype, shape, reverse, ragged, resets, recompute, seed
):
    program, call = regularised_call(name, *shape, dtype, reverse, ragged, resets, seed)
    agree(program, call._replace(recompute=recompute), TIGHT[dtype], ENGINES[engine])


@pytest.mark.parametrize("name", ["rnn", "lstm", "lstm-peephole", "gru-before", "mgu", "indrnn"])
@pytest.mark.parametrize("engine", ENGINES)
def test_one_of_everything(engine, name):
    program, call = regularised_call(name, 1, 1, 1, 1, torch.float64, False, False, False, 0)
    agree(program, call, 1e-11, ENGINES[engine])


def test_every_engine_in_the_list_is_compared():
    assert [engine.name for engine in LISTED] == [*EVERY]
    assert all(engine.name == name for name, engine in EVERY.items())


@pytest.mark.parametrize("every_state", [False, True])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("engine", EVERY)
def test_results_are_as_they_are_said_to_be(engine, name, ragged, every_state):
    program, call = regularised_call(name, 5, 3, 4, 6, torch.float32, ragged, ragged, True, 0)
    call = detached(call)._replace(every_state=every_state)
    for each in (EVERY[engine], EVERY[engine].compiled(), EVERY[engine].fixed(program, call)):
        result, like = each.forward(program, call, save=True), each.result_like(program, call)
        for tensors, said in zip(result, like, strict=True):
            assert [(t.shape, t.dtype) for t in tensors] == [(t.shape, t.dtype) for t in said]
        if each.fresh:
            given = [*flatten(call), *result.states, *result.final, *result.saved]
            own = given[len(flatten(call)) :]
            assert all(t.is_contiguous() for t in own)
            used = [t.untyped_storage().data_ptr() for t in given if t.numel()]
            mine = [t.untyped_storage().data_ptr() for t in own if t.numel()]
            assert all(used.count(address) == 1 for address in mine)


def test_what_was_saved_with_few_rows_is_read_with_many():
    """Of one row the input is hoisted, and of many not: an engine that is fixed does the same."""
    for name in ("lstm", "gru-before", "gru-after"):
        program, call = regularised_call(name, 6, 1, 64, 8, torch.float64, False, False, False, 0)
        for engine in EVERY.values():
            fixed = engine.fixed(program, call)
            result = fixed.forward(program, call, save=True)
            g = torch.randn_like(result.states[0])
            want = fixed.backward(program, call, result, [g], [None] * len(call.start))
            wide = call._replace(
                x=call.x.repeat(1, 5, 1), start=tuple(s.repeat(5, 1) for s in call.start),
                randoms=tuple(r.repeat(1, 5, 1) if r.dim() == 3 else r.repeat(5, 1)
                              for r in call.randoms),
            )  # fmt: skip
            saved = type(result)(*[tuple(t.repeat(*[1] * (t.dim() - 2), 5, 1) for t in part)
                                   for part in result])  # fmt: skip
            got = fixed.backward(
                program, wide, saved, [g.repeat(1, 5, 1)], [None] * len(call.start)
            )
            torch.testing.assert_close(got.dz, want.dz.repeat(1, 5, 1), rtol=1e-11, atol=1e-13)

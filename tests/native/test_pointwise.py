"""exp, tanh and sigmoid of the native library against mpmath, for every instruction set here."""

import functools
import importlib.util
import math
import os
import shutil
import subprocess
import sys

import mpmath
import numpy as np
import pytest

COMPILERS = [os.environ.get("CXX") or "c++", "g++", "clang++"]

# A pure Python installation is right where nothing could compile, and a broken build elsewhere.
if importlib.util.find_spec("throughtime._native") is None and not any(
    map(shutil.which, COMPILERS)
):
    pytest.skip("throughtime._native is not built: no C++ compiler", allow_module_level=True)

from throughtime import _native  # noqa: E402

FUNCTIONS = ["exp", "tanh", "sigmoid"]
DTYPES = [np.float32, np.float64]
LIMIT = 4.0  # units in the last place

every_function = pytest.mark.parametrize("name", FUNCTIONS)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
every_set = pytest.mark.parametrize("instruction_set", _native.instruction_sets())


def points(name, dtype):
    """Dense and log-spaced numbers, every binade, and the places where something changes."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    low, high = (-104.5, 89.5) if dtype is np.float32 else (-747.0, 711.0)
    saturation = 10.5 if dtype is np.float32 else 21.0
    tiny = math.log(float(info.smallest_subnormal))
    logs = np.exp(rng.uniform(tiny, math.log(float(info.max)) - 1e-3, 500))
    near = np.exp(rng.uniform(math.log(1e-9), math.log(saturation), 500))
    # The result is denormal between these two.
    denormal = rng.uniform(low, math.log(float(info.tiny)), 400)
    # The steps of range reduction: odd multiples of log(2) / 2.
    steps = (np.arange(-2200, 2200) + 0.5) * math.log(2)
    steps = steps[(steps > low) & (steps < high)]
    steps = rng.choice(steps, min(len(steps), 300), replace=False)
    special = np.array([0.0, 1.0, math.log(2), math.log(2) / 2, saturation, 709.782712893384])
    x = np.concatenate(
        [
            rng.uniform(low, high, 800),
            rng.uniform(-saturation, saturation, 500),
            logs,
            -logs,
            near,
            -near,
            denormal,
            steps,
            special,
            -special,
        ]
    ).astype(dtype)
    ends = np.array([low, high, math.log(float(info.max)), math.log(float(info.tiny))], dtype)
    x = np.concatenate([x, ends, info.smallest_subnormal * np.arange(1, 9, dtype=dtype)])
    return np.concatenate(
        [x, np.nextafter(x[-12:], dtype(np.inf)), [info.max, info.min, info.tiny]]
    )


@functools.cache
def exact(name, dtype):
    """The points, the exact results, and the unit in the last place of each."""
    x = points(name, dtype).astype(dtype)
    info = np.finfo(dtype)
    units = []
    with mpmath.workprec(2 * info.nmant + 60):
        values = [exactly(name, mpmath.mpf(float(number))) for number in x]
        for value in values:
            _, exponent = mpmath.frexp(value)
            exponent = min(max(exponent - 1, info.minexp), info.maxexp - 1)
            units.append(mpmath.ldexp(1, exponent - info.nmant))
    return x, values, units


def exactly(name, x):
    """The function at enough precision; sizes at which it is 0, 1 or infinite are cut short."""
    if name == "exp":
        return mpmath.exp(min(max(x, -2000), 2000))
    if name == "sigmoid":
        return 1 / (1 + mpmath.exp(min(max(-x, -2000), 2000)))
    if abs(x) > 100:
        return mpmath.sign(x)
    return x - x**3 / 3 if abs(x) < mpmath.mpf("1e-20") else mpmath.tanh(x)


@every_function
@every_dtype
@every_set
def test_within_four_units_of_mpmath(name, dtype, instruction_set):
    x, values, units = exact(name, dtype)
    got = getattr(_native, name)(x, instruction_set)
    assert got.dtype == dtype
    largest, smallest = (mpmath.mpf(float(v)) for v in (np.finfo(dtype).max, np.finfo(dtype).tiny))
    worst, where = 0.0, None
    for number, result, value, unit in zip(x, got, values, units, strict=True):
        if np.isinf(result):
            # Infinity stands for what would follow the largest number.
            error = 0.0 if value > largest else mpmath.inf
        elif name == "sigmoid" and result == 0:
            # Denormal results may be flushed.
            error = 0.0 if value < smallest else mpmath.inf
        else:
            error = float(abs(mpmath.mpf(float(result)) - value) / unit)
        if error > worst:
            worst, where = error, number
    assert worst <= LIMIT, f"{worst} units in the last place at {where!r}"


def reference(name, x):
    if name == "exp":
        return np.exp(x)
    return np.tanh(x) if name == "tanh" else np.exp(x - np.logaddexp(0, x))


@every_function
@every_set
def test_a_million_float32_numbers(name, instruction_set):
    low, high = {"exp": (-104, 88.7), "tanh": (-11, 11), "sigmoid": (-87.3, 104)}[name]
    x = np.linspace(low, high, 999_983).astype(np.float32)
    got = getattr(_native, name)(x, instruction_set).astype(np.float64)
    want = reference(name, x.astype(np.float64))
    unit = np.spacing(np.abs(want).astype(np.float32)).astype(np.float64)
    assert np.max(np.abs(got - want) / unit) <= LIMIT


@every_dtype
@every_set
def test_sigmoid_where_exp_overflows(dtype, instruction_set):
    """Between where exp(-x) is the largest number and where it is cut short."""
    edge = float(np.log(np.finfo(dtype).max))
    x = np.linspace(-edge - 1.5, -edge + 1.5, 100_001).astype(dtype)
    got = _native.sigmoid(x, instruction_set)
    assert (got >= 0).all() and (got <= 4 * np.finfo(dtype).tiny).all()  # no nan among them
    assert (np.diff(got) >= 0).all()


@every_dtype
@every_set
def test_edges(dtype, instruction_set):
    inf, nan, small = np.inf, np.nan, np.finfo(dtype).smallest_subnormal
    huge = np.finfo(dtype).max

    def check(name, x, want):
        got = getattr(_native, name)(np.array(x, dtype), instruction_set)
        np.testing.assert_array_equal(got, np.array(want, dtype))
        np.testing.assert_array_equal(np.signbit(got), np.signbit(np.array(want, dtype)))

    check("exp", [0.0, -0.0, inf, -inf, huge, -huge, small], [1, 1, inf, 0, inf, 0, 1])
    check("tanh", [0.0, -0.0, inf, -inf, huge, -huge], [0.0, -0.0, 1, -1, 1, -1])
    check("tanh", [small, -small, 5 * small, -5 * small], [small, -small, 5 * small, -5 * small])
    check("sigmoid", [0.0, -0.0, inf, -inf, huge, -huge, small], [0.5, 0.5, 1, 0, 1, 0, 0.5])
    for name in FUNCTIONS:
        for x in (nan, -nan):
            got = getattr(_native, name)(np.array([1, x, 1], dtype), instruction_set)
            assert np.isnan(got).tolist() == [False, True, False]


@every_function
@every_dtype
@every_set
def test_every_length_and_place_gives_the_same_bits(name, dtype, instruction_set):
    function = getattr(_native, name)
    x = np.random.default_rng(3).normal(0, 4, 80).astype(dtype)
    whole = function(x, instruction_set)
    single = np.concatenate([function(x[i : i + 1], instruction_set) for i in range(80)])
    np.testing.assert_array_equal(whole, single)
    for length in [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65]:
        for start in (0, 1, 3):
            part = function(x[start : start + length], instruction_set)
            np.testing.assert_array_equal(part, whole[start : start + length])


@every_function
def test_argument_is_not_changed_and_may_be_read_only(name):
    x = np.linspace(-3, 3, 33)
    x.flags.writeable = False
    got = getattr(_native, name)(x)
    np.testing.assert_array_equal(x, np.linspace(-3, 3, 33))
    assert not np.shares_memory(got, x)
    got[0] = 0  # the result is the caller's


@pytest.mark.parametrize(
    "wrong",
    [
        np.arange(4),
        np.zeros((2, 2), np.float32),
        np.zeros(8, np.float32)[::2],
        np.zeros(4, np.float16),
        [1.0, 2.0],
    ],
    ids=["integers", "matrix", "strided", "half", "list"],
)
def test_other_arrays_are_refused(wrong):
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _native.exp(wrong)


def test_unknown_instruction_set_is_refused():
    known = ", ".join(_native.instruction_sets())
    with pytest.raises(ValueError, match=f"is 'abacus'; expected one of {known}, which"):
        _native.exp(np.zeros(1), instruction_set="abacus")


@pytest.mark.parametrize("name", ["baseline", "abacus", ""])
def test_the_environment_names_the_instruction_set(name):
    script = "from throughtime.engines import describe; print(describe()['instruction set'])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                         env=os.environ | {"THROUGHTIME_INSTRUCTION_SET": name})  # fmt: skip
    if name == "abacus":
        assert "ValueError: the instruction set is 'abacus'; expected one of" in ran.stderr
    else:
        assert ran.stdout.strip() == (name or _native.instruction_sets()[-1])


@pytest.mark.skipif("THROUGHTIME_INSTRUCTION_SET" in os.environ, reason="another is asked for")
def test_best_instruction_set_is_chosen():
    sets = _native.instruction_sets()
    assert len(set(sets)) == len(sets) > 0
    assert set(sets) <= {"baseline", "avx2", "avx512", "neon"}
    assert _native.chosen_instruction_set() == sets[-1]
    x = np.linspace(-9, 9, 1001)
    np.testing.assert_array_equal(_native.tanh(x), _native.tanh(x, sets[-1]))


def test_loading_leaves_denormal_numbers_alone():
    """Linked with -ffast-math, a library makes the whole process flush them to zero."""
    small = np.array([5e-324, 1e-310])
    np.testing.assert_array_equal(small * 1.0 > 0, True)
    assert float(np.float32(1e-40)) * 1.0 > 0

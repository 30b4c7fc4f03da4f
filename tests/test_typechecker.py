"""The type checks of the tests: a function inside another is checked at each definition."""

import pytest
from jaxtyping import Float, TypeCheckError, jaxtyped
from torch import Tensor, ones
from typechecker import check


def defined(annotation, returned=object):
    @jaxtyped(typechecker=check)
    def inner(x: annotation, *, more: int = 0) -> returned:
        return x

    return inner


def test_a_function_that_is_defined_again_is_checked_again():
    for _ in range(2):
        assert defined(float)(1) == 1  # an int is a float
        with pytest.raises(TypeCheckError):
            defined(float)("1")
        with pytest.raises(TypeCheckError, match="more"):
            defined(float)(1.0, more="1")
        with pytest.raises(TypeCheckError, match="return value"):
            defined(float, str)(1.0)


def test_the_same_name_with_other_annotations_is_another_function():
    assert defined(str)("1") == "1"
    with pytest.raises(TypeCheckError):
        defined(str)(1.0)
    for axes in ("T", "T B"):
        x = ones((2,) * len(axes.split()))
        assert defined(Float[Tensor, axes])(x) is x
        with pytest.raises(TypeCheckError):
            defined(Float[Tensor, axes])(x[None])

"""A call with the wrong arguments: what it says, and that a right one is untouched."""

import inspect

import pytest

from throughtime.arguments import checked_arguments
from throughtime.errors import CallError


@checked_arguments({"lr": "Write `rate=`."}, "Look into the guide.")
def train(model, data, *, rate=1.0, **options):
    """Its own words."""
    return model, data, rate, options


class Layer:
    @checked_arguments({"lr": "Write `rate=`."}, "Look into the guide.")
    def __init__(self, size, *, rate):
        self.size, self.rate = size, rate


class Bare:
    @checked_arguments(otherwise="It has no sizes.")
    def __init__(self):
        pass


def test_a_right_call_is_untouched():
    assert train(1, data=2, rate=3, more=4) == (1, 2, 3, {"more": 4})
    assert (Layer(1, rate=2).size, Layer(size=1, rate=2).rate) == (1, 2)
    assert train.__doc__ == "Its own words." and "rate" in inspect.signature(train).parameters


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: train(), "`train`: has no model and no data; expected model, data. "
         "Write `train(model, data)`."),
        (lambda: train(1, 2, 3), "`train`: has 3 arguments by position; expected model, data. "
         "Look into the guide."),
        (lambda: train(1, 2, data=3), "`train`: has data by position and by name; expected it "
         "once. Leave out `data=`."),
        (lambda: Layer(1, lr=3), "`Layer`: has no argument 'lr'; expected size, rate. "
         "Write `rate=`."),
        (lambda: Layer(1, rat=3), "`Layer`: has no argument 'rat'; expected size, rate. "
         "Did you mean rate?"),
        (lambda: Layer(1, colour=3), "`Layer`: has no argument 'colour'; expected size, rate. "
         "Look into the guide."),
        (lambda: Layer(1), "`Layer`: has no rate; expected size, rate. "
         "Write `Layer(size, rate=rate)`."),
        (lambda: Bare(1, 2), "`Bare`: has 2 arguments by position; expected none. "
         "It has no sizes."),
    ],
)  # fmt: skip
def test_what_it_says(call, says):
    with pytest.raises(CallError) as caught:
        call()
    assert str(caught.value) == says
    assert isinstance(caught.value, TypeError), "as Python's own error is"


def test_an_error_inside_is_its_own():
    @checked_arguments()
    def broken(x):
        return len(x, x)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="exactly one argument") as caught:
        broken(1)
    assert not isinstance(caught.value, CallError)

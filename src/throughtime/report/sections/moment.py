"""What is measured of the gradients of a network with the weights of one moment, as it is kept."""

from typing import TypedDict


class Share(TypedDict):
    """The share of its largest value that a gradient has so many steps away."""

    lag: list[int]
    relative: list[float | None]


_From = TypedDict("_From", {"from": str})  # "beginning" or "end"; the word is taken in Python


class InputGradient(_From):
    """The gradient of the loss at the scaled input of each step, over its largest in a sequence.

    - `from`: whence steps are counted: from the end of each sequence, or from its beginning where
      all layers run backward in time.
    - `reach`: how many steps, counted from there, have 1% of it or more.
    """

    at_input: Share
    reach: int


class Curve(TypedDict):
    """A norm by lag, see `throughtime.diagnose.ByLag`; `relative` at the lags of `lag`."""

    horizon: int | None
    half_life: float | None
    rate: float | None
    verdict: str | None
    lags: int
    lag: list[int]
    relative: list[float | None]


class GateShares(TypedDict):
    """What share of the values of a gate is nearly closed, and nearly open."""

    closed: float
    open: float


class Layer(TypedDict):
    """One layer and direction; `gradient` is None where no gradient of the loss reaches it."""

    where: str
    gradient: Curve | None
    jacobian: Curve
    gates: dict[str, GateShares]


class Moment(InputGradient):
    """A network with the weights of one moment."""

    layers: list[Layer]


class Moments(TypedDict):
    """Before and after training; `before` is None where the first weights were not kept.

    - `lengths`: of the sequences that were looked at.
    """

    lengths: list[int]
    before: Moment | None
    after: Moment

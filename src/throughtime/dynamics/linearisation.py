"""The linear network around a fixed or slow point: what inputs write, what an output reads."""

import functools
import math

import torch
from torch import Tensor

from throughtime.dynamics.point import Point
from throughtime.dynamics.state_map import UnderInput
from throughtime.errors import OptionError, ShapeError, whole

ROUNDING = 1e-13  # beside the size of the state: a difference below it is none
NEAREST, FURTHEST = -20, 20  # powers of 2 between which `reach` looks


class Linearisation:
    r"""The affine map around a point s* of a network, in its modes.

    $$F(s, x) \approx F(s^*, x^*) + A (s - s^*) + B (x - x^*)$$

    With the right eigenvectors R of A in columns and the left ones $L = R^{-1}$ in rows, the
    modes $z = L (s - s^*)$ of the state evolve each for itself, $z_t = \lambda z_{t-1} + L B
    (x_t - x^*)$, and an output $y = C s$ is given by them as $C R z$.

    ```python
    near = Linearisation(points[0], model.output.weight)
    near.writes[0]  # what each input writes into the mode of the largest modulus
    near.reach()    # how far from the point the linear picture holds
    ```

    **Arguments:**

    - `point`: a fixed or slow point of `StateMap.under(x)`, of period 1.
    - `readout`: C, `(O, S)`, or `(O, H)` for one that reads the output of the last layer; it is
      needed for `reads` only.

    **Attributes:** `point`, `system` (the `StateMap`), `x (I,)`, `readout (O, S)` or None.

    **Raises:** `OptionError` for a point of another map or a cycle; `ShapeError` for a readout of
    another width.

    ??? cite "Reference"
        V. Mante, D. Sussillo, K. V. Shenoy, W. T. Newsome, Context-dependent computation by
        recurrent dynamics in prefrontal cortex, Nature 503 (2013), doi 10.1038/nature12742.
    """

    def __init__(self, point: Point, readout: Tensor | None = None) -> None:
        if not isinstance(point.map, UnderInput):
            raise OptionError(
                f"`Linearisation`: point is one of a {type(point.map).__name__}; expected one of a "
                "network, because inputs write and outputs read there. Search it with "
                "`fixed_points(StateMap(model).under(x), starts)`."
            )
        if point.period != 1:
            raise OptionError(
                f"`Linearisation`: point is on a cycle of period {point.period}; expected a fixed "
                "or slow point. Search with period=1."
            )
        self.point, self.system, self.x = point, point.map.system, point.map.x
        self.readout = None if readout is None else self._whole(readout)

    def __repr__(self) -> str:
        outputs = "" if self.readout is None else f", outputs {len(self.readout)}"
        return (
            f"Linearisation(inputs {len(self.x)}, modes {self.system.size}{outputs}; {self.point})"
        )

    def _whole(self, readout: Tensor) -> Tensor:
        """The readout with a column for each number of the state."""
        size, output = self.system.size, self.system.output
        width = output.stop - output.start
        if readout.dim() != 2 or readout.shape[1] not in (size, width):
            raise ShapeError(
                f"`Linearisation`: readout has shape {tuple(readout.shape)}; expected (O, {size}) "
                f"for the full state, or (O, {width}) for the output of the last layer. Give the "
                "weight of the output network."
            )
        readout = readout.detach().to(self.point.state)
        if readout.shape[1] == size:
            return readout
        whole = readout.new_zeros(len(readout), size)
        whole[:, output] = readout
        return whole

    @property
    def jacobian(self) -> Tensor:
        """A = dF/ds, `(S, S)`."""
        return self.point.jacobian

    @functools.cached_property
    def input_jacobian(self) -> Tensor:
        """B = dF/dx, `(S, I)`."""
        return self.system.input_jacobian(self.point.state[None], self.x[None])[0]

    @property
    def writes(self) -> Tensor:
        """L B: how far a pulse of 1 of each input moves each mode, complex `(S, I)`."""
        return self.point.left @ self.input_jacobian.to(self.point.left.dtype)

    @property
    def reads(self) -> Tensor:
        """C R: how far each mode moves each output, complex `(O, S)`. **Raises:** `OptionError`
        without a readout."""
        if self.readout is None:
            raise OptionError(
                "`Linearisation.reads`: readout is None; expected a matrix of a row for each "
                "output. Give it: `Linearisation(point, model.output.weight)`."
            )
        return self.readout.to(self.point.right.dtype) @ self.point.right

    @functools.cached_property
    def slowest(self) -> int:
        """The mode whose eigenvalue is nearest to 1: the one that keeps what is written."""
        return int((self.point.eigenvalues - 1).abs().argmin())

    @property
    def line(self) -> Tensor:
        """The direction of the slowest mode, of length 1, `(S,)`: at a line attractor, the line.

        **Raises:** `OptionError` if that mode turns.
        """
        return self._real(self.point.right[:, self.slowest], "line")

    @property
    def selection(self) -> Tensor:
        """The selection vector, the left eigenvector of the slowest mode, `(S,)`: the inner product
        with it is how far a state or an input moves along `line`; with `line` itself it is 1.

        **Raises:** `OptionError` if that mode turns.
        """
        return self._real(self.point.left[self.slowest], "selection")

    def _real(self, vector: Tensor, name: str) -> Tensor:
        eigenvalue = complex(self.point.eigenvalues[self.slowest])
        if eigenvalue.imag:
            raise OptionError(
                f"`Linearisation.{name}`: the slowest mode has the eigenvalue {eigenvalue:.4g}, "
                "which turns; expected a real one, because a line does not turn. Look at its row "
                "of `writes` and its column of `reads`."
            )
        return vector.real

    def overlap(self, directions: Tensor) -> Tensor:
        """|cosine| of the angle between `line` and directions `(..., S)`, from 0 to 1, `(...)`.

        Such as the rows of `readout`, the difference of two points' states, or `selection`: what
        a network selects is often at a right angle to where it keeps it.
        """
        size = self.system.size
        if not directions.dim() or directions.shape[-1] != size:
            raise ShapeError(
                f"`Linearisation.overlap`: directions have shape {tuple(directions.shape)}; "
                f"expected (..., {size}), directions of the full state. Give so many numbers."
            )
        directions = directions.to(self.line)
        return (directions @ self.line).abs() / directions.norm(dim=-1)

    def predict(self, starts: Tensor, steps: int) -> Tensor:
        """The states after 0 to `steps` steps as the affine map has them, `(steps + 1, N, S)`,
        from states `starts (N, S)`, under the constant input of the point."""
        point = self.point.state
        drift = self.point.map.step(point[None])[0] - point  # 0 at a fixed point, not at a slow one
        away = [starts.to(point) - point]
        for _ in range(steps):
            away.append(away[-1] @ self.jacobian.mT + drift)
        return torch.stack(away) + point

    def prediction_error(self, starts: Tensor, steps: int = 10) -> Tensor:
        """The relative error of `predict` after 1 to `steps` steps, `(steps, N)`.

        It is |predicted - true| / |true - s*|; 0 where both agree within rounding, infinite where
        only the truth is back at the point.

        - `starts`: states `(N, S)`.

        **Raises:** `ShapeError` for starts of another size, `OptionError` for steps below 1.
        """
        whole("Linearisation.prediction_error", "steps", steps, "Set it to 10.")
        starts = self._states("prediction_error", "starts", starts)
        true = self.point.map.orbit(starts, steps)[1:]
        wrong = (self.predict(starts, steps)[1:] - true).norm(dim=-1)
        none = wrong <= ROUNDING * (1 + true.norm(dim=-1))
        return torch.where(none, 0.0, wrong / (true - self.point.state).norm(dim=-1))

    def reach(
        self,
        steps: int = 10,
        tolerance: float = 0.1,
        *,
        directions: Tensor | int = 100,
        seed: int = 0,
    ) -> float:
        """How far from the point the linear prediction holds: the median distance, over
        directions, from which the relative error passes `tolerance` within `steps` steps.

        Distances from 1e-6 to 1e6 are tried, each twice the one before, and the first that passes
        is made exact to 1e-3 by bisection. It is 0 where the nearest passes (F has a kink at the
        point) and infinite where none does (F is linear).

        - `directions`: `(N, S)`, of any length; or how many random ones, uniform over angles.

        **Raises:** `OptionError` for numbers out of range, `ShapeError` for directions of another
        size.
        """
        if not 0 < tolerance < math.inf:
            raise OptionError(
                f"`Linearisation.reach`: tolerance is {tolerance!r}; expected a number above 0. "
                "Set it to 0.1."
            )
        if isinstance(directions, int):
            whole("Linearisation.reach", "directions", directions, "Set it to 100.")
            drawn = torch.randn(directions, self.system.size, dtype=torch.float64,
                                generator=torch.Generator().manual_seed(seed))  # fmt: skip
            directions = drawn.to(self.point.state.device)
        d = self._states("reach", "directions", directions)
        d = d / d.norm(dim=-1, keepdim=True)

        def passes(distance: Tensor) -> Tensor:
            error = self.prediction_error(self.point.state + distance[:, None] * d, steps)
            return ~(error <= tolerance).all(0)  # what is not a number has passed too

        first = d.new_full((len(d),), math.inf)
        for k in range(FURTHEST, NEAREST - 1, -1):
            distance = torch.full_like(first, 2.0**k)
            first = torch.where(passes(distance), distance, first)
        high, low = first.clamp(max=2.0**FURTHEST), first.clamp(max=2.0**FURTHEST) / 2
        for _ in range(10):
            middle = (low + high) / 2
            over = passes(middle)
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        reach = torch.where(first.isinf(), first, high)
        reach = torch.where(first == 2.0**NEAREST, 0.0, reach)
        return float(reach.median())

    def _states(self, call: str, name: str, given: Tensor) -> Tensor:
        size = self.system.size
        if given.dim() != 2 or given.shape[1] != size or not len(given):
            raise ShapeError(
                f"`Linearisation.{call}`: {name} has shape {tuple(given.shape)}; expected "
                f"(N, {size}), full states of the network. Give so many numbers in each row."
            )
        return given.detach().to(self.point.state)

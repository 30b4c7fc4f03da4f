"""A map of states s -> F(s), the object that all of `dynamics` asks: its values and derivatives."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from throughtime.errors import whole

ROOM = 2**21  # numbers of float64 that a batch of Jacobians may take at a time: more is not faster


class Map(ABC):
    """A discrete-time dynamical system s_t = F(s_{t-1}) on states of `size` numbers, in float64.

    `StateMap.under(x)` is that of a network under a constant input. To look at another system with
    the same tools, derive from this class and write `step` and `jacobian`.
    """

    size: int

    @abstractmethod
    def step(self, s: Tensor) -> Tensor:
        """F(s) for N states at once, `(N, size)`."""

    @abstractmethod
    def jacobian(self, s: Tensor) -> Tensor:
        """The derivative of F at N states, `(N, size, size)`: row i is that of unit i."""

    def push(self, s: Tensor, v: Tensor) -> Tensor:
        """The Jacobians at `s (N, size)` times columns `v (N, size, k)`."""
        return self.jacobian(s) @ v

    def orbit(self, s: Tensor, steps: int) -> Tensor:
        """The states after 0 to `steps` steps, `(steps + 1, N, size)`."""
        states = [s]
        for _ in range(steps):
            states.append(self.step(states[-1]))
        return torch.stack(states)

    def power(self, period: int) -> "Map":
        """F applied `period` times: itself for 1, else a `Power`."""
        return self if period == 1 else Power(self, period)

    def rows_at_once(self) -> int:
        """Of how many states the Jacobians are made at a time."""
        return max(1, ROOM // (4 * self.size**2))


class Power(Map):
    """F applied `period` times: a cycle of that period is a fixed point of it."""

    def __init__(self, map: Map, period: int) -> None:
        whole("Power", "period", period, "Set it to 2.")
        self.map, self.period, self.size = map, period, map.size

    def step(self, s: Tensor) -> Tensor:
        for _ in range(self.period):
            s = self.map.step(s)
        return s

    def jacobian(self, s: Tensor) -> Tensor:
        whole = self.map.jacobian(s)
        for _ in range(self.period - 1):
            s = self.map.step(s)
            whole = self.map.push(s, whole)
        return whole

    def push(self, s: Tensor, v: Tensor) -> Tensor:
        for _ in range(self.period):
            v, s = self.map.push(s, v), self.map.step(s)
        return v

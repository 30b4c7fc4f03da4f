"""Where a recurrence starts: a learned vector for each state, zeros, or a given tensor."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from throughtime.errors import OptionError, ShapeError

InitialState = str | Tensor | Mapping[str, Tensor]


class Initial(nn.Module):
    """The initial value of each state of one cell, `(width,)`.

    - `"learned"`: a parameter that starts at 0, named as its state.
    - `"zeros"`.
    - a tensor that fits every state, or a mapping from state to tensor: kept as it is, saved
      with the weights, not learned.
    """

    def __init__(
        self,
        states: Mapping[str, int],
        kind: InitialState,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.widths = dict(states)
        if isinstance(kind, str):
            if kind not in ("learned", "zeros"):
                raise OptionError(
                    f'`Recurrent`: initial_state is {kind!r}; expected "learned", "zeros" or a '
                    "tensor. Choose one of the three."
                )
            for name, width in states.items() if kind == "learned" else ():
                zeros = torch.zeros(width, device=device, dtype=dtype)
                self.register_parameter(_field(name), nn.Parameter(zeros))
            return
        given = kind if isinstance(kind, Mapping) else dict.fromkeys(states, kind)
        if unknown := [name for name in given if name not in states]:
            raise OptionError(
                f"`Recurrent`: initial_state has {unknown[0]!r}; expected a state of the cell, "
                f"{', '.join(states)}. Name one of these."
            )
        for name, tensor in given.items():
            if not isinstance(tensor, Tensor):
                raise OptionError(
                    f"`Recurrent`: initial_state is {tensor!r} for {name}; expected a tensor. "
                    f"Write `torch.tensor({tensor!r})`."
                )
            if tensor.shape not in ((), (1,), (states[name],)):
                raise ShapeError(
                    f"`Recurrent`: initial_state has shape {tuple(tensor.shape)} for {name}; "
                    f"expected ({states[name]},), one value for each unit. For a state of each "
                    "row pass `state=` when the layer is called."
                )
            value = torch.empty(states[name], device=device, dtype=dtype)  # where parameters are
            self.register_buffer(_field(name), value.copy_(tensor.detach()))

    def given(self, start: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A state that was passed, in place of the learned one: that has a gradient of 0 then.

        DistributedDataParallel waits for a gradient of every parameter.
        """
        if not torch.is_grad_enabled():
            return start
        states = []
        for name, state in zip(self.widths, start, strict=True):
            vector = getattr(self, _field(name), None)
            if vector is not None and vector.requires_grad:
                never = torch.zeros((), dtype=torch.bool, device=state.device)
                state = torch.where(never, vector.to(state.dtype), state)
            states.append(state)
        return tuple(states)

    def start(self, batch: int, like: Tensor) -> tuple[Tensor, ...]:
        """For each state `(width,)`, or `(batch, width)` zeros."""
        vectors = []
        for name, width in self.widths.items():
            field = _field(name)
            vector = self._parameters.get(field)
            vector = getattr(self, field, None) if vector is None else vector
            if vector is None:
                vector = like.new_zeros(batch, width)
            vectors.append(vector if vector.dtype == like.dtype else vector.to(like.dtype))
        return tuple(vectors)


def _field(name: str) -> str:
    """States are named by users; `h0` does not meet the names that torch's modules use."""
    return f"{name}0"

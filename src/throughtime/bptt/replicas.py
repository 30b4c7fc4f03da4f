"""The gradient of each replica of a parameter in the unrolled network."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from throughtime.bptt.loss import one_number
from throughtime.bptt.watch import Ran, outside, watching
from throughtime.engines.call import Gradients
from throughtime.engines.evaluate import plan
from throughtime.engines.gradients import gradients, probe
from throughtime.errors import OptionError
from throughtime.program import Program
from throughtime.program.probe import vector_map


@dataclass(frozen=True, eq=False)
class Replicas:
    """The replicas of the parameters of one layer and direction.

    - `where`: "layer 1 forward", ...
    - `parameters`: their names, as in the layer.
    - `norms`: name to the norm of the gradient of the replica at each step, `(T,)`: Frobenius
      of a matrix, 2-norm of a vector.

    A replica has one gradient for the whole batch: the sum over its sequences.
    """

    where: str
    reverse: bool
    parameters: tuple[str, ...]
    norms: dict[str, Tensor]
    _program: Program
    _gradients: Gradients

    def __repr__(self) -> str:
        T = len(self._gradients.dz)
        return f"Replicas({self.where}: {T} replicas of {', '.join(self.parameters)})"

    def at(self, t: int) -> dict[str, Tensor]:
        """The whole gradient of each parameter's replica at step t, in the parameter's shape.

        **Raises:** `OptionError` for a step that is not there.
        """
        self._check("at", t)
        return {
            name: _matrix(*_parts(self._program, self._gradients, name, t))
            for name in self.parameters
        }

    def by_lag(self, t: int) -> dict[str, Tensor]:
        """Norms counted back from step t: element k is that of the replica k steps before it.

        Before it in the direction of time: a network that runs backward has them at t + k. With
        the gradient of one loss term e_t this is |de_t/dW_{t-k}| over k.
        """
        self._check("by_lag", t)
        return {n: v[t:] if self.reverse else v[: t + 1].flip(0) for n, v in self.norms.items()}

    def _check(self, call: str, t: int) -> None:
        T = len(self._gradients.dz)
        if not 0 <= t < T:
            raise OptionError(
                f"`Replicas.{call}`: t is {t}; expected 0 to {T - 1}, a step of the sequence. "
                "Count steps from 0."
            )


def replicas(module: nn.Module, loss: Callable[[], Tensor]) -> list[Replicas]:
    """The gradient of a loss for every replica of every recurrent parameter of a module.

    ```python
    all_replicas = replicas(layer, lambda: layer(x)[0][-1].square().sum())
    all_replicas[0].norms["transition_h"]                # (T,)
    all_replicas[0].at(3)["transition_h"]                # (H, H)
    ```

    One backward pass; no weight is copied. From the gradients dZ_t at the affine maps and their
    operands X_t, the norm for a batch is |dW_t|^2 = <dZ_t dZ_t', X_t X_t'>. Summed over t the
    replicas are `.grad`. The initial state has one replica: its own `.grad`. The replicas of a
    weight that is parametrised, as by `layers.connect`, are those of the weight that is computed
    with, and their sum is the gradient at it, before it goes through the parametrisation.

    **Arguments:**

    - `module`: a `Recurrent`, or a module with some in it.
    - `loss`: runs the module and returns a scalar: all of a loss, or one term e_t of it.

    **Returns:** one `Replicas` for each call of a layer and direction, in the order of calling.

    **Raises:** `OptionError` if nothing was called, the loss does not depend on it, is not one
    number, or `weight_drop` is at work.
    """
    with torch.enable_grad(), watching(module) as ran:
        value = loss()
    check(value, ran, "replicas")
    for r in ran:
        if r.direction.weight_drop and r.direction.training:
            raise OptionError(
                f"`replicas`: {r.where} has weight_drop={r.direction.weight_drop}; expected 0 in "
                "training, as a dropped weight is not the parameter. Call `eval()` first."
            )
    return [_replicas(r, *d) for r, d in zip(ran, outside(value, ran), strict=True)]


def check(value: Tensor, ran: list[Ran], call: str) -> None:
    """**Raises:** `OptionError` for a loss without a gradient to look at."""
    one_number(call, value)
    if not ran:
        raise OptionError(
            f"`{call}`: loss called no layer; expected it to run the module. Write "
            "`lambda: criterion(model(x), y)`."
        )
    if not value.requires_grad:
        raise OptionError(
            f"`{call}`: loss has no gradient; expected one that depends on the module's "
            "parameters. Leave out `detach` and `no_grad`."
        )


def _replicas(ran: Ran, dstates, dfinal) -> Replicas:
    program, call = probe(ran.program, ran.call)
    gradient = gradients(program, call, dstates, dfinal)[1]
    names = tuple(ran.program.parameters)
    norms = {name: _norms(*_parts(program, gradient, name, slice(None))) for name in names}
    return Replicas(ran.where, ran.direction.reverse, names, norms, program, gradient)


def _parts(
    program: Program, gradient: Gradients, name: str, t: int | slice
) -> tuple[Tensor, Tensor | None]:
    """dZ `(..., B, size)` and, for a weight, the operand `(..., B, width)` of a parameter."""
    columns = program.columns
    if vector_map(name) in columns:
        return gradient.dz[t][..., columns[vector_map(name)]], None
    for a in program.affines:
        node = program.nodes[a].attributes
        if name == f"{node['name']}_bias":
            return gradient.dz[t][..., columns[node["name"]]], None
        if name in node["weights"]:
            k = next(k for k, p in enumerate(plan(program).products) if name in p.weights)
            return gradient.dz[t][..., columns[node["name"]]], gradient.operands[k][t]
    raise AssertionError(f"{name} is no parameter")


def _matrix(dz: Tensor, operand: Tensor | None) -> Tensor:
    return dz.sum(-2) if operand is None else dz.mT @ operand


def _norms(dz: Tensor, operand: Tensor | None) -> Tensor:
    """`(T,)` without a matrix for each step, unless there are fewer numbers in that."""
    if operand is None or dz.shape[-2] ** 2 > dz.shape[-1] * operand.shape[-1]:
        norms = dz.new_zeros(len(dz))
        for t, z in enumerate(dz):
            norms[t] = _matrix(z, None if operand is None else operand[t]).norm()
        return norms
    gram = (dz @ dz.mT) * (operand @ operand.mT)
    return gram.sum((-2, -1)).clamp(min=0).sqrt()

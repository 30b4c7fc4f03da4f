"""Around the native loop backward: forward values over all steps, and what of the adjoint is
done after the loop."""

from typing import Any

import torch
from torch import Tensor

from throughtime.engines.call import Call, Result
from throughtime.engines.derived import (
    LoopMode,
    adjoint,
    late_maps,
    late_vectors,
    loop_maps,
    new_values,
    operand_states,
    plan,
    product_columns,
    stored_columns,
)
from throughtime.engines.evaluate import evaluate
from throughtime.engines.parameters import packed, weights_by_name
from throughtime.engines.pieces import times
from throughtime.engines.time_order import previous, real_steps
from throughtime.program.graph import Node
from throughtime.program.pointwise import CONDITIONS
from throughtime.program.program import Program


def as_condition(node: Node, value: Any) -> Any:
    """A condition as torch has it, of booleans: the loops keep it as the numbers 0 and 1."""
    return value != 0 if node.op in CONDITIONS and value.dtype != torch.bool else value


class ForwardValues:
    """Values of the forward loop over all steps: kept, or computed again from what was."""

    def __init__(
        self,
        program: Program,
        call: Call,
        loop_mode: LoopMode,
        result: Result,
        known: dict[int, Any],
    ) -> None:
        self.program, self.call, self.loop_mode = program, call, loop_mode
        self.known = dict(known)
        for i in program.find("input") if known else ():  # whose padding is yet to be hidden
            self.known.pop(i, None)
        self.stored, *rest = result.saved
        hidden = len(program.states) - len(result.states)
        self.states = (*result.states, *rest[:hidden])
        self.before = dict(zip(operand_states(program), rest[hidden:], strict=False))

    def __call__(self, i: int) -> Any:
        if i not in self.known:
            self.known[i] = self._value(i)
        self.known[i] = as_condition(self.program.nodes[i], self.known[i])
        return self.known[i]

    def _value(self, i: int) -> Any:
        node, call = self.program.nodes[i], self.call
        if node.op == "constant":
            return node.attributes["value"]
        if node.op == "input":
            real = real_steps(call)
            return call.x if real is None else torch.where(real, call.x, 0.0)
        names = list(self.program.states)
        if node.op == "state":
            k = names.index(node.attributes["name"])
            return self.before[k] if k in self.before else previous(call, self.states[k], k)
        columns = stored_columns(self.program, self.loop_mode)[0]
        new = new_values(self.program)
        if i in columns:
            return self.stored[..., columns[i] : columns[i] + node.width]
        if i in new:
            return self.states[names.index(new[i])]
        if node.op == "affine":
            weights = weights_by_name(self.program, call)
            pairs = zip(node.args, node.attributes["weights"], strict=True)
            z = sum(times(self(a), weights[w].t()) for a, w in pairs)
            at = self.program.columns[node.attributes["name"]]
            bias = packed(call).bias
            return z if bias is None else z + bias[at]
        return evaluate(node, [self(a) for a in node.args], call.x)

    def operand(self, i: int) -> Tensor:
        value = self(i)
        return value if value.dim() == 3 else value.expand(*self.call.x.shape[:2], -1)


class RestOfBackward:
    """What of the adjoint the loop leaves, over all steps at once."""

    def __init__(
        self,
        program: Program,
        call: Call,
        values: ForwardValues,
        dz: Tensor,
        kept: dict[int, Tensor],
    ) -> None:
        self.program, self.call, self.values, self.dz = program, call, values, dz
        self.back = adjoint(program)
        self.known: dict[int, Any] = dict(kept)
        maps = loop_maps(program)
        self.at = {self.back.outputs[f"dz_{n}"]: c for n, c in program.columns.items()
                   if n in maps}  # fmt: skip

    def complete(self, dbias: Tensor, dvectors: list[Tensor]) -> None:
        """Whatever the loop has left out of `dz` and of the sums."""
        for name in late_maps(self.program):
            columns = self.program.columns[name]
            self.dz[..., columns] = self.output(f"dz_{name}", columns.stop - columns.start)
            dbias[columns] = self.dz[..., columns].sum((0, 1))
        for name in late_vectors(self.program):
            k = self.program.vectors.index(name)
            width = dvectors[k].shape[0]
            dvectors[k] = self.output(f"dparameter_{name}", width).sum((0, 1))

    def output(self, name: str, width: int) -> Tensor:
        T, B = self.call.x.shape[:2]
        if name not in self.back.outputs:
            return self.call.x.new_zeros(T, B, width)
        value = self(self.back.outputs[name]).expand(T, B, width)
        real = real_steps(self.call)
        return value if real is None else torch.where(real, value, 0.0)

    def __call__(self, i: int) -> Any:
        if i not in self.known:
            self.known[i] = self._value(i)
        self.known[i] = as_condition(self.back.nodes[i], self.known[i])
        return self.known[i]

    def _value(self, i: int) -> Any:
        node = self.back.nodes[i]
        if i in self.at:
            return self.dz[..., self.at[i]]
        if node.op == "constant":
            return node.attributes["value"]
        if node.op == "saved":
            return self.values(node.attributes["node"])
        if node.op != "transposed":
            return evaluate(node, [self(a) for a in node.args], self.call.x)
        for k, product in enumerate(plan(self.program).products):
            columns = product_columns(self.program)[k]
            if product.weights[::-1] == node.attributes["weights"] and len(columns) == 1:
                if all(a in self.at for a in node.args):  # all its maps, side by side in dz
                    return times(self.dz[..., columns[0]], packed(self.call).weights[k])
        weights = weights_by_name(self.program, self.call)
        pairs = zip(node.args, node.attributes["weights"], strict=True)
        return sum(times(self(a), weights[w]) for a, w in pairs)

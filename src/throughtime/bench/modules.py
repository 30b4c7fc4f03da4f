"""Contestants that are modules of torch: throughtime's layers, torch.nn's, the reference engine."""

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from throughtime import nn
from throughtime.bench.contestant import Contestant, Prepared, Results
from throughtime.bench.task import Material, Task
from throughtime.cells import Cell
from throughtime.layers import Recurrent


class Throughtime(Contestant):
    """`throughtime.nn` for torch's cells, `Recurrent` for any other."""

    name, title = "throughtime", "throughtime"

    def prepare(self, task: Task, material: Material) -> Prepared:
        return _prepared(task.module(library=nn), task, material)


class TorchNN(Contestant):
    """torch.nn's own layers."""

    name, title = "torch", "torch.nn"

    def runs(self, task: Task) -> bool:
        return isinstance(task.cell, str)

    def prepare(self, task: Task, material: Material) -> Prepared:
        return _prepared(task.module(), task, material)


class Reference(Contestant):
    """throughtime's reference engine, for a cell of one's own: a plain loop of torch operations."""

    name, title = "reference", "reference engine"

    def runs(self, task: Task) -> bool:
        return isinstance(task.cell, Cell)

    def prepare(self, task: Task, material: Material) -> Prepared:
        return _prepared(task.module(engine="reference"), task, material)


class Beside(Contestant):
    """Another cell at the same shape, another function: timed and not compared."""

    name, agrees = "beside", False

    def __init__(self, title: str) -> None:
        self.title = title

    def runs(self, task: Task) -> bool:
        return task.beside is not None

    def prepare(self, task: Task, material: Material) -> Prepared:
        module = task.module(task.beside)
        return _prepared(module, task, material, load=False)


def _prepared(module: Any, task: Task, material: Material, *, load: bool = True) -> Prepared:
    if load:
        module.load_state_dict(material.weights)
    x, dy, lengths = material.x, material.dy, material.lengths
    names, parameters = zip(*module.named_parameters(), strict=True)
    packs = not isinstance(module, Recurrent)
    if packs and lengths is not None:
        x, dy = (pack_padded_sequence(t, lengths) for t in (x, dy))
        dy = dy.data
    elif dy.shape[-1] != getattr(module, "output_size", dy.shape[-1]):
        dy = dy.new_ones(*dy.shape[:2], module.output_size)
    arguments = (x,) if packs or lengths is None else (x, None, lengths)

    def run() -> tuple[Any, tuple[Tensor, ...]]:
        with contextlib.nullcontext() if task.training else torch.inference_mode():
            y = module(*arguments)[0]
            if not task.training:
                return y, ()
            flat = y.data if isinstance(y, PackedSequence) else y
            return y, torch.autograd.grad(flat, parameters, dy, allow_unused=True)

    def read(result: tuple[Any, tuple[Tensor | None, ...]]) -> Results:
        y, gradients = result
        if isinstance(y, PackedSequence):
            y = pad_packed_sequence(y, total_length=task.shape.T)[0]
        pairs = zip(names, gradients, strict=False)
        of_parameters = {n: g.numpy() for n, g in pairs if g is not None}
        return {"y": y.detach().numpy(), **of_parameters}

    return Prepared(run, read)

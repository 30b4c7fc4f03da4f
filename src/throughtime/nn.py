"""torch.nn with its recurrent layers computed by throughtime.

`from throughtime import nn` in place of `from torch import nn` is the whole change: `RNN`,
`LSTM`, `GRU`, `RNNCell`, `LSTMCell` and `GRUCell` are torch's own classes with the same
parameters, `state_dict`, checks, errors and shapes, and every other name is torch.nn's own.

How: each class runs the very `forward` of its torch parent, with the globals of this module,
where `_VF` (torch's name for its native functions) is the class below. So only the
computation is replaced. Off the CPU, and while torch.jit.trace records, it stays torch's.
"""

import copy
import functools
import types
from typing import Any

import torch
from torch import _VF as _torch_vf
from torch import Tensor, sigmoid, tanh
from torch.nn.utils.rnn import PackedSequence as PackedSequence

from throughtime.cells import Cell
from throughtime.engines import Call, Packed, SeparateParameters, choose
from throughtime.engines.constant import assume_constant_result
from throughtime.engines.cpu.native import say_once_without_native
from throughtime.errors import OptionError
from throughtime.program import Program, affine, schedule

_is_tracing = torch.jit.is_tracing  # pyright: ignore[reportPrivateImportUsage]


def __getattr__(name: str) -> Any:
    return getattr(torch.nn, name)


# torch's equations, in torch's order of gates: the packed weights are torch's own


class _RNN(Cell):
    def __init__(self, activation: str) -> None:
        self.activation = getattr(torch, activation)

    def step(self, x, h):
        return self.activation(affine("transition", x, h))


class _LSTM(Cell):
    def __init__(self, proj_size: int | None) -> None:
        self.proj_size = proj_size

    @property
    def states(self):
        return {"h": self.proj_size, "c": None}

    def step(self, x, h, c):
        i, f = sigmoid(affine("i", x, h)), sigmoid(affine("f", x, h))
        g, o = tanh(affine("g", x, h)), sigmoid(affine("o", x, h))
        c = f * c + i * g
        h = o * tanh(c)
        if self.proj_size is not None:
            h = affine("hr", h, size=self.proj_size, bias=False)
        return h, c


class _GRU(Cell):
    def step(self, x, h):
        r, z = sigmoid(affine("r", x, h)), sigmoid(affine("z", x, h))
        n = tanh(affine("n_x", x) + r * affine("n_h", h))
        return (1 - z) * n + z * h


@functools.lru_cache(maxsize=256)
def _traced(kind: str, input_size: int, hidden_size: int, proj_size: int | None) -> Program:
    say_once_without_native()
    cells = {"lstm": lambda: _LSTM(proj_size), "gru": _GRU, "rnn_tanh": lambda: _RNN("tanh"),
             "rnn_relu": lambda: _RNN("relu")}  # fmt: skip
    program = cells[kind]().program(input_size, hidden_size)
    assert [p.operand for p in schedule(program).products][:2] == [0, 1]
    _ = program.json
    return program


@assume_constant_result
def _program(kind: str, input_size: int, hidden_size: int, proj_size: int | None) -> Program:
    return _traced(kind, input_size, hidden_size, proj_size)


_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def layer_call(
    kind: str, x: Tensor, hx: tuple[Tensor, ...], weights, lengths=None, reverse=False
) -> tuple[Program, Call]:
    """One layer in one direction; `kind` as torch names it, `weights` as it orders them."""
    w_ih, w_hh, *rest = weights
    biases = tuple(rest[:2]) if len(rest) >= 2 else ()
    projection = rest[len(biases) :]
    gates = w_ih.shape[0]
    H = gates // _GATES[kind]
    program = _program(kind, w_ih.shape[1], H, w_hh.shape[1] if projection else None)
    if not biases:
        parameters = Packed((w_ih, w_hh, *projection), None)
    else:
        columns = gates + (w_hh.shape[1] if projection else 0)  # the projection has no bias
        places = (0, 0, 0, gates), (1, 0, 0, gates)
        if kind == "gru":  # n_x and n_h keep one bias each
            columns, places = 4 * H, ((0, 0, 0, 3 * H), (1, 0, 0, 2 * H), (1, 2 * H, 3 * H, H))
        parameters = SeparateParameters(
            biases, places, columns, ((w_ih,), (w_hh,), *[(w,) for w in projection])
        )
    call = Call(
        x, hx, (), parameters, (), (), lengths, None, reverse, every_state=False
    )  # fmt: skip
    return program, call


def _layers(kind: str, *args):
    """The signatures of torch's native functions: padded, or packed with `batch_sizes`."""
    hidden_at = 1 if isinstance(args[2], list) else 2
    if not args[0].is_cpu or _is_tracing():
        return getattr(_torch_vf, kind)(*args)
    x, hx, weights, _, layers, dropout, training, bidirectional = (
        args[0], *args[hidden_at : hidden_at + 7]
    )  # fmt: skip
    hx = tuple(hx) if kind == "lstm" else (hx,)
    lengths, turn = None, False
    if hidden_at == 2:
        total = args[1].shape[0]
        x, lengths = _torch_vf._pad_packed_sequence(x, args[1], False, 0.0, total)
    elif turn := args[8]:
        x = x.transpose(0, 1)
    if x.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    for h in hx:
        if h.dtype != x.dtype and not torch.is_autocast_enabled("cpu"):
            raise RuntimeError(
                f"Input and hidden tensors are not the same dtype, found input tensor with "
                f"{x.dtype} and hidden tensor with {h.dtype}"
            )
    directions = 2 if bidirectional else 1
    each = len(weights) // (layers * directions)
    finals: list[tuple[Tensor, ...]] = []
    for layer in range(layers):
        if layer and dropout:
            x = torch.dropout(x, dropout, training)
        runs = []
        for d in range(directions):
            k = layer * directions + d
            start = hx if len(weights) == each else tuple([h[k] for h in hx])
            of_k = weights[k * each : (k + 1) * each]
            runs.append(layer_call(kind, x, start, of_k, lengths, d == 1))
        if directions == 1:
            results = [choose.run(*runs[0])]
            x = results[0].states[0]
        else:
            x, results = choose.run_both(runs)
        finals += [result.final for result in results]
    if hidden_at == 2:
        x = _torch_vf._pack_padded_sequence(x, lengths, False)[0]  # pyright: ignore
    elif turn:
        x = x.transpose(0, 1)
    if len(finals) == 1:
        return x, *finals[0]
    return x, *(torch.stack(h) for h in zip(*finals, strict=True))


def _cell(kind: str, x: Tensor, hx, w_ih: Tensor, w_hh: Tensor, b_ih=None, b_hh=None):
    """One step, with the checks that torch's native cells make."""
    if x.device.type != "cpu" or _is_tracing():
        return getattr(_torch_vf, f"{kind}_cell")(x, hx, w_ih, w_hh, b_ih, b_hh)
    hx = tuple(hx) if kind == "lstm" else (hx,)
    if x.shape[1] != w_ih.shape[1]:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[1]} expected {w_ih.shape[1]}"
        )
    for k, h in enumerate(hx):
        if h.dim() != 2 or x.shape[0] != h.shape[0]:
            raise RuntimeError(
                f"Input batch size {x.shape[0]} doesn't match hidden{k} batch size {h.shape[0]}"
            )
        if h.shape[1] != w_hh.shape[1]:
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {h.shape[1]}, "
                f"expected {w_hh.shape[1]}"
            )
    weights = [w_ih, w_hh] if b_ih is None else [w_ih, w_hh, b_ih, b_hh]
    final = choose.run(*layer_call(kind, x.unsqueeze(0), hx, weights)).final
    return final if kind == "lstm" else final[0]


class _VF:
    """What stands in for torch's native functions in the `forward`s below."""

    lstm = staticmethod(functools.partial(_layers, "lstm"))
    gru = staticmethod(functools.partial(_layers, "gru"))
    rnn_tanh = staticmethod(functools.partial(_layers, "rnn_tanh"))
    rnn_relu = staticmethod(functools.partial(_layers, "rnn_relu"))
    lstm_cell = staticmethod(functools.partial(_cell, "lstm"))
    gru_cell = staticmethod(functools.partial(_cell, "gru"))
    rnn_tanh_cell = staticmethod(functools.partial(_cell, "rnn_tanh"))
    rnn_relu_cell = staticmethod(functools.partial(_cell, "rnn_relu"))


def _forward_of(parent: type[torch.nn.Module]) -> Any:
    """The `forward` of a torch layer, looking up its names here."""
    return types.FunctionType(
        parent.forward.__code__, globals(), "forward", parent.forward.__defaults__
    )


def _weights_have_changed(self: torch.nn.RNNBase) -> bool:
    """As torch's own, which takes longer where they have not."""
    for k, name in enumerate(self._flat_weights_names):
        ref = self._flat_weight_refs[k]
        if ref is None or ref() is not self._parameters.get(name):
            return torch.nn.RNNBase._weights_have_changed(self)
    return False


def to_torch(module: torch.nn.Module) -> torch.nn.Module:
    """The same module, with torch.nn's own layers in place of those of throughtime.nn.

    For what asks for torch's exact types, as `torch.ao.quantization.quantize_dynamic` does, and
    would pass over a subclass without a word. The layers themselves have it too:
    `layer.to_torch()`.

    **Arguments:**

    - `module`: a layer, or a model with some in it. It stays as it is.

    **Returns:** a copy whose parameters and buffers are the very tensors of `module`: no memory
    is needed for them, and who trains one trains the other. `copy.deepcopy` separates the two.

    **Raises:** `OptionError` for a layer of a class derived from one of these, or with
    parametrizations: torch has no such class.
    """
    for name, layer in module.named_modules():
        if isinstance(layer, tuple(_PARENTS)) and type(layer) not in _PARENTS:
            where = f"the module {name!r}" if name else "the module"
            kind = next(own.__name__ for own in _PARENTS if isinstance(layer, own))
            raise OptionError(
                f"`to_torch`: {where} is a {type(layer).__name__}, derived from "
                f"throughtime.nn.{kind}; expected throughtime.nn.{kind} itself. Derive the class "
                f"from torch.nn.{kind}, or end its parametrizations, if it has some, with "
                "`torch.nn.utils.parametrize.remove_parametrizations`."
            )
    tensors = [*module.parameters(), *module.buffers()]
    copied = copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    for layer in copied.modules():  # these hold nothing that torch's do not
        layer.__class__ = _PARENTS.get(type(layer), type(layer))
    return copied


class RNN(torch.nn.RNN):
    """`torch.nn.RNN`, computed by throughtime."""

    forward = _forward_of(torch.nn.RNN)
    _weights_have_changed = _weights_have_changed
    to_torch = to_torch


class LSTM(torch.nn.LSTM):
    """`torch.nn.LSTM`, computed by throughtime."""

    forward = _forward_of(torch.nn.LSTM)
    _weights_have_changed = _weights_have_changed
    to_torch = to_torch


class GRU(torch.nn.GRU):
    """`torch.nn.GRU`, computed by throughtime."""

    forward = _forward_of(torch.nn.GRU)
    _weights_have_changed = _weights_have_changed
    to_torch = to_torch


class RNNCell(torch.nn.RNNCell):
    """`torch.nn.RNNCell`, computed by throughtime."""

    forward = _forward_of(torch.nn.RNNCell)
    to_torch = to_torch


class LSTMCell(torch.nn.LSTMCell):
    """`torch.nn.LSTMCell`, computed by throughtime."""

    forward = _forward_of(torch.nn.LSTMCell)
    to_torch = to_torch


class GRUCell(torch.nn.GRUCell):
    """`torch.nn.GRUCell`, computed by throughtime."""

    forward = _forward_of(torch.nn.GRUCell)
    to_torch = to_torch


_PARENTS: dict[type, Any] = {
    kind: kind.__base__ for kind in (RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell)
}

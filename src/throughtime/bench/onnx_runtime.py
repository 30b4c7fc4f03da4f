"""ONNX Runtime, for inference: its own RNN, GRU and LSTM on the same weights."""

from typing import Any

import numpy as np
import torch

from throughtime.bench.contestant import Contestant, Prepared
from throughtime.bench.task import Material, Task

ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""torch's gates (i f g o; r z n) in the order of ONNX (i o f c; z r h)."""


class OnnxRuntime(Contestant):
    """A graph of one node a layer; a GRU with its reset gate after the product."""

    name, title = "onnxruntime", "ONNX Runtime"
    packages = ("onnx", "onnxruntime")

    def runs(self, task: Task) -> bool:
        """Not in training, and in float32 only: its kernels have no other type."""
        return isinstance(task.cell, str) and not task.training and task.dtype == torch.float32

    def prepare(self, task: Task, material: Material) -> Prepared:
        import onnxruntime  # type: ignore

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            graph(task, material), options, providers=["CPUExecutionProvider"]
        )
        given = {"x": material.x.numpy()}
        if material.lengths is not None:
            given["lengths"] = material.lengths.numpy().astype(np.int32)
        values = {n: onnxruntime.OrtValue.ortvalue_from_numpy(v) for n, v in given.items()}
        return Prepared(
            lambda: session.run_with_ort_values(["y"], values),
            lambda result: {"y": result[0].numpy()},
        )


def graph(task: Task, material: Material) -> bytes:
    """The ONNX model: x `(T, B, I)`, and lengths `(B,)` if ragged, to y `(T, B, D * H)`."""
    from onnx import TensorProto, helper, numpy_helper  # type: ignore

    cell, directions = str(task.cell), 2 if task.both else 1
    T, B, inputs, hidden = task.shape
    nodes, constants, at = [], {}, "x"
    for k in range(task.layers):
        for onnx_name, value in _layer(task, material, k).items():
            constants[f"{onnx_name}{k}"] = value
        options: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
        nodes.append(
            helper.make_node(
                cell.upper(),
                [at, f"W{k}", f"R{k}", f"B{k}", *(["lengths"] if task.ragged else [])],
                [f"over{k}"],
                hidden_size=hidden,
                direction="bidirectional" if task.both else "forward",
                **options,
            )
        )
        above = "y" if k == task.layers - 1 else f"y{k}"
        if task.both:  # (T, D, B, H) -> (T, B, D * H)
            nodes.append(helper.make_node("Transpose", [f"over{k}"], [f"t{k}"], perm=[0, 2, 1, 3]))
            nodes.append(helper.make_node("Reshape", [f"t{k}", "flat"], [above]))
        else:
            nodes.append(helper.make_node("Squeeze", [f"over{k}", "direction"], [above]))
        at = above
    constants["flat" if task.both else "direction"] = np.array([0, 0, -1] if task.both else [1])
    arguments = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [T, B, inputs])]
    if task.ragged:
        arguments.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [B]))
    model = helper.make_model(
        helper.make_graph(
            nodes,
            cell,
            arguments,
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [T, B, directions * hidden])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return model.SerializeToString()


def _layer(task: Task, material: Material, layer: int) -> dict[str, np.ndarray]:
    """W `(D, G * H, I)`, R `(D, G * H, H)` and B `(D, 2 * G * H)` of one layer."""
    order = ORDER[str(task.cell)]

    def gates(name: str) -> np.ndarray:
        parts = np.split(material.weights[name].numpy(), len(order))
        return np.concatenate([parts[g] for g in order])

    weights: dict[str, list[np.ndarray]] = {"W": [], "R": [], "B": []}
    for direction in ("", "_reverse") if task.both else ("",):
        weights["W"].append(gates(f"weight_ih_l{layer}{direction}"))
        weights["R"].append(gates(f"weight_hh_l{layer}{direction}"))
        biases = [gates(f"bias_{of}_l{layer}{direction}") for of in ("ih", "hh")]
        weights["B"].append(np.concatenate(biases))
    return {name: np.stack(directions) for name, directions in weights.items()}

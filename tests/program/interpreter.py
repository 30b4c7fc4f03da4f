"""Programs run one node at a time, with torch functions named here: no engine is involved."""

import torch
import torch.nn.functional as F

from throughtime.program import Program

OPERATIONS = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "abs": torch.abs,
    "sign": torch.sign,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "elu": torch.ops.aten.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    # torch's own gradient holds 1/6 in float32
    "hardsigmoid": lambda x: torch.clamp(x + 3, 0, 6) / 6,
    "hardtanh": F.hardtanh,
    "clamp": torch.clamp,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "where": torch.where,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "eq": torch.eq,
    "ne": torch.ne,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "not": torch.logical_not,
}


def evaluate(node, args, like):
    """The value of a node that is neither a leaf nor a product."""
    if node.op not in ("add", "sub", "mul", "div", "pow"):
        args = [a if isinstance(a, torch.Tensor) else torch.full_like(like[:, :1], a) for a in args]
    if node.op in OPERATIONS:
        return OPERATIONS[node.op](*args, **node.attributes)
    if node.op == "mean":
        return args[0].mean(-1, keepdim=True)
    if node.op == "sum":
        return args[0].sum(-1, keepdim=True)
    if node.op == "variance":
        return args[0].var(-1, correction=node.attributes["correction"], keepdim=True)
    assert node.op == "expand"
    return args[0].expand(-1, node.width)


def forward(program: Program, parameters, x, states, randoms=None):
    """The value of each node, `(B, width)`, for one step."""
    values = []
    for node in program.nodes:
        given, args = node.attributes, [values[a] for a in node.args]
        if node.op == "input":
            value = x
        elif node.op == "state":
            value = states[given["name"]]
        elif node.op == "parameter":
            value = parameters[given["name"]].expand(len(x), node.width)
        elif node.op == "random":
            value = randoms[given["name"]]
        elif node.op == "constant":
            value = given["value"]
        elif node.op == "affine":
            # asks for its gradient, which is then there even where only noise enters
            value = torch.zeros(len(x), node.width, dtype=x.dtype, requires_grad=True)
            for weight, operand in zip(given["weights"], args, strict=True):
                value = value + operand @ parameters[weight].T
            if given["bias"]:
                value = value + parameters[f"{given['name']}_bias"]
        else:
            value = evaluate(node, args, x)
        if isinstance(value, torch.Tensor):
            assert value.shape == (len(x), node.width), node
        values.append(value)
    return values


def backward(adjoint: Program, parameters, saved, gradients):
    """The outputs of an adjoint for one step, from the values that `forward` gave."""
    values = []
    like = next(iter(gradients.values()))
    for node in adjoint.nodes:
        given, args = node.attributes, [values[a] for a in node.args]
        if node.op == "gradient":
            value = gradients[given["name"]]
        elif node.op == "saved":
            value = saved[given["node"]]
        elif node.op == "constant":
            value = given["value"]
        elif node.op == "transposed":
            value = sum(
                dz @ parameters[weight] for dz, weight in zip(args, given["weights"], strict=True)
            )
        else:
            value = evaluate(node, args, like)
        if isinstance(value, torch.Tensor):
            assert value.shape == (len(like), node.width), node
        values.append(value)
    return {name: values[i] for name, i in adjoint.outputs.items()}


def leaves(program: Program, batch: int, generator: torch.Generator):
    """Random parameters of a program, and a function that draws the noise of a step."""

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    parameters = {name: 0.7 * normal(*p.shape) for name, p in program.parameters.items()}

    def randoms():
        return {
            node.attributes["name"]: normal(batch, node.width)
            if node.attributes["distribution"] == "normal"
            else (normal(batch, node.width) > 0).double()
            for node in program.randoms
        }

    return parameters, randoms, normal

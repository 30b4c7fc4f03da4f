"""The stub describes the compiled module, so that a type checker knows what is there."""

import ast
import re
from pathlib import Path

import pytest

import throughtime

native = pytest.importorskip("throughtime._native", reason="built without a C++ compiler")
STUB = ast.parse((Path(throughtime.__file__).parent / "_native.pyi").read_text())


def in_stub():
    """Functions and methods by name, each with the names of its arguments."""
    functions = {}
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = arguments(node)
        elif isinstance(node, ast.ClassDef):
            methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
            functions |= {f"{node.name}.{m.name}": arguments(m) for m in methods}
    return functions


def arguments(node):
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args)]


def in_module():
    functions = {}
    for name, value in vars(native).items():
        if isinstance(value, type):
            methods = {n: m for n, m in vars(value).items() if hasattr(m, "__nb_signature__")}
            functions |= {f"{name}.{n}": signature(m) for n, m in methods.items()}
        elif hasattr(value, "__nb_signature__"):
            functions[name] = signature(value)
    return functions


def signature(function):
    text = function.__nb_signature__[0][0]
    inner = text[text.index("(") + 1 : text.rindex(") ->")]
    return ["self"] * inner.startswith("self") + re.findall(r"(\w+): ", inner)


def test_the_stub_has_what_the_module_has():
    stub, module = in_stub(), in_module()
    assert {*stub} == {*module}
    assert {node.name for node in STUB.body if isinstance(node, ast.ClassDef)} == {
        name for name, value in vars(native).items() if isinstance(value, type)
    }
    module["panel"] = ["is_double"]  # its one argument has no name in the module
    assert stub == module

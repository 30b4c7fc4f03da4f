"""A name with options on the command line: `lstm`, `GRU(reset="after")`, `flip_flop(bits=2)`."""

import ast
from typing import Any


def read(text: str) -> tuple[str, dict[str, Any]] | None:
    """The name and its options, which are plain values; None for a text of another form.

    Nothing in `text` is evaluated.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, {}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            return node.func.id, {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    return None

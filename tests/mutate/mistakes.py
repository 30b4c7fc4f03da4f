"""Small mistakes in the source of a Python file: each is one place written differently.

A mistake is found in the syntax tree and written into the text, so that the rest of the file
stays as it is. Annotations, docstrings, decorators and messages of errors are left alone.
"""

import ast
import difflib
from collections.abc import Iterator
from typing import NamedTuple

_SYMBOLS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*",
    ast.Pow: "*", ast.MatMult: "@ -", ast.BitAnd: "|", ast.BitOr: "&",
}  # fmt: skip
_NAMES = {
    "min": "max", "max": "min", "any": "all", "all": "any", "reversed": "iter", "sorted": "list",
    "clamp_min": "clamp_max", "zeros": "ones", "zeros_like": "ones_like", "ones": "zeros",
}  # fmt: skip
_NO_RESULT = ("strict", "maxsize")  # arguments that no result depends on
_NEEDED = ("items", "values", "keys")  # without these calls nothing runs


class Mistake(NamedTuple):
    """The characters `start` to `stop` of the text, replaced by `new`."""

    start: int
    stop: int
    new: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.stop :]

    def shown(self, text: str) -> str:
        """The changed lines, as a difference."""
        lines = difflib.unified_diff(
            text.splitlines(), self.applied(text).splitlines(), lineterm="", n=0
        )
        return "\n".join([*lines][2:])


def mistakes(text: str) -> list[Mistake]:
    """Every mistake that this module knows how to make in a text, in the order of the tree."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw = text.encode()

    def at(line: int, column: int) -> int:
        return len(raw[: starts[line - 1] + column].decode())

    def span(node: ast.AST) -> tuple[int, int]:
        return (
            at(node.lineno, node.col_offset),  # pyright: ignore
            at(node.end_lineno, node.end_col_offset),  # pyright: ignore
        )

    made: list[Mistake] = []
    for node in _code(ast.parse(text)):
        for start, stop, new in _of(node, span, text):
            mistake = Mistake(start, stop, new)
            if mistake not in made and _compiles(mistake.applied(text)):
                made.append(mistake)
    return made


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree whose change is a mistake in what the code does."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "exc", "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            passing = isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert)
            passing |= isinstance(child, ast.keyword) and child.arg in _NO_RESULT
            if isinstance(child, ast.AST) and not text and not passing:
                yield child
                yield from _code(child)


def _of(node: ast.AST, span, text: str) -> Iterator[tuple[int, int, str]]:
    """The mistakes of one node: where, and what is written there."""

    def old(part: ast.AST) -> str:
        start, stop = span(part)
        return text[start:stop]

    def between(left: ast.AST, right: ast.AST, symbols: dict[str, str]):
        """The operator between two operands, which the tree does not place."""
        start, stop = span(left)[1], span(right)[0]
        for symbol, new in symbols.items():
            if text[start:stop].strip(" ()\n") == symbol:
                first = text.index(symbol, start)
                yield first, first + len(symbol), new

    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
            yield from between(left, right, {_written(op): _SYMBOLS[type(op)]})
    elif isinstance(node, ast.BinOp) and type(node.op) in _SYMBOLS:
        yield from between(node.left, node.right, {_written(node.op): _SYMBOLS[type(node.op)]})
    elif isinstance(node, ast.BoolOp):
        symbols = {"and": "or"} if isinstance(node.op, ast.And) else {"or": "and"}
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from between(left, right, symbols)
        for part in node.values:  # and a condition left out
            start, stop = span(part)
            yield start, stop, str(isinstance(node.op, ast.And))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield *span(node), f"({old(node.operand)})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield *span(node), str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield *span(node), str(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield *span(node), f"{old(node)} * 1.5 + 0.1"
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        if not isinstance(node.test, ast.Compare | ast.UnaryOp):  # those have mistakes of their own
            yield *span(node.test), f"(not ({old(node.test)}))"
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield *span(condition), "True"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield):
        yield *span(node), "pass"
    elif isinstance(node, ast.Continue):
        yield *span(node), "break"
    elif isinstance(node, ast.Name) and node.id in _NAMES:
        yield *span(node), _NAMES[node.id]
    elif isinstance(node, ast.AugAssign):
        new = {"+=": "-=", "-=": "+=", "|=": "&=", "*=": "+="}
        yield from between(node.target, node.value, new)
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            start, stop = span(keyword)
            if keyword.arg in _NO_RESULT:
                continue
            while text[start - 1].isspace():
                start -= 1
            if text[start - 1] == ",":
                yield start - 1, stop, ""
        call = node.func
        if isinstance(call, ast.Attribute) and not node.keywords and not node.args:
            if call.attr not in _NEEDED:
                yield span(call.value)[1], span(node)[1], ""  # x.clone() becomes x


def _written(op: ast.AST) -> str:
    return {
        ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
        ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
        ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//",
        ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|",
    }[type(op)]  # fmt: skip


def _compiles(text: str) -> bool:
    try:
        compile(text, "mistake", "exec")
    except SyntaxError:
        return False
    return True

"""Reads equations in MathML as a person does, by what is seen, and computes their values.

Rows count for nothing, as they are not seen: where a bracket is missing, the value is another.
"""

import re
import xml.etree.ElementTree as ET
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

FUNCTIONS = {
    "σ": torch.sigmoid,
    "ReLU": torch.relu,
    "LeakyReLU": F.leaky_relu,
    "ELU": torch.ops.aten.elu,
    "GELU": F.gelu,
    "SiLU": F.silu,
    "softplus": F.softplus,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": F.hardtanh,
    "max": torch.maximum,
    "min": torch.minimum,
    "mean": lambda a: a.mean(-1, keepdim=True),
    "sum": lambda a: a.sum(-1, keepdim=True),
    "var": lambda a, correction=0.0: a.var(-1, correction=correction, keepdim=True),
    **{n: getattr(torch, n) for n in ("tanh", "exp", "log", "sin", "cos", "erf", "sign", "clamp")},
}
RELATIONS = {
    "<": torch.lt, "≤": torch.le, ">": torch.gt, "≥": torch.ge, "=": torch.eq, "≠": torch.ne,
    "∧": torch.logical_and, "∨": torch.logical_or,
}  # fmt: skip
APPLIED, TIMES = "\u2061", "\u2062"


class Weight(NamedTuple):
    """A matrix, which multiplies the one factor after it."""

    matrix: torch.Tensor


Known = dict[str, Any]


def tag(element) -> str:
    return element.tag.partition("}")[2]


def flat(*elements) -> list:
    """What is seen, in order: rows dissolve, as do the cells of a table."""
    pieces = []
    for e in elements:
        pieces += flat(*e) if tag(e) in ("mrow", "mtd") else [e]
    return pieces


def spelled(element) -> str:
    """All letters of a name: W with the subscripts keep and h is Wkeeph, x at t is xt."""
    return "".join(element.itertext()).replace(",", "")


def rows(text: str) -> list[tuple[str, str, list]]:
    """For each equation its left side, its sign, and what is seen on the right."""
    equations = []
    for row in ET.fromstring(text)[0]:
        left, sign, right = (flat(cell) for cell in row)
        equations.append((spelled(left[0]), sign[0].text or "", right))
    return equations


def values(text: str, known: Known) -> Known:
    """The value of every name, from those of the parameters, states and x."""
    known = dict(known)
    for left, sign, right in rows(text):
        if sign == "=":
            assert left not in known, f"{left} has two values"
            reader = Reader(right, known)
            known[left] = reader.anything()
            assert not reader.tokens, "something stands after the end"
    return known


class Reader:
    """Arithmetic by recursive descent over what is seen."""

    def __init__(self, tokens: list, known: Known) -> None:
        self.tokens, self.known = list(tokens), known

    def sign(self) -> str:
        """The operator that comes next, if one does."""
        token = self.tokens[0] if self.tokens else None
        return (token.text or "") if token is not None and tag(token) == "mo" else ""

    def take(self, sign: str) -> None:
        assert self.sign() == sign, (self.sign(), sign)
        self.tokens.pop(0)

    def inside(self, *elements) -> Any:
        reader = Reader(flat(*elements), self.known)
        value = reader.anything()
        assert not reader.tokens
        return value

    def anything(self) -> Any:
        if self.sign() == "{":
            return self.cases()
        value = self.sum()
        while self.sign() in RELATIONS:
            relation = RELATIONS[self.tokens.pop(0).text]
            value = relation(value, self.sum())
        return value

    def cases(self) -> Any:
        self.take("{")
        (then, condition), (otherwise, word) = self.tokens.pop(0)
        assert spelled(word) == "otherwise"
        first, *rest = flat(condition)
        assert spelled(first).strip() == "if"
        reader = Reader(rest, self.known)
        return torch.where(reader.anything(), self.inside(then), self.inside(otherwise))

    def sum(self) -> Any:
        minus = self.sign() == "−"
        if minus:
            self.take("−")
        value = -self.product() if minus else self.product()
        while self.sign() in ("+", "−"):
            minus = self.tokens.pop(0).text == "−"
            value = value - self.product() if minus else value + self.product()
        return value

    def product(self) -> Any:
        value = self.factor()
        while self.sign() in ("⊙", "·", TIMES):
            sign = self.tokens.pop(0).text
            other = self.factor()
            assert not isinstance(other, Weight), "a weight after another factor"
            if isinstance(value, Weight):
                assert sign == TIMES
                value = other @ value.matrix.T
            else:
                value = value * other
        return value

    def factor(self) -> Any:
        if self.sign() == "¬":
            self.take("¬")
            return torch.logical_not(self.factor())
        if self.sign() in ("(", "|"):
            left = self.tokens.pop(0).text
            value = self.anything()
            self.take({"(": ")", "|": "|"}[left])
            return value.abs() if left == "|" else value
        token = self.tokens.pop(0)
        if self.sign() == APPLIED:
            return self.function(token)
        if tag(token) == "mn":
            return torch.tensor(float(token.text), dtype=torch.float64)
        if tag(token) == "mfrac":
            above, below = map(self.inside, token)
            return above / below
        if tag(token) == "msqrt":
            return self.inside(*token).sqrt()
        if tag(token) == "msup" and tag(token[1]) != "mo":  # a prime belongs to a name
            base, exponent = map(self.inside, token)
            return base**exponent
        return self.known[spelled(token)]

    def function(self, token) -> Any:
        options = {}
        if tag(token) == "msub":
            for option in (token[1].text or "").split(", "):
                name, value = option.split(" = ")
                number = re.fullmatch(r"[-\d.e+]+", value)
                options[name.replace(" ", "_")] = float(value) if number else value
            token = token[0]
        self.take(APPLIED)
        self.take("(")
        arguments = [self.anything()]
        while self.sign() == ",":
            self.take(",")
            arguments.append(self.anything())
        self.take(")")
        return FUNCTIONS[token.text](*arguments, **options)

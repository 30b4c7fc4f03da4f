"""A cell's equations, typeset from its program: as MathML for a page, as LaTeX for a paper.

What is printed is what runs: the program is the one that the engines are given.
"""

import math
from itertools import groupby

from throughtime.errors import OptionError
from throughtime.program import Program
from throughtime.program.pointwise import POINTWISE
from throughtime.report import given
from throughtime.report.names import Name, Names
from throughtime.report.notation import LaTeX, MathML, Notation


def mathml(program: Program) -> str:
    """The equations of a cell as one `<math>` element: a row for each, aligned at its sign.

    Browsers show it as it is (MathML Core): it needs no script and no fonts of its own.

    **Arguments:** `program`: of a cell, such as `layer.directions[0][0].cell_program`, or
    `.program` to see zoneout and variational dropout too.

    **Raises:** `OptionError` for the adjoint of a cell.
    """
    given.program("mathml", program)
    return _typeset(program, MathML())


def latex(program: Program) -> str:
    """The same as LaTeX: an `aligned` environment, to stand between dollars.

    A notebook shows it with `IPython.display.Math(latex(program))`.
    """
    given.program("latex", program)
    return _typeset(program, LaTeX())


def _typeset(program: Program, notation: Notation) -> str:
    if not program.find("state"):
        raise OptionError(
            f"`report`: program is the adjoint of {program.cell}; expected the program of a cell. "
            "Give `cell.program(input_size, hidden_size)`."
        )
    names = Names(program)
    writer = _Writer(names, notation)
    rows = [
        (notation.name(left), "=", notation.name(r) if isinstance(r, Name) else writer.whole(r))
        for left, r in names.lines
    ]
    rows += [(notation.name(names.of[i]), "∼", writer.distribution(i)) for i in names.draws]
    return notation.table(rows)


# How tightly an expression holds together; one that is looser than its place wants gets brackets.
_ANY, _SUM, _PRODUCT, _FACTOR, _ATOM = range(5)

_RELATIONS = {
    "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "eq": "=", "ne": "≠", "and": "∧", "or": "∨",
}  # fmt: skip
_FUNCTIONS = {
    "sigmoid": "sigma", "relu": "ReLU", "leaky_relu": "LeakyReLU", "elu": "ELU", "gelu": "GELU",
    "silu": "SiLU", "maximum": "max", "minimum": "min", "variance": "var",
}  # fmt: skip

_Signed = tuple[bool, str]  # whether it is subtracted, and the rest


class _Writer:
    """The expressions of a program in some notation.

    Sums are written as signed terms, products as a number and factors, whatever the tree: so
    `a + -b` is a − b, and no bracket stands that order of evaluation alone would want.
    """

    def __init__(self, names: Names, notation: Notation) -> None:
        self.nodes, self.names, self.notation = names.nodes, names, notation

    def whole(self, i: int) -> str:
        """The expression of a node that has a line of its own."""
        return self._expression(i)[0]

    def distribution(self, i: int) -> str:
        """What noise or a mask is drawn from."""
        given, notation = self.nodes[i].attributes, self.notation
        if given["distribution"] == "normal":
            drawn = notation.function("N", "", [notation.number(0), notation.number(1)])
        else:
            drawn = notation.function("Bernoulli", "", [notation.number(given["probability"])])
        return notation.row(drawn, notation.text(f", anew for each unit and {given['scope']}"))

    def _at(self, i: int, place: int) -> str:
        if i in self.names.of:
            return self.notation.name(self.names.of[i])
        text, tightness = self._expression(i)
        return self.notation.fenced(text) if tightness < place else text

    def _expression(self, i: int) -> tuple[str, int]:
        node, notation = self.nodes[i], self.notation
        op, args = node.op, node.args
        if op in ("add", "sub", "neg", "affine"):
            return self._joined(self._terms(i)), _SUM
        if op in ("mul", "constant"):
            term = self._product(i)
            return self._joined([term]), _SUM if term[0] else _PRODUCT if op == "mul" else _ATOM
        if op == "div":
            return notation.fraction(*(self._at(a, _ANY) for a in args)), _FACTOR
        if op == "pow":
            return notation.power(self._at(args[0], _ATOM), self._at(args[1], _ANY)), _FACTOR
        if op == "sqrt":
            return notation.root(self._at(args[0], _ANY)), _ATOM
        if op == "abs":
            return notation.fenced(self._at(args[0], _ANY), "|", "|"), _ATOM
        if op == "not":
            return notation.row(notation.sign("¬"), self._at(args[0], _ATOM)), _FACTOR
        if op == "where":
            return notation.cases(*(self._at(a, _ANY) for a in args)), _ANY
        if op in _RELATIONS:
            left, right = (self._at(a, _SUM) for a in args)
            return notation.row(left, notation.sign(_RELATIONS[op]), right), _ANY
        inside = [self._at(a, _ANY) for a in args]
        return notation.function(_FUNCTIONS.get(op, op), self._options(i), inside), _FACTOR

    def _terms(self, i: int) -> list[_Signed]:
        """A sum as its terms."""
        node, notation = self.nodes[i], self.notation
        if node.op == "add":
            return [term for a in node.args for term in self._inner_terms(a)]
        if node.op in ("sub", "neg"):
            minus, text = self._term(node.args[-1])
            return [*(t for a in node.args[:-1] for t in self._inner_terms(a)), (not minus, text)]
        given, called = node.attributes, self.names.parameters
        terms = [
            (False, notation.row(notation.name(called[w]), notation.sign("times"), operand))
            for w, a in zip(given["weights"], node.args, strict=True)
            for operand in [self._at(a, _FACTOR)]
        ]
        bias = called.get(f"{given['name']}_bias")
        return [*terms, *([] if bias is None else [(False, notation.name(bias))])]

    def _inner_terms(self, i: int) -> list[_Signed]:
        named = i in self.names.of
        sums = self.nodes[i].op in ("add", "sub", "neg", "affine")
        return self._terms(i) if sums and not named else [self._term(i)]

    def _term(self, i: int) -> _Signed:
        """One term of a sum, its sign apart."""
        if i not in self.names.of and self.nodes[i].op in ("mul", "neg", "constant"):
            return self._product(i)
        return False, self._at(i, _PRODUCT)

    def _product(self, i: int) -> _Signed:
        number, factors = self._factors(i, inside=False)
        text, before = [], None
        if abs(number) != 1 or not factors:
            text.append(self.notation.number(abs(number)))
        for f, same in groupby(factors):
            power = len([*same])
            if text:
                wide = before is not None and min(self.nodes[k].width for k in (f, before)) > 1
                times = before is None and self.nodes[f].op != "pow"
                text.append(self.notation.sign("⊙" if wide else "times" if times else "·"))
            factor = self._at(f, _FACTOR if power == 1 else _ATOM)
            exponent = self.notation.number(power)
            text.append(factor if power == 1 else self.notation.power(factor, exponent))
            before = f
        return number < 0, self.notation.row(*text)

    def _factors(self, i: int, inside: bool = True) -> tuple[float, list[int]]:
        """A product as a number and the nodes that it multiplies."""
        node = self.nodes[i]
        if node.op not in ("mul", "neg", "constant") or (inside and i in self.names.of):
            return 1.0, [i]
        if node.op == "constant":
            return node.attributes["value"], []
        numbers, factors = zip(*(self._factors(a) for a in node.args), strict=True)
        sign = -1.0 if node.op == "neg" else 1.0
        return sign * math.prod(numbers), [f for some in factors for f in some]

    def _joined(self, terms: list[_Signed]) -> str:
        (minus, first), *others = terms
        parts = [self.notation.sign("−"), first] if minus else [first]
        for minus, term in others:
            parts += [self.notation.sign("−" if minus else "+"), term]
        return self.notation.row(*parts)

    def _options(self, i: int) -> str:
        """The options of a function that are not the usual ones."""
        op, given = self.nodes[i].op, self.nodes[i].attributes
        usual = POINTWISE[op].attributes if op in POINTWISE else {"correction": 0.0}
        return ", ".join(
            f"{name.replace('_', ' ')} = {value if isinstance(value, str) else f'{value:.4g}'}"
            for name, value in given.items()
            # beyond the threshold of softplus only the last digits differ
            if value is not None and value != usual.get(name) and name != "threshold"
        )

"""Random recipes: 1 to 4 states of unlike widths, and what may be written of them."""

from collections.abc import Sequence
from random import Random

from fuzz import vocabulary as say
from fuzz.recipe import Line, Recipe

NAMES = ("h", "C", "n", "m")
# how often each kind of line is drawn
KINDS = {"one": 4, "two": 4, "three": 1, "affine": 5, "compare": 2, "choose": 3, "reduce": 1,
         "norm": 0.7, "parameter": 1.2, "random": 1.2}  # fmt: skip


class _Writer:
    """Lines so far, and what is there to write the next one of."""

    def __init__(self, rng: Random, sizes: dict[str, int], states: dict[str, str]) -> None:
        self.rng, self.sizes = rng, sizes
        self.lines: list[Line] = []
        self.read: set[str] = set()  # the names of what some line is made of
        self.there = {"x": Line("x", "", (), "x")}
        self.there |= {name: Line(name, "", (), size) for name, size in states.items()}

    def add(self, form: str, args: tuple[Line, ...], size: str, condition: bool = False) -> Line:
        line = Line(f"v{len(self.lines)}", form, tuple(a.name for a in args), size, condition)
        self.lines.append(line)
        self.read.update(line.args)
        self.there[line.name] = line
        return line

    def any(self, size: str | None = None, condition: bool | None = False) -> Line | None:
        """Mostly what is new or was not read yet, so that programs are deep as well as wide and
        little of them is for nothing; one of width 1 fits."""
        found = [
            line
            for line in self.there.values()
            if condition in (None, line.condition) and size in (None, line.size, _one(line, size))
        ]
        if not found:
            return None
        how = self.rng.random()
        unread = [line for line in found if line.name not in self.read]
        return self.rng.choice(
            unread if unread and how < 0.4 else found[-4:] if how < 0.7 else found
        )

    def row(self, size: str | None = None) -> Line:
        """A row of some width, or of this one; there is always x, or a new parameter."""
        found = self.any(size)
        return self.parameter(size) if found is None else found

    def other(self, a: Line) -> Line:
        """A row that fits another one, and is now and then the same."""
        for _ in range(3):
            b = self.row(a.size)
            if b.name != a.name or self.rng.random() < 0.1:
                return b
        return self.affine(a.size) if a.size != "x" else self.parameter(a.size)

    def parameter(self, size: str | None = None) -> Line:
        return self.add('parameter("{name}", {size})', (), size or self.size())

    def size(self) -> str:
        return self.rng.choice([size for size in self.sizes if size != "x"])

    def affine(self, size: str, names: Sequence[str] = ()) -> Line:
        """Of these, if there are any; a condition counts as a number."""
        operands = [self.there[name] for name in names]
        while not operands or (not names and self.rng.random() < 0.5 and len(operands) < 3):
            found = self.any(condition=self.rng.choice((False, False, False, None)))
            operands.append(found or self.there["x"])
        places = ", ".join(f"{{{k}}}" for k in range(len(operands)))
        bias = "" if self.rng.random() < 0.7 else ", bias=False"
        form = f'affine("{{name}}", {places}, size={{size}}{bias})'
        return self.add(form, tuple(operands), size)

    def condition(self, size: str | None = None) -> Line:
        found = self.any(size, condition=True)
        if found is None or self.rng.random() < 0.3:
            found = self.compare(self.row(size))
        return found

    def compare(self, a: Line) -> Line:
        if a.form.startswith("mask"):
            return self.add(self.rng.choice(say.EXACT), (a,), a.size, True)
        if self.rng.random() < 0.5:
            return self.add(self.rng.choice(say.COMPARED), (a,), a.size, True)
        b = self.other(a)
        return self.add(self.rng.choice(say.COMPARED_TWO), (a, b), a.size, True)

    def write(self, kind: str) -> Line:
        choice = self.rng.choice
        if kind == "one":
            a = self.row()
            return self.add(choice(say.ONE), (a,), a.size)
        if kind in ("two", "three"):
            a = self.row()
            rest = [self.other(a) for _ in range(1 if kind == "two" else 2)]
            return self.add(choice(say.TWO if kind == "two" else say.THREE), (a, *rest), a.size)
        if kind == "affine":
            z = self.affine(self.size())
            return z if self.rng.random() < 0.3 else self.add(choice(say.GATES), (z,), z.size)
        if kind == "compare":
            a = self.compare(self.row())
            how = self.rng.random()
            if how < 0.2:
                return self.add(choice(say.NOT), (a,), a.size, True)
            if how < 0.6:
                return self.add(choice(say.BOTH), (a, self.condition(a.size)), a.size, True)
            return a
        if kind == "choose":
            a = self.row()
            c, how = self.condition(a.size), self.rng.random()
            if how < 0.5:
                return self.add(choice(say.CHOSEN), (c, a, self.other(a)), a.size)
            if how < 0.85:
                return self.add(choice(say.CHOSEN_ONE), (c, a), a.size)
            return self.add(choice(say.CHOSEN_NUMBERS), (c,), c.size)
        if kind == "reduce":
            return self.add(choice(say.REDUCTIONS), (self.row(),), "one")
        if kind == "norm":
            a = self.row()
            if self.rng.random() < 0.5:
                return self.add(say.NORMS[0], (a,), a.size)
            gain, shift = self.parameter(a.size), self.parameter(a.size)
            return self.add(say.NORMS[1], (a, gain, shift), a.size)
        if kind == "parameter":
            return self.parameter()
        drawn = self.add(choice(say.RANDOM), (), self.size())
        return self.compare(drawn) if self.rng.random() < 0.4 else drawn

    def new(self, size: str) -> str:
        """The new value of a state of this width."""
        how = self.rng.random()
        if how < 0.05:
            return self.rng.choice(say.NUMBERS)
        found = self.any(size, condition=None)
        if found is None or how < 0.4:
            found = self.affine(size, [n for n in self.there if n not in self.read][-4:])
        if found.condition or how > 0.75:
            return found.name
        return self.add(self.rng.choice(say.GATES), (found,), found.size).name


def _one(line: Line, size: str | None) -> str | None:
    return size if line.size == "one" else None


def random_recipe(rng: Random, wide: bool = False) -> Recipe:
    """A recipe; with `wide` x is so wide that it is read ahead of the loop."""
    small = (1, 1, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17)
    sizes = {"one": 1, "x": rng.choice((64, 65, 130)) if wide else rng.choice(small)}
    states = {}
    for name in NAMES[: rng.choice((1, 1, 2, 2, 3, 4))]:
        if states and rng.random() < 0.3:
            states[name] = rng.choice([*states.values()])
        else:
            sizes[name] = rng.choice((33, 65, 70)) if rng.random() < 0.04 else rng.choice(small)
            states[name] = name
    if rng.random() < 0.5:
        sizes["inner"] = rng.choice(small)
    writer = _Writer(rng, sizes, states)
    for _ in range(rng.choice((1, 2, 3, 4, 6, 8, 10, 13))):
        writer.write(rng.choices([*KINDS], [*KINDS.values()])[0])
    new = tuple(writer.new(size) for size in states.values())
    # now and then what no new state is made of stays: its parameters are declared all the same
    recipe = Recipe(sizes, states, tuple(writer.lines), new)
    return recipe if rng.random() < 0.15 else recipe.used()

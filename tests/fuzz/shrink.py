"""A failing case made as small as it gets while it still fails in the same way."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, replace

from fuzz.case import Case
from fuzz.check import Failure, check
from fuzz.recipe import Line, Recipe


def shrink(case: Case, failure: Failure, tries: int = 800) -> tuple[Case, Failure]:
    """The smallest case found in so many tries, and what is wrong with it."""
    tried: set[str] = set()
    progress = True
    while progress:
        progress = False
        for changes in (_plainer, _shorter, _narrower):
            while (found := _first(changes(case), failure, tried, tries)) is not None:
                (case, failure), progress = found, True
    return case, failure


def _first(
    cases: Iterator[Case], failure: Failure, tried: set[str], tries: int
) -> tuple[Case, Failure] | None:
    """The first of these that fails in the same way and was not tried before."""
    for case in cases:
        if len(tried) >= tries:
            return None
        if (written := case.script(None)) not in tried:
            tried.add(written)
            try:
                found = check(case, (failure.engine,)).failures
            except Exception:  # a change that makes no cell is no smaller case
                continue
            for other in found:
                if failure.same_kind(other):
                    return case, other
    return None


def _plainer(case: Case) -> Iterator[Case]:
    """Fewer options: all at once, then each."""
    plain = {f.name: f.default for f in fields(Case)
             if f.default is not MISSING and f.name not in ("T", "B", "seed", "reads")}  # fmt: skip
    for options in (plain, *({name: value} for name, value in plain.items())):
        changed = replace(case, **options)
        yield _readable(changed)
    if case.reads != ("y",):
        yield replace(case, reads=("y",))
    for k in range(len(case.reads)):
        if len(case.reads) > 1:
            yield replace(case, reads=case.reads[:k] + case.reads[k + 1 :])


def _readable(case: Case) -> Case:
    """A loss of what there still is."""
    outputs = case.outputs()
    return replace(case, reads=tuple(r for r in case.reads if r in outputs) or ("y",))


def _shorter(case: Case) -> Iterator[Case]:
    """Fewer states, lines and operands, and simpler operations."""
    for recipe in _recipes(case.recipe):
        yield _readable(replace(case, recipe=recipe))


def _narrower(case: Case) -> Iterator[Case]:
    """Fewer steps, rows and units."""
    for name in ("T", "B"):
        for less in _less(getattr(case, name)):
            found = replace(case, **{name: less})
            if case.lengths is not None:
                lengths = case.lengths[: found.B]
                found = replace(found, lengths=tuple(min(n, found.T) for n in lengths))
            yield found
    for name, size in case.recipe.sizes.items():
        for less in _less(size):
            sizes = {**case.recipe.sizes, name: less}
            yield replace(case, recipe=replace(case.recipe, sizes=sizes))


def _less(size: int) -> list[int]:
    return [n for n in sorted({1, size // 2, size - 1}) if 1 <= n < size]


def _recipes(recipe: Recipe) -> Iterator[Recipe]:
    if (used := recipe.used()) != recipe:
        yield used
    lines = {line.name: line for line in recipe.lines}
    sizes = {line.name: line.size for line in recipe.lines} | {"x": "x"} | dict(recipe.states)
    # a state less
    for k, name in enumerate(recipe.states):
        if len(recipe.states) > 1:
            rest = {n: s for n, s in recipe.states.items() if n != name}
            new = recipe.new[:k] + recipe.new[k + 1 :]
            for other in ("x", *rest):
                changed = _replaced(recipe, name, other)
                yield replace(changed, states=rest, new=tuple(
                    other if n == name else n for n in new)).used()  # fmt: skip
    # a line less: what it is made of, or a state or x, in its place
    for name in reversed(lines):
        line = lines[name]
        for other in (*line.args, *recipe.states, "x"):
            is_condition = other in lines and lines[other].condition
            fits = sizes.get(other) in (line.size, "one")
            if other != name and fits and is_condition == line.condition:
                yield _replaced(recipe, name, other).used()
    for k, (name, size) in enumerate(recipe.states.items()):
        for other in (name, "x"):
            if recipe.new[k] != other and sizes[other] in (size, "one"):
                yield replace(recipe, new=recipe.new[:k] + (other,) + recipe.new[k + 1 :]).used()
    # an operand less of an affine map, and simpler operations
    for i, line in enumerate(recipe.lines):
        if line.form.startswith("affine") and len(line.args) > 1:
            for k in range(len(line.args)):
                args = line.args[:k] + line.args[k + 1 :]
                places = ", ".join(f"{{{j}}}" for j in range(len(args)))
                bias = ", bias=False" if "bias" in line.form else ""
                form = f'affine("{{name}}", {places}, size={{size}}{bias})'
                yield _with_line(recipe, i, replace(line, form=form, args=args))
        elif len(line.args) == 1 and not line.condition and line.size != "one":
            if line.form not in ("torch.tanh({0})", "-{0}") and "affine" not in line.form:
                yield _with_line(recipe, i, replace(line, form="torch.tanh({0})"))
        elif len(line.args) == 2 and not line.condition and line.form not in _PLAIN:
            conditions = [a for a in line.args if a in lines and lines[a].condition]
            if not conditions and "affine" not in line.form:
                for form in _PLAIN:
                    yield _with_line(recipe, i, replace(line, form=form))


_PLAIN = ("{0} + {1}", "{0} * {1}")


def _with_line(recipe: Recipe, i: int, line: Line) -> Recipe:
    return replace(recipe, lines=recipe.lines[:i] + (line,) + recipe.lines[i + 1 :]).used()


def _replaced(recipe: Recipe, name: str, other: str) -> Recipe:
    """Everything that reads a line or state reads another one instead."""
    lines = tuple(replace(line, args=tuple(other if a == name else a for a in line.args))
                  for line in recipe.lines if line.name != name)  # fmt: skip
    return replace(recipe, lines=lines, new=tuple(other if n == name else n for n in recipe.new))

"""A failing case made as small as it gets while it still fails in the same way."""

import time
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace

from fuzz.case import Case
from fuzz.check import Failure, check
from fuzz.recipe import Recipe


def shrink(case: Case, failure: Failure, seconds: float = 20.0) -> tuple[Case, Failure]:
    """The smallest case found, and what is wrong with it."""
    ends = time.monotonic() + seconds
    progress = True
    while progress and time.monotonic() < ends:
        progress = False
        for smaller in _smaller(case):
            if time.monotonic() > ends:
                break
            if (found := _fails(smaller, failure)) is not None:
                case, failure, progress = smaller, found, True
                break
    return case, failure


def _fails(case: Case, failure: Failure) -> Failure | None:
    try:
        found = check(case, (failure.engine,)).failures
    except Exception:  # a change that makes no cell is no smaller case
        return None
    return next((f for f in found if failure.same_kind(f)), None)


def _smaller(case: Case) -> Iterator[Case]:
    """Cases that are a little smaller, the largest steps first."""
    for field in fields(Case):
        plain = field.default
        if plain is not MISSING and getattr(case, field.name) != plain and field.name != "seed":
            if field.name in ("T", "B"):
                continue
            if field.name == "reads":
                continue
            found = replace(case, **{field.name: plain})
            if found.layers < case.layers or found.directions < case.directions:
                kept = tuple(r for r in case.reads if r in found.outputs())
                found = replace(found, reads=kept or ("y",))
            yield found
    for recipe in _recipes(case.recipe):
        if {*recipe.states} != {*case.recipe.states}:
            kept = tuple(r for r in case.reads if r in replace(case, recipe=recipe).outputs())
            yield replace(case, recipe=recipe, reads=kept or ("y",))
        else:
            yield replace(case, recipe=recipe)
    for k in range(len(case.reads)):
        if len(case.reads) > 1:
            yield replace(case, reads=case.reads[:k] + case.reads[k + 1 :])
    if case.reads != ("y",):
        yield replace(case, reads=("y",))
    for name in ("T", "B"):
        size = getattr(case, name)
        for less in sorted({1, size // 2, size - 1}):
            if 1 <= less < size:
                found = replace(case, **{name: less})
                if case.lengths is not None:
                    lengths = case.lengths[:less] if name == "B" else case.lengths
                    found = replace(found, lengths=tuple(min(n, found.T) for n in lengths))
                yield found


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
    for name, size in recipe.sizes.items():
        for less in sorted({1, size // 2, size - 1}):
            if 1 <= less < size:
                yield replace(recipe, sizes={**recipe.sizes, name: less})


_PLAIN = ("{0} + {1}", "{0} * {1}")


def _with_line(recipe: Recipe, i: int, line) -> Recipe:
    return replace(recipe, lines=recipe.lines[:i] + (line,) + recipe.lines[i + 1 :]).used()


def _replaced(recipe: Recipe, name: str, other: str) -> Recipe:
    """Everything that reads a line or state reads another one instead."""
    lines = tuple(replace(line, args=tuple(other if a == name else a for a in line.args))
                  for line in recipe.lines if line.name != name)  # fmt: skip
    return replace(recipe, lines=lines, new=tuple(other if n == name else n for n in recipe.new))

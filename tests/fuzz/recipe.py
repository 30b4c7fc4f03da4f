"""A recipe: the equations of a random cell, small enough to read, change and write as a class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Line:
    """One line of `step`.

    - `form`: its right side, with `{0}`, `{1}` for `args`, `{name}` for its name and `{size}` for
      its width.
    - `args`: names of earlier lines, of x or of states.
    - `size`: the name of its width, see `Recipe.sizes`.
    - `condition`: whether it is true or false rather than a number.
    """

    name: str
    form: str
    args: tuple[str, ...]
    size: str
    condition: bool = False

    def written(self, sizes: Mapping[str, int]) -> str:
        return self.form.format(*self.args, name=self.name, size=sizes[self.size])


@dataclass(frozen=True)
class Recipe:
    """The equations of a cell.

    - `sizes`: widths by name; that of x is `x`, and `one` is 1.
    - `states`: the name of the width of each state, by the name of the state.
    - `new`: for each state the name of its new value, or a number as text.
    """

    sizes: Mapping[str, int]
    states: Mapping[str, str]
    lines: tuple[Line, ...]
    new: tuple[str, ...]

    @property
    def widths(self) -> dict[str, int]:
        """Of each state."""
        return {name: self.sizes[size] for name, size in self.states.items()}

    def used(self) -> "Recipe":
        """Without the lines that no new state is made of."""
        wanted = {*self.new}
        kept = []
        for line in reversed(self.lines):
            if line.name in wanted:
                wanted.update(line.args)
                kept.append(line)
        return replace(self, lines=tuple(reversed(kept)))

    def cell(self) -> str:
        """The class, as a person writes it."""
        body = [f"{line.name} = {line.written(self.sizes)}" for line in self.lines]
        body.append(f"return {', '.join(self.new)}")
        return "\n".join(
            [
                "class Found(Cell):",
                f"    states = {self.widths}",
                "",
                f"    def step(self, x, {', '.join(self.states)}):",
                *(f"        {line}" for line in body),
            ]
        )

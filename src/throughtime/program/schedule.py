"""In which order a program runs over time: what is hoisted out of the loop, and its levels.

Everything that depends on the input and the parameters alone runs ahead of the loop, over
all steps at once. Inside it, a level is the set of products whose operands are ready, then
the pointwise work that they make possible. Affine maps with the same operands form a block:
neighbouring columns of one packed matrix.
"""

from dataclasses import dataclass

from throughtime.program.graph import DECLARED, Node
from throughtime.program.structure import Structure

AHEAD = -1  # the level of what does not wait for the loop


@dataclass(frozen=True)
class Product:
    """All weights that meet one operand, stacked: shape `(sum of sizes, operand width)`."""

    operand: int
    weights: tuple[str, ...]
    level: int


@dataclass(frozen=True)
class Block:
    """Neighbouring affine maps with the same operands.

    - `columns`: theirs among the packed columns of all affine maps.
    - `rows`: for each product, which of its rows they are.
    """

    affines: tuple[int, ...]
    columns: slice
    rows: tuple[tuple[int, slice], ...]
    level: int


@dataclass(frozen=True)
class Level:
    """Products, then the blocks they complete, then other nodes, in order."""

    products: tuple[int, ...]
    blocks: tuple[int, ...]
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """`ahead` runs once for all steps, `levels` at each step.

    - `timeless`: nodes without a time axis (vectors, constants, fixed masks and what is made
      of them).
    - `given`: vectors, noise and masks, which nothing has to compute.
    - `biases`: for each affine map in order, the name of its bias or its size without one.
    """

    products: tuple[Product, ...]
    blocks: tuple[Block, ...]
    ahead: Level
    levels: tuple[Level, ...]
    timeless: frozenset[int]
    given: tuple[int, ...]
    biases: tuple[str | int, ...]

    @property
    def recurrent(self) -> tuple[int, ...]:
        """The products inside the loop."""
        return tuple(k for k, p in enumerate(self.products) if p.level != AHEAD)


def node_levels(nodes: tuple[Node, ...], hoist: bool = True) -> list[int]:
    """For each node how many products lie between it and the start of the step.

    `hoist`: whether what depends on the input alone waits for no step.
    """
    levels: list[int] = []
    for node in nodes:
        if node.op in ("state", "gradient") or (node.op == "input" and not hoist):
            level = 0
        else:
            level = max((levels[a] for a in node.args), default=AHEAD)
        product = node.op in ("affine", "transposed") and level != AHEAD
        levels.append(level + product)
    return levels


def schedule(program: Structure, hoist: bool = True) -> Schedule:
    """The schedule of a program; with `hoist` what depends on the input alone runs ahead."""
    nodes = program.nodes
    level, order = node_levels(nodes, hoist), node_levels(nodes)
    timeless: set[int] = set()
    for i, node in enumerate(nodes):
        leaf = node.op in ("parameter", "constant") or node.attributes.get("scope") == "sequence"
        if leaf or (node.args and node.op != "affine" and timeless.issuperset(node.args)):
            timeless.add(i)

    # (operand, how often the same map has used it already) -> [(map, weight)]
    meets: dict[tuple[int, int], list[tuple[int, str]]] = {}
    for a in program.affines:
        args, weights = nodes[a].args, nodes[a].attributes["weights"]
        for k, (operand, weight) in enumerate(zip(args, weights, strict=True)):
            meets.setdefault((operand, args[:k].count(operand)), []).append((a, weight))
    keys = sorted(meets, key=lambda key: (_ready(order[key[0]]), key))
    products = tuple(
        Product(key[0], tuple(w for _, w in meets[key]), _ready(level[key[0]])) for key in keys
    )

    groups: list[list[int]] = []
    for a in program.affines:
        if groups and sorted(nodes[groups[-1][-1]].args) == sorted(nodes[a].args):
            groups[-1].append(a)
        else:
            groups.append([a])
    blocks, column = [], 0
    for group in groups:
        size = sum(nodes[a].width for a in group)
        rows = []
        for k, key in enumerate(keys):
            members = [a for a, _ in meets[key]]
            if group[0] in members:
                start = sum(nodes[a].width for a in members[: members.index(group[0])])
                rows.append((k, slice(start, start + size)))
        columns = slice(column, column + size)
        blocks.append(Block(tuple(group), columns, tuple(rows), level[group[0]]))
        column += size

    def at(wanted: int) -> Level:
        return Level(
            tuple(k for k, p in enumerate(products) if p.level == wanted),
            tuple(k for k, b in enumerate(blocks) if b.level == wanted),
            tuple(i for i, n in enumerate(nodes) if level[i] == wanted and n.op not in DECLARED),
        )

    return Schedule(
        products,
        tuple(blocks),
        at(AHEAD),
        tuple(at(k) for k in range(max(level, default=AHEAD) + 1)),
        frozenset(timeless),
        tuple(i for i, node in enumerate(nodes) if node.op in ("parameter", "random")),
        tuple(
            f"{nodes[a].attributes['name']}_bias" if nodes[a].attributes["bias"] else nodes[a].width
            for a in program.affines
        ),
    )


def _ready(level: int) -> int:
    return level if level == AHEAD else level + 1

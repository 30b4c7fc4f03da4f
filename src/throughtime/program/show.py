"""How a program prints, so that a person can check it.

The equations come back with the names the cell gave them: a value that has no name of its
own and is used once is written inside the expression that uses it.
"""

from throughtime.program.graph import LEAVES, PRODUCTS, REDUCTIONS
from throughtime.program.schedule import AHEAD, node_levels, schedule
from throughtime.program.structure import Structure

_INFIX = {
    "add": ("+", 1),
    "sub": ("-", 1),
    "mul": ("*", 2),
    "div": ("/", 2),
    "pow": ("**", 4),
    "lt": ("<", 0),
    "le": ("<=", 0),
    "gt": (">", 0),
    "ge": (">=", 0),
    "eq": ("==", 0),
    "ne": ("!=", 0),
}


def assignments(program: Structure) -> list[tuple[int, str, str]]:
    """(level, name, expression) of each value that gets a line, in order; level -1 is ahead."""
    nodes, levels = program.nodes, node_levels(program.nodes)
    uses = [0] * len(nodes)
    for node in nodes:
        for a in node.args:
            uses[a] += 1
    taken: set[str] = {"x", *program.states}
    names: dict[int, str] = {}
    lines: list[tuple[int, str, str]] = []

    def name(i: int) -> str:
        wanted = nodes[i].name or nodes[i].attributes.get("name") or f"v{i}"
        while wanted in taken:
            wanted += "_"
        taken.add(wanted)
        return wanted

    def text(i: int, binding: int = 0) -> str:
        if i in names:
            return f"({names[i]})" if binding > 4 and names[i].startswith("-") else names[i]
        node = nodes[i]
        if node.op in _INFIX:
            sign, power = _INFIX[node.op]
            left = power + (power in (0, 4))
            right = power + (node.op in ("sub", "div") or power == 0)
            inner = f"{text(node.args[0], left)} {sign} {text(node.args[1], right)}"
            return f"({inner})" if power < binding else inner
        if node.op == "neg":
            inner = f"-{text(node.args[0], 3)}"
            return f"({inner})" if binding > 3 else inner
        if node.op == "transposed":
            pairs = zip(node.attributes["weights"], node.args, strict=True)
            return " + ".join(f"{w}ᵀ·{text(a, 3)}" for w, a in pairs)
        if node.op == "affine":
            pairs = zip(node.attributes["weights"], node.args, strict=True)
            terms = [f"{w}·{text(a, 3)}" for w, a in pairs]
            bias = [f"{node.attributes['name']}_bias"] * node.attributes["bias"]
            inner = " + ".join(terms + bias)
            return f"({inner})" if binding > 1 and len(terms + bias) > 1 else inner
        options = [f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}"
                   for k, v in node.attributes.items() if v is not None]  # fmt: skip
        return f"{node.op}({', '.join([text(a) for a in node.args] + options)})"

    for i, node in enumerate(nodes):
        if node.op == "input":
            names[i] = "x"
        elif node.op in ("state", "parameter", "random"):
            names[i] = node.attributes["name"]
        elif node.op == "saved":
            names[i] = f"saved{node.attributes['node']}"
        elif node.op == "gradient":
            names[i] = f"d{node.attributes['name']}'"
        elif node.op == "constant":
            names[i] = f"{node.attributes['value']:g}"
        elif node.op in PRODUCTS + REDUCTIONS and i not in program.outputs.values():
            # a product always has its line; the map `keep` is `keep_z`, as the gate is `keep`
            line = text(i)
            names[i] = name(i) if node.op != "affine" else f"{node.attributes['name']}_z"
            lines.append((levels[i], names[i], line))
        elif (uses[i] > 1 or node.name) and i not in program.outputs.values():
            line = text(i)
            names[i] = name(i)
            lines.append((levels[i], names[i], line))
        for output, k in program.outputs.items():
            if k == i:
                mark = f"{output}'" if output in program.states else output
                lines.append((levels[i], mark, text(i)))
                if node.op not in LEAVES:
                    names[i] = mark
    return lines


def show(program: Structure) -> str:
    """The whole program: sizes, what runs ahead of the loop, and each level."""
    widths = ", ".join(f"{n} {w}" for n, w in program.states.items())
    count = sum(_size(p.shape) for p in program.parameters.values())
    lines = [f"{program.cell}: input x {program.input_size}; states {widths}; {count:,} parameters"]
    rows = assignments(program)
    products = schedule(program).products
    for level in sorted({level for level, _, _ in rows} | {p.level for p in products}):
        title = "ahead of the loop, all steps at once" if level == AHEAD else f"level {level}"
        lines.append(f"  {title}")
        for p in products:
            if p.level == level:
                size = sum(program.parameters[w].shape[0] for w in p.weights)
                width = program.nodes[p.operand].width
                lines.append(f"    one product ({size}, {width}): {' '.join(p.weights)}")
        lines += [f"    {name} = {text}" for at, name, text in rows if at == level]
    return "\n".join(lines)


def _size(shape: tuple[int, ...]) -> int:
    return shape[0] * (shape[1] if len(shape) == 2 else 1)

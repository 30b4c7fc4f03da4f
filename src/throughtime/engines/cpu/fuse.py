"""Pointwise nodes that one instruction computes together."""

from collections import Counter

from throughtime.program.graph import Node


def fuse(
    nodes: tuple[Node, ...], private: set[int]
) -> tuple[dict[int, tuple[str, tuple[int, ...]]], set[int]]:
    """Nodes that one instruction computes together with nodes that only they use.

    **Returns:** for each such node its instruction and operands; the nodes it absorbs.
    Only `private` nodes can be: those of the loop that nothing outside it needs.
    """
    uses = Counter(a for node in nodes for a in node.args)
    fused: dict[int, tuple[str, tuple[int, ...]]] = {}
    absorbed: set[int] = set()

    def inner(i: int, op: str, width: int) -> bool:
        own = i in private and uses[i] == 1 and i not in fused
        return own and nodes[i].op == op and nodes[i].width == width

    def one_minus(i: int) -> int | None:
        """b, where node i is 1 - b of the same width."""
        if nodes[i].op != "sub" or nodes[nodes[i].args[0]].op != "constant":
            return None
        one, b = nodes[i].args
        same = nodes[one].attributes["value"] == 1 and nodes[b].width == nodes[i].width
        return b if same else None

    for i, node in enumerate(nodes):
        if node.op == "mul":
            for g, k in (node.args, node.args[::-1]):
                b = one_minus(k)
                if b is not None and inner(k, "sub", node.width) and inner(b, "mul", node.width):
                    y, again = nodes[b].args
                    if y == again:
                        fused[i] = ("tanh_slope", (g, y))
                        absorbed |= {k, b}
                        break
                if inner(k, "mul", node.width):
                    s, y = nodes[k].args
                    if one_minus(s) == y and inner(s, "sub", node.width):
                        fused[i] = ("sigmoid_slope", (g, y))
                        absorbed |= {k, s}
                        break
        elif node.op == "add":
            for product, c in (node.args, node.args[::-1]):
                if inner(product, "mul", node.width) and product != c:
                    fused[i] = ("multiply_add", (*nodes[product].args, c))
                    absorbed.add(product)
                    break
    return fused, absorbed

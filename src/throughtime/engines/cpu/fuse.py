"""Pointwise nodes that one instruction of the native engine computes together."""

from collections import Counter
from collections.abc import Sequence

from throughtime.program.graph import Node


def fuse(nodes: Sequence[Node], private: set[int]) -> tuple[Sequence[Node], set[int]]:
    """Replace nodes by operations that absorb nodes which only they use.

    - `multiply_add(a, b, c)`: a * b + c.
    - `tanh_slope(g, y)`: g * (1 - y * y), the gradient through y = tanh(x).
    - `sigmoid_slope(g, y)`: g * ((1 - y) * y), the gradient through y = sigmoid(x).

    **Arguments:** `private`: the nodes of the loop that nothing outside it needs. Only these are
    absorbed.

    **Returns:** the nodes, each in its place; those that are absorbed.
    """
    search = _Search(nodes, private)
    for i, node in enumerate(nodes):
        if node.op == "mul":
            search.slope(i, node)
        elif node.op == "add":
            search.multiply_add(i, node)
    return search.fused, search.absorbed


class _Search:
    """- `fused`: the nodes after what has been fused so far."""

    def __init__(self, nodes: Sequence[Node], private: set[int]) -> None:
        self.nodes, self.private = nodes, private
        self.fused = [*nodes]
        self.absorbed: set[int] = set()
        self.uses = Counter(a for node in nodes for a in node.args)

    def multiply_add(self, i: int, node: Node) -> None:
        for product, addend in (node.args, node.args[::-1]):
            if self.can_absorb(product, "mul", node.width) and product != addend:
                a, b = self.nodes[product].args
                self.fused[i] = Node("multiply_add", (a, b, addend), node.width)
                self.absorbed.add(product)
                return

    def slope(self, i: int, node: Node) -> None:
        for gradient, k in (node.args, node.args[::-1]):
            square = self.subtracted_from_one(k)  # in gradient * (1 - y * y)
            if (
                square is not None
                and self.can_absorb(k, "sub", node.width)
                and self.can_absorb(square, "mul", node.width)
            ):
                y, again = self.nodes[square].args
                if y == again:
                    self.fused[i] = Node("tanh_slope", (gradient, y), node.width)
                    self.absorbed |= {k, square}
                    return
            if self.can_absorb(k, "mul", node.width):  # in gradient * ((1 - y) * y)
                rest, y = self.nodes[k].args
                if self.subtracted_from_one(rest) == y and self.can_absorb(rest, "sub", node.width):
                    self.fused[i] = Node("sigmoid_slope", (gradient, y), node.width)
                    self.absorbed |= {k, rest}
                    return

    def can_absorb(self, i: int, op: str, width: int) -> bool:
        node, only_use = self.nodes[i], self.uses[i] == 1
        own = i in self.private and only_use and self.fused[i] is node
        return own and node.op == op and node.width == width

    def subtracted_from_one(self, i: int) -> int | None:
        """b, where node i is 1 - b."""
        node = self.nodes[i]
        if node.op != "sub" or self.nodes[node.args[0]].op != "constant":
            return None
        one, b = node.args
        return b if self.nodes[one].attributes["value"] == 1 else None

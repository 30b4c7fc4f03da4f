"""What a node is computed from."""

from throughtime.program.graph import Graph, ancestors


def test_ancestors_end_at_what_is_known():
    graph = Graph()
    x, h = graph.add("input", width=2), graph.add("state", width=2, name="h")
    product = graph.add("mul", [x, h], 2)
    root = graph.add("tanh", [product], 2)
    other = graph.add("neg", [h], 2)
    assert ancestors(graph.nodes, [root]) == {x, h, product, root}
    assert ancestors(graph.nodes, [root, other], {product}) == {h, product, root, other}
    assert ancestors(graph.nodes, iter([other])) == {h, other}
    assert ancestors(graph.nodes, []) == set()

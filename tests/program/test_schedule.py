"""What runs ahead of the loop, which products run together, and where each weight is packed."""

import pytest
import torch
from catalogue import CELLS
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from program.random_programs import random_program

from throughtime import GRU, LSTM, RNN, IndRNN, adjoint, affine, mask, noise, parameter
from throughtime.program import schedule, trace
from throughtime.program.regularise import expected, variational, zoneout
from throughtime.program.schedule import AHEAD, node_levels

pytestmark = pytest.mark.usefixtures("unchecked")


def products(cell):
    """(level, operand, weights) of each product."""
    program = cell.program(3, 4)
    return [
        (p.level, program.nodes[p.operand].op, " ".join(p.weights))
        for p in schedule(program).products
    ]


def loop(cell):
    """How many levels have a product in them: how often a step waits for one."""
    return sum(bool(level.products) for level in schedule(cell.program(3, 4)).levels)


def test_lstm_has_one_level():
    gates = "keep write candidate read".split()
    assert products(LSTM()) == [
        (AHEAD, "input", " ".join(f"{g}_x" for g in gates)),
        (1, "state", " ".join(f"{g}_h" for g in gates)),
    ]
    [block] = schedule(LSTM().program(3, 4)).blocks
    assert block.columns == slice(0, 16)
    assert block.rows == ((0, slice(0, 16)), (1, slice(0, 16)))


def test_gru_before_has_two_levels_and_after_has_one():
    assert products(GRU("before")) == [
        (AHEAD, "input", "update_x reset_x candidate_x"),
        (1, "state", "update_h reset_h"),
        (2, "mul", "candidate_0"),
    ]
    assert products(GRU("after")) == [
        (AHEAD, "input", "update_x reset_x candidate_x"),
        (1, "state", "update_h reset_h remembered_h"),
    ]


@pytest.mark.parametrize(
    ("cell", "levels"),
    [
        (RNN(), 1),
        (RNN(hidden=(5,)), 2),
        (RNN(hidden=(5, 6, 7)), 4),
        (LSTM(), 1),
        (LSTM(peephole=True, layer_norm=True), 1),
        (LSTM(projection=2), 2),
        (GRU("before"), 2),
        (GRU("after"), 1),
        (IndRNN(), 0),
    ],
    ids=str,
)
def test_levels(cell, levels):
    assert loop(cell) == levels


def test_what_waits_for_the_input_alone_is_ahead():
    def step(x, h):
        seen = torch.tanh(affine("seen", x, size=5))
        deep = affine("deep", torch.tanh(affine("inner", seen, size=6)))
        return torch.tanh(affine("own", h) + deep) + affine("both", h * 0.5, seen)

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    plan = schedule(program)
    ahead = {w for k in plan.ahead.products for w in plan.products[k].weights}
    assert ahead == {"seen_x", "inner_0", "deep_0", "both_1"}
    levels = {program.nodes[a].attributes["name"]: node_levels(program.nodes)[a]
              for a in program.affines}  # fmt: skip
    assert levels == {"seen": AHEAD, "inner": AHEAD, "deep": AHEAD, "own": 1, "both": 1}
    assert [program.nodes[i].op for i in plan.ahead.nodes if i not in plan.timeless] == ["tanh"] * 2


def test_what_waits_for_parameters_alone_has_no_time():
    def step(x, h):
        rate = torch.sigmoid(parameter("rate"))
        leak = 1 - rate * mask(0.5, fixed=True)
        return leak * h + noise() * rate + torch.tanh(affine("a", leak))

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    plan = schedule(program)
    ops = [program.nodes[i].op for i in sorted(plan.timeless)]
    # a map of what has no time has it, as its sum goes to the others over time
    assert ops == ["parameter", "sigmoid", "random", "mul", "constant", "sub"]


def test_maps_with_other_operands_in_between_are_blocks_of_their_own():
    def step(x, h):
        a = affine("a", h, x) + affine("b", x, h)  # the same operands, in another order
        c = affine("c", h, size=2)
        return torch.tanh(a + affine("d", h, x) + torch.sum(c, -1, keepdim=True))

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    plan = schedule(program)
    assert [len(b.affines) for b in plan.blocks] == [2, 1, 1]
    assert [b.columns for b in plan.blocks] == [slice(0, 8), slice(8, 10), slice(10, 14)]
    assert plan.products[1].weights == ("a_h", "b_h", "c_h", "d_h")
    assert [b.rows for b in plan.blocks] == [
        ((0, slice(0, 8)), (1, slice(0, 8))),
        ((1, slice(8, 10)),),
        ((0, slice(8, 12)), (1, slice(10, 14))),
    ]
    assert plan.biases == ("a_bias", "b_bias", "c_bias", "d_bias")


def test_without_hoisting_the_input_waits_for_its_step():
    def step(x, h):
        rate = torch.sigmoid(parameter("rate"))
        return rate * torch.tanh(affine("a", torch.tanh(affine("seen", x)), h)) + noise()

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    plan = schedule(program, hoist=False)
    levels = zip(program.nodes, node_levels(program.nodes, hoist=False), strict=True)
    assert {node.op: level for node, level in levels if not node.args} == {
        "input": 0, "state": 0, "parameter": AHEAD, "random": AHEAD,
    }  # fmt: skip
    assert plan.ahead.products == plan.ahead.blocks == ()
    assert [program.nodes[i].op for i in plan.ahead.nodes] == ["sigmoid"]
    packed = [p.weights for p in plan.products]
    assert [p.level for p in plan.products] == [1, 2, 1]
    assert packed == [p.weights for p in schedule(program).products], "one packing for both"


def test_products_are_in_the_order_in_which_they_become_ready():
    def step(x, h, m):
        deep = affine("deep", torch.tanh(affine("first", h, x)))
        return torch.tanh(deep + affine("late", m * 0.5)), m

    program = trace(step, {"h": 4, "m": 4}, cell="Test", input_size=3, hidden_size=4)
    assert [(p.level, p.weights[0]) for p in schedule(program).products] == [
        (AHEAD, "first_x"), (1, "first_h"), (1, "late_0"), (2, "deep_0"),
    ]  # fmt: skip


def test_biases_are_names_or_sizes():
    def step(x, h):
        return affine("a", h) + affine("b", x, bias=False)

    program = trace(step, {"h": 4}, cell="Test", input_size=3, hidden_size=4)
    assert schedule(program).biases == ("a_bias", 4)


def check(program):
    """A schedule runs everything once, when its operands are there, and packs it once."""
    plan, nodes = schedule(program), program.nodes
    size = {w: p.shape[0] for w, p in program.parameters.items()}

    # every node: once, and after what it takes
    done = {i for i, n in enumerate(nodes) if n.op in ("input", "state", "parameter", "random")}
    started = []
    for level in (plan.ahead, *plan.levels):
        waiting = [*level.nodes, *(a for b in level.blocks for a in plan.blocks[b].affines)]
        products = set(level.products)
        assert done.isdisjoint(waiting)
        for i in [*sorted(waiting), len(nodes)]:
            ready = sorted(k for k in products if plan.products[k].operand in done)
            products.difference_update(ready)
            started += ready
            if i == len(nodes):
                break
            assert done.issuperset(nodes[i].args)
            if nodes[i].op == "affine":
                used = {k for b in plan.blocks if i in b.affines for k, _ in b.rows}
                assert used <= {*started}
            done.add(i)
        assert not products
    assert done == {*range(len(nodes))}
    assert sorted(started) == [*range(len(plan.products))]

    # every column of the packed maps: once, in the order of the maps
    assert [a for b in plan.blocks for a in b.affines] == [*program.affines]
    edges = [(b.columns.start, b.columns.stop) for b in plan.blocks]
    assert [e for pair in edges for e in pair][1:-1] == [e for _, e in edges[:-1] for _ in "ab"]
    if edges:
        assert (edges[0][0], edges[-1][1]) == (0, program.affine_width)

    # every row of every product: once; its weights are those of the maps that use the rows
    for k, product in enumerate(plan.products):
        rows = [(r, b) for b in plan.blocks for j, r in b.rows if j == k]
        wanted = [
            (nodes[a].width, w)
            for _, b in sorted(rows, key=lambda pair: pair[0].start)
            for a in b.affines
            for arg, w in zip(nodes[a].args, nodes[a].attributes["weights"], strict=True)
            if arg == product.operand and w in product.weights
        ]
        assert [w for _, w in wanted] == [*product.weights]
        assert [n for n, _ in wanted] == [size[w] for w in product.weights]
        covered = sorted(i for r, _ in rows for i in range(r.start, r.stop))
        assert covered == [*range(sum(size[w] for w in product.weights))]
        for r, b in rows:
            assert r.stop - r.start == sum(nodes[a].width for a in b.affines)
    weights = [w for p in plan.products for w in p.weights]
    maps = [w for a in program.affines for w in nodes[a].attributes["weights"]]
    assert sorted(weights) == sorted(maps)


@pytest.mark.parametrize("name", CELLS)
def test_everything_runs_once_and_is_packed_once(name):
    program = CELLS[name].program(3, 4)
    check(program)
    check(expected(zoneout(program, 0.2)))
    if name != "indrnn":
        check(variational(program, 0.2))


@settings(max_examples=40, phases=[Phase.generate])
@given(st.data())
def test_everything_runs_once_in_random_programs(data):
    program = random_program(data)
    check(program)
    check(expected(program))
    schedule(adjoint(program))

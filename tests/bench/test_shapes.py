"""Shapes: the same from the same seed, log-uniform, within their bounds."""

import statistics

from throughtime.bench import CLASSES, Shape, random_shapes
from throughtime.bench.shapes import LARGEST


def test_the_same_seed_gives_the_same_shapes():
    assert random_shapes(3) == [Shape(*s) for s in FIRST]
    assert random_shapes(20, seed=1)[:10] == random_shapes(10, seed=1)
    assert random_shapes(20, seed=1) != random_shapes(20, seed=2)


FIRST = [(1329, 67, 13, 5), (77, 9, 133, 6), (57, 25, 289, 23)]


def test_they_are_drawn_log_uniformly_within_their_bounds():
    shapes = random_shapes(1000)
    for sizes, most in zip(zip(*shapes, strict=True), (5000, 256, 512, 512), strict=True):
        assert min(sizes) == 1 and 0.8 * most < max(sizes) <= most
        assert 0.6 < statistics.median(sizes) / most**0.5 < 1.5
    assert all(s.T * s.B * (s.I + s.H) <= LARGEST for s in shapes)


def test_there_are_nine_classes():
    assert len({*CLASSES.values()}) == 9
    assert str(CLASSES["B=32, H=512"]) == "100,32,256,512"

"""Random cases, each from a seed and a number."""

from dataclasses import replace
from random import Random

from fuzz.case import FROZEN, LAYOUTS, Case
from fuzz.programs import random_recipe


def random_case(seed: int, number: int) -> Case:
    rng = Random(f"{seed} {number}")
    wide = rng.random() < 0.25
    recipe = random_recipe(rng, wide)
    T, B = rng.choice((0, 1, 2, 3, 3, 4, 5, 7)), rng.choice((0, 1, 1, 2, 2, 3, 3, 5, 8, 9, 17))
    if wide:
        # one row that shares the weights among its steps, or many rows that x is multiplied for
        T, B = rng.choice(((1, 1), (3, 1), (5, 1), (6, 1), (9, 1), (4, 130), (2, 257), (5, 2)))
    many = T * B > 300
    affine = any(line.form.startswith("affine") for line in recipe.lines)
    heard = any(line.form.startswith("affine") and "h" in line.args for line in recipe.lines)
    normed = any("layer_norm" in line.form for line in recipe.lines)
    # `Recurrent` has these only where an affine map sees the output, a state
    variational = heard and not normed and rng.random() < 0.12
    both = rng.random() < 0.3
    # what the second layer reads is as wide as the states of the first, and not as x
    bound = many or any(line.size == "x" and "{size}" in line.form for line in recipe.lines)
    case = Case(
        recipe,
        T,
        B,
        seed=rng.randrange(1000),
        dtype="float64" if rng.random() < 0.75 else "float32",
        direction="both" if both else rng.choice(("forward", "forward", "backward")),
        merge=rng.choice(("concat", "concat", "sum", "mean")) if both else "concat",
        layers=2 if rng.random() < 0.2 and not bound else 1,
        initial=rng.choice(("learned", "zeros", "tensor")),
        batch_first=rng.random() < 0.15,
        recompute=rng.random() < 0.35,
        variational_dropout=0.3 if variational else 0.0,
        zoneout=0.3 if rng.random() < 0.12 else 0.0,
        weight_drop=0.4 if heard and affine and rng.random() < 0.1 else 0.0,
        training=rng.random() < 0.85,
        resets=rng.random() < 0.25,
        given=rng.random() < 0.4,
        layout=rng.choice([*LAYOUTS]) if rng.random() < 0.4 else "plain",
        frozen=rng.choice([*FROZEN]) if rng.random() < 0.3 else "none",
        wants=rng.choice((("x", "state"), ("x", "state"), ("x",), ("state",), ())),
        plain_sum=rng.random() < 0.1,
        threads=2 if rng.random() < 0.1 else 1,
        scale=rng.choice((0.5, 1.0, 1.5)),
        split=_split(rng) if rng.random() < 0.2 else None,
        no_grad=rng.random() < 0.06,
    )
    if not wide and rng.random() < 0.3:
        lengths = tuple(rng.choice((0, T, rng.randint(0, T))) for _ in range(B))
        case = replace(case, lengths=lengths, dirty=rng.random() < 0.5)
    how, outputs = rng.random(), case.outputs()
    if how < 0.5:
        outputs = rng.sample(outputs, min(len(outputs), rng.choice((1, 1, 2, 3))))
    elif how < 0.7:
        outputs = [o for o in outputs if not o.startswith("states")]
    return replace(case, reads=tuple(outputs))


def _split(rng: Random) -> tuple[int, bool, int, int, int]:
    """Blocks are of whole panels of the widest instruction set."""
    blocks = (0, 32, 64, 128)
    threads, tile_rows, together = rng.randint(1, 3), rng.randint(1, 9), rng.randint(1, 20)
    return threads, rng.random() < 0.5, tile_rows, rng.choice(blocks), together

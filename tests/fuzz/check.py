"""Whether each engine runs a case right: the script of the case against the oracle."""

import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from fuzz.case import Case
from fuzz.oracle import Drawn, Given, Truth, truth
from torch import Tensor

from throughtime.engines import ENGINES
from throughtime.errors import OptionError
from throughtime.layers import direction as over_time

TIGHT = {torch.float64: 1e-10, torch.float32: 1e-4}
ROUNDING = {torch.float64: 4e-16, torch.float32: 2e-7}
LARGE = 1e6  # values beyond are not compared: rounding grows with them


@dataclass(frozen=True)
class Failure:
    """What is wrong with a case on an engine; `kind` is the same for failures of one kind."""

    engine: str
    kind: str
    what: str

    def same_kind(self, other: "Failure | None") -> bool:
        return other is not None and (self.engine, self.kind) == (other.engine, other.kind)


@dataclass
class Outcome:
    """`uncertain`: how many engines differ by no more than rounding can explain; `compared`:
    whether values were finite and small enough to be compared; `refused`: the package's own
    clear error, where an option cannot be had."""

    failures: list[Failure]
    uncertain: int = 0
    compared: bool = True
    refused: str | None = None


def check(case: Case, engines: Sequence[str] | None = None) -> Outcome:
    """Run a case on each engine, all that there are unless named, and compare with the oracle."""
    outcome = Outcome([])
    engines = [engine.name for engine in ENGINES] if engines is None else engines
    right: Truth | None = None
    for engine in engines:
        with _recorded() as drawn:
            try:
                names = run(case, engine)
            except OptionError as e:
                outcome.refused = str(e)
                continue
            except Exception as e:
                outcome.failures.append(Failure(engine, *_raised(e)))
                continue
        given = _given(names, drawn)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            right = right or truth(case, given, torch.float64)
        values = [*right.outputs.values(), *right.gradients.values()]
        if not all(_small(v) for v in values):
            outcome.compared = False
            continue
        dtype = getattr(torch, case.dtype)
        if wrong := _different(case, names, right, TIGHT[dtype], {}):
            # only where something differs: how much of it can be rounding
            wrong = _different(case, names, right, TIGHT[dtype], _rounding(case, given, right))
            if not wrong:
                outcome.uncertain += 1
        if wrong:
            kind = "output" if wrong[0].startswith(("y", "final", "states")) else "gradient"
            outcome.failures.append(Failure(engine, f"wrong {kind}", "; ".join(wrong[:3])))
    return outcome


def run(case: Case, engine: str | None) -> dict[str, Any]:
    """The names that the script of a case leaves behind."""
    names: dict[str, Any] = {}
    threads, before = torch.get_num_threads(), [*ENGINES]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(case.script(engine), "<case>", "exec"), names)
    finally:
        ENGINES[:] = before
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
    return names


def _raised(e: Exception) -> tuple[str, str]:
    where = traceback.extract_tb(e.__traceback__)[-1]
    place = f"{where.filename.rsplit('/', 1)[-1]}:{where.name}"
    text = str(e).split("\n")[0][:200]
    return f"raises {type(e).__name__} in {place}", text


def _given(names: dict[str, Any], drawn: list[Drawn]) -> Given:
    layer = names["layer"]
    parameters = dict(layer.named_parameters())
    frozen = {n for n, p in parameters.items() if not p.requires_grad}
    buffers = dict(layer.named_buffers())
    return Given(
        {n: p.detach() for n, p in (parameters | buffers).items()},
        frozen | {*buffers},
        names["base"],
        names["state"],
        names["resets"],
        names["weights"],
        drawn,
    )


def _small(value: Tensor) -> bool:
    return not value.numel() or bool(value.isfinite().all() and value.abs().max() < LARGE)


def _found(name: str, names: dict[str, Any], want: Tensor) -> Tensor:
    """The value of an output or gradient that the script left behind."""
    if name.startswith(("y", "final", "states")):
        return eval(name, dict(names)).detach()
    source = eval(name, dict(names)) if name.startswith(("base", "state")) else None
    source = names["layer"].get_parameter(name) if source is None else source
    return torch.zeros_like(want) if source.grad is None else source.grad


def _different(
    case: Case, names: dict[str, Any], right: Truth, bound: float, spread: dict[str, float]
) -> list[str]:
    """What differs from the truth by more than its bound and what rounding explains."""
    wrong = []
    for group in (right.outputs, right.gradients):
        largest = max((float(v.abs().max()) for v in group.values() if v.numel()), default=0.0)
        for name, want in group.items():
            found = _found(name, names, want)
            if found.shape != want.shape:
                wrong.append(f"{name} has shape {tuple(found.shape)}, not {tuple(want.shape)}")
                continue
            if not want.numel():
                continue
            off = (found.double() - want).abs()
            scale = max(float(want.abs().max()), 1e-2 * largest, 1e-3)
            allowed = bound * scale + 50 * spread.get(name, 0.0)
            if not float(off.max()) <= allowed:
                k = int(torch.where(off.isnan(), torch.inf, off).argmax())
                at: Any = tuple(int(i) for i in torch.unravel_index(torch.tensor(k), want.shape))
                label = name if group is right.outputs else f"the gradient of {name}"
                wrong.append(
                    f"{label} at {at} is {float(found[at]):.6g}, not {float(want[at]):.6g}"
                )
    # a wrong output makes gradients wrong too: it is named first
    return wrong


def _rounding(case: Case, given: Given, right: Truth) -> dict[str, float]:
    """How much each result changes as each operation is rounded otherwise."""
    dtype = getattr(torch, case.dtype)
    torch.manual_seed(0)
    tried = [truth(case, given, torch.float64, jitter=ROUNDING[dtype]) for _ in range(6)]
    if dtype != torch.float64:
        tried.append(truth(case, given, dtype))
    spread: dict[str, float] = {}
    for other in tried:
        for group, found in ((right.outputs, other.outputs), (right.gradients, other.gradients)):
            for name, want in group.items():
                if want.numel():
                    off = float((found[name].double() - want).abs().max())
                    spread[name] = max(spread.get(name, 0.0), off if off == off else torch.inf)
    return spread


@contextmanager
def _recorded() -> Iterator[list[Drawn]]:
    """What each direction of each layer draws, in the order of running."""
    drawn: list[Drawn] = []
    draw, masks = over_time.draw, over_time.Direction.masks

    def recorded_masks(self: Any, x: Tensor) -> Any:
        drawn.append(Drawn({}, {}))
        found = masks(self, x)
        plan = self.plan if self.training else self.eval_plan
        for k, whole in found.weights.items():
            names = plan.products[k].weights
            sizes = [getattr(self, name).shape[0] for name in names]
            drawn[-1].weights.update(zip(names, whole.split(sizes), strict=True))
        return found

    def recorded_draw(node: Any, T: int, B: int, like: Tensor) -> Tensor:
        found = draw(node, T, B, like)
        drawn[-1].randoms[node.attributes["name"]] = found
        return found

    over_time.draw, over_time.Direction.masks = recorded_draw, recorded_masks
    try:
        yield drawn
    finally:
        over_time.draw, over_time.Direction.masks = draw, masks

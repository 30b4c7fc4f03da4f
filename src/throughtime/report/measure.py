"""All that the report shows of a model and its data, as plain data: kept in `report.json`."""

import copy
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from throughtime.bptt import replicas
from throughtime.data import Batch, Sequences, collate
from throughtime.diagnose import ByLag, Passage, diagnose, gates, passages
from throughtime.report import given
from throughtime.training import Model, Run, predict
from throughtime.training.model import recurrent

STEPS = 400  # points of a curve over time, at most; more are thinned out
CURVES = 12  # channels of a sequence that is drawn, at most
UNITS = 24  # of a gate or state that is drawn, at most
NUMBERS = 120_000  # in all gates over time together
LOOKED_AT = 16  # of the longest sequences, for gradients
PROBES = 4
WORK = 4_000_000  # numbers in one diagnosis, so that it takes no more than about a second


def measure(
    run: Run, train: Sequences, test: Sequences, probabilities: Tensor | None = None
) -> dict[str, Any]:
    """What a report shows beyond what is in a run already.

    Everything is measured on the test sequences with nothing drawn from torch's generator; the
    model is left in eval mode, as `fit` and `load` leave it. "Before" is the network with the
    weights that `fit` began with.

    **Arguments:** `probabilities`: what `predict` says of `test`, if that is known.

    **Returns:** plain data, see the keys below; numbers have five significant digits.
    """
    given.run("measure", run)
    for part, sequences in (("train", train), ("test", test)):
        given.sequences("measure", part, sequences)
    model = run.model.eval()
    if probabilities is None:
        probabilities = predict(model, test)
    device = next(model.parameters()).device
    longest = test.lengths.argsort(descending=True, stable=True)
    batch = collate(test, _long(model, test, longest)).to(device)
    before = None
    if run.initial:
        earlier = copy.deepcopy(model)
        earlier.load_state_dict(run.initial)
        before = _diagnosis(earlier, batch)
    return {
        "data": {
            "channels": list(test.channels),
            "classes": list(test.classes),
            "constant": _constant(train),
            "train": _counted(train),
            "test": _counted(test),
            "drawn": [_sequence(test, k) for k in _one_of_each(test)],
        },
        "confusions": _confusions(test, probabilities),
        "lengths": batch.lengths.tolist(),
        "before": before,
        "after": _diagnosis(model, batch),
        "replicas": _replicas(model, collate(test, longest[:1]).to(device), test),
        "gates": _gates(model, test, longest, device),
    }


def rounded(value: Any) -> Any:
    """Nested numbers with five significant digits; nan and infinity as None."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value


def thinned(steps: int, most: int = STEPS) -> list[int]:
    """Evenly spaced places among so many, the first and the last among them."""
    if steps <= most:
        return list(range(steps))
    return torch.linspace(0, steps - 1, most).round().long().tolist()


def _counted(sequences: Sequences) -> dict[str, Any]:
    lengths, counts = sequences.lengths.unique(return_counts=True)
    assert sequences.labels is not None
    return {
        "lengths": [lengths.tolist(), counts.tolist()],
        "classes": torch.bincount(sequences.labels, minlength=len(sequences.classes)).tolist(),
    }


def _constant(sequences: Sequences) -> list[str]:
    """The channels that never change."""
    same = (sequences.values == sequences.values[0]).all(0).tolist()
    return [name for name, never in zip(sequences.channels, same, strict=True) if never]


def _one_of_each(sequences: Sequences, most: int = 6) -> list[int]:
    """The first sequence of each class."""
    assert sequences.labels is not None
    labels = sequences.labels.tolist()
    return [labels.index(c) for c in range(len(sequences.classes)) if c in labels][:most]


def _sequence(sequences: Sequences, k: int) -> dict[str, Any]:
    """One sequence to draw: `values` has a row for each channel."""
    assert sequences.labels is not None
    values, steps = sequences[k], thinned(int(sequences.lengths[k]))
    return {
        "name": sequences.names[k],
        "label": sequences.classes[int(sequences.labels[k])],
        "steps": int(sequences.lengths[k]),
        "at": steps,
        "values": rounded(values[steps, :CURVES].T),
    }


def _confusions(test: Sequences, probabilities: Tensor, most: int = 3) -> list[dict[str, Any]]:
    """The commonest confusions: a sequence of each, beside the surest right ones of its classes."""
    assert test.labels is not None
    n, chosen, labels = len(test.classes), probabilities.argmax(-1), test.labels
    counts = torch.bincount(labels * n + chosen, minlength=n * n).view(n, n)
    counts.fill_diagonal_(0)
    found = []
    for place in counts.flatten().argsort(descending=True, stable=True)[:most].tolist():
        true, taken = divmod(place, n)
        if counts[true, taken] == 0:
            break

        def surest(label: int, taken_for: int, shown: int) -> dict[str, Any] | None:
            those = ((labels == label) & (chosen == taken_for)).nonzero()[:, 0]
            if not len(those):
                return None
            k = int(those[probabilities[those, shown].argmax()])
            return _sequence(test, k) | {"probability": rounded(float(probabilities[k, shown]))}

        found.append(
            {
                "true": test.classes[true],
                "taken": test.classes[taken],
                "count": int(counts[true, taken]),
                "it": surest(true, taken, taken),
                "of_true": surest(true, true, true),
                "of_taken": surest(taken, taken, taken),
            }
        )
    return found


def _loss(scores: Tensor, y: Tensor | None) -> Tensor:
    assert y is not None
    return torch.nn.functional.cross_entropy(scores, y, reduction="sum")


def _long(model: Model, test: Sequences, longest: Tensor) -> Tensor:
    """The longest sequences, none of them less than half as long as the longest."""
    most = int(test.lengths.max())
    room = WORK // (most * recurrent(model)[0].hidden_size * (2 * PROBES + 1))
    first = longest[: min(max(room, 1), LOOKED_AT)]
    return first[2 * test.lengths[first] >= most]


def _diagnosis(model: Model, batch: Batch) -> dict[str, Any]:
    """Back from the last step, as far as all of the sequences go: one mean of the same ones."""
    layers = diagnose(
        model,
        batch.x,
        batch.lengths,
        lambda s: _loss(s, batch.y),
        n=1,
        sequences=len(batch.lengths),
        probes=PROBES,
    )
    steps = int(batch.lengths.min())

    def curve(found: ByLag | None) -> dict[str, Any] | None:
        if found is None:
            return None
        whole = ByLag(found.norms[..., :steps]).to_dict()
        at = thinned(len(whole["relative"]))
        kept = {k: whole[k] for k in ("horizon", "half_life", "rate", "verdict", "lags")}
        return kept | {"lag": at, "relative": [whole["relative"][k] for k in at]}

    found = [
        {
            "where": layer.where,
            "gradient": curve(layer.flow.gradient),
            "jacobian": curve(layer.flow.jacobian),
            "gates": {g.name: {"closed": g.closed, "open": g.open} for g in layer.gates},
        }
        for layer in layers
    ]
    return rounded({"layers": found, **_at_input(model, batch)})


def _at_input(model: Model, batch: Batch) -> dict[str, Any]:
    """The gradient of the loss at the scaled input of each step, over its largest in a sequence.

    Read from the end of each sequence, or from its beginning where all layers run backward in
    time. `reach`: how many steps, counted from there, have 1% of it or more.
    """
    x = batch.x.clone().requires_grad_()
    (found,) = torch.autograd.grad(_loss(model(x, batch.lengths), batch.y), x)
    norms = (found * model.encoder.std).norm(dim=-1).cpu()  # (T, B)
    lengths = batch.lengths.cpu()
    backward = all(layer.direction == "backward" for layer in recurrent(model))
    t = torch.arange(len(norms))[:, None]
    at = t.expand_as(norms) if backward else lengths - 1 - t
    share = norms.gather(0, at.clamp(min=0)).where(t < lengths, torch.nan)
    largest = share.nan_to_num().amax(0)
    mean = (share / largest.clamp(min=torch.finfo(share.dtype).tiny)).nanmean(1)
    mean = mean[: int(lengths.min())]
    met = (mean >= 0.01).nonzero()
    places = thinned(len(mean))
    return {
        "at_input": {"lag": places, "relative": mean[places]},
        "reach": int(met[-1]) + 1 if len(met) else 0,
        "from": "beginning" if backward else "end",
    }


def _replicas(model: Model, batch: Batch, test: Sequences) -> dict[str, Any]:
    """Of the loss of one sequence, the longest: the norm of each replica of each weight."""
    found = replicas(model, lambda: _loss(model(batch.x, batch.lengths), batch.y))
    at = thinned(int(batch.lengths[0]))
    return {
        "sequence": test.names[int(batch.indices[0])],
        "steps": int(batch.lengths[0]),
        "at": at,
        "layers": [
            {"where": r.where, "norms": {k: rounded(v[at]) for k, v in r.norms.items()}}
            for r in found
        ],
    }


def _gates(
    model: Model, test: Sequences, longest: Tensor, device: torch.device
) -> list[dict[str, Any]]:
    """Gates and states over time, for one sequence of each class and the longest."""
    chosen = list(dict.fromkeys([*_one_of_each(test, 7), int(longest[0])]))
    found: list[dict[str, Any]] = []
    room = NUMBERS
    for k in chosen:
        batch = collate(test, torch.tensor([k])).to(device)
        at = thinned(int(batch.lengths[0]), 200)
        layers = [_over_time(p, at) for p in passages(model, batch.x, batch.lengths)]
        room -= sum(len(at) * len(rows) for layer in layers for rows in layer["values"].values())
        if found and room < 0:
            break
        found.append({"sequence": _sequence(test, k), "at": at, "layers": layers})
    return found


def _over_time(passage: Passage, at: list[int]) -> dict[str, Any]:
    kept: dict[str, Tensor] = {g.name: g.values for g in gates(passage)}
    kept |= {f"state {name}": s for name, s in passage.states.items()}
    units = {name: thinned(v.shape[-1], UNITS) for name, v in kept.items()}
    return {
        "where": passage.where,
        "units": units,
        "values": {n: _short(v[at, 0][:, units[n]].T) for n, v in kept.items()},
    }


def _short(values: Tensor) -> list[list[float]]:
    """With three decimals, which is more than a colour shows."""
    rows: Iterable[list[float]] = values.double().tolist()
    return [[round(v, 3) for v in row] for row in rows]

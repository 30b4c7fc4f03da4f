"""Spans of steps, as chunks and named entities are: found by their tags, scored as a whole.

A span is a run of steps with its first step, its last and a type. Tags tell spans in one of two
ways:

- `B-x`, `I-x`, `O`, and with them `E-x` and `S-x` (BIO, BIOES), as CoNLL's conlleval reads them. A
  span begins at `B-x` and at `S-x`; also at `I-x` or `E-x` that comes first, after `O`, after a tag
  of another type, or after `E-x` or `S-x`: an I without its B counts as a B. It ends where the next
  one begins, at an `O`, at the end of the sequence, and after `E-x` or `S-x`.
- Any other tags: each run of equal tags is a span, and the tag its type.

A predicted span is right where first step, last step and type are all those of a true one. Steps
whose tag is not known are in no span, and one ends before them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

ROLES = "OBIES"


class Scheme(NamedTuple):
    """How tags tell spans.

    - `types`: the types of spans.
    - `role`: of each class its place in `ROLES`; all are `I` where spans are runs of equal tags.
    - `type`: of each class its place in `types`; -1 of `O`.
    """

    types: tuple[str, ...]
    role: Tensor
    type: Tensor


@dataclass(frozen=True)
class SpanScores:
    """How good spans are.

    - `precision`, `recall`, `F1`: of all spans together.
    - `types`: the types of spans, and of each its precision, recall and F1, and how many are true.
    """

    precision: float
    recall: float
    F1: float
    types: tuple[str, ...]
    precision_each: tuple[float, ...]
    recall_each: tuple[float, ...]
    F1_each: tuple[float, ...]
    true: tuple[int, ...]


def are_bio(classes: tuple[str, ...]) -> bool:
    """Whether all classes are `O` or begin with `B-`, `I-`, `E-` or `S-`, and one of them does."""
    marked = [name for name in classes if name != "O"]
    return bool(marked) and all(
        name[:2] in ("B-", "I-", "E-", "S-") and name[2:] for name in marked
    )


def scheme(classes: tuple[str, ...]) -> Scheme:
    """How tags of these classes tell spans."""
    if not are_bio(classes):
        return Scheme(classes, torch.full((len(classes),), ROLES.index("I")),
                      torch.arange(len(classes)))  # fmt: skip
    types = tuple(dict.fromkeys(name[2:] for name in classes if name != "O"))
    role = torch.tensor([ROLES.index(name[0]) for name in classes])
    return Scheme(
        types, role, torch.tensor([types.index(n[2:]) if n != "O" else -1 for n in classes])
    )


class Spans(NamedTuple):
    """Spans in order: the first step of each, its last, and its type; each `(n,)`."""

    first: Tensor
    last: Tensor
    type: Tensor


def spans(tags: Tensor, begins: Tensor, of: Scheme) -> Spans:
    """The spans of the tags `(N,)`, places among classes; `begins (N,)` where no span goes on."""
    role, kind = of.role[tags], of.type[tags]
    inside = kind >= 0
    out, begin, single, end = (role == ROLES.index(r) for r in "OBSE")
    before = (out | single | end).roll(1)  # nothing goes on after these
    first = inside & (begins | begin | single | before | (kind != kind.roll(1)))
    next_new = (begins | first | out).roll(-1)
    if len(tags):
        next_new[-1] = True
    last = inside & (next_new | single | end)
    return Spans(first.nonzero()[:, 0], last.nonzero()[:, 0], kind[first])


def span_scores(predicted: Tensor, true: Tensor, begins: Tensor, of: Scheme) -> SpanScores:
    """Of tags `(N,)` beside what is true; `begins (N,)` where a sequence does."""
    own, wanted = spans(predicted, begins, of), spans(true, begins, of)
    last = torch.full((len(true), 2), -1)
    last[own.first] = torch.stack([own.last, own.type], -1)
    right = (last[wanted.first] == torch.stack([wanted.last, wanted.type], -1)).all(-1)
    count = len(of.types)
    hits = torch.bincount(wanted.type[right], minlength=count).tolist()
    found, there = (torch.bincount(s.type, minlength=count).tolist() for s in (own, wanted))
    each = [_rates(*numbers) for numbers in zip(hits, found, there, strict=True)]
    precision, recall, f1 = (tuple(column) for column in zip(*each, strict=True))
    whole = _rates(sum(hits), sum(found), sum(there))
    return SpanScores(*whole, of.types, precision, recall, f1, tuple(there))


def _rates(hits: int, predicted: int, true: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where nothing is predicted, or nothing true."""
    return hits / max(predicted, 1), hits / max(true, 1), 2 * hits / max(predicted + true, 1)

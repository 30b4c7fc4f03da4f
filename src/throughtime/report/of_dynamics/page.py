"""The page of a network as a dynamical system: one HTML file, as the report of a run is."""

from collections.abc import Iterator

import torch

from throughtime.dynamics import Lyapunov
from throughtime.report.markup import paragraphs, table
from throughtime.report.of_dynamics.eigenvalues import eigenvalues
from throughtime.report.of_dynamics.lyapunov import lyapunov
from throughtime.report.of_dynamics.marks import kinds
from throughtime.report.of_dynamics.measure import Dynamics
from throughtime.report.of_dynamics.plane import basins, flow
from throughtime.report.of_dynamics.trajectories import trajectories
from throughtime.report.of_dynamics.words import HEAD, constant, growth, rows, sentence
from throughtime.report.page import page
from throughtime.report.section import Figure, Part, Written

ROWS = 60  # points in a table, at most


def dynamics(found: Dynamics, *, title: str = "") -> str:
    """The page of what was found: trajectories with points, eigenvalues, a plane and its basins.

    **Arguments:**

    - `found`: what `measure_dynamics` returns.
    - `title`: what the network is called.

    **Returns:** the file: write it anywhere, it needs nothing beside it and asks for nothing.
    """
    sections = [
        Written("points", "Points", [*_points(found)]),
        Written("eigenvalues", "Eigenvalues", [*_eigenvalues(found)]),
        Written("plane", "A plane of states", [*_plane(found)]),
    ]
    if found.exponents is not None:
        sections.append(Written("lyapunov", "Lyapunov exponents", [*_lyapunov(found.exponents)]))
    under = f"{found.system}, {found.points.search}"
    return page(title or "Dynamics", under, sections)


def _points(found: Dynamics) -> Iterator[Part]:
    yield paragraphs([sentence(found)], "lead")
    points, axes = found.points, min(3, len(found.principal.share))
    if axes > 1:
        share = float(found.principal.share[:axes].sum())
        yield Figure(
            "trajectories",
            "Trajectories and points",
            f"The states visited on data, in {axes} principal components with {share:.0%} of "
            "their variance. The data move the input, the points are those under "
            f"{constant(found)}. A line through a point is a direction in which a small "
            "difference grows.",
            trajectories(points, found.trajectories, found.principal, dimensions=axes),  # type: ignore[arg-type]
            table(HEAD, rows(points, ROWS)),
        )
    if axes == 3:
        yield Figure(
            "from_above",
            "The same from above",
            "Seen along the third component, for paper and for browsers without WebGL.",
            trajectories(points, found.trajectories, found.principal, dimensions=2),
            table(HEAD, rows(points, ROWS)),
        )
    yield table(
        HEAD,
        rows(points, 20),
        "The first points: stable ones, then those with few unstable directions",
    )


def _eigenvalues(found: Dynamics) -> Iterator[Part]:
    points = found.points
    if not len(points):
        return
    first = points.eigenvalues[:ROWS, :6]
    yield Figure(
        "eigenvalues_of_points",
        "Eigenvalues of the points",
        "Outside the unit circle a direction grows, inside it fades, and the nearer to 1 the "
        "slower. Pairs that are not real turn.",
        eigenvalues(points),
        table(
            ["point", "kind", *(f"eigenvalue {k + 1}" for k in range(first.shape[1]))],
            [
                [k + 1, kind, *(_complex(v) for v in values)]
                for k, (kind, values) in enumerate(zip(kinds(points), first.tolist(), strict=False))
            ],
        ),
    )


def _plane(found: Dynamics) -> Iterator[Part]:
    if found.flow is not None:
        slowest = divmod(int(found.flow.speed.argmin()), len(found.flow.plane.across))
        across, up = found.flow.plane.across[slowest[1]], found.flow.plane.up[slowest[0]]
        yield Figure(
            "flow",
            "Where one step goes",
            "In the plane of the first two components through the point with the most unstable "
            "directions. Arrows show the way, the colour how long a step is in all directions. "
            "Points are drawn as seen from above the plane; most lie outside it.",
            flow(found.flow, found.points),
            table(
                ["step length", "component 1", "component 2"],
                [["shortest on the grid", float(across), float(up)]],
            ),
        )
    if found.basins is not None:
        labels = found.basins.labels.flatten()
        counted = [(int(k), int((labels == k).sum())) for k in torch.unique(labels) if k >= 0]
        yield Figure(
            "basins",
            "Where states end",
            "The states of the same plane, in the colour of the stable point at which they end. "
            f"{found.basins.nowhere} of {labels.numel()} end at none of them within "
            f"{found.basins.steps} steps.",
            basins(found.basins),
            table(["ends at point", "states of the grid"], [[k + 1, n] for k, n in counted]),
        )


def _lyapunov(exponents: Lyapunov) -> Iterator[Part]:
    yield paragraphs([growth(exponents)])
    pairs = zip(exponents.exponents.tolist(), exponents.errors.tolist(), strict=True)
    yield Figure(
        "lyapunov_exponents",
        "Lyapunov exponents",
        "On the data, in nats a step: above 0 small differences between states grow, below 0 they "
        "fade. Below: how the largest settle, which says whether there were enough steps.",
        lyapunov(exponents),
        table(
            ["exponent", "per step", "error"],
            [[k + 1, value, error] for k, (value, error) in enumerate(pairs)],
        ),
    )


def _complex(value: complex) -> str:
    return f"{value.real:.4g}{value.imag:+.4g}i" if value.imag else f"{value.real:.4g}"

"""A network as a drawing: folded, with its loops, and unrolled over time.

Both are drawn upwards from the input at height 0, for a width of about 400 pixels.
"""

from torch import nn

from throughtime.errors import OptionError
from throughtime.report.network import SEEN, DrawnDirection, DrawnLayer, Network, network
from throughtime.report.svg import Canvas, shortened, width

_Place = tuple[float, float]


def folded(of: nn.Module) -> str:
    """The network as one box for each layer and direction, with a loop for the states.

    **Arguments:** `of`: a `Recurrent` or a `Model`.

    **Returns:** an `<svg>` element in the colours of the text around it.

    **Raises:** `OptionError` for another module.
    """
    net, canvas = network(of), Canvas()
    label = max(
        width(_letters(direction)) for layer in net.layers for direction in layer.directions
    )
    whole = max(390.0, 2 * (170 + label))
    middle, gap, tall = whole / 2, 44.0, 42.0
    canvas.words(middle, 0, [("x", "t")])
    below: list[_Place] = [(middle, -10)]
    wide, seen = net.inputs, ""
    for layer in net.layers:
        y = below[0][1] - gap - tall
        places = [middle] if len(layer.directions) == 1 else [middle - 72, middle + 72]
        _join(canvas, middle, below, [(x, y + tall) for x in places])
        _beside(canvas, middle, below, len(places), f"{wide}{seen}")
        for direction, x in zip(layer.directions, places, strict=True):
            canvas.box(x - 64, y, 128, tall, direction.time)
            canvas.title(x, y + 14, shortened(direction.cell, 16))
            canvas.words(x, y + 30, [direction.symbol], f", {direction.units} units")
            side = -1 if x < middle else 1
            edge, out = x + side * 64, x + side * 88
            canvas.arrow((edge, y + 12), (out, y + 12), (out, y + 30), (edge, y + 30))
            anchor = "start" if side > 0 else "end"
            canvas.words(out + side * 8, y + 21, _letters(direction), anchor=anchor)
        below, wide = [(x, y) for x in places], layer.width
        seen = f", {layer.merge}" if len(places) > 1 else ""
    y = below[0][1] - gap
    _join(canvas, middle, below, [(middle, y)])
    _beside(canvas, middle, below, 1, f"{wide}{seen}")
    y = _head(canvas, net, middle, y, 280) if net.head else y - 10
    if not net.head:
        canvas.words(middle, y, [("y", "t")])
    bottom = 24.0
    if any(direction.reverse for direction in net.layers[0].directions):
        for direction in net.layers[0].directions:
            canvas.words(middle, bottom, [(direction.symbol[0], "")], f": {direction.time} in time")
            bottom += 18
    bottom = _starts(canvas, net, middle, bottom)
    return canvas.svg(whole, y - 14, bottom, "The network, folded", str(net))


def unrolled(of: nn.Module, steps: int = 4) -> str:
    """The network over time: a replica of every layer at each step, all with the same weights.

    **Arguments:**

    - `of`: a `Recurrent` or a `Model`.
    - `steps`: how many replicas are drawn; the last stands for step T, however far that is.

    **Returns:** an `<svg>` element, as `folded`.

    **Raises:** `OptionError` for another module, or fewer than 2 steps.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        raise OptionError(
            f"`unrolled`: steps has {steps!r}; expected a whole number, 2 or more. Give 4."
        )
    net, canvas = network(of), Canvas()
    directions = [direction for layer in net.layers for direction in layer.directions]
    start = max(width(_letters(direction, "0")) for direction in directions) + 10
    pitch, margin = 84.0, start + 54
    first = 40 if all(direction.reverse for direction in directions) else margin
    last = margin if any(direction.reverse for direction in directions) else 40
    whole = max(390.0, first + pitch * (steps - 1) + last)
    first += (whole - first - pitch * (steps - 1) - last) / 2
    columns = [first + pitch * k for k in range(steps)]
    times = [str(k + 1) for k in range(steps - 1)] + ["T"]
    for x, time in zip(columns, times, strict=True):
        canvas.words(x, 0, [("x", time)])
    canvas.words(columns[-1] - pitch / 2, 0, "· · ·")
    below: list[list[_Place]] = [[(x, -10)] for x in columns]
    for layer in net.layers:
        below = _replicas(canvas, layer, columns, below, start)
    y = min(place[1] for place in below[0]) - 36
    if net.head:
        for place in _read(net, below):
            canvas.arrow(place, (place[0], y))
        y = _head(canvas, net, whole / 2, y, max(280, columns[-1] - columns[0] + 80))
    else:
        for x, time, places in zip(columns, times, below, strict=True):
            _join(canvas, x, places, [(x, y)])
            canvas.words(x, y - 10, [("y", time)])
        y -= 10
    bottom = _starts(canvas, net, whole / 2, _transitions(canvas, net, whole / 2, 24))
    words = f"{net} All replicas of a layer have the same weights."
    return canvas.svg(whole, y - 14, bottom, "The network, unrolled over time", words)


def _replicas(
    canvas: Canvas, layer: DrawnLayer, columns: list[float], below: list[list[_Place]], start: float
) -> list[list[_Place]]:
    """A layer at every step; returns where its outputs leave it."""
    both, tall, wide = len(layer.directions) > 1, 32.0, 38.0
    # of two directions, the forward row stands lower and to the left, its output passes the other
    shift, lane, row = (10.0, 18.0, 46.0) if both else (0.0, 0.0, 0.0)
    top = min(y for _, y in below[0])
    low = top - (44 if both or len(below[0]) > 1 else 34) - tall
    rows = [
        (direction, low - row * k, shift * (2 * k - 1))
        for k, direction in enumerate(layer.directions)
    ]
    sides = [lane * (2 * k - 1) for k in range(len(layer.directions))]
    leaves = [(side, y) for side, (_, y, _) in zip(sides, rows, strict=True)]
    for x, places in zip(columns, below, strict=True):
        enters = [(x + side, y + tall) for side, y in leaves]
        _join(canvas, x, places, enters)
    for direction, y, off in rows:
        for x in columns:
            canvas.box(x + off - wide / 2, y, wide, tall, direction.time)
            canvas.words(x + off, y + tall / 2, [direction.symbol])
        _through_time(
            canvas, direction, [x + off for x in columns], y + tall / 2, wide / 2, shift, start
        )
    return [[(x + side, y) for side, y in leaves] for x in columns]


def _through_time(
    canvas: Canvas,
    direction: DrawnDirection,
    centres: list[float],
    y: float,
    half: float,
    lane: float,
    start: float,
) -> None:
    """The arrows of the states from step to step, and what they start from."""
    forward = not direction.reverse
    order = centres if forward else centres[::-1]
    ahead = half if forward else -half
    beside = lane / 2 if forward else -lane / 2
    letters = _letters(direction)
    if width(letters) > 32:  # in full they stand where time begins
        letters = [(shortened(letters[0][0], 4), "")]
    for a, b in zip(order, order[1:], strict=False):
        unknown = {a, b} == {*centres[-2:]}  # how many steps lie between, nobody knows
        canvas.arrow((a + ahead, y), (b - ahead, y), dashed=unknown)
        if not unknown:
            canvas.words((a + b) / 2 + beside, y - 9, letters)
    edge = order[0] - ahead
    box = edge - 20 - start if forward else edge + 20
    canvas.arrow((edge - 20 if forward else edge + 20, y), (edge, y))
    if direction.start == "zero":
        canvas.title(box + (start - 8 if forward else 8), y, "0")
        return
    canvas.box(box, y - 12, start, 24, "plain")
    canvas.words(box + start / 2, y, _letters(direction, "0"))


def _read(net: Network, tops: list[list[_Place]]) -> list[_Place]:
    """The outputs that the output network sees: of a backward direction the last is at step 1."""
    if net.pooling != "last":
        return [place for places in tops for place in places]
    directions = net.layers[-1].directions
    return [tops[0 if direction.reverse else -1][k] for k, direction in enumerate(directions)]


def _join(canvas: Canvas, middle: float, low: list[_Place], high: list[_Place]) -> None:
    """Arrows up from some places to others, by way of the middle unless they are one above one."""
    if len(low) == len(high) == 1:
        canvas.arrow(low[0], high[0])
        return
    bar = (min(y for _, y in low) + max(y for _, y in high)) / 2
    for x, y in low:
        canvas.line((x, y), (x, bar), (middle, bar))
    for x, y in high:
        canvas.arrow((middle, bar), (x, bar), (x, y))


def _beside(canvas: Canvas, middle: float, low: list[_Place], high: int, words: str) -> None:
    """What flows, written where the lines of `_join` leave room."""
    bar = low[0][1] - 22
    if len(low) == high == 1:
        canvas.words(middle + 9, bar, words, anchor="start")
    else:
        canvas.words(middle, bar - 10 if high > 1 else bar + 11, words)


def _head(canvas: Canvas, net: Network, middle: float, y: float, wide: float) -> float:
    """The output network above height y; returns the height of what stands above it."""
    canvas.box(middle - wide / 2, y - 42, wide, 42)
    canvas.title(middle, y - 28, f"output network on {SEEN[net.pooling]}")
    canvas.words(middle, y - 12, shortened(net.head, int(wide / 6.2)))
    canvas.arrow((middle, y - 42), (middle, y - 64))
    canvas.words(middle, y - 74, "scores")
    return y - 74


def _transitions(canvas: Canvas, net: Network, middle: float, y: float) -> float:
    """Which cells the letters stand for, from height y down; returns the height below it."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for direction in (direction for layer in net.layers for direction in layer.directions):
        words = (
            f": {shortened(direction.cell, 20)}, {direction.units} units, {direction.time} in time"
        )
        kinds.setdefault(words, []).append(direction.symbol)
    for words, symbols in kinds.items():
        shown = symbols if len(symbols) < 4 else [symbols[0], ("…", ""), symbols[-1]]
        canvas.words(middle, y, shown, words)
        y += 18
    return y


def _starts(canvas: Canvas, net: Network, middle: float, y: float) -> float:
    """What the initial states are."""
    starts: dict[str, dict[tuple[str, str], None]] = {}  # a set in order
    for direction in (direction for layer in net.layers for direction in layer.directions):
        starts.setdefault(direction.start, {}).update(dict.fromkeys(_letters(direction, "0")))
    for start, letters in starts.items():
        canvas.words(middle, y, [*letters][:6], f": {start}")
        y += 18
    return y - 6


def _letters(direction: DrawnDirection, below: str = "") -> list[tuple[str, str]]:
    """The states of a cell."""
    return [(shortened(name, 9), below) for name in direction.states]

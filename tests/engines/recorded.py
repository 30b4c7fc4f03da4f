"""Other engines in the list for a while: tests set what an engine does, and see it run."""

from collections.abc import Iterator
from contextlib import contextmanager

from throughtime.engines import ENGINES, Engine


@contextmanager
def only(*engines: Engine) -> Iterator[tuple[Engine, ...]]:
    """There are these engines and no others, in this order of preference."""
    before = [*ENGINES]
    ENGINES[:] = engines
    try:
        yield engines
    finally:
        ENGINES[:] = before


class Recorded(Engine):
    """An engine that does what another does; `ran` has what it was asked to run."""

    def __init__(self, engine: Engine, ran: list[str] | None = None, prefix: str = "") -> None:
        self.engine, self.ran, self.prefix = engine, [] if ran is None else ran, prefix
        self.name, self.traceable, self.fresh = engine.name, engine.traceable, engine.fresh

    def _record(self, what: str) -> Engine:
        self.ran.append(f"{self.prefix}{what}")
        return self.engine

    def why_never(self, *of):
        return self.engine.why_never(*of)

    def why_not(self, *of):
        return self.engine.why_not(*of)

    def forward(self, *of, **options):
        return self._record("forward").forward(*of, **options)

    def backward(self, *of, **options):
        return self._record("backward").backward(*of, **options)

    def weight_gradients(self, *of):
        return self.engine.weight_gradients(*of)

    def result_like(self, *of):
        return self.engine.result_like(*of)

    def forward_both(self, runs):
        return self._record("forward_both").forward_both(runs)

    def one_step(self, *of):
        return self._record("one_step").one_step(*of)

    def compiled(self):
        return Recorded(self.engine.compiled(), self.ran, f"{self.prefix}compiled ")

    def fixed(self, *of):
        return Recorded(self.engine.fixed(*of), self.ran, f"{self.prefix}fixed ")

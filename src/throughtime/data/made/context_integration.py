"""Evidence of two streams, of which the context says which one counts."""

import torch
from torch import Generator

from throughtime.arguments import checked_arguments
from throughtime.data.made.drawing import NOISE, Drawn, draw, number
from throughtime.data.sequences import Sequences
from throughtime.errors import OptionError, whole


@checked_arguments()
def context_integration(
    steps: int = 60,
    *,
    answer: int = 10,
    strength: float = 0.5,
    noise: float = 0.25,
    sequences: int = 2000,
    seed: int = 0,
) -> Sequences:
    """Two noisy streams and two context channels, of which one is 1 and names a stream: the answer
    is the sign of the mean of that stream, +1 or -1, and the other stream is to be ignored.

    The values of a stream are drawn around a level of its own, which is `strength`, a half or a
    quarter of it, with either sign. In the last `answer` steps both streams are 0 while the context
    stays, and there alone the answer is known: all the evidence has been seen. Mante and others ask
    for the sign of the level, which no network can know; here it is that of the mean of the values.

    **Arguments:**

    - `steps`: of each sequence, those of the answer among them.
    - `answer`: how many steps at the end are answered.
    - `strength`: the largest level of a stream.
    - `noise`: the standard deviation of the values of a stream around its level.
    - `sequences`: how many; fewer with the same `seed` are the first of more.
    - `seed`: of the generator, which is the maker's own.

    **Returns:** `sequences` sequences of `steps` steps, the channels `stream1`, `stream2`,
    `context1` and `context2`, and the target `answer`, a number, which is nan where not known.

    **Raises:** `OptionError` for a value outside its range.

    ??? cite "Reference"
        V. Mante, D. Sussillo, K. V. Shenoy, W. T. Newsome, Context-dependent computation by
        recurrent dynamics in prefrontal cortex, Nature 503 (2013), doi 10.1038/nature12742.
    """
    call = "context_integration"
    whole(call, "steps", steps, "Set steps=60.")
    whole(call, "answer", answer, "Set answer=10.")
    if answer >= steps:
        raise OptionError(
            f"`{call}`: answer is {answer}; expected fewer than the {steps} steps, because the "
            f"streams are 0 while it is given. Set answer={max(1, steps // 6)}"
            f"{'' if steps > 1 else ' and steps=60'}."
        )
    number(call, "strength", strength, above=0, fix="Set strength=0.5.")
    number(call, "noise", noise, at_least=0, fix=NOISE)
    levels = strength * torch.tensor([-1, -0.5, -0.25, 0.25, 0.5, 1])

    def one(generator: Generator) -> Drawn:
        level = levels[torch.randint(6, (2,), generator=generator)]
        named = int(torch.randint(2, (), generator=generator))
        x = torch.zeros(steps, 4)
        x[:-answer, :2] = level + noise * torch.randn(steps - answer, 2, generator=generator)
        x[:, 2 + named] = 1
        wanted = torch.full((steps,), torch.nan)
        wanted[-answer:] = x[:, named].sum().sign()
        return x, {"answer": wanted}

    return draw(
        one, call=call, channels=("stream1", "stream2", "context1", "context2"),
        sequences=sequences, seed=seed,
    )  # fmt: skip

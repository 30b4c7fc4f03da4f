"""Whether what is shown after a delay is what was shown before it."""

import torch
from torch import Generator

from throughtime.arguments import checked_arguments
from throughtime.data.made.drawing import Drawn, draw, span
from throughtime.data.sequences import Sequences
from throughtime.data.target import MISSING
from throughtime.errors import OptionError, whole

CLASSES = ("different", "match")


@checked_arguments()
def delayed_match(
    items: int = 4,
    *,
    shown: int = 5,
    delay: tuple[int, int] = (5, 15),
    answer: int = 5,
    noise: float = 0.1,
    sequences: int = 1000,
    seed: int = 0,
) -> Sequences:
    """Delayed match to sample: a sample is shown, then nothing for a delay, then a test; at the end
    the answer is whether both were the same item.

    Each item has a channel of its own, which is 1 while the item is shown. In half of the sequences
    both match; in the others the test is any other item. The answer is known in the last `answer`
    steps alone, after the test.

    **Arguments:**

    - `items`: how many channels, `item1`, `item2`, ...; 2 or more.
    - `shown`: for how many steps the sample is shown, and so the test.
    - `delay`: the least and the most steps between both, drawn for each sequence.
    - `answer`: how many steps at the end are answered.
    - `noise`: the standard deviation of normal noise on each channel.
    - `sequences`: how many; fewer with the same `seed` are the first of more.
    - `seed`: of the generator, which is the maker's own.

    **Returns:** `sequences` sequences of `2 * shown + answer` steps and those of the delay, and the
    target `answer` of the classes `different` and `match`, -1 where it is not known.

    **Raises:** `OptionError` for a value outside its range.

    ??? cite "Reference"
        E. K. Miller, C. A. Erickson, R. Desimone, Neural mechanisms of visual working memory in
        prefrontal cortex of the macaque, Journal of Neuroscience 16 (1996),
        doi 10.1523/JNEUROSCI.16-16-05154.1996.
    """
    call = "delayed_match"
    whole(call, "items", items, "Set items=4.")
    if items < 2:
        raise OptionError(
            f"`{call}`: items is {items}; expected 2 or more, because the test may be another than "
            "the sample. Set items=4."
        )
    whole(call, "shown", shown, "Set shown=5.")
    whole(call, "answer", answer, "Set answer=5.")
    least, most = span(call, "delay", delay, least=0, fix="Set delay=(5, 15).")

    def one(generator: Generator) -> Drawn:
        def drawn(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        sample, match = drawn(items), drawn(2)
        test = sample if match else (sample + 1 + drawn(items - 1)) % items
        begins = shown + least + drawn(most - least + 1)
        x = torch.zeros(begins + shown + answer, items)
        x[:shown, sample] = 1
        x[begins : begins + shown, test] = 1
        wanted = torch.full((len(x),), MISSING)
        wanted[-answer:] = match
        return x, {"answer": wanted}

    return draw(
        one, call=call, channels=[f"item{k + 1}" for k in range(items)],
        classes={"answer": CLASSES}, sequences=sequences, noise=noise, seed=seed,
    )  # fmt: skip

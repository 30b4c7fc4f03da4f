"""Random cells and calls on every engine, compared with plain autograd over a loop: `make fuzz`."""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many cases (1000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other cases (0)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case (0)")
    parser.add_argument("--instruction-set", help="baseline, avx2 or avx512 (the best there is)")
    parser.add_argument("--stop-at-first", action="store_true", help="end at the first failure")
    parser.add_argument("--show", type=int, default=2, help="failures to shrink of each kind (2)")
    given = parser.parse_args()
    if given.instruction_set:  # it is read once, as the compiled module is loaded
        os.environ["THROUGHTIME_INSTRUCTION_SET"] = given.instruction_set

    import torch
    from fresh_memory import nan_in_fresh_memory

    torch.set_num_threads(1)
    with nan_in_fresh_memory():
        return search(given)


@dataclass
class Tally:
    """What a search has seen."""

    tried: int = 0
    failed: int = 0
    uncertain: int = 0
    large: int = 0
    kinds: dict[str, list[int]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    def told(self, seconds: float, instruction_set: str) -> str:
        rate = self.tried / max(seconds, 1e-9)
        lines = [
            f"{self.tried} cases, {self.failed} failures, {seconds:.1f} s ({rate:.1f} cases a "
            f"second), instruction set {instruction_set}",
            f"{self.large} cases had values too large to compare, {self.uncertain} results differ "
            "by what rounding can explain",
        ]
        lines += [f"{times} refused: {message}" for message, times in self.refused.most_common()]
        for kind, numbers in sorted(self.kinds.items(), key=lambda item: -len(item[1])):
            cases = f"cases {', '.join(map(str, numbers[:20]))}{' and more' * (len(numbers) > 20)}"
            lines.append(f"{len(numbers)} wrong, {kind}: {cases}")
        return "\n".join(lines)


def search(given: Any) -> int:
    """Run the cases, print failures as scripts, and return the exit code."""
    from fuzz.cases import random_case
    from fuzz.check import check
    from fuzz.shrink import shrink

    from throughtime import engines

    instruction_set = str(engines.describe().get("instruction set"))
    tally, began = Tally(), time.monotonic()
    for number in range(given.first, given.first + given.count):
        case = random_case(given.seed, number)
        outcome = check(case)
        tally.tried += 1
        tally.failed += bool(outcome.failures)
        tally.uncertain += outcome.uncertain
        tally.large += not outcome.compared
        if outcome.refused:
            tally.refused[outcome.refused] += 1
        for failure in outcome.failures:
            kind = f"{failure.engine}: {failure.kind}{' with recompute' * case.recompute}"
            tally.kinds.setdefault(kind, []).append(number)
            if len(tally.kinds[kind]) <= given.show:
                small, wrong = shrink(case, failure)
                print(f"# case {number} of seed {given.seed}, {kind}: {wrong.what}")
                print(small.script(failure.engine), flush=True)
        if tally.tried % 1000 == 0:
            print(f"{tally.tried} cases, {tally.failed} failures", file=sys.stderr, flush=True)
        if outcome.failures and given.stop_at_first:
            break
    print(tally.told(time.monotonic() - began, instruction_set))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())

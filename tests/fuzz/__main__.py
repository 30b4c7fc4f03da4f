"""`make fuzz`: random cells and calls on every engine, against plain autograd over a loop."""

import argparse
import os
import sys
import time
from collections import Counter


def main() -> int:
    parser = argparse.ArgumentParser(prog='make fuzz ARGS="..."', description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--seed", type=int, default=0, help="of the cases")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--instruction-set", help="baseline, avx2 or avx512, where there is one")
    parser.add_argument("--stop-at-first", action="store_true", help="end at the first failure")
    parser.add_argument("--show", type=int, default=5, help="how many failures are shrunk, a kind")
    given = parser.parse_args()
    if given.instruction_set:  # read as the compiled module is loaded
        os.environ["THROUGHTIME_INSTRUCTION_SET"] = given.instruction_set

    import torch

    from fuzz.cases import random_case
    from fuzz.check import check
    from fuzz.shrink import shrink
    from throughtime import engines

    torch.set_num_threads(1)
    about = engines.describe()
    print(f"seed {given.seed}, instruction set {about.get('instruction set')}", flush=True)
    began, kinds, refused = time.monotonic(), Counter(), Counter()
    failed = uncertain = skipped = tried = 0
    for number in range(given.first, given.first + given.count):
        case = random_case(given.seed, number)
        tried += 1
        outcome = check(case)
        uncertain += outcome.uncertain
        skipped += not outcome.compared
        if outcome.refused:
            refused[outcome.refused] += 1
        failed += bool(outcome.failures)
        for failure in outcome.failures:
            kind = f"{failure.engine}: {failure.kind}"
            kind += ", recompute" if case.recompute and failure.engine == "cpu" else ""
            kinds[kind] += 1
            if kinds[kind] <= given.show:
                small, wrong = shrink(case, failure)
                print(f"\n# case {number} of seed {given.seed}, {kind}: {wrong.what}")
                print(small.script(failure.engine), flush=True)
        if outcome.failures and given.stop_at_first:
            break
    seconds = time.monotonic() - began
    print(f"\n{tried} cases, {failed} failures, {seconds:.1f} s ({tried / seconds:.1f} a second), "
          f"instruction set {about.get('instruction set')}")  # fmt: skip
    print(f"of these {skipped} too large to compare, {uncertain} within rounding, "
          f"{sum(refused.values())} refused")  # fmt: skip
    for message, times in refused.most_common():
        print(f"  refused {times}: {message}")
    for kind, times in kinds.most_common():
        print(f"  {times} {kind}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

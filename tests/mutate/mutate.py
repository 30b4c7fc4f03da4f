"""Puts small mistakes into a file of the package, one at a time, and runs the nearest tests.

    make mutate ARGS="src/throughtime/program/adjoint.py --count 10 --seed 0"

A mistake is noticed where a test fails or runs into the time limit. One that lives is shown as a
difference: either it means the same, or it does not matter, or a test is missing.

No file is changed. pytest collects the tests once; for each mistake the process forks, gives the
functions of the file the code of the mistaken text, and runs the tests. So mistakes are made inside
functions only, and are not seen by tests that start a process of their own.
"""

import argparse
import functools
import gc
import importlib
import os
import random
import signal
import time
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from mistakes import mistakes
from nearest import nearest

ROOT = Path(__file__).parents[2]
Code = dict[tuple[str, int], types.CodeType]  # by the name of a function, and which of that name


def codes(whole: types.CodeType) -> Code:
    """The code of every function that the text makes when it is imported, not inside another."""
    found: Code = {}

    def look(code: types.CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                name = inner.co_qualname
                found[name, sum(n == name for n, _ in found)] = inner
                if not inner.co_flags & 0x2:  # the body of a class, which holds functions too
                    look(inner)

    look(whole)
    return found


def loaded(file: Path) -> Iterator[tuple[tuple[str, int], types.FunctionType]]:
    """The functions of a file that is imported, as `codes` has them."""
    module = ".".join(file.relative_to("src").with_suffix("").parts)
    path = importlib.import_module(module).__file__
    every = [f for f in gc.get_objects() if type(f) is types.FunctionType]
    mine = {f.__code__ for f in every if f.__code__.co_filename == path}
    # several of one name and line are lambdas: the last instruction tells which comes first
    order = sorted(mine, key=lambda c: (c.co_firstlineno, [*c.co_positions()][-1]))
    place = {}
    for code in order:
        place[code] = sum(c.co_qualname == code.co_qualname for c in place)
    for f in every:
        if f.__code__ in place:
            yield (f.__code__.co_qualname, place[f.__code__]), f


class Mutation:
    """A plugin of pytest: in place of running the tests once, once for each mistake."""

    def __init__(self, files: list[Path], count: int, seed: int) -> None:
        self.files, self.count, self.seed = files, count, seed
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        began = time.monotonic()
        if by := self.run(session, [], {}, 1800):
            raise SystemExit(f"The tests fail without any mistake: {by}")
        limit = 20 + 3 * (time.monotonic() - began)
        for file in self.files:
            self.mutate(session, file, limit)
        return True

    def mutate(self, session: pytest.Session, file: Path, limit: float) -> None:
        """Try some mistakes of one file, and say what became of each."""
        text = (ROOT / file).read_text()
        functions = [*loaded(file)]
        here = codes(compile(text, str(file), "exec"))
        if unknown := {key for key, _ in functions} - {*here}:
            raise SystemExit(f"{file}: cannot put a mistake into {unknown}")
        every = []
        for mistake in mistakes(text):
            new = codes(compile(mistake.applied(text), str(file), "exec"))
            if any(new.get(key) != here[key] for key, _ in functions):
                every.append((mistake, new))
        some = random.Random(self.seed).sample(every, min(self.count, len(every)))
        noticed = 0
        for mistake, new in sorted(some, key=lambda pair: pair[0]):
            by = self.run(session, functions, new, limit)
            noticed += by is not None
            verdict = f"noticed by {by}" if by else "LIVED"
            print(f"\n{file}: {verdict}\n{mistake.shown(text)}", flush=True)
        print(f"\n{file}: {len(some)} of {len(every)} tried, {noticed} noticed, "
              f"{len(some) - noticed} lived", flush=True)  # fmt: skip

    def run(self, session: pytest.Session, functions: list, new: Code, limit: float) -> str | None:
        """What noticed: the first test that failed, the time limit, or None where all pass."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            try:
                self.put(functions, new)
                self.test(session)
            except BaseException as e:
                self.failed.append(repr(e))
            os.write(write, "".join(self.failed[:1])[:200].encode())
            os._exit(bool(self.failed))
        os.close(write)
        end = time.monotonic() + limit
        status = None
        while status is None and time.monotonic() < end:
            ended, code = os.waitpid(child, os.WNOHANG)
            status = code if ended else time.sleep(0.02)
        if status is None:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        said = os.read(read, 200).decode(errors="replace")
        os.close(read)
        if status == 0:
            return None
        return said or (f"the limit of {limit:.0f} seconds" if status is None else "a crash")

    def put(self, functions: list, new: Code) -> None:
        for key, function in functions:
            function.__code__ = new[key]
        for known in gc.get_objects():
            if type(known) is functools._lru_cache_wrapper:
                known.cache_clear()

    def test(self, session: pytest.Session) -> None:
        for item, after in zip(session.items, [*session.items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if self.failed:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", help="files below src/throughtime")
    parser.add_argument("--count", type=int, default=10, help="mistakes for each file")
    parser.add_argument("--seed", type=int, default=0, help="of the choice among all mistakes")
    parser.add_argument("--tests", nargs="+", help="in place of the nearest tests of each file")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.chdir(ROOT)
    groups: dict[frozenset[str], list[Path]] = {}  # of files with the same tests
    order: dict[frozenset[str], list[str]] = {}
    for given in options.files:
        file = Path(given).resolve().relative_to(ROOT)
        tests = options.tests or nearest(ROOT, file)
        order.setdefault(frozenset(tests), tests)
        groups.setdefault(frozenset(tests), []).append(file)
    for key, files in groups.items():
        command = ["-q", "-s", "--no-header", "-p", "no:cacheprovider", "-m", "not slow"]
        child = os.fork()  # pytest collects in a process of its own for each group
        if not child:
            plugin = Mutation(files, options.count, options.seed)
            os._exit(pytest.main([*command, *order[key]], plugins=[plugin]))
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()

"""The command line in this process, and tables to give it."""

from contextlib import nullcontext

import polars as pl
import pytest
import torch
import typechecker

from throughtime.cli import main


@pytest.fixture(autouse=True, scope="module")
def types_unchecked():
    """A person may give anything: the errors are to be throughtime's and not those of types."""
    with typechecker.unchecked():
        yield


@pytest.fixture(autouse=True)
def threads():
    """`--threads` is of the process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def reports():
    """Runs end with their reports where a test asks for this."""


@pytest.fixture(autouse=True)
def no_reports(request, monkeypatch):
    """Elsewhere a run ends without: to write its report takes longer than all else in it."""
    if "reports" not in request.fixturenames:
        import throughtime.report

        def place(run, *of):
            return run.folder / "report.html"

        monkeypatch.setattr(throughtime.report, "write_report", place)


@pytest.fixture
def call(capfd):
    """Runs a command that is to succeed and gives what it printed."""

    def run(*arguments):
        status = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        assert (status, err) == (0, "")
        return out

    return run


def frame(count=20, classes=("no", "yes"), seed=0, **columns):
    """A long table of `count` sequences of 3 to 5 steps; `a` tells the class, `b` nothing."""
    draw = torch.Generator().manual_seed(seed)
    rows = {"id": [], "t": [], "a": [], "b": [], "kind": []}
    for k in range(count):
        for step in range(3 + k % 3):
            noise = torch.randn(2, generator=draw).tolist()
            rows["id"].append(f"s{k}")
            rows["t"].append(10 * step)
            rows["a"].append(round(2.0 * (k % len(classes)) + 0.2 * noise[0], 4))
            rows["b"].append(round(noise[1], 4))
            rows["kind"].append(classes[k % len(classes)])
    return pl.DataFrame(rows).with_columns(**columns)


@pytest.fixture
def table(tmp_path):
    """Writes the table as `name` and gives its path."""

    def write(name="data.csv", **options):
        made = frame(**options)
        path = tmp_path / name
        (made.write_csv if name.endswith("csv") else made.write_parquet)(path)
        return path

    return write


@pytest.fixture
def interrupted(monkeypatch, capfd):
    """Runs a command that is stopped when it tells its progress for the n-th time; its errors."""
    import throughtime.cli.show as show

    def run(n, *arguments):
        told = 0

        def progress(at):
            nonlocal told
            told += 1
            if told == n:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(show, "progress_bar", lambda quiet: nullcontext(progress))
            assert main([str(a) for a in arguments]) == 130
        return capfd.readouterr().err

    return run

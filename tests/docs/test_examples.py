"""Everything shown in README.md and docs/ runs, and prints what the page says it prints.

A page is one program: its ```python blocks run in order in one namespace and one empty
folder. Its ```console blocks run where they are marked. A mark stands on the line before:

- `<!-- output -->`: the block is what was printed since the last such block, exactly.
- `<!-- sample output -->`: the same, but numbers may differ from machine to machine; it runs,
  and is not compared.

An error of throughtime's own that a marked block follows counts as printed.

`python tests/docs/test_examples.py PAGE ...` writes into the pages what was printed.
"""

import contextlib
import io
import linecache
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest
import typechecker

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "docs" / "guide", ROOT / "docs" / "theory")
PAGES = [
    str(page.relative_to(ROOT))
    for page in (
        ROOT / "README.md",
        ROOT / "docs" / "api" / "command-line.md",
        *(p for folder in FOLDERS for p in sorted(folder.glob("*.md"))),
    )
]
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>output|sample output) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
TIMES = re.compile(r"\d+\.\d+ s\b")


def run_page(text: str, name: str):
    """Run a page in the current folder; yields (block, what was printed) for each marked one."""
    blocks = list(BLOCK.finditer(text))
    assert len(re.findall("^```", text, re.MULTILINE)) == 2 * len(blocks), (
        f"{name}: a block that is not read"
    )
    namespace: dict = {"__name__": "__main__"}
    source, printed = "", ""
    for k, block in enumerate(blocks):
        mark, kind = block["mark"], block["kind"]
        if kind == "python":
            marked = (
                k + 1 < len(blocks) and blocks[k + 1]["mark"] and blocks[k + 1]["kind"] == "text"
            )
            out, source = run_python(
                block["text"], source, f"{Path(name).stem}.py", namespace, marked
            )
            printed += out
        elif kind == "console" and mark:
            yield block, run_console(block["text"])
        elif mark:
            yield block, printed
            printed = ""
    assert not printed, f"{name}: prints what it does not show: {printed}"


def run_python(text: str, source: str, file: str, namespace: dict, marked: bool) -> tuple[str, str]:
    """What one block prints, and the page's source so far: errors name its lines."""
    from throughtime.errors import ThroughtimeError

    code = compile("\n" * source.count("\n") + text, file, "exec")
    source += text
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(code, namespace)
        except ThroughtimeError as e:
            if not marked:
                raise
            print(f"{type(e).__name__}: {e}")
    return out.getvalue(), source


def run_console(text: str) -> str:
    """The lines that begin with $, each with what it prints."""
    from throughtime.cli import main

    shown = ""
    for line in text.splitlines():
        if not line.startswith("$ "):
            continue
        shown += line + "\n"
        arguments = shlex.split(line[2:])
        if arguments[0] == "throughtime":
            out = io.StringIO()
            before, sys.argv[0] = sys.argv[0], "throughtime"  # what --help calls itself
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                main(arguments[1:])
            sys.argv[0] = before
            shown += out.getvalue()
        else:
            shown += subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    return "".join(f"{row.rstrip()}\n" for row in shown.splitlines())


@pytest.fixture(autouse=True)
def fresh_memory_is_nan():
    """Not here: torch.compile and torch.export look into what the other tests replace."""


@pytest.fixture(autouse=True)
def types_unchecked():
    """For the same reason."""
    with typechecker.unchecked():
        yield


@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    # times are not compared, so the machine need not rest before each is measured
    monkeypatch.setattr("throughtime.bench.measure.REST", 0.0)
    for block, printed in run_page((ROOT / page).read_text(), page):
        if block["mark"] == "output":
            assert TIMES.sub("", printed) == TIMES.sub("", block["text"])
        else:
            assert printed


def test_every_command_is_on_the_page_of_the_command_line():
    from throughtime.cli.app import app

    page = (ROOT / "docs" / "api" / "command-line.md").read_text()
    shown = re.findall(r"^\$ throughtime (\w+) --help$", page, re.MULTILINE)
    assert shown == [command.callback.__name__ for command in app.registered_commands]


def listed() -> set[str]:
    """The files in the reading order; a folder holds for the names after it."""
    block = (ROOT / "docs" / "reading-the-code.md").read_text().split("```")[1]
    found, folder = set(), ""
    for name in re.findall(r"[\w/]+\.(?:py|h|cpp)\b", block):
        folder = name.rpartition("/")[0] if "/" in name or "\n" + name in block else folder
        found.add(f"{folder}/{name.rpartition('/')[2]}".lstrip("/"))
    return found


def test_reading_order_is_complete():
    package = ROOT / "src" / "throughtime"
    ours = {str(p.relative_to(package)) for p in package.rglob("*.py") if p.stem != "__init__"}
    native = {f"native/{p.name}" for p in (ROOT / "native").glob("*.*")}
    assert ours - listed() == set(), "in the package, not in the reading order"
    assert listed() - ours - native == set(), "in the reading order, not in the package"


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "examples").glob("*.py")))
def test_example(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = ROOT / "examples" / script
    exec(compile(path.read_text(), str(path), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_harness_sees_a_wrong_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = "```python\nprint(1 + 1)\n```\n\n<!-- output -->\n```text\n3\n```\n"
    ((block, printed),) = run_page(page, "wrong.md")
    assert (block["text"], printed) == ("3\n", "2\n")


def write(page: Path) -> None:
    """Put what a page prints into the page."""
    text, new, at = page.read_text(), "", 0
    for block, printed in run_page(text, str(page)):
        start, end = block.span("text")
        new, at = new + text[at:start] + printed, end
    page.write_text(new + text[at:])


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    warnings.simplefilter("error")
    for given in map(os.path.abspath, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            write(Path(given))

"""Reproduce: the command, the versions, the data and the options of a run."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from throughtime.report.markup import facts, heading, paragraphs
from throughtime.report.section import Part, TestedRun
from throughtime.report.style import plain
from throughtime.training import Run

name, title = "reproduce", "Reproduce"


def measure(tested: TestedRun) -> Mapping[str, Any]:
    return {}  # a run has all of it


def write(run: Run, measured: object) -> Iterator[Part]:
    command = run.details.get("command")
    if command:
        text = plain(shlex.join(["throughtime", *command]), 4000)
        yield Markup('<pre class="command">{}</pre>').format(text)
    else:
        yield paragraphs(["Trained from Python, or by a version that did not keep the command."])
    yield heading("Made with") + facts(run.versions.items())
    data = run.details.get("data") or {}
    if data.get("sha256"):
        parts = zip(("training sequences", "test sequences"), data["sha256"], strict=False)
        yield heading("The data, SHA-256") + facts(parts)
    options = facts(asdict(run.options).items())
    yield Markup("<details><summary>All options</summary>{}</details>").format(options)

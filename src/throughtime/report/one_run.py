"""The report of one run: which sections there are, in which order, and what each says."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from throughtime.bptt.watch import directions
from throughtime.report import findings, given, of_data, of_results, of_time
from throughtime.report.drawing import folded, unrolled
from throughtime.report.equations import mathml
from throughtime.report.numbers import numbers, table
from throughtime.report.page import Figure, Section, facts, page, paragraphs
from throughtime.report.style import one_of, plain, safe
from throughtime.training import Run
from throughtime.training.files import read_json, write_json, write_text
from throughtime.training.model import recurrent

KEPT = "report.json"
BASELINES = (("commonest class", "majority"), ("linear: mean, spread, last step", "linear"))


def report(
    run: Run, found: dict[str, Any] | None = None, *, missing: str = "", tested_on: str = ""
) -> str:
    """The report of a run as one HTML file.

    **Arguments:**

    - `run`: finished or not.
    - `found`: what `measure` says of it; without it, what needs the data is left out.
    - `missing`: why `found` is not there, for the reader.
    - `tested_on`: what to call the test sequences where they are not those of the run.

    **Returns:** the file: write it anywhere, it needs nothing beside it and asks for nothing.
    """
    given.run("report", run)
    if found is not None:
        given.measured(
            "report", found, "data", "before", "after", "replicas", "gates", after="run, "
        )
    title = f"{name(run)} on {plain(tested_on or data_name(run))}"
    tested = "test" in run.results
    when = f"{run.folder}, " if run.folder is not None else ""
    under = f"{when}{parameters(run):,} parameters, {len(run.history)} epochs"
    sections = [
        Section("result", "Result", list(_result(run, found, missing))),
        *([Section("data", "Data", list(_data(found)))] if found else []),
        Section("learning", "Learning", list(_learning(run))),
        *([Section("confusion", "Confusion", list(_confusion(run, found)))] if tested else []),
        *(
            [Section("gradients", "Gradients through time", list(_gradients(found)))]
            if found
            else []
        ),
        *([Section("gates", "Gates and states", list(_gates(found)))] if found else []),
        Section("network", "Network", list(_network(run))),
        Section("reproduce", "Reproduce", list(_reproduce(run))),
    ]
    return page(title, under, sections)


def keep(run: Run, found: dict[str, Any]) -> None:
    """Put what was measured into the run folder, so that its report can be written without data."""
    given.run("keep", run)
    given.measured("keep", found, "data", "after", after="run, ")
    if run.folder is not None:
        write_json(run.folder / KEPT, found)


def kept(run: Run) -> dict[str, Any] | None:
    """What `keep` put there. **Raises:** `RunError` if it is damaged."""
    given.run("kept", run)
    if run.folder is None or not (run.folder / KEPT).exists():
        return None
    return read_json(run.folder / KEPT)


def write(path: str | Path, html: str) -> None:
    """Write a page whole or not at all. **Raises:** `RunError`."""
    given.page("write", html)
    write_text(Path(path), html)


def name(run: Run) -> str:
    """The cell of a run, as it is named in the tables of results."""
    return recurrent(run.model)[0].directions[0][0].cell_program.cell


def parameters(run: Run) -> int:
    return sum(p.numel() for p in run.model.parameters())


def data_name(run: Run) -> str:
    data = run.details.get("data") or {}
    if not data:
        return "data from Python"
    return Path(data["path"]).name if data.get("path") else "Japanese Vowels"


def _result(run: Run, found: dict[str, Any] | None, missing: str) -> Iterator[str]:
    scores = run.results
    if not {"test", "linear", "majority"} <= {*scores}:
        yield paragraphs(
            [f"Not tested yet: {len(run.history)} of {run.options.epochs} epochs are there."],
            "lead",
        )
    else:
        first, *rest = findings.result(scores, name(run))
        yield paragraphs([first], "lead") + paragraphs(rest)
        rows = [*((title, key, "") for title, key in BASELINES), (name(run), "test", "own")]
        yield '<table class="scores"><thead><tr><th scope="col">on the test part</th>'
        yield '<th scope="col">accuracy</th><td></td></tr></thead><tbody>'
        for title, key, kind in rows:
            share = scores[key]["accuracy"]
            bar = f'<span class="bar" style="width:{share:.1%}"></span>'
            yield (
                f'<tr class="{kind}"><th scope="row">{safe(title)}</th><td>{share:.4f}</td>'
                f'<td aria-hidden="true">{bar}</td></tr>'
            )
        yield "</tbody></table>"
        why = findings.why_not_learned(scores, run.history, found) if found else []
        if why:
            yield f'<aside class="why"><h3>Why it did not learn</h3>{paragraphs(why)}</aside>'
    if missing:
        yield paragraphs(
            [f"Not in this report: what needs the data or the trained weights. {missing}"], "note"
        )


def _data(found: dict[str, Any]) -> Iterator[str | Figure]:
    data = found["data"]
    steps = [s for part in ("train", "test") for s in data[part]["lengths"][0]]
    count = {part: sum(data[part]["classes"]) for part in ("train", "test")}
    channels, kinds = data["channels"], data["classes"]
    yield paragraphs(
        [
            f"{count['train']} training and {count['test']} test sequences of "
            f"{findings.span(steps)} steps, {len(channels)} channel{'s' * (len(channels) != 1)}, "
            f"{len(kinds)} classes."
        ]
        + findings.constant(data.get("constant", []))  # earlier versions did not keep it
    )
    if min(steps) < max(steps):
        yield Figure(
            "lengths", "How long", "How many sequences have how many steps.", of_data.lengths(found)
        )
    yield Figure(
        "classes",
        "How many of each class",
        _balance(data["train"]["classes"]),
        of_data.classes(found),
    )
    drawn = data["drawn"]
    titles = [f"class {s['label']}: sequence {s['name']}, {s['steps']} steps" for s in drawn]
    yield Figure(
        "sequences",
        "What they look like",
        _drawn(drawn, channels),
        of_data.sequences(drawn, channels, titles),
    )


def _balance(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return (
        f"Every class has {low} training sequences."
        if low == high
        else f"The classes have {low} to {high} training sequences."
    )


def _drawn(drawn: list[dict[str, Any]], channels: list[str]) -> str:
    shown = len(drawn[0]["values"])
    said = f"The first test sequence of {'each class' if len(drawn) < 6 else 'six classes'}."
    if shown > of_data.LINES:
        said += " Each row is a channel, from its least value in the sequence to its greatest."
    if shown < len(channels):
        said += f" The first {shown} of {len(channels)} channels."
    if any(len(s["at"]) < s["steps"] for s in drawn):
        said += " Long sequences are thinned out."
    return said


def _learning(run: Run) -> Iterator[str | Figure]:
    said = findings.learning(run.history, run.options)
    if not run.history:
        yield paragraphs(said)
        return
    yield Figure("curves", "Learning curves", " ".join(said), of_results.learning_curves(run))


def _confusion(run: Run, found: dict[str, Any] | None) -> Iterator[str | Figure]:
    said = " ".join(findings.confusions(run.results))
    yield Figure(
        "matrix", "What is taken for what", said, of_results.confusion(run.results["test"])
    )
    pairs = found["confusions"] if found else []
    if pairs:
        yield "<h3>The commonest confusions, as sequences</h3>"
    for k, pair in enumerate(pairs):
        assert found is not None
        times = "once" if pair["count"] == 1 else f"{pair['count']} times"
        sure = pair["it"]["probability"]
        yield Figure(
            f"confused{k}",
            f"{plain(pair['true'])} taken for {plain(pair['taken'])}, {times}",
            f"Sequence {plain(pair['it']['name'])}, which the network is {sure:.0%} sure of, "
            "beside the surest right ones of both classes.",
            of_results.confused(found, k),
        )


def _gradients(found: dict[str, Any]) -> Iterator[str | Figure]:
    after = found["after"]
    yield Figure(
        "at_input",
        "What reaches the input",
        " ".join(findings.at_input(found)),
        of_time.at_input(found),
    )
    if any(layer["gradient"] for layer in after["layers"]):
        yield Figure(
            "gradient",
            "Gradient of the loss by lag",
            " ".join(findings.gradients(found)),
            of_time.gradient_by_lag(found),
        )
    yield Figure(
        "jacobian",
        "Jacobian of the state by lag",
        "How much a change of the whole state is still felt k steps later, whatever the "
        "loss asks for.",
        of_time.gradient_by_lag(found, "jacobian"),
    )
    kept = found["replicas"]
    every = [of_time.replica_norms(found, k) for k in range(len(kept["layers"]))]
    places = [(str(k), layer["where"]) for k, layer in enumerate(kept["layers"])]
    tables = "".join(
        f"<p>{escape(w)}</p>{numbers(f)}" for (_, w), f in zip(places, every, strict=True)
    )
    yield Figure(
        "replicas",
        "Replicas over time",
        "Each step has its replica of every weight. The norm of the gradient of each, for "
        f"the loss of one sequence ({plain(kept['sequence'])}): their sum is what the optimiser "
        "gets.",
        one_of(every, "layer"),
        tables,
        [("layer", "Layer and direction", places)] if len(every) > 1 else [],
    )


def _gates(found: dict[str, Any]) -> Iterator[str | Figure]:
    samples = found["gates"]
    gated = any(layer["gates"] for layer in found["after"]["layers"])
    yield paragraphs(findings.gates(found))
    if gated:
        yield Figure(
            "saturation",
            "Open and closed",
            "What share of each gate's values, over steps, sequences and units, is nearly "
            "closed or nearly open.",
            of_time.saturation(found),
        )
    kept = [s["sequence"] for s in samples]
    names = [
        (str(k), f"{plain(s['name'], 24)}, class {plain(s['label'], 24)}")
        for k, s in enumerate(kept)
    ]
    what = [
        (f"{w} {key}", f"{layer['where']}: {plain(key, 24)}")
        for w, layer in enumerate(samples[0]["layers"])
        for key in layer["values"]
    ]
    units = samples[0]["layers"][0]["units"]
    most = max(len(u) for u in units.values())
    rows = [
        [
            safe(s["sequence"]["name"]),
            safe(f"{layer['where']}: {key}"),
            *(sum(row[k] for row in values) / len(values) for k in (0, len(s["at"]) // 2, -1)),
            min(map(min, values)),
            max(map(max, values)),
        ]
        for s in samples
        for layer in s["layers"]
        for key, values in layer["values"].items()
    ]
    head = ["mean at the first step", "in the middle", "at the last", "least", "greatest"]
    tables = table(["sequence", "gate or state", *head], rows)
    title = "Gates and states over time" if gated else "States over time"
    said = f"Of a sequence that you choose; {most} units, evenly spaced among all."
    yield Figure(
        "over_time",
        title,
        said,
        of_time.over_time(found),
        tables,
        [("sequence", "Sequence", names), ("what", "Gate or state", what)],
    )


def _network(run: Run) -> Iterator[str | Figure]:
    for title, drawn in (("Folded", folded(run.model)), ("Unrolled", unrolled(run.model))):
        yield f"<h3>{title}</h3>"
        yield f'<div class="drawing">{drawn}</div>'
    shown: dict[str, list[str]] = {}
    programs = {}
    for where, direction in directions(run.model).items():
        math = mathml(direction.cell_program)
        shown.setdefault(math, []).append(where)
        programs[where] = direction.cell_program
    for math, places in shown.items():
        yield f"<h3>The equations of {escape(', '.join(places))}</h3>"
        yield f'<div class="math" tabindex="0" role="region" aria-label="Equations">{math}</div>'
        texts = dict.fromkeys(str(programs[where]) for where in places)
        yield "<details><summary>As they run, with sizes and levels</summary>"
        yield "".join(f"<pre>{escape(text)}</pre>" for text in texts) + "</details>"
    values = of_time.initial_values(run.model)
    if values:
        far = max(values, key=lambda k: max(map(abs, values[k])))
        said = (
            f"Where each state begins, learned from 0. The farthest from it: {plain(far)}, "
            f"{max(map(abs, values[far])):.3g}."
        )
        yield Figure("initial", "The initial state", said, of_time.initial_state(run.model))
    else:
        yield paragraphs(["Every state begins at 0: no initial state is learned."])


def _reproduce(run: Run) -> Iterator[str]:
    command = run.details.get("command")
    if command:
        text = plain(shlex.join(["throughtime", *command]), 4000)
        yield f'<pre class="command">{escape(text)}</pre>'
    else:
        yield paragraphs(["Trained from Python, or by a version that did not keep the command."])
    yield "<h3>Made with</h3>" + facts(run.versions.items())
    data = run.details.get("data") or {}
    if data.get("sha256"):
        parts = zip(("training sequences", "test sequences"), data["sha256"], strict=False)
        yield "<h3>The data, SHA-256</h3>" + facts(parts)
    yield (
        "<details><summary>All options</summary>"
        + facts((k, v) for k, v in asdict(run.options).items())
        + "</details>"
    )

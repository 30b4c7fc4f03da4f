"""A run and its folder: data only, written whole, read with checksums.

| file | content |
|---|---|
| `config.json` | model, options, details (data, command), versions |
| `equations.txt` | the program of each layer and direction, printed |
| `initial.safetensors` | the weights that it began with |
| `weights.safetensors` | the weights of the finished run |
| `metrics.jsonl` | one line an epoch, in each the checksum of all |
| `results.json` | scores on the test set, baselines |
| `checkpoint.safetensors` | everything that `resume` needs |
| `report.json`, `report.html` | by the command line: what a report shows, and the report |
"""

import os
import platform
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from throughtime.cells import Cell
from throughtime.errors import RunError
from throughtime.layers.parametrised import count, put_back
from throughtime.tasks import Task
from throughtime.training.files import (
    read_json,
    read_lines,
    read_tensors,
    write_json,
    write_lines,
    write_tensors,
    write_text,
)
from throughtime.training.model import Model
from throughtime.training.options import LATER, Options

_ABSENT = object()


@dataclass
class Run:
    """A trained model with how it came to be.

    - `history`: for each epoch its loss, learning rate, the largest gradient norm, the time
      so far in seconds, and with a validation part its loss and accuracy there; in the last row
      `stopped`, `"patience"` or `"minutes"`, where that ended the run before its last epoch.
    - `results`: what was measured afterwards, see `record`.
    - `initial`: the weights that it began with; empty where they were not kept.
    """

    model: Model
    options: Options
    folder: Path | None = None
    details: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    initial: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def checkpoint(self) -> Path:
        if self.folder is None:
            raise RunError("fit: resume has no folder; expected the one to go on in. Give folder=.")
        return self.folder / "checkpoint.safetensors"

    def make_folder(self) -> None:
        """Make the folder. **Raises:** `RunError` if there is a run in it already."""
        if self.folder is None:
            return
        try:
            self.check_new()
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise RunError(
                f"{self.folder}: cannot be made ({e.strerror or e}); expected a place that may be "
                "written to. Choose another with --run."
            ) from e

    def check_new(self) -> None:
        """**Raises:** `RunError` if there is a run in the folder already."""
        if self.folder is not None and (self.folder / "config.json").exists():
            raise RunError(
                f"{self.folder}: has a run in it; expected a new folder. Choose another name, or "
                "resume the run."
            )

    def check_options(self) -> None:
        """**Raises:** `RunError` if the run in the folder was begun with other options."""
        config = self.checkpoint.with_name("config.json")
        began = read_json(config).get("options")
        if isinstance(began, dict):
            began = {name: getattr(Options(), name) for name in LATER} | began
        for name, value in asdict(self.options).items():
            if not isinstance(began, dict) or began.get(name, _ABSENT) != value:
                raise RunError(
                    f"fit: {name} is {value!r} in {self.folder}; expected that of the run, as "
                    "config.json has it, to resume. Give the same options, or train anew."
                )

    def describe(self) -> None:
        """Write what the run is. A folder is a run from here on, so a checkpoint goes first."""
        self.versions = _versions()
        if self.folder is None:
            return
        write_text(self.folder / "equations.txt", equations(self.model) + "\n")
        write_tensors(self.folder / "initial.safetensors", self.initial, {})
        self._write_config()

    def _write_config(self) -> None:
        assert self.folder is not None
        write_json(
            self.folder / "config.json",
            {
                "model": self.model.describe(),
                "options": asdict(self.options),
                "details": self.details,
                "versions": self.versions,
            },
        )

    def recall(self) -> None:
        """Take over how the run in the folder began: the versions, and the weights if kept."""
        assert self.folder is not None
        self.versions = read_json(self.folder / "config.json")["versions"]
        if (self.folder / "initial.safetensors").exists():
            self.initial = read_tensors(self.folder / "initial.safetensors")[0]
            put_back(self.model, self.initial)

    def write_history(self) -> None:
        """Write `metrics.jsonl` anew."""
        if self.folder is not None:
            write_lines(self.folder / "metrics.jsonl", self.history)

    def finish(self) -> None:
        """Write the weights, the history, and what the task took from the validation part."""
        self.write_history()
        if self.folder is not None:
            self._write_config()
            write_tensors(self.folder / "weights.safetensors", self.model.state_dict(), {})

    def record(self, results: dict[str, Any]) -> None:
        """Keep what was measured, as plain data."""
        self.results = results
        if self.folder is not None:
            write_json(self.folder / "results.json", results)

    def _repr_html_(self) -> str:
        """What a notebook shows; `throughtime.report` has the whole."""
        parameters = count(self.model)
        last = self.history[-1] if self.history else {}
        metric = self.model.task.metric.name
        scores = {k: v for k, v in self.results.items() if isinstance(v, dict) and metric in v}
        rows = {
            "model": " + ".join(r["cells"][0][0] for r in self.model.describe()["recurrent"]),
            "parameters": f"{parameters:,}",
            "epochs": f"{len(self.history)} of {self.options.epochs}",
            **{k: f"{last[k]:.4g}" for k in ("loss", "validation_loss") if k in last},
            **{f"{metric}, {k}": f"{v[metric]:.4f}" for k, v in scores.items()},
            "folder": str(self.folder or "none"),
        }
        shown = "".join(
            f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>"
            for k, v in rows.items()
        )
        return f"<table><caption>throughtime run</caption><tbody>{shown}</tbody></table>"


def equations(model: Model) -> str:
    """The programs of all recurrent layers, printed."""
    parts = []
    layers: Any = model.recurrent
    for layer in layers:
        for k, directions in enumerate(layer.directions):
            for direction in directions:
                time = "backward" if direction.reverse else "forward"
                parts.append(f"layer {k + 1}, {time} in time\n{direction.cell_program}")
    return "\n\n".join(parts)


def load(
    folder: str | Path,
    *,
    cell: Cell | type[Cell] | None = None,
    output: nn.Module | None = None,
    task: Task | type[Task] | None = None,
) -> Run:
    """Read a run back. Nothing in the folder is code.

    **Arguments:**

    - `folder`: of the run.
    - `cell`: the user's cell; not needed, as the equations are in the folder, but given it is
      checked to have these equations still.
    - `output`: the user's output module, where the model had one; it takes the saved weights.
    - `task`: the user's task or its class, where the model had one of their own.

    **Raises:** `RunError` if the folder is not a run, is unfinished, damaged or of another
    version.
    """
    run = read(folder, cell=cell, output=output, task=task)
    path = Path(folder) / "weights.safetensors"
    if not path.exists():
        raise RunError(
            f"{folder}: has no weights yet; expected a finished run. "
            f"Finish it with `throughtime train --resume {folder}`."
        )
    put(run.model, read_tensors(path)[0], path)
    run.model.eval()
    return run


def read(folder: str | Path, **named: Any) -> Run:
    """A run without its weights, but with its connections: to resume it, or to look at it."""
    path = Path(folder)
    if not os.path.isfile(path / "config.json"):
        raise RunError(
            f"{folder}: is not a run folder; expected a folder with a config.json, as "
            "`throughtime train` writes it. Check the path."
        )
    config = read_json(path / "config.json")
    try:
        model = Model.from_description(config["model"], **named)
        run = Run(model, Options(**config["options"]), path, config["details"])
    except (KeyError, TypeError, ValueError) as e:
        raise RunError(
            f"{path / 'config.json'}: cannot be understood ({type(e).__name__}: {e}); expected "
            "what this version of throughtime writes. Use the version that wrote it."
        ) from e
    run.recall()
    metrics = path / "metrics.jsonl"
    if metrics.exists():
        run.history = read_lines(metrics, _unchecked)
    if (path / "results.json").exists():
        run.results = read_json(path / "results.json")
    return run


def _unchecked(row: dict[str, Any]) -> bool:
    """Whether a line of `metrics.jsonl` is one of those that had no checksum."""
    least = {"epoch", "loss", "seconds"}
    most = least | {"gradient_norm", "learning_rate", "validation_loss", "validation_accuracy"}
    return least <= row.keys() <= most


def put(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Load weights. **Raises:** `RunError` if they are not those of the model."""
    try:
        model.load_state_dict(weights)
    except RuntimeError as e:
        raise RunError(
            f"{path}: does not fit the model ({' '.join(str(e).split())[:300]}); expected the "
            "weights of the model in config.json. Give the same `output=` as in training."
        ) from e


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "throughtime": version("throughtime"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": str(torch.get_num_threads()),
    }

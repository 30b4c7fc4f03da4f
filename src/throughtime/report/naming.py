"""What a run, its network and its data are called on a page."""

from pathlib import Path

from throughtime.data.made.registry import said
from throughtime.layers.parametrised import count
from throughtime.training import Run
from throughtime.training.model import cell_name


def cell(run: Run) -> str:
    """The cell of a run, as it is named in the tables of results."""
    return cell_name(run.model)


def data(run: Run) -> str:
    """The table or the made data set that a run was trained on."""
    details = run.details.get("data") or {}
    if not details:
        return "data from Python"
    if details.get("made"):
        return said(details["made"], details["made_options"])
    return Path(details["path"]).name if details.get("path") else "Japanese Vowels"


def parameters(run: Run) -> int:
    """How many numbers were trained."""
    return count(run.model)

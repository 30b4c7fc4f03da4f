"""Which tests are nearest to a file of the package, the quickest first."""

from pathlib import Path

# For a file or a folder of the package; a file's own tests/<folder>/test_<name>.py goes first.
STATED = {
    "bptt/replicas.py": ["tests/bptt/test_replicas.py", "tests/engines/test_replicas.py"],
    "diagnose": [
        "tests/diagnose/test_jacobian.py",
        "tests/diagnose/test_scalar.py",
        "tests/diagnose/test_diagnosis.py",
    ],
    "engines": [
        "tests/engines/test_cpu.py",
        "tests/engines/test_parameters.py",
        "tests/layers/test_regularise.py",
    ],
    "engines/cpu": ["tests/engines/test_cpu.py", "tests/layers/test_regularise.py"],
    "engines/choose.py": [
        "tests/layers/test_no_native.py",
        "tests/layers/test_both_at_once.py",
        "tests/engines/test_transforms.py",
        "tests/engines/test_operator.py",
    ],
    "engines/cpu/emitter.py": ["tests/engines/test_stages.py", "tests/engines/test_cpu.py"],
    "engines/cpu/fuse.py": ["tests/engines/test_lower.py"],
    "engines/cpu/lowered.py": ["tests/engines/test_listing.py", "tests/engines/test_cpu.py"],
    "engines/cpu/products.py": ["tests/engines/test_replicas.py", "tests/engines/test_cpu.py"],
    "engines/cpu/stages.py": ["tests/engines/test_stages.py", "tests/engines/test_cpu.py"],
    "engines/reference": ["tests/engines/test_reference.py", "tests/engines/test_replicas.py"],
    "program": ["tests/program"],
    "program/probe.py": ["tests/engines/test_replicas.py", "tests/bptt/test_replicas.py"],
    "report": ["tests/report/test_page.py", "tests/report/test_figures.py"],
    "report/compare.py": ["tests/cli/test_report.py"],
    "report/drawing.py": ["tests/report/test_drawing.py"],
    "report/equations.py": ["tests/report/test_equations.py"],
    "report/measure.py": ["tests/report/test_measure.py"],
    "report/names.py": ["tests/report/test_equations.py"],
    "report/network.py": ["tests/report/test_drawing.py"],
    "report/notation.py": ["tests/report/test_equations.py"],
    "report/sections": ["tests/report/sections", "tests/report/test_figures.py"],
    "report/svg.py": ["tests/report/test_drawing.py"],
    "tasks": ["tests/tasks", "tests/training/test_evaluate.py", "tests/training/test_fit.py"],
    "training": [
        "tests/training/test_files.py",
        "tests/training/test_model.py",
        "tests/training/test_resume.py",
        "tests/training/test_fit.py",
    ],
    "universal": [
        "tests/universal/test_machine.py",
        "tests/universal/test_computer.py",
        "tests/universal/test_history.py",
    ],
}


def nearest(root: Path, file: Path) -> list[str]:
    """The tests of one file of `src/throughtime`."""
    inside = file.relative_to("src/throughtime")
    own = Path("tests", inside.parent, f"test_{inside.name}")
    stated = STATED.get(str(inside)) or STATED.get(str(inside.parent)) or [str(own.parent)]
    return [*dict.fromkeys([str(own)] * (root / own).exists() + stated)]

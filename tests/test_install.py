"""The package installs on a machine without a compiler, as pure Python."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what is needed to build, so that build/ of the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("source")
    for name in ["pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, copy)
    for name in ["native", "src"]:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def build(source: Path, out: Path, **environment: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", out, source],
        env=os.environ | environment,
        check=True,
    )
    [wheel] = out.glob("*.whl")
    return wheel


def run_from(wheel: Path, site: Path, code: str) -> str:
    """Run code with the wheel unpacked in `site`, and the dependencies, but no editable install."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    paths = [str(site), sysconfig.get_path("purelib")]
    # -S: no .pth file is read, so nothing else can provide throughtime.
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_without_a_compiler_it_is_pure_python(source, tmp_path):
    wheel = build(source, tmp_path / "out", CXX=str(tmp_path / "no-such-compiler"))
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "throughtime/_native.pyi" in names
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]
    site = tmp_path / "site"
    code = (
        "import importlib.util, throughtime\n"
        "print(throughtime.__path__[0], importlib.util.find_spec('throughtime._native'))"
    )
    assert run_from(wheel, site, code).split() == [str(site / "throughtime"), "None"]


@pytest.mark.skipif(not any(map(shutil.which, ["c++", "g++", "clang++"])), reason="no C++ compiler")
def test_with_a_compiler_it_has_the_native_library(source, tmp_path):
    wheel = build(source, tmp_path / "out")
    site = tmp_path / "site"
    code = "from throughtime import _native; print(_native.__file__)"
    assert run_from(wheel, site, code).startswith(str(site))


def test_source_distribution_has_the_native_sources(source, tmp_path):
    pytest.importorskip("scikit_build_core", reason="builds without isolation")
    code = f"from scikit_build_core.build import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True)
    [archive] = tmp_path.glob("*.tar.gz")
    names = {name.split("/", 1)[-1] for name in tarfile.open(archive).getnames()}
    assert {"CMakeLists.txt", "native/pointwise.h", "src/throughtime/_native.pyi"} <= names

"""Run pytest on a module built with sanitizers: `sanitized.py MODULE PYTEST_ARGUMENTS`.

The module takes the place of `throughtime._native`. The sanitizer's runtime has to be loaded
before anything else (LD_PRELOAD), see `make sanitize`.
"""

import importlib.machinery
import importlib.util
import sys

import pytest

_, path, *arguments = sys.argv
loader = importlib.machinery.ExtensionFileLoader("throughtime._native", path)
spec = importlib.util.spec_from_file_location("throughtime._native", path, loader=loader)
assert spec is not None
module = importlib.util.module_from_spec(spec)
loader.exec_module(module)
sys.modules["throughtime._native"] = module  # found there when the package is imported
sys.exit(pytest.main(arguments))

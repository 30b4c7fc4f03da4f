"""Run a Python module on a native part built with sanitizers: `sanitized.py PART MODULE ARGUMENTS`.

The part takes the place of `throughtime._native`. The sanitizer's runtime has to be loaded
before anything else (LD_PRELOAD), see `make sanitize`.
"""

import importlib.machinery
import importlib.util
import runpy
import sys

_, path, module, *arguments = sys.argv
loader = importlib.machinery.ExtensionFileLoader("throughtime._native", path)
spec = importlib.util.spec_from_file_location("throughtime._native", path, loader=loader)
assert spec is not None
native = importlib.util.module_from_spec(spec)
loader.exec_module(native)
sys.modules["throughtime._native"] = native  # found there when the package is imported
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)

"""Recurrent neural networks, done properly: from a cell's equations to layers, training, insight.

Names are imported on first use, so that the command line starts without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from throughtime.cells import BUILT_IN

if TYPE_CHECKING:
    from throughtime import bptt as bptt
    from throughtime import diagnose as diagnose
    from throughtime import nn as nn
    from throughtime import report as report
    from throughtime import tasks as tasks
    from throughtime.cells import *  # noqa: F403
    from throughtime.data import datasets as datasets
    from throughtime.inference import Stream as Stream
    from throughtime.layers import Recurrent as Recurrent
    from throughtime.program import Chrono as Chrono
    from throughtime.program import Program as Program
    from throughtime.program import adjoint as adjoint
    from throughtime.program import affine as affine
    from throughtime.program import mask as mask
    from throughtime.program import noise as noise
    from throughtime.program import parameter as parameter
    from throughtime.training import Encoder as Encoder
    from throughtime.training import Model as Model
    from throughtime.training import Output as Output
    from throughtime.training import Run as Run
    from throughtime.training import encoder_for as encoder_for
    from throughtime.training import evaluate as evaluate
    from throughtime.training import fit as fit
    from throughtime.training import load as load
    from throughtime.training import predict as predict
    from throughtime.universal import compile_automaton as compile_automaton
    from throughtime.universal import compile_machine as compile_machine

_FROM = {
    "throughtime.cells": ("Cell", "layer_norm", *BUILT_IN),
    "throughtime.data": ("datasets",),
    "throughtime.inference": ("Stream",),
    "throughtime.layers": ("Recurrent",),
    "throughtime.program": (
        "Chrono", "Program", "adjoint", "affine", "mask", "noise", "parameter",
    ),
    "throughtime.training": (
        "Encoder", "Model", "Output", "Run", "encoder_for", "evaluate", "fit", "load", "predict",
    ),
    "throughtime.universal": ("compile_automaton", "compile_machine"),
}  # fmt: skip
_WHERE = {name: module for module, names in _FROM.items() for name in names}
_MODULES = (
    "bptt", "cells", "data", "diagnose", "engines", "errors", "inference", "layers", "nn",
    "program", "report", "tasks", "training", "universal",
)  # fmt: skip
__all__ = [*_WHERE, *_MODULES]  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"throughtime.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("throughtime")
    raise AttributeError(f"module 'throughtime' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""Cells over time as torch modules."""

from throughtime.layers.over_time import OverTime as OverTime
from throughtime.layers.recurrent import Recurrent as Recurrent
from throughtime.layers.recurrent import State as State

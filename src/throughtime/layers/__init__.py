"""Cells over time as torch modules."""

from throughtime.layers.connect import connect as connect
from throughtime.layers.direction import Direction as Direction
from throughtime.layers.recurrent import Recurrent as Recurrent
from throughtime.layers.recurrent import State as State

"""Data sets that are drawn: tasks of the field that takes trained networks apart."""

from throughtime.data.made.context_integration import context_integration as context_integration
from throughtime.data.made.delayed_match import delayed_match as delayed_match
from throughtime.data.made.flip_flop import flip_flop as flip_flop
from throughtime.data.made.registry import MADE as MADE
from throughtime.data.made.sine import sine as sine

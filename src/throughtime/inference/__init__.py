"""Trained networks where they are used: one step at a time."""

from throughtime.inference.stream import Stream as Stream

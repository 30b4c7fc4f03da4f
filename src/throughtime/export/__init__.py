"""Trained networks where they are used: one step at a time."""

from throughtime.export.stream import Stream as Stream

"""The CPU engine: the loop over time in C++."""

from throughtime.engines.cpu.engine import CPU as CPU

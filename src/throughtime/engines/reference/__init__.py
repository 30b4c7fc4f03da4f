"""The reference engine: a program with torch operations in a plain loop over time."""

from throughtime.engines.reference.engine import Reference as Reference

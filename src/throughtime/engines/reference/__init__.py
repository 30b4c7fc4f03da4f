"""The reference engine: a program with torch operations in a plain loop over time."""

"""Figures of a network as a dynamical system, drawn from what `throughtime.dynamics` returns."""

"""Figures, not gates: each module prints a table and writes it to docs/benchmarks."""

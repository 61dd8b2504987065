"""Reliability: customers of loads, and the indices of IEEE 1366 of the running time."""

"""Simulated fleets, on which failure models are trained and judged."""

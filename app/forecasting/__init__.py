"""Forecasts at work: their worker, what they mean for the grid, and the record of hours."""

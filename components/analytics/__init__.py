"""Forecasts, the hours ahead, losses and performance."""

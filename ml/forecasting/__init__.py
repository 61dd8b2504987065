"""Forecasts of load and renewables with calibrated quantiles."""

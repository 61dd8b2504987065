"""The model under the forecasts, its features, calibration and baselines."""

"""What forecasts of a running grid need beside the model."""

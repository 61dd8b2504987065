"""What forecasts are worth, and when a new model takes the place of the old one."""

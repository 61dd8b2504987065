"""Failure models, what they say of assets, and the schedule that follows."""

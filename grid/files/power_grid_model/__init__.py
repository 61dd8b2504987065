"""Datasets of power-grid-model, as .json."""

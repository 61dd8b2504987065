"""Alarms: which values raise them, their states, and those that are expected."""

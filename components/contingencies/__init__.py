"""The N-1 list as an operator reads it."""

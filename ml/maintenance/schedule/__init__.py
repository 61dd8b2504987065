"""The maintenance schedule as an optimisation problem."""

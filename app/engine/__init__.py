"""The one thread that changes state, and what it hands to everybody else."""

"""What is learned or optimised, on top of the grid; no Dash, no Flask."""

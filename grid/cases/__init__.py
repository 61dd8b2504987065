"""The grids that are built in, and those made on demand."""

"""Every single outage of the running grid: the worker that keeps the N-1 list, its view, its endpoint."""

"""Questions to a grid beyond its present state: hours ahead, limits, hosting, areas."""

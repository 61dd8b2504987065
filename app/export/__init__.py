"""The present state of the grid as files of other programs."""

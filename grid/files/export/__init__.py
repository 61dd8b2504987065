"""The present state of a grid as files that other programs read: pandapower JSON and MATPOWER."""

"""Switching of radial grids: the policy, its net, its situations, and what answers."""

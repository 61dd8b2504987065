"""Dispatch of meshed grids: the policy, its polish, and what answers."""

"""Radial configurations: their power flow, their distribution, and searches among them."""

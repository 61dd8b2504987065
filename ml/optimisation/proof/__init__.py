"""Proof of which radial configuration loses least."""

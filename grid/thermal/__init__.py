"""Temperatures of conductors, cables and transformers."""

"""Failure models: fitted, calibrated, judged, kept in files, and asked."""

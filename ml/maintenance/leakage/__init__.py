"""Columns of a table that seem to know its outcome, found in the data: names are not looked at."""

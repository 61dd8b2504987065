"""Times as people write them in tables: read as a column, told, and put on the clock of their zone."""

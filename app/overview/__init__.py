"""The overview: totals, map, alarms and trend."""

"""Who supplies whom: the least risky paths, and what the flows say."""

"""Assets, their risk, and the schedule."""

"""Faults: which device trips, what indicators show of it, where the fault is, and which switches isolate it."""

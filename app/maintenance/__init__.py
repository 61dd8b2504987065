"""Failure models at work: their worker, the schedule, the page, the endpoints."""

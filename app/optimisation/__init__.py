"""The optimiser at work: its worker, its page, its endpoints."""

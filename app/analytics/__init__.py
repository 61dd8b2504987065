"""The analytics page and its endpoints."""

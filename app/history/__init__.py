"""What is kept of the past: recent cycles and hours."""

"""Network files that people hand in, read without running anything in them and checked."""

"""Tables that people hand in, as columns."""

"""What the map shows of a network and its state."""

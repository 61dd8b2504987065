"""What branches are as things that age, break, are repaired and paid for."""

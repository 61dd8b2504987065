"""What is learned beside the process that answers."""

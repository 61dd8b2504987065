"""Network files that visitors hand in, read by a process of its own, within limits of memory and time."""

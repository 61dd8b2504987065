"""From measurements to a consistent AC state."""

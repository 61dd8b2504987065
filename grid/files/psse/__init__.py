"""Power flow cases of PSS/E, as .raw."""

"""What all HTML reports are drawn with."""

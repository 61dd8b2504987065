"""What goes into a CSV file that people open in a spreadsheet: text stays text."""

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With which a spreadsheet takes a text for a formula (OWASP, CSV Injection)."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def spreadsheet_cell(text: str) -> str:
    """The text, led by an apostrophe where a spreadsheet would take it for a formula; numbers stay numbers.

    assets/export.js has the same rule for what browsers write.
    """
    return f"'{text}" if text.startswith(FORMULA) and NUMBER.fullmatch(text) is None else text

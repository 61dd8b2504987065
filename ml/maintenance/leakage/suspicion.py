"""What is said of a column that seems to know the outcome, and how likely chance alone may say it."""

from dataclasses import dataclass

SIGNIFICANT = 1e-3
"""Chance that honest columns are suspected by one sign, over all that it tests in a table (Bonferroni)."""


@dataclass(frozen=True)
class Suspicion:
    """A column, what is suspicious about it in plain words, and the column it is grouped by (None: no grouping)."""

    column: str
    reason: str
    group: str | None = None

"""Ceilings by size: the documents show the table that the modules read."""

from grid.capabilities import CEILINGS, table
from tests.paths import ROOT


def test_the_table_stands_in_the_documents() -> None:
    assert table() in (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_each_ceiling_is_listed_once_and_the_smallest_first() -> None:
    assert len({ceiling.capability for ceiling in CEILINGS}) == len(CEILINGS)
    assert [ceiling.most for ceiling in CEILINGS] == sorted(ceiling.most for ceiling in CEILINGS)

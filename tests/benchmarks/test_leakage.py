"""Tables that are drawn by chance: the same each time, and what knows the outcome only where it should be."""

import numpy as np
import pytest

from tests.benchmarks.leakage_tables import HONEST, KNOWING, TableKind, frame


@pytest.mark.parametrize("kind", [*HONEST, *KNOWING], ids=lambda kind: kind.words)
def test_a_table_is_the_same_each_time_and_has_what_it_says(kind: TableKind) -> None:
    first, second = (frame(kind.drawn(rng), rng) for rng in (np.random.default_rng(7), np.random.default_rng(7)))
    assert first.equals(second)
    table = kind.drawn(np.random.default_rng(7))
    assert set(first) == {*table.columns, "failed"}
    assert 0 < table.failed.mean() < 0.5
    assert table.knowing <= table.columns.keys()
    assert bool(table.knowing) == (kind in KNOWING)


def test_the_union_of_the_machines_flags_is_nearly_the_outcome() -> None:
    table = KNOWING[0].drawn(np.random.default_rng(3))
    union = np.logical_or.reduce([np.asarray(table.columns[name], dtype=float) > 0 for name in table.knowing])
    assert len(table.knowing) == 5
    assert not (union & ~table.failed).any()
    assert 0.9 < union.sum() / table.failed.sum() < 1

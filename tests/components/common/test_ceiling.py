"""What a grid of a size doesn't get, with the ceiling that its modules read."""

import pytest

from components.common.ceiling import beyond_notes, beyond_words, plan_words
from grid.capabilities import ANY_SWITCHING, CEILINGS, DISPATCH, Ceiling


@pytest.mark.parametrize("ceiling", CEILINGS, ids=lambda ceiling: ceiling.capability)
def test_it_is_said_from_the_first_bus_beyond_on_and_names_the_ceiling(ceiling: Ceiling) -> None:
    assert beyond_words(ceiling, ceiling.most) == ""
    told = beyond_words(ceiling, ceiling.most + 1)
    assert f"{ceiling.most:,} {ceiling.unit}" in told
    assert f"{ceiling.most + 1:,}" in told
    assert beyond_notes((ceiling, ceiling.most), (ceiling, 10**6))[0].children == beyond_words(ceiling, 10**6)


def test_why_there_is_no_plan_names_both_kinds() -> None:
    told = plan_words(28_690)
    assert f"{ANY_SWITCHING.most:,} buses" in told
    assert f"{DISPATCH.most:,}" in told
    assert "28,690" in told

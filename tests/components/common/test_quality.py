"""What everything shown is worth, in words and shapes."""

from datetime import UTC, datetime

import pytest

from components.common.quality import SHAPES, ShownProblem, Standing, Worth, explanation, summary

SINCE = datetime(2026, 11, 29, 11, 52, 3, tzinfo=UTC)
OF = datetime(2026, 1, 15, 6, 45)
CUT = ShownProblem(words="The source (replay) doesn't answer.", detail="line cut", since=SINCE)


def worth(standing: Standing) -> Worth:
    fresh = standing is Standing.FRESH
    problems = () if fresh else (CUT,)
    return Worth(standing=standing, since=None if fresh else SINCE, shown_of=OF, problems=problems)


@pytest.mark.parametrize("standing", Standing)
def test_each_standing_has_a_word_and_a_shape_of_its_own(standing: Standing) -> None:
    shown = str(summary(worth(standing)))
    assert standing.value.capitalize() in shown
    assert SHAPES[standing] in shown
    assert len(set(SHAPES.values())) == len(Standing)
    assert ("since 11:52 UTC" in shown) == (standing is not Standing.FRESH)


@pytest.mark.parametrize("standing", [Standing.DEGRADED, Standing.STALE])
def test_problems_are_told_with_cause_detail_and_time(standing: Standing) -> None:
    told = str(explanation(worth(standing)))
    for words in (CUT.words, CUT.detail, "29 Nov 11:52:03 UTC"):
        assert words in told


def test_a_stale_state_says_of_when_it_is_and_nothing_reassuring() -> None:
    told = str(explanation(worth(Standing.STALE)))
    assert "Thu 15 Jan 2026 06:45" in told
    assert "fresh" not in told

"""The daily report over the API of a running grid."""

from pathlib import Path

import pytest

from tests.app.rig import Rig, make_rig

REPORT = "/api/analytics/report"


@pytest.fixture(scope="module")
def city(cache_dir: Path) -> Rig:
    """A rig whose lookout has seen some hours."""
    rig = make_rig(cache_dir)
    rig.services.forecast_worker.turn(rig.board)
    for _ in range(4):
        rig.run(12)
        rig.services.forecast_worker.turn(rig.board)
    return rig


def test_the_report_is_of_a_day_that_has_begun(city: Rig) -> None:
    assert "Thursday 15 January 2026" in city.client.get(REPORT).text
    before = city.client.get(f"{REPORT}?day=2026-01-14")
    assert "Wednesday 14 January 2026" in before.text
    for wrong in ("2026-01-16", "2026-02-30", "today", "1600-01-01", "9999-12-31"):
        assert city.get(f"{REPORT}?day={wrong}", 422)["field"] == "day"
    long_ago = city.client.get(f"{REPORT}?day=1901-01-01").text
    assert "0 whole hours recorded" in long_ago

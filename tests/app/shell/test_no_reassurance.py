"""No page, answer or report sounds reassuring while the grid is in trouble, or while nobody knows how it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from app.analytics.page_ahead import ahead_parts
from app.analytics.view import facts_of, looked, summary_of, threat_of, worst_of
from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.report.page import page
from app.shell.pages import PAGES
from app.shell.poll import answer
from components.analytics.ahead_figures import threat_figure, threat_words
from components.analytics.tables import tiles
from components.common.theme import Scheme
from grid.telemetry import EventKind
from tests.app.analyticsdata import day_of
from tests.app.rig import Rig, make_rig

REASSURING = (
    "no limit in danger",
    "No overload threatens",
    "No voltage violation threatens",
    "Nothing threatens",
    "Nothing has to be cut",
    "nothing up to the most",
    "no limit up to",
    "No alert: nothing is likely",
    "No renewable power has to be cut",
    "No alarm is active",
    "No active alarms",
    "None active",
    "at most 0\u202f% loaded",
)
CALM_TOO = ("No overload threatens", "No voltage violation threatens", "Nothing threatens", "No alarm is active")


@pytest.fixture
def watched(cache_dir: Path) -> Rig:
    """city8 at night, when no limit is near, looked ahead once."""
    rig = make_rig(cache_dir)
    rig.run(3)
    rig.services.forecast_worker.turn(rig.board)
    return rig


def said(rig: Rig) -> str:
    """All that people and programs are told: pages, answers of the API, and the daily report."""
    services = PageServices(**vars(rig.services), views=NetworkViews())
    now = looked(services)
    assert now is not None
    found: list[Any] = [answer(services, {"page": page.name}, None, {}) for page in PAGES]
    assert None not in found
    found += [*ahead_parts(now), worst_of(now), *map(vars, tiles(summary_of(now)))]
    for of_buses in (False, True):
        threat = threat_of(now, of_buses)
        found += [threat_words(threat, now.doubts), threat_figure(threat, Scheme.LIGHT, now.doubts)]
    found += [facts_of(now.report.network, one, one.forecast, None, now.doubts) for one in now.report.series]
    found += [rig.get(path) for path in ("/api/forecast", "/api/forecast/lookahead")]
    told = [json.dumps(part, cls=PlotlyJSONEncoder, ensure_ascii=False) for part in found]
    return "\n".join([*told, page(day_of(rig, stress=0.3))])


def heard(rig: Rig) -> list[str]:
    everything = said(rig)
    return [sentence for sentence in REASSURING if sentence in everything]


def test_a_calm_grid_is_called_calm(watched: Rig) -> None:
    assert set(CALM_TOO) <= set(heard(watched))


def test_while_load_is_lost_nothing_calms(watched: Rig) -> None:
    watched.engine.add_event(EventKind.LINE_OUTAGE, watched.branch("Campus Line"), 1.0)
    watched.run(2)
    assert heard(watched) == []  # before anybody has looked ahead again
    watched.services.forecast_worker.turn(watched.board)
    assert heard(watched) == []
    assert "without supply" in watched.get("/api/forecast/lookahead")["worst"]["words"]
    hours = watched.get("/api/forecast/lookahead")["hours"]
    assert hours[0]["unsupplied_mw"] == pytest.approx(watched.now.assessed.metrics.unsupplied_mw, rel=0.02)


def test_while_alarms_are_active_nothing_calms(watched: Rig) -> None:
    watched.engine.add_event(EventKind.LOAD_SURGE, None, 2.0)
    watched.run(4)
    assert not watched.now.solved.stale
    assert watched.now.assessed.alarms
    watched.services.forecast_worker.turn(watched.board)
    assert heard(watched) == []
    for alarm in watched.now.assessed.alarms:
        watched.engine.acknowledge(alarm.id, "Ada")
    watched.run(1)
    assert heard(watched) == []


def test_of_a_stale_state_nothing_calms(watched: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> None:
        raise ConnectionError("line cut")

    monkeypatch.setattr(watched.engine._pipeline.parts.source, "read", silent)
    watched.run(1)
    assert watched.now.solved.stale
    assert heard(watched) == []


def test_without_a_solution_nothing_calms(watched: Rig) -> None:
    watched.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    watched.run(2)
    assert watched.now.solved.stale
    watched.services.forecast_worker.turn(watched.board)
    assert heard(watched) == []

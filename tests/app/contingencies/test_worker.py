"""The N-1 list's worker: in slices, begun anew with other switch states, and renewed as loads change."""

from pathlib import Path

import pytest

from app.contingencies import worker
from app.contingencies.api import listed
from app.contingencies.view import list_key, table_of
from app.contingencies.worker import RENEWED_AFTER, OutageReport, OutageWorker
from app.map.network_view import NetworkViews
from components.contingencies.table import outage_headline, outage_list
from grid.telemetry import EventKind
from tests.app.learning_here import LearningHere
from tests.app.rig import Rig, make_rig

CONTINGENCIES = "/api/grid/contingencies"


@pytest.fixture
def city(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, training_episodes=2)


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is renewed however long a pass took."""
    monkeypatch.setattr(worker, "RESTS", 0.0)


def worker_of(rig: Rig) -> OutageWorker:
    return rig.services.outage_worker


def report_of(rig: Rig) -> OutageReport:
    return worker_of(rig).report_on(rig.board)


def sweep(rig: Rig) -> OutageReport:
    """All slices of the next sweep, or of the one that runs."""
    before = report_of(rig).version
    for _ in range(rig.board.network.n_branch + 1):
        assert worker_of(rig).attempt() is False  # others get their turn after each slice
        assert worker_of(rig).failure == ""
        now = report_of(rig)
        if now.version > before and 0 < now.total == now.done:
            return now
    raise AssertionError("the sweep doesn't end")


def test_every_outage_is_tried_and_the_worst_comes_first(city: Rig) -> None:
    found, branch = sweep(city), city.board.network.branch
    state = city.now.solved.state
    live = state.closed & state.energised[branch.from_bus]
    assert sorted(row.branch for row in found.rows) == live.nonzero()[0].tolist()
    dark = [row.dark_kw for row in found.rows]
    assert dark == sorted(dark, reverse=True)
    assert dark[0] > 0
    assert found.made_at == city.now.simulated_at


def test_a_slice_is_one_outage(city: Rig) -> None:
    worker_of(city).attempt()
    assert report_of(city).done == 0  # told at the beginning, and then after some slices
    total = report_of(city).total
    for _ in range(total - 1):
        worker_of(city).attempt()
    assert report_of(city).done == total


def test_the_list_stands_until_something_is_switched(city: Rig) -> None:
    first = sweep(city)
    for _ in range(3):
        city.run()
        worker_of(city).attempt()
    assert report_of(city).version == first.version
    out = city.branch("Campus Line")
    city.engine.add_event(EventKind.LINE_OUTAGE, out, None)
    city.run()
    worker_of(city).attempt()
    begun = report_of(city)
    assert begun.rows == ()  # those of other switch states are wrong by now
    then = sweep(city)
    assert out not in [row.branch for row in then.rows]
    assert all(action.branch != out for row in then.rows for action in row.actions if action.close)


@pytest.mark.usefixtures("restless")
def test_the_list_is_renewed_while_the_last_one_stays(city: Rig) -> None:
    first = sweep(city)
    city.run(RENEWED_AFTER)
    worker_of(city).attempt()
    assert report_of(city).rows == first.rows
    then = sweep(city)
    assert then.made_at is not None
    assert first.made_at is not None
    assert then.made_at > first.made_at


def test_other_requirements_make_another_list(city: Rig) -> None:
    first = sweep(city)
    hill = city.branch("Hill Tie")
    city.post("/api/grid/optimize", {"locked": [hill], "keep": True})
    city.run()
    then = sweep(city)
    assert then.version > first.version
    assert all(action.branch != hill for row in then.rows for action in row.actions)


def test_after_a_pass_that_took_long_the_list_rests(city: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sweep(city)
    monkeypatch.setattr(worker, "RESTS", 1e9)
    city.run(RENEWED_AFTER)
    for _ in range(20):
        worker_of(city).attempt()
    assert report_of(city).version == first.version
    city.engine.add_event(EventKind.LINE_OUTAGE, city.branch("Campus Line"), None)
    city.run()
    assert sweep(city).version > first.version  # other switch states are looked at at once


@pytest.mark.usefixtures("restless")
def test_while_what_works_beside_is_down_the_last_list_stands(city: Rig) -> None:
    first, beside = sweep(city), city.services.learning
    assert isinstance(beside, LearningHere)
    beside.stop()
    city.run(RENEWED_AFTER)
    worker_of(city).attempt()
    assert report_of(city).rows == first.rows
    beside.come_back()
    assert sweep(city).made_at == city.now.simulated_at


def test_the_api_answers_the_list(city: Rig) -> None:
    empty = city.get(CONTINGENCIES)
    assert (empty["outages"], empty["complete"]) == ([], False)
    report = sweep(city)
    found = city.get(f"{CONTINGENCIES}?limit=3")
    assert found["complete"]
    assert [one["edge"] for one in found["outages"]] == [row.branch for row in report.rows[:3]]
    worst = found["outages"][0]
    assert worst["dark_kw"] == report.rows[0].dark_kw
    assert worst["unsupplied_kwh"] >= worst["dark_kw"] * worst["repair_minutes"] / 60 - 1e-6
    assert len(city.get(CONTINGENCIES)["outages"]) == len(report.rows)


def test_a_meshed_grid_has_its_contingencies_with_what_they_break(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, "case30")
    report = sweep(rig)
    assert not report.radial
    found = listed(report, rig.board.network, 100)
    assert len(found["outages"]) == report.total
    assert all(row["outcome"] is None for row in found["outages"])
    harm = [row for row in report.rows if row.violation]
    assert harm
    loaded = found["outages"][report.rows.index(harm[0])]
    assert loaded["worst_loading_percent"] > 100 or loaded["band_excess_pu"] > 0


def test_the_page_says_what_is_worst_and_each_row_leads_to_its_branch(city: Rig) -> None:
    shown = NetworkViews().of(city.board.network)
    before = table_of(report_of(city), city.board, shown)
    assert before.headline == "No outage has been tried yet."
    report = sweep(city)
    table = table_of(report, city.board, shown)
    worst = report.rows[0]
    assert city.board.network.branch.name[worst.branch] in table.headline
    told = [row for row in report.rows if row.lost_kw > 0.01 or not row.solved]
    assert table.harmless == len(report.rows) - len(told)
    assert [line.button["asset"].partition("@")[0] for line in table.lines] == [f"branch-{row.branch}" for row in told]
    dark = sum(row.dark_kw > 0.01 for row in report.rows)
    assert table.headline.startswith(f"{dark} of {len(report.rows)} single outages tried")
    told = str(outage_headline(table)) + str(outage_list(table))
    assert "nan" not in told.lower()
    assert list_key(report, city.board, shown) != list_key(before_of(city), city.board, shown)


def before_of(rig: Rig) -> OutageReport:
    return worker_of(rig).nothing_yet(rig.board.network)

"""What the maintenance page says of a real state of the grid, by models and without them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.utils import PlotlyJSONEncoder

from app.maintenance.api import pins_of_weeks
from app.maintenance.page_schedule import pins_of_rows
from app.maintenance.tick import keys_of, maintenance_tick
from app.maintenance.view import (
    Maintained,
    card_of,
    facts_of,
    fleet_of,
    maintained,
    plan_of,
    rows_of,
    schedule_state,
    status_of,
    weeks_of,
    why_deferred,
)
from app.maintenance.view_asset import (
    FEATURE_WORDS,
    SIGNAL_WORDS,
    condition_of,
    feature_value,
    head_of,
    lost_life_h,
    signals_of,
    similar_to,
)
from app.map.network_view import NetworkView
from app.web.browser_view import Asset, View
from components.maintenance.asset_panel import SignalState
from components.maintenance.gantt import Job, week_words
from components.maintenance.risk_table import Novelty, RateSource
from components.maintenance.schedule_grid import schedule_data
from grid.alarms.book import AssetKind
from grid.assets.deterioration import SIGNALS, Signal
from ml.maintenance.model.features import FEATURES
from ml.maintenance.records import WhyNot, WhyNotKind
from ml.maintenance.schedule.problem import DEFERRED
from tests.app.rig import Rig, make_rig, no_answer

SHOWN = View(page="maintenance")


def watched(rig: Rig) -> Maintained:
    """What the maintainer's thread does with a new snapshot."""
    rig.services.maintainer.look(rig.board)
    rig.services.maintainer.schedule_once(rig.board)
    now = maintained(rig.services)
    assert now is not None
    return now


@pytest.fixture(scope="module")
def city(cache_dir: Path, models_folder: Path) -> Rig:
    """city8 with models, watched for some hours."""
    rig = make_rig(cache_dir, models_dir=models_folder)
    rig.services.maintainer.load_or_train()
    for _ in range(30):
        rig.run()
        rig.services.maintainer.look(rig.board)
    return rig


@pytest.fixture(scope="module")
def now(city: Rig) -> Maintained:
    return watched(city)


def sent(data: object) -> str:
    return json.dumps(data, cls=PlotlyJSONEncoder, allow_nan=False, ensure_ascii=False)


def without(now: Maintained, *branches: int) -> Maintained:
    """The same with the models silent about some assets, as where their sensors are."""
    found = now.report.prognosis
    assert found is not None
    learned, why = found.learned.copy(), list(found.why_not)
    for branch in branches:
        learned[branch], why[branch] = False, WhyNot(kind=WhyNotKind.SIGNALS_MISSING, missing=4)
    report = replace(now.report, prognosis=replace(found, learned=learned, why_not=tuple(why)))
    return replace(now, report=report)


def test_before_the_first_prognosis_nothing_is_claimed(rig: Rig) -> None:
    empty = maintained(rig.services)
    assert empty is not None
    assert rows_of(empty) == []
    assert fleet_of(empty) is None
    assert plan_of(empty) is None
    assert status_of(empty).words == "Waiting for the first prognosis"
    assert schedule_state(empty)[0] == "Waiting for the first schedule"
    shown = View(page="maintenance", asset=Asset(AssetKind.BRANCH, 0))
    assert "not made yet" in sent(maintenance_tick(empty, NetworkView(rig.now.case.network, "k"), shown))


def test_without_models_every_figure_is_cnaims_and_says_so(rig: Rig) -> None:
    rows = rows_of(watched(rig))
    assert {row.source for row in rows} == {RateSource.CNAIM}
    assert {row.reason for row in rows} == {"no trained model"}
    assert {row.novelty for row in rows} == {Novelty.UNKNOWN}
    assert all(row.probability_30_days < row.probability_365_days for row in rows)
    assert status_of(watched(rig)).words == "By CNAIM's published rates until the models have been read"
    assert card_of(watched(rig)) is None


def test_where_no_models_are_kept_and_none_are_trained_that_is_said(cache_dir: Path) -> None:
    rig = make_rig(cache_dir, models_dir=cache_dir / "none")
    rig.services.maintainer.load_or_train()
    found = status_of(watched(rig))
    assert (found.kind, found.words) == ("fallback", "By CNAIM's published rates: there are no trained models")


def test_rows_are_the_products_that_they_claim(now: Maintained) -> None:
    rows, network = rows_of(now), now.snapshot.case.network
    assert len(rows) == int(now.snapshot.case.is_asset.sum())
    for row in rows:
        branch = network.branch.name.index(row.asset)
        assert row.code == f"branch-{branch}"
        assert row.risk_eur_per_year == pytest.approx(row.probability_365_days * row.consequence_eur)
        assert row.interrupted_kw == pytest.approx(1000 * now.snapshot.assessed.risk.interrupted_mw[branch])
        assert row.source is RateSource.MODEL
        assert row.reason == ""
        assert row.cause
    fleet = fleet_of(now)
    assert fleet is not None
    assert fleet.risk_eur_per_year == pytest.approx(sum(row.risk_eur_per_year for row in rows))
    assert sum(fleet.classes.values()) == fleet.assets == fleet.by_model


def test_an_asset_whose_inputs_are_missing_says_so(now: Maintained) -> None:
    silent = without(now, 3)
    row = next(row for row in rows_of(silent) if row.code == "branch-3")
    assert (row.source, row.reason) == (RateSource.CNAIM, "4 condition signals are missing")
    head = head_of(silent, 3)
    assert head.fallback == "4 condition signals are missing"
    assert "by CNAIM" in {note for _, _, note in head.facts}
    assert f"{len(now.branches) - 1} of {len(now.branches)} assets" in status_of(silent).words


def test_stale_measurements_reach_the_signals_and_the_status(now: Maintained) -> None:
    stale = replace(
        now,
        snapshot=replace(
            now.snapshot, solved=replace(now.snapshot.solved, stale=True, stale_because=no_answer("line cut"))
        ),
    )
    assert "line cut" in status_of(stale).note
    states = {row.state for row in signals_of(stale, 0)}
    assert SignalState.STALE in states
    assert not states & {SignalState.OK, SignalState.BEYOND}


def test_signals_are_ten_with_units_limits_and_what_is_missing(now: Maintained) -> None:
    assert set(SIGNAL_WORDS) == set(SIGNALS)
    seen = now.report.seen
    assert seen is not None
    signals = seen.signals.copy()
    signals[0, SIGNALS.index(Signal.VIBRATION)] = np.nan
    signals[0, SIGNALS.index(Signal.TEMPERATURE)] = seen.limit_c[0] + 5
    changed = replace(now, report=replace(now.report, seen=replace(seen, signals=signals)))
    rows = {row.name: row for row in signals_of(changed, 0)}
    assert len(rows) == 10
    assert rows["Vibration"].state is SignalState.MISSING
    assert rows["Temperature"].state is SignalState.BEYOND
    assert rows["Temperature"].limit == seen.limit_c[0]
    assert rows["Oil quality"].state is SignalState.NONE
    for row in rows.values():
        assert not row.usual_low > row.usual_high


def test_drivers_are_the_largest_contributions_with_the_features_values(now: Maintained) -> None:
    assert set(FEATURE_WORDS) == set(FEATURES)
    found, everything = condition_of(now, 3), now.maintainer.drivers(now.report, 3).adds
    largest = sorted((abs(value) for value in everything.values()), reverse=True)[:5]
    assert [abs(driver.log_rate) for driver in found.drivers] == pytest.approx(largest)
    assert all(driver.value for driver in found.drivers)
    assert not found.no_drivers
    assert feature_value("hot_spot_margin_k", 12.34) == "12.3\u202fK"
    assert feature_value("kind", "line") == "line"
    assert feature_value("oil_quality", float("nan")) == "missing"


def test_the_trend_holds_the_probability_between_the_single_models(now: Maintained) -> None:
    trend = condition_of(now, 3).trend
    assert len(trend.time) >= 2
    assert (trend.low <= trend.probability + 1e-6).all()
    assert (trend.probability <= trend.high + 1e-6).all()


def test_life_is_lost_at_one_hour_an_hour_at_98_degrees() -> None:
    time = np.datetime64("2026-01-15T06:00") + np.arange(4) * np.timedelta64(1, "h")
    assert lost_life_h(time, np.full(4, 98.0)) == pytest.approx([0, 1, 2, 3])
    assert lost_life_h(time, np.full(4, 104.0))[-1] == pytest.approx(6)


def test_the_age_of_the_data_is_that_of_the_prognosis(now: Maintained) -> None:
    def age(shown: Maintained) -> tuple[str, str, str]:
        return next(fact for fact in head_of(shown, 3).facts if fact[0] == "Data of")

    assert age(now)[2] == "as of the latest cycle"
    later = replace(now.snapshot, simulated_at=now.snapshot.simulated_at + timedelta(minutes=90))
    assert age(replace(now, snapshot=later)) == ("Data of", age(now)[1], "90 minutes old")


def test_similar_assets_are_others_of_the_kind(now: Maintained) -> None:
    names = {other.code for other in similar_to(now, 3)}
    assert 1 <= len(names) <= 4
    assert "branch-3" not in names


def test_the_card_carries_every_figure_with_its_interval(now: Maintained) -> None:
    facts = card_of(now)
    assert facts is not None
    card = now.report.card
    assert card is not None
    assert set(facts.reliability) == set(card.reliability) == {30, 90, 365}
    for days in card.reliability:
        metric = next(metric for metric in facts.metrics if metric.name == f"PR-AUC, {days} d")
        assert metric.value == pytest.approx(card.metrics[str(days)]["PR-AUC"]["value"])
        assert "chance" in metric.note
        assert "CNAIM" in metric.note
    assert facts_of(replace(card, metrics={}, reliability={})).metrics == ()


def test_the_schedule_is_the_solved_one(now: Maintained) -> None:
    plan, made = plan_of(now), now.report.schedule
    assert plan is not None
    assert made is not None
    assert made.schedule is not None
    placed = {job.code: job.week for job in plan.placed}
    weeks = zip(made.branches.tolist(), weeks_of(made).tolist(), strict=True)
    assert placed == {f"branch-{branch}": week for branch, week in weeks if week != DEFERRED}
    load = sum(sum(crew.load_hours) for crew in plan.crews)
    assert load == pytest.approx(sum(job.hours for job in plan.placed))
    costs = {way.name: way.expected_cost_eur for way in plan.ways}
    assert costs["This schedule"] == min(costs.values())
    deferred = sum(job.deferral_eur for job in plan.deferred)
    assert deferred == pytest.approx(made.schedule.judgement.deferred_risk_eur)


def test_a_deferred_job_says_what_stands_against_it_and_when_it_is_possible(now: Maintained) -> None:
    made, network = now.report.schedule, now.snapshot.case.network
    assert made is not None
    never = ~made.problem.jobs.allowed.any(axis=1)
    assert set(made.hindrances) == set(made.branches[never].tolist())
    for job, branch in enumerate(made.branches.tolist()):
        words = why_deferred(network, made, job)
        if branch in made.hindrances:
            assert "nearest to possible at night in week" in words
        else:
            first = int(np.flatnonzero(made.problem.possible[job])[0])
            assert words.endswith(f"possible from week {week_words(made.first_day, first)}")


def test_pins_of_the_table_and_of_the_api_are_the_same(now: Maintained) -> None:
    plan, made = plan_of(now), now.report.schedule
    assert plan is not None
    assert made is not None
    rows: Any = schedule_data(plan.jobs, plan.start)
    assert pins_of_rows(rows, made) == {}
    rows[0] |= {"pinned": True, "week": "3: 2 Feb"}
    rows[1] |= {"pinned": True, "week": "deferred"}
    branches = [int(row["code"].removeprefix("branch-")) for row in rows[:2]]
    assert pins_of_rows(rows, made) == {branches[0]: 2, branches[1]: DEFERRED}
    assert pins_of_weeks([(branches[0], 3), (branches[1], None)], made) == pins_of_rows(rows, made)
    for wrong in ([(branches[0], 0)], [(branches[0], 27)], [(9999, 1)], [(branches[0], 1), (branches[0], 2)]):
        with pytest.raises(ValueError, match="pins"):
            pins_of_weeks(wrong, made)
    with pytest.raises(ValueError, match="no job"):
        pins_of_rows([{"code": "branch-9999", "pinned": True, "week": "1"}], made)
    with pytest.raises(ValueError, match="no rows"):
        pins_of_rows(None, made)


def test_what_is_pinned_stays_and_contradictions_are_named(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig()
    made = watched(rig).report.schedule
    assert made is not None
    branch = int(made.branches[0])
    rig.services.maintainer.reschedule(rig.services.maintainer.latest, {branch: 9})
    pinned = watched(rig)
    job = next(job for job in jobs_of(pinned) if job.code == f"branch-{branch}")
    assert (job.week, job.pinned) == (9, True)
    rig.services.maintainer.reschedule(rig.services.maintainer.latest, dict.fromkeys(made.branches.tolist(), 0))
    against = watched(rig)
    words, note = schedule_state(against)
    assert words == "No schedule: pins contradict one another"
    assert "week 1" in note
    assert all(job.week == 0 for job in jobs_of(against))


def jobs_of(now: Maintained) -> tuple[Job, ...]:
    plan = plan_of(now)
    assert plan is not None
    return plan.jobs


def test_a_browser_gets_a_part_again_only_when_it_has_changed(city: Rig, now: Maintained) -> None:
    shown = NetworkView(now.snapshot.case.network, "k")
    first = keys_of(now, shown, SHOWN)
    seconds = replace(now, report=replace(now.report, version=now.report.version + 1))
    assert keys_of(seconds, shown, SHOWN) == first
    later = replace(now.report, simulated_at=now.snapshot.simulated_at.replace(year=2027))
    assert changed_parts(first, keys_of(replace(now, report=later), shown, SHOWN)) == {"risk", "condition"}
    other = View(page="maintenance", asset=Asset(AssetKind.BRANCH, 3))
    assert changed_parts(first, keys_of(now, shown, other)) == {"condition"}
    assert changed_parts(first, keys_of(without(now, 2), shown, SHOWN)) == {"risk", "condition"}
    no_models = replace(now, report=replace(now.report, card=None))
    assert changed_parts(first, keys_of(no_models, shown, SHOWN)) == {"risk", "condition", "card"}
    solving = replace(now, report=replace(now.report, scheduling=True))
    assert changed_parts(first, keys_of(solving, shown, SHOWN)) == {"risk", "schedule"}


def changed_parts(before: Any, after: Any) -> set[str]:
    return {name for name in before if before[name] != after[name]}

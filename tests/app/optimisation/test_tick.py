"""The optimisation page's part of a tick, from proposals for a real state of the grid."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.utils import PlotlyJSONEncoder

from app.engine.board import Operations, Snapshot
from app.map.network_view import NetworkView
from app.optimisation.tick import answer_key, answer_parts, figure_key, figures_of, form_key, overview_words
from app.optimisation.view import conflict_words, headline_of
from app.optimisation.view_marks import changed_paths, locks, marks, path_marks, proposed_map
from app.optimisation.worker import NO_TRAINING, PlanReport
from app.web.browser_view import View
from components.map.style import EdgeStatus, Mark
from components.optimisation.plan import Headline, Tone
from ml.optimisation.plans.normal import WayBack
from ml.optimisation.plans.plan import (
    Constraint,
    Margin,
    NoPlan,
    NoPlanKind,
    OutcomeKind,
    Plan,
    PlanProblem,
    PlanProblemKind,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind
from tests.app.plans import proposal_of
from tests.app.rig import Rig, make_rig, no_answer

SHOWN = View(page="optimisation")


@pytest.fixture(scope="module")
def city(cache_dir: Path) -> Rig:
    return make_rig(cache_dir)


@pytest.fixture(scope="module")
def proposal(city: Rig) -> Proposal:
    return proposal_of(city.now)


@pytest.fixture(scope="module")
def plan(proposal: Proposal) -> Plan:
    assert proposal.plan is not None
    return proposal.plan


READY = PlanStatus(kind=PlanStatusKind.READY)


def report_of(
    snapshot: Snapshot, proposal: Proposal | None, version: int = 1, status: PlanStatus = READY
) -> PlanReport:
    time = None if proposal is None else snapshot.simulated_at
    return PlanReport(snapshot.case.network, version, time, proposal, status, NO_TRAINING, (), None)


def sent(data: object) -> str:
    """What a browser gets; fails on NaN, which isn't JSON."""
    return json.dumps(data, cls=PlotlyJSONEncoder, allow_nan=False, ensure_ascii=False)


def test_the_answer_tells_the_plan(city: Rig, proposal: Proposal, plan: Plan) -> None:
    parts: dict[str, Any] = answer_parts(report_of(city.now, proposal), city.now)
    text = sent(parts)
    closed, opened = (city.now.case.network.branch.name[action.branch] for action in plan.actions)
    assert f"Close {closed}, open {opened}" in text
    assert "verified by AC power flow" in text
    assert "all limits kept now" in text
    assert parts["disabled"] == [False, False, True, True, True]
    assert parts["code"] == plan.code == f"c{plan.actions[0].branch}-o{plan.actions[1].branch}"


@pytest.mark.parametrize(
    ("changes", "tone"),
    [({}, Tone.PLAN), ({"plan": None}, Tone.BEST), ({"plan": None, "conflict": Constraint.LOADING}, Tone.CONFLICT)],
)
def test_every_kind_of_answer_has_its_headline(
    city: Rig, proposal: Proposal, changes: dict[str, Any], tone: Tone
) -> None:
    shown = headline_of(report_of(city.now, replace(proposal, **changes)), city.now)
    assert shown.tone is tone
    assert shown.title
    assert (shown.saving is not None) == (tone is Tone.PLAN)


def test_a_plan_that_relieves_names_what_gets_better_and_nothing_else(
    city: Rig, proposal: Proposal, plan: Plan
) -> None:
    def verdict(values: tuple[float, float], outside: int) -> Verdict:
        """Of two limits: how far the worst elements come, and at how many buses the voltage is too high."""
        loaded, high = values
        margins = (
            Margin(Constraint.LOADING, loaded, 100.0, "%", "Campus Line"),
            Margin(Constraint.HIGH_VOLTAGE, high, 1.05, "p.u.", "Harbour"),
        )
        shares = plan.before.excess
        places = np.where(np.arange(len(shares.high_voltage)) < outside, high - 1.05, 0.0)
        lines = np.where(np.arange(len(shares.loading)) == 0, max(0.0, loaded / 100 - 1), 0.0)
        excess = replace(shares, high_voltage=places, loading=lines)
        missed = {Constraint.LOADING: max(0.0, loaded - 100.0), Constraint.HIGH_VOLTAGE: high - 1.05}
        return replace(plan.before, margins=margins, excess=excess, violation=missed)

    def title(before: Verdict, after: Verdict) -> str:
        planned = replace(plan, before=before, after=after)
        found = headline_of(report_of(city.now, replace(proposal, plan=planned)), city.now).title
        return " ".join(found.split())  # units stand behind a narrow space

    before = verdict((120.0, 1.084), 3)
    assert title(before, verdict((90.0, 1.086), 3)) == "Relieves highest loading of Campus Line: 120.0 → 90.00 %."
    assert title(before, verdict((120.0, 1.08), 3)) == "Relieves highest voltage of Harbour: 1.084 → 1.080 p.u."
    assert title(before, verdict((120.0, 1.086), 1)) == (
        "Relieves highest voltage outside its limit at 1 instead of 3 places."
    )


def test_the_way_back_to_normal_has_a_button_where_the_plan_does_not_go_it(
    city: Rig, proposal: Proposal, plan: Plan
) -> None:
    back = replace(plan, after=plan.before, returns=True)  # to another state than the plan's
    parts: dict[str, Any] = answer_parts(replace(report_of(city.now, proposal), back=WayBack(plan=back)), city.now)
    assert parts["back"].startswith("Back to normal switching after the repair: Close ")
    assert "costs 0 kW" in parts["back"] or "saves" in parts["back"]
    assert parts["back_code"] == back.code
    assert parts["disabled"][-1] is False
    goes = replace(report_of(city.now, proposal), back=WayBack(plan=replace(plan, returns=True)))
    parts = answer_parts(goes, city.now)
    assert parts["back"] == ""
    assert headline_of(goes, city.now).title.startswith("Returns to normal after the repair. Saves ")
    for hindered, words in (
        (WayBack(barred=(plan.actions[0].branch,)), "must not be operated"),
        (WayBack(broken=(Constraint.LOADING,)), "the limit of highest loading would be broken"),
        (WayBack(), "No way back"),
    ):
        parts = answer_parts(replace(report_of(city.now, proposal), back=hindered), city.now)
        assert words in parts["back"]
        assert parts["disabled"][-1] is True


def test_without_a_proposal_nothing_can_be_applied_and_the_status_is_said(city: Rig) -> None:
    failed = PlanStatus(kind=PlanStatusKind.FAILED, failure="the grid is meshed")
    report = report_of(city.now, None, status=failed)
    assert headline_of(report, city.now).title == "The grid is meshed."
    parts: dict[str, Any] = answer_parts(report, city.now)
    assert parts["disabled"] == [True] * 5
    assert overview_words(report, city.now)[:2] == ["No proposal", "The grid is meshed."]


def test_a_source_that_takes_no_orders_makes_a_plan_advice(city: Rig, proposal: Proposal) -> None:
    deaf = replace(city.now, control=replace(city.now.control, offers=replace(city.now.control.offers, orders=False)))
    for snapshot, told in ((city.now, False), (deaf, True)):
        report = report_of(snapshot, proposal)
        assert ("Advice only" in headline_of(report, snapshot).note) == told
        assert ("Advice only" in overview_words(report, snapshot)[2]) == told


def test_of_a_stale_state_nothing_is_proposed_and_what_waits_is_said(city: Rig, proposal: Proposal, plan: Plan) -> None:
    stale = replace(
        city.now,
        solved=replace(city.now.solved, stale=True, stale_because=no_answer("line cut")),
        control=replace(city.now.control, operations=Operations((), plan.actions[:1])),
    )
    report, shown = report_of(stale, proposal), NetworkView(city.now.case.network, "k")
    assert headline_of(report, stale).tone is Tone.STALE
    assert "1 step of a plan waits" in headline_of(report, stale).note
    parts: dict[str, Any] = answer_parts(report, stale)
    assert parts["disabled"][:2] == [True, True]
    assert parts["code"] == ""
    assert "verified" not in sent(parts)
    assert proposed_map(stale, report, shown, SHOWN) is None
    assert answer_key(report, stale, shown) != answer_key(report, city.now, shown)


def test_a_grid_too_large_for_any_plan_says_so_in_every_card(cache_dir: Path, city: Rig) -> None:
    large = make_rig(cache_dir, "case2869pegase").now
    reason = NoPlan(kind=NoPlanKind.TOO_LARGE_TO_SWITCH, buses=2869, most=1000)
    unsuitable = PlanStatus(kind=PlanStatusKind.UNSUITABLE, reason=reason)
    parts: dict[str, Any] = answer_parts(report_of(large, None, status=unsuitable), large)
    for name in ("compare", "rooms", "limited", "methods", "steps"):
        assert "15,000 buses" in sent(parts[name])
        assert "2,869" in sent(parts[name])
    assert "1,000 buses" not in sent(answer_parts(report_of(city.now, None), city.now))


def test_a_proposal_of_another_network_is_not_shown(city: Rig, proposal: Proposal) -> None:
    other = replace(
        city.now, case=replace(city.now.case, network=replace(city.now.case.network))
    )  # the same grid loaded again is another network
    assert headline_of(report_of(city.now, proposal), other).tone is Tone.WAITING


def test_what_is_applied_and_waits_is_listed_and_can_be_undone(city: Rig, proposal: Proposal, plan: Plan) -> None:
    operations = Operations(plan.actions[:1], plan.actions[1:])
    running = replace(city.now, control=replace(city.now.control, operations=operations))
    parts: dict[str, Any] = answer_parts(report_of(running, proposal), running)
    assert "✓ done" in sent(parts["steps"])
    assert "waiting" in sent(parts["steps"])
    assert parts["disabled"] == [True, True, False, False, True]
    out = PlanProblem(kind=PlanProblemKind.OUT_OF_SERVICE, branch=0)
    stopped = replace(city.now, control=replace(city.now.control, operations=Operations((), (), out)))
    assert f"Stopped: {city.now.case.network.branch.name[0]} is out of service." in sent(
        answer_parts(report_of(stopped, proposal), stopped)["head"]
    )


def test_the_maps_mark_what_changes_and_only_the_proposed_one_has_changed(
    city: Rig, proposal: Proposal, plan: Plan
) -> None:
    shown = NetworkView(city.now.case.network, "k")
    closed, opened = (action.branch for action in plan.actions)
    values: Any = proposed_map(city.now, report_of(city.now, proposal), shown, SHOWN)
    assert values["x"] == [[closed, Mark.CLOSE.value, 1], [opened, Mark.OPEN.value, 2]]
    status = dict(values["es"])
    assert status.get(closed) != EdgeStatus.OPEN
    assert status[opened] == EdgeStatus.OPEN
    assert proposed_map(city.now, report_of(city.now, replace(proposal, plan=None)), shown, SHOWN) is None
    assert locks(Requirements(locked=frozenset({3, 5})), shown.scope(None)) == [3, 5]


def test_changed_supply_paths_use_the_closed_switch_and_not_the_opened_one(city: Rig, plan: Plan) -> None:
    closed, opened = (action.branch for action in plan.actions)
    branches = changed_paths(city.now.case.network, plan).tolist()
    assert closed in branches
    assert opened not in branches
    assert plan.after.closed[branches].all()
    assert path_marks(plan, NetworkView(city.now.case.network, "k").scope(None), city.now.case.network) == branches


def test_set_points_are_a_table_and_marks_on_generators(cache_dir: Path) -> None:
    rig = make_rig(cache_dir, "case14")
    proposal = proposal_of(rig.now, meshed=True)
    plan, network = proposal.plan, rig.now.case.network
    assert plan is not None
    parts: dict[str, Any] = answer_parts(report_of(rig.now, proposal), rig.now)
    assert "+5.0\u202fMW" in sent(parts["steps"])
    assert "Set 2 generators" in sent(parts["head"])
    found: Any = marks(plan, NetworkView(network, "k").scope(None), network)["g"]
    assert sorted(kw for _, kw in found) == [-5000, 5000]
    assert {bus for bus, _ in found} == {int(network.generator.bus[point.generator]) for point in plan.set_points}


def test_a_conflict_names_the_limit(city: Rig) -> None:
    asked = Requirements(min_vm_pu=1.02, most_pairs=1, locked=frozenset({0}))
    network = city.now.case.network
    assert conflict_words(Constraint.LOW_VOLTAGE, asked, network) == (
        "Nothing keeps every voltage at or above 1.020\u202fp.u."
    )
    assert network.branch.name[0] in conflict_words(Constraint.LOCKED, asked, network)
    for constraint in Constraint:
        assert "{" not in conflict_words(constraint, Requirements(), network)


def test_a_conflict_names_its_asset_its_outage_and_what_else_stands_against_a_plan(
    city: Rig, proposal: Proposal
) -> None:
    network = city.now.case.network
    name, dark = network.branch.name, replace(proposal.outcome, kind=OutcomeKind.NOTHING_RESTORABLE)

    def shown(conflict: Constraint, reason: NoPlan, asked: Requirements, **changes: Any) -> Headline:
        found = replace(proposal, plan=None, conflict=conflict, reason=reason, requirements=asked, **changes)
        return headline_of(report_of(city.now, found), city.now)

    locks = Requirements(locked=frozenset({2, 5, 6}))
    held = shown(Constraint.LOCKED, NoPlan(kind=NoPlanKind.NO_SWITCH, branches=(5, 6)), locks)
    assert held.tone is Tone.CONFLICT
    assert held.title == f"No plan is possible while {name[5]}, {name[6]} stay as they are."
    assert held.note == ""  # the title says it all
    low = Margin(Constraint.LOW_VOLTAGE, 0.88, 0.9, "p.u.", "Mall")
    outage = NoPlan(kind=NoPlanKind.NO_RESTORATION, outage=3, outages=2, margin=low, also=(Constraint.HIGH_VOLTAGE,))
    insecure = shown(Constraint.N_MINUS_1, outage, Requirements(n_minus_1=True, max_vm_pu=0.9))
    assert f"After the outage of {name[3]}, one of 2 such outages" in insecure.note
    assert "at Mall" in insecure.note
    assert "Giving that up isn't enough: the highest voltage would have to give way as well." in insecure.note
    cut_off = NoPlan(kind=NoPlanKind.CUT_OFF, buses=2, branches=(5,))
    without = shown(Constraint.LOCKED, cut_off, locks, outcome=dark)
    assert without.tone is Tone.DARK
    assert without.note == f"No plan is possible while {name[5]} stay as they are."
    own = shown(Constraint.LOADING, NoPlan(kind=NoPlanKind.NOT_WITHIN_LIMITS), Requirements(), outcome=dark)
    assert own.note == ""


def test_keys_change_with_what_they_stand_for_and_with_nothing_else(city: Rig, proposal: Proposal) -> None:
    shown, snapshot = NetworkView(city.now.case.network, "k"), city.now
    report, same = report_of(snapshot, proposal), report_of(snapshot, proposal, version=2)
    other = report_of(snapshot, replace(proposal, time_ms=proposal.time_ms + 1))
    assert answer_key(report, snapshot, shown) == answer_key(same, snapshot, shown)
    assert answer_key(report, snapshot, shown) != answer_key(other, snapshot, shown)
    noted = replace(
        snapshot,
        control=replace(
            snapshot.control, operations=Operations((), (), PlanProblem(kind=PlanProblemKind.NO_IMPROVEMENT))
        ),
    )
    assert answer_key(report, noted, shown) != answer_key(report, snapshot, shown)
    learned = replace(report, training=replace(NO_TRAINING, episodes=3))
    assert figure_key(report, snapshot, shown) != figure_key(learned, snapshot, shown)
    assert form_key(Requirements(), shown) != form_key(Requirements(n_minus_1=True), shown)


def test_methods_without_a_result_stay_unknown(city: Rig, proposal: Proposal) -> None:
    methods = figures_of(report_of(city.now, proposal), city.now).methods
    assert [method.is_policy for method in methods].count(True) == 1
    assert np.isnan(methods[-1].loss_kw)
    assert "nothing feasible" in sent(answer_parts(report_of(city.now, proposal), city.now)["methods"])

"""The optimiser's answers as the plain data that the REST API answers with. Losses in kW; unknown values are None."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.engine.board import FollowUp, StateFigures, WatchedCase
from app.optimisation.ahead_worker import AheadReport
from app.optimisation.view import back_words, because_words, conflict_words, element_at_risk, element_of, plan_timeline
from app.optimisation.worker import Training
from app.web.plain import number, stamp
from components.optimisation.explanation import why_not_words
from components.optimisation.words import no_plan_words, outcome_words
from grid.network import Network
from ml.optimisation.plans.ahead import LimitAtRisk
from ml.optimisation.plans.normal import WayBack
from ml.optimisation.plans.plan import (
    Action,
    EmergencyAhead,
    EmergencyUse,
    Margin,
    MethodResult,
    Outcome,
    Plan,
    Proposal,
    Requirements,
    SetPoint,
    Verdict,
)
from ml.optimisation.plans.reasons import Explanation, Gain, Price, ShareMethod, TieUse
from ml.optimisation.plans.timeline import Timeline
from ml.optimisation.plans.whole_time import FollowedPlan

JSON = dict[str, Any]


def proposal(answer: Proposal, case: WatchedCase) -> JSON:
    """The whole answer to one operating point."""
    network = case.network
    within = None if answer.within_normal is None or answer.instead_of is not None else answer.within_normal.plan
    return {
        "plan": None if answer.plan is None else plan(answer.plan, case),
        "limited": [plan(item, case) for item in answer.limited],
        "present": verdict(answer.present),
        "conflict": None if answer.conflict is None else answer.conflict.value,
        "conflict_detail": conflict_detail(answer, network),
        "reason": no_plan_words(network, answer.reason),
        "methods": [method(item) for item in answer.methods],
        "policy": answer.policy,
        "outcome": outcome(answer.outcome),
        "unbounded": list(answer.unbounded),
        "requirements": requirements(answer.requirements),
        "within_normal": None if within is None else plan(within, case),
        "time_ms": answer.time_ms,
    }


def conflict_detail(answer: Proposal, network: Network) -> JSON | None:
    """What stands against every plan, and where."""
    constraint, reason = answer.conflict, answer.reason
    if constraint is None or reason is None:
        return None
    words = [conflict_words(constraint, answer.requirements, network, reason), because_words(network, reason)]
    return {
        "constraint": constraint.value,
        "asked": constraint in answer.requirements.asked,
        "kind": reason.kind.value,
        "margin": None if reason.margin is None else margin(reason.margin),
        "edges": [_edge(branch, network) for branch in reason.branches],
        "generators": [{"generator": place, "name": network.generator.name[place]} for place in reason.generators],
        "outage": None if reason.outage < 0 else _edge(reason.outage, network),
        "outages": reason.outages,
        "also": [other.value for other in reason.also],
        "instead": [other.value for other in reason.instead],
        "message": " ".join(filter(None, words)),
    }


def _edge(branch: int, network: Network) -> JSON:
    return {"edge": branch, "name": network.branch.name[branch]}


def plan(item: Plan, case: WatchedCase) -> JSON:
    """A plan: actions in their order, set-points, what it brings and when."""
    network = case.network
    return {
        "code": item.code,
        "actions": [action(step, network) for step in item.actions],
        "set_points": [set_point(change, network) for change in item.set_points],
        "pairs": item.pairs,
        "after": verdict(item.after),
        "saved_kw": item.saved_kw,
        "saved_mwh_per_year": item.saved_mwh_per_year,
        "saved_eur_per_year": item.saved_money_per_year,
        "margins": [margin(one) for one in item.margins],
        "timeline": timeline(plan_timeline(item, case)),
        "emergency": [emergency_use(one, network) for one in item.emergency],
    }


def emergency_use(item: EmergencyUse, network: Network) -> JSON:
    """A bus or branch beyond its normal limit."""
    return {
        "constraint": item.constraint.value,
        "element": element_of(item.constraint, item.element, network),
        "value": item.value,
        "limit": item.limit,
        "emergency": item.emergency,
    }


def way_back(item: WayBack | None, case: WatchedCase) -> JSON:
    """The way back to normal switching after a repair."""
    return {
        "due": item is not None,
        "plan": None if item is None or item.plan is None else plan(item.plan, case),
        "broken": [] if item is None else [one.value for one in item.broken],
        "barred": [] if item is None else list(item.barred),
        "message": back_words(item, None, case),
    }


def timeline(item: Timeline) -> JSON:
    """When each action is done, and what has supply then."""
    return {
        "minutes": item.minutes,
        "distance": item.distance.value,
        "supplied_mw": item.supplied_mw,
        "supplied_customers": item.supplied_customers,
        "wanted_mw": item.wanted_mw,
        "customers": item.customers,
        "steps": [
            {
                "edge": step.action.branch,
                "minute": step.minute,
                "crew": None if step.crew is None else step.crew + 1,
                "travel_minutes": step.travel_minutes,
                "supplied_mw": step.supplied_mw,
                "supplied_customers": step.supplied_customers,
            }
            for step in item.steps
        ],
    }


def ahead(report: AheadReport) -> JSON:
    """Whether the latest plan holds in the hours to come."""
    found = report.found
    return {
        "code": None if found is None else found.code,
        "hours": report.hours,
        "courses": 0 if found is None else found.samples,
        "chance": None if found is None else found.chance,
        "by": []
        if found is None
        else [
            {"minute": minute, "chance": chance}
            for minute, chance in zip(found.minutes.tolist(), found.broken_by.tolist(), strict=True)
        ],
        "worst": None if found is None or found.worst is None else _at_risk(found.worst, report.network),
        "loads_back": 0 if found is None else found.picks_up,
        "begins": None if report.begins is None else stamp(report.begins),
        "instead_of": None if report.instead_of is None else _followed(report.instead_of, report.network),
        "emergency": [] if found is None else [_emergency_ahead(one, report.network) for one in found.emergency],
        "emergency_minutes": None if found is None or not found.emergency else found.emergency_minutes,
    }


def _emergency_ahead(item: EmergencyAhead, network: Network) -> JSON:
    """A bus or branch beyond its normal limit in courses."""
    return {
        "constraint": item.constraint.value,
        "element": element_of(item.constraint, item.element, network),
        "chance": item.chance,
        "value": item.value,
        "limit": item.limit,
        "until_minute": number(item.until),
    }


def _followed(item: FollowedPlan, network: Network) -> JSON:
    """The best plan for now, where another one is offered."""
    found = item.ahead
    return {
        "code": found.code,
        "restored_kw": item.restored_kw,
        "chance": found.chance,
        "first_minute": number(found.first_minute),
        "overstays": item.overstays,
        "worst": None if found.worst is None else _at_risk(found.worst, network),
    }


def _at_risk(item: LimitAtRisk, network: Network) -> JSON:
    return {
        "constraint": None if item.constraint is None else item.constraint.value,
        "element": element_at_risk(item, network),
        "chance": item.chance,
        "minute": item.minute,
    }


def margin(item: Margin) -> JSON:
    """A state against a limit."""
    return {
        "constraint": item.constraint.value,
        "value": number(item.value),
        "limit": number(item.limit),
        "unit": item.unit,
        "element": item.element,
    }


def outcome(item: Outcome) -> JSON:
    """What an answer comes to."""
    return {
        "kind": item.kind.value,
        "restored_kw": item.restored_kw,
        "unsupplied_kw": item.unsupplied_kw,
        "out_of_reach_kw": item.out_of_reach_kw,
        "locked_out": item.locked_out,
        "binding": None if item.binding is None else margin(item.binding),
        "hindrance": None if item.hindrance is None else item.hindrance.value,
        "message": outcome_words(item),
    }


def action(item: Action, network: Network) -> JSON:
    """One switching action with the state it leads to."""
    return {
        "edge": item.branch,
        "name": network.branch.name[item.branch],
        "action": "close" if item.close else "open",
        "loss_kw": number(item.loss_kw),
        "min_vm_pu": number(item.min_vm_pu),
        "max_loading_percent": number(item.max_loading_percent),
    }


def set_point(item: SetPoint, network: Network) -> JSON:
    """One generator's change."""
    return {
        "generator": item.generator,
        "name": network.generator.name[item.generator],
        "p_mw_before": number(item.p_mw_before),
        "p_mw": number(item.p_mw),
        "vm_pu_before": number(item.vm_pu_before),
        "vm_pu": number(item.vm_pu),
    }


def verdict(item: Verdict) -> JSON:
    """A judged state."""
    return {
        "loss_kw": item.loss_kw,
        "expected_interrupted_kw": item.expected_interrupted_kw,
        "objective_kw": item.objective_kw,
        "unsupplied_kw": item.unsupplied_kw,
        "min_vm_pu": number(item.min_vm_pu),
        "max_vm_pu": number(item.max_vm_pu),
        "max_loading_percent": number(item.max_loading_percent),
        "open_edges": [index for index, closed in enumerate(item.closed.tolist()) if not closed],
        "violations": {constraint.value: excess for constraint, excess in item.violation.items()},
    }


def method(item: MethodResult) -> JSON:
    """What one method found."""
    return {
        "method": item.name,
        "loss_kw": number(item.loss_kw),
        "expected_interrupted_kw": number(item.expected_interrupted_kw),
        "objective_kw": number(item.objective_kw),
        "evaluated": item.evaluated,
        "time_ms": item.time_ms,
        "unsupplied_kw": number(item.unsupplied_kw),
    }


def requirements(item: Requirements) -> JSON:
    """What a plan had to keep; None: the case's own limits, or any number."""
    return {
        "risk_weight": item.risk_weight,
        "min_vm_pu": item.min_vm_pu,
        "max_vm_pu": item.max_vm_pu,
        "max_loading_percent": item.max_loading_percent,
        "locked": sorted(item.locked),
        "most_pairs": item.most_pairs,
        "n_minus_1": item.n_minus_1,
        "worst_hour": item.worst_hour,
        "emergency_loading_percent": item.emergency_loading_percent,
        "emergency_min_vm_pu": item.emergency_min_vm_pu,
        "emergency_max_vm_pu": item.emergency_max_vm_pu,
        "emergency_minutes": item.emergency_minutes,
    }


def training(item: Training) -> JSON:
    """How far the policy is."""
    return {"episodes_trained": item.episodes, "training": item.running}


def explanation(
    found: Explanation, binds: Sequence[Price], code: str, network: Network, made_at: datetime | None
) -> JSON:
    """The shares of a plan's pairs, and the prices of limits."""
    exact = found.method is ShareMethod.EXACT
    return {
        "success": True,
        "code": code,
        "pairs": [
            {
                "actions": [action(step, network) for step in pair.actions],
                "share": gain(pair.share),
                "standard_error": None if exact else gain(pair.error),
            }
            for pair in found.pairs
        ],
        "whole": gain(found.whole),
        "method": found.method.value,
        "states": found.states,
        "unsolved": found.unsolved,
        "binds": [price(one) for one in binds],
        "time_ms": found.time_ms,
        "made_at": None if made_at is None else stamp(made_at),
    }


def why_not(found: TieUse, case: WatchedCase, made_at: datetime | None) -> JSON:
    """What a plan that uses a branch would mean."""
    return {
        "success": True,
        "edge": found.branch,
        "name": case.network.branch.name[found.branch],
        "kind": found.kind.value,
        "words": why_not_words(case.network, found),
        "plan": None if found.plan is None else plan(found.plan, case),
        "gain": None if found.gain is None else gain(found.gain),
        "binding": None if found.binding is None else margin(found.binding),
        "made_at": None if made_at is None else stamp(made_at),
    }


def gain(item: Gain) -> JSON:
    """What one state is better by."""
    return {
        "supply_kw": item.supply_kw,
        "violation": item.violation,
        "loss_kw": item.loss_kw,
        "expected_interrupted_kw": item.expected_interrupted_kw,
    }


def price(item: Price) -> JSON:
    """What a limit costs."""
    return {
        **margin(item.limit),
        "by": item.by,
        "gain": gain(item.gain),
        "loss_kw_per_unit": item.loss_kw_per_unit,
        "supply_kw_per_unit": item.supply_kw_per_unit,
    }


def applied(followed: Sequence[FollowUp], network: Network) -> list[JSON]:
    """What was promised and measured, the last first."""
    return [
        {
            "code": item.code,
            "actions": [action(step, network) for step in item.actions],
            "ordered_at": stamp(item.ordered_at),
            "measured_at": stamp(item.measured_at),
            "promised": _figures(item.promised),
            "measured": _figures(item.measured),
        }
        for item in reversed(followed)
    ]


def _figures(item: StateFigures) -> JSON:
    return {
        "loss_kw": number(item.loss_kw),
        "unsupplied_kw": number(item.unsupplied_kw),
        "min_vm_pu": number(item.min_vm_pu),
        "max_loading_percent": number(item.max_loading_percent),
    }

"""What the pages say about the optimiser's answer: from its records to those that components draw."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from app.engine.board import FollowUp, Snapshot, WatchedCase
from app.map.network_view import short_names
from app.optimisation.ahead_worker import AheadReport
from app.optimisation.explainer import ProposalBase
from app.optimisation.worker import PlanReport
from components.common import text
from components.common.ceiling import plan_words
from components.optimisation.explanation import ComparedPromise
from components.optimisation.figures import SupplyCourse
from components.optimisation.plan import ADVICE_ONLY, Headline, Saving, Step, StepState, Tone, sentence
from components.optimisation.tables import ComparedQuantity, Limited, MethodRow, Room, SetPointRow
from components.optimisation.words import (
    emergency_ahead_words,
    emergency_words,
    no_plan_words,
    others_words,
    outcome_words,
    planning_hindered_words,
    planning_words,
    standing_names,
    stopped_words,
)
from grid.capabilities import ANY_SWITCHING, DISPATCH
from grid.network import Network
from ml.optimisation.plans.ahead import LimitAtRisk, PlanAhead
from ml.optimisation.plans.conflicts import HOLDING
from ml.optimisation.plans.limits import Merit
from ml.optimisation.plans.normal import WayBack
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    Excess,
    Margin,
    NoPlan,
    NoPlanKind,
    OutcomeKind,
    Plan,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.timeline import Distance, Timeline, timeline_of
from ml.optimisation.plans.whole_time import FollowedPlan
from ml.optimisation.radial.grid import operated_radially

CONSTRAINTS = {
    Constraint.SUPPLY: "Load without supply",
    Constraint.RADIAL: "Loops",
    Constraint.LOW_VOLTAGE: "Lowest voltage",
    Constraint.HIGH_VOLTAGE: "Highest voltage",
    Constraint.LOADING: "Highest loading",
    Constraint.GENERATION: "Generator output",
    Constraint.LOCKED: "Locked switches that change",
    Constraint.ACTIONS: "Pairs of switches",
    Constraint.N_MINUS_1: "After any single outage",
    Constraint.REQUIRED: "Branches to be used",
}
NO_WAY = {
    Constraint.SUPPLY: "no choice of switches supplies every load",
    Constraint.RADIAL: "no choice of switches supplies every load without a loop",
    Constraint.LOW_VOLTAGE: "nothing keeps every voltage at or above {low}",
    Constraint.HIGH_VOLTAGE: "nothing keeps every voltage at or below {high}",
    Constraint.LOADING: "nothing keeps every loading at or below {loading}",
    Constraint.GENERATION: "nothing keeps every generator within its limits",
    Constraint.LOCKED: "no plan is possible while {locked} stay as they are",
    Constraint.ACTIONS: "nothing keeps the limits with {pairs}",
    Constraint.N_MINUS_1: "nothing keeps the limits after every single outage",
    Constraint.REQUIRED: "nothing keeps the limits while {required} has to be used",
}
NO_LIMIT = {constraint: f"the limit of {words.lower()}" for constraint, words in CONSTRAINTS.items()}
DERIVED_RATINGS = "Ratings that the case doesn't give are derived: the map shows them, a plan needn't keep them."
LEAST_GAIN_MW = 1e-5
NOT_FOLLOWED = "Not looked ahead yet: whether it is back within normal limits in {minutes:,.0f} min isn't known."
RESTORING = {OutcomeKind.ALL_RESTORED, OutcomeKind.PART_RESTORED, OutcomeKind.NOTHING_RESTORABLE}
RADIAL_CHECKS = ((Constraint.SUPPLY, "every load supplied"), (Constraint.RADIAL, "radial"))


def proposal_for(report: PlanReport, network: Network) -> Proposal | None:
    """The report's proposal, None where it is of another network or there is none."""
    return report.proposal if report.network is network else None


def offered(report: PlanReport, snapshot: Snapshot) -> Proposal | None:
    """The proposal for the snapshot's network; None for a stale one: what was good then may be wrong now."""
    return None if snapshot.solved.stale else proposal_for(report, snapshot.case.network)


def beyond_plans(report: PlanReport, network: Network) -> str:
    """That plans are made for smaller grids only, empty where this one isn't too large.

    A grid between the two ceilings may have either kind of plan: there the optimiser's own answer decides.
    """
    none_made = proposal_for(report, network) is None and report.version > 0 and not report.training.wanted
    if network.n_bus > ANY_SWITCHING.most or (network.n_bus > DISPATCH.most and none_made):
        return plan_words(network.n_bus)
    return ""


def branch_names(network: Network) -> tuple[str, ...]:
    """Names without a first word that they have in common, but whole where it names both ends: `Bus 1 - Bus 2`."""
    names = network.branch.name
    return names if any(" - " in name for name in names) else short_names(names)


def actions_of(network: Network, plan: Plan) -> tuple[tuple[bool, str], ...]:
    """(close, name) of each switching action."""
    names = branch_names(network)
    return tuple((action.close, names[action.branch]) for action in plan.actions)


def saving_of(plan: Plan) -> Saving:
    """What a plan brings."""
    before = plan.before.loss_kw
    return Saving(
        loss_kw=plan.saved_kw,
        loss_percent=100 * plan.saved_kw / before if before > 0 else math.nan,
        mwh_per_year=plan.saved_mwh_per_year,
        money_per_year=plan.saved_money_per_year,
        interrupted_before_kw=plan.before.expected_interrupted_kw,
        interrupted_after_kw=plan.after.expected_interrupted_kw,
    )


def headline_of(report: PlanReport, snapshot: Snapshot) -> Headline:
    """The answer in short."""
    proposal, operations = offered(report, snapshot), snapshot.control.operations
    note = stopped_words(snapshot.case.network, operations.stopped)
    if snapshot.solved.stale:
        waits = len(operations.pending)
        waiting = (
            f"{text.count(waits, 'step')} of a plan {'waits' if waits == 1 else 'wait'} until then." if waits else ""
        )
        title = f"The state is of {text.clock(snapshot.simulated_at)}: plans are made again once it is fresh"
        return Headline(Tone.STALE, title, note=" ".join(filter(None, [waiting, note])))
    if not snapshot.control.offers.orders:
        note = " ".join(filter(None, [ADVICE_ONLY, note]))
    if report.made_for is not None:
        made_for = f"Made for {text.clock(report.made_for)}, the worst of the coming hours: all figures are of then."
        note = " ".join(filter(None, [made_for, note]))
    if operations.pending:
        names = branch_names(snapshot.case.network)
        title = sentence([(action.close, names[action.branch]) for action in operations.pending])
        return Headline(Tone.RUNNING, title, note=note)
    if proposal is None:
        words = planning_hindered_words(report.network, report.status) or planning_words(report.network, report.status)
        return Headline(Tone.WAITING, _sentence(words), note=note)
    if proposal.plan is None and proposal.outcome.kind is OutcomeKind.NOTHING_RESTORABLE:
        note = " ".join(filter(None, [_standing(proposal, snapshot.case.network), note]))
        return Headline(Tone.DARK, outcome_words(proposal.outcome), note=note)
    if proposal.conflict is not None:
        network = snapshot.case.network
        words = conflict_words(proposal.conflict, proposal.requirements, network, proposal.reason)
        because = because_words(network, proposal.reason)
        return Headline(Tone.CONFLICT, words, note=" ".join(filter(None, [because, note])))
    if proposal.plan is None:
        reason = no_plan_words(snapshot.case.network, proposal.reason or NoPlan(kind=NoPlanKind.BEST_FOUND))
        unknown = proposal.reason is not None and proposal.reason.kind is NoPlanKind.NONE_KEEPS_LIMITS
        return Headline(Tone.WAITING if unknown else Tone.BEST, _sentence(reason), note=note)
    plan = proposal.plan
    steps = sentence(actions_of(snapshot.case.network, plan), len(plan.set_points))
    if plan.actions and snapshot.case.network.branch.rating_derived.any():
        note = " ".join(filter(None, [DERIVED_RATINGS, note]))
    title = purpose_words(proposal, plan, snapshot.case)
    if leads_back(report.back, plan):
        title = f"Returns to normal after the repair. {title}"
    checks = checks_of(plan, proposal.requirements)
    saving = None if proposal.outcome.kind in RESTORING else saving_of(plan)  # what is supplied again has losses, too
    emergency = emergency_words(snapshot.case.network, plan.emergency, plan.requirements.emergency_minutes)
    return Headline(Tone.PLAN, title, saving, checks, note, steps, emergency)


def purpose_words(proposal: Proposal, plan: Plan, case: WatchedCase) -> str:
    """What a plan is for, the most important first: supply, then limits, then losses and risk."""
    before, after, outcome = plan.before, plan.after, proposal.outcome
    if outcome.kind in RESTORING:
        back = after.supplied_loads & ~before.supplied_loads
        return outcome_words(outcome, float(case.customers.count[back].sum()), plan_timeline(plan, case).minutes)
    if Merit.of(after).violation < Merit.of(before).violation:
        relieved = (limit_words(margin, before, after) for margin in before.margins if margin.excess > 0)
        return _sentence(f"Relieves {'; '.join(filter(None, relieved)) or 'what is outside its limits'}")
    saving = before.loss_kw - after.loss_kw
    if saving > 0:
        return f"Saves {text.small(saving, 'kW')} of losses."
    return "Lowers the expected interruption."


def back_words(back: WayBack | None, plan: Plan | None, case: WatchedCase) -> str:
    """The way back to normal switching after a repair, as sentences; empty where the plan goes it anyhow."""
    if back is None or leads_back(back, plan):
        return ""
    if back.barred:
        names = ", ".join(case.network.branch.name[branch] for branch in back.barred)
        return f"No way back to normal switching yet: {names} must not be operated."
    if back.broken:
        limits = ", ".join(NO_LIMIT[one] for one in back.broken)
        return f"No way back to normal switching now: {limits} would be broken."
    if back.plan is None:
        return "No way back to normal switching was found whose every state is supplied and within limits."
    steps, saved_kw = sentence(actions_of(case.network, back.plan)), back.plan.saved_kw
    costs = f"{'saves' if saved_kw >= 0 else 'costs'} {text.small(abs(saved_kw), 'kW')} of losses"
    minutes = text.count(math.ceil(plan_timeline(back.plan, case).minutes), "minute")
    return f"Back to normal switching after the repair: {steps}; {costs}, takes {minutes}, verified by AC power flow."


def leads_back(back: WayBack | None, plan: Plan | None) -> bool:
    """Whether a plan leads to the normal switch states anyhow."""
    found = None if back is None else back.plan
    return found is not None and plan is not None and bool((found.after.closed == plan.after.closed).all())


def limit_words(margin: Margin, before: Verdict, after: Verdict) -> str:
    """By how much a plan relieves a limit: the worst element before and after, or how many lie outside.

    Empty where it doesn't, and where nothing is known of then.
    """
    constraint = margin.constraint
    name, then = CONSTRAINTS[constraint].lower(), next((m for m in after.margins if m.constraint is constraint), None)
    if then is None:
        return ""
    if then.excess < margin.excess:
        values = f"{text.small(margin.value, significant=4)} → {text.small(then.value, margin.unit, 4)}"
        where = f" of {margin.element}" if margin.element else ""
        return f"{name}{where}: {values}"
    if constraint not in Excess.CONSTRAINTS:
        return ""
    outside, left = (int((verdict.excess.of(constraint) > 0).sum()) for verdict in (before, after))
    return f"{name} outside its limit at {left} instead of {outside} places" if left < outside else ""


def status_of(report: PlanReport, network: Network) -> str:
    """What the optimiser is doing; empty where the headline says it."""
    return "" if proposal_for(report, network) is None else planning_words(report.network, report.status)


def _standing(proposal: Proposal, network: Network) -> str:
    """What of all that is asked stands against supplying what is dark; empty where nobody has asked for it."""
    conflict, reason = proposal.conflict, proposal.reason
    if conflict is None or reason is None or conflict not in proposal.requirements.asked:
        return ""
    words = conflict_words(conflict, proposal.requirements, network, reason)
    return " ".join(filter(None, [words, others_words(reason)]))


def because_words(network: Network, reason: NoPlan | None) -> str:
    """How near a plan comes and what else stands against it, as sentences beside those of conflict_words."""
    if reason is None:
        return ""
    near = "" if reason.kind in HOLDING else _sentence(no_plan_words(network, reason))  # the title names the locks
    return " ".join(filter(None, [near, others_words(reason)]))


def conflict_words(
    conflict: Constraint, requirements: Requirements, network: Network, reason: NoPlan | None = None
) -> str:
    """The constraint that can't be kept, as a sentence. reason: says which switches or generators stand in the way."""
    low, high, pairs = requirements.min_vm_pu, requirements.max_vm_pu, requirements.most_pairs
    standing = replace(
        reason or NoPlan(kind=NoPlanKind.OTHERWISE), branches=tuple(sorted(requirements.locked)), generators=()
    )
    if reason is not None and (reason.branches or reason.generators):
        standing = reason
    locked = standing_names(network, standing)
    required = ", ".join(network.branch.name[branch] for branch in sorted(requirements.required_closed))
    words = NO_WAY[conflict].format(
        low="its bus's limit" if low is None else text.number(low, 3, "p.u."),
        high="its bus's limit" if high is None else text.number(high, 3, "p.u."),
        loading=text.number(requirements.max_loading_percent, 0, "%"),
        locked=locked or "the locked switches",
        required=required or "a branch",
        pairs="so few switches" if pairs is None else f"{text.count(pairs, 'pair')} of switches at most",
    )
    return _sentence(words)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def checks_of(plan: Plan, requirements: Requirements) -> tuple[tuple[bool, str], ...]:
    """What stands behind a plan: how it was verified, and that limits are kept."""
    missed = plan.after.violation
    verified = "verified by AC power flow" + (" and N-1" if requirements.n_minus_1 else "")
    checks = [(True, verified)]
    if plan.actions:
        checks += [(constraint not in missed, words) for constraint, words in RADIAL_CHECKS]
    limits = [margin for margin in plan.margins if margin.constraint in missed]
    words = ", ".join(CONSTRAINTS[margin.constraint].lower() for margin in limits)
    outside = "outside normal limits, within emergency ones" if plan.emergency else "outside limits"
    return (*checks, (not limits, f"{outside}: {words}" if limits else "all limits kept now"))


def steps_of(network: Network, actions: tuple[Action, ...], state: StepState) -> tuple[Step, ...]:
    """Switching steps as shown."""
    names = branch_names(network)
    return tuple(
        Step(
            action.close,
            names[action.branch],
            action.loss_kw,
            action.min_vm_pu,
            action.max_loading_percent,
            state,
        )
        for action in actions
    )


def plan_timeline(plan: Plan, case: WatchedCase) -> Timeline:
    """When a plan's actions are done, from the moment that it was made for."""
    before = plan.before
    return timeline_of(
        plan.network, before.injection, before.closed, plan.actions, case.customers.count, case.field_work
    )


def timeline_words(timeline: Timeline) -> str:
    """How a plan is carried out, in a line."""
    minutes, by_hand = text.number(timeline.minutes, 0, "min"), timeline.by_hand
    gained = timeline.steps[-1].supplied_mw - timeline.supplied_mw if timeline.steps else 0.0
    brought = f", {text.small(gained, 'MW')} more with supply by then" if gained > LEAST_GAIN_MW else ""
    if not by_hand:
        return f"{minutes} in all, every switch remote{brought}."
    ways = {
        Distance.COORDINATES: "ways after the case's coordinates",
        Distance.FIXED: "one time for every way: the case has no distances",
    }[timeline.distance]
    return f"{minutes} in all, {text.count(by_hand, 'step')} by hand, {ways}{brought}."


def ahead_words(report: AheadReport, plan: Plan | None) -> str:
    """Whether a plan holds in the hours to come, and what it stands for; empty where that plan hasn't been followed."""
    found, first = report.found, report.instead_of
    if plan is None:
        return ""
    followed = found is not None and sorted(found.code.split("-")) == sorted(plan.code.split("-"))  # in any order
    if found is None or report.begins is None or not followed:
        return NOT_FOLLOWED.format(minutes=plan.requirements.emergency_minutes) if plan.emergency else ""
    hours, courses = f"{text.count(report.hours, 'hour')} to come", text.count(found.samples, "course")
    returning = f", with what {text.count(found.picks_up, 'load')} that come back take more" if found.picks_up else ""
    instead = "" if first is None else f" {_instead_words(first, report.begins)}"
    uses = emergency_ahead_words(plan.network, found.emergency, found.emergency_minutes, report.hours)
    instead = f" {uses}{instead}" if uses else instead
    if found.worst is None:
        return f"Holds for the {hours} in all {courses} of the forecast{returning}.{instead}"
    return (
        f"Within the {hours} a limit breaks {_risk_words(found, report.begins, plan.network)}"
        f" ({courses} of the forecast{returning}).{instead}"
    )


def _instead_words(first: FollowedPlan, begins: datetime) -> str:
    """Why the best plan for now isn't offered."""
    restored = first.restored_kw
    does = f" would restore {text.small(restored / 1000, 'MW')}, but" if restored > LEAST_GAIN_MW * 1000 else ""
    breaks = _risk_words(first.ahead, begins, first.plan.network)
    if first.overstays:
        return (
            f"Offered in the place of a plan on emergency limits, which{does} breaks these or isn't back within the"
            f" normal ones in {text.number(first.plan.requirements.emergency_minutes, 0, 'min')}, {breaks}."
        )
    return f"Better for the whole time than the best plan for now, which{does} breaks a limit {breaks}."


def _risk_words(found: PlanAhead, begins: datetime, network: Network) -> str:
    """With what chance a limit breaks, from when on, and which."""
    first = text.clock(begins + timedelta(minutes=found.first_minute))
    which = "" if found.worst is None else f", most likely {_at_risk(found.worst, network)}"
    return f"with a chance of {text.number(100 * found.chance, 0, '%')}, from {first} on{which}"


def _at_risk(worst: LimitAtRisk, network: Network) -> str:
    if worst.constraint is None:
        return "no state is found"
    return f"{CONSTRAINTS[worst.constraint].lower()} at {element_at_risk(worst, network)}"


def element_at_risk(worst: LimitAtRisk, network: Network) -> str:
    """The name of the bus, branch or generator whose limit breaks; empty where no state is found."""
    if worst.constraint is None:
        return ""
    return element_of(worst.constraint, worst.element, network)


def element_of(constraint: Constraint, element: int, network: Network) -> str:
    """The name of the bus, branch or generator that a limit is of."""
    names = {Constraint.LOADING: network.branch.name, Constraint.GENERATION: network.generator.name}
    return names.get(constraint, network.bus.name)[element]


def planned_steps_of(network: Network, timeline: Timeline) -> tuple[Step, ...]:
    """The steps of a plan as shown, each with its minute."""
    steps = steps_of(network, tuple(timed.action for timed in timeline.steps), StepState.PLANNED)
    return tuple(
        replace(step, minute=timed.minute, crew=timed.crew) for step, timed in zip(steps, timeline.steps, strict=True)
    )


def course_of(timeline: Timeline) -> SupplyCourse:
    """What the time line's figure draws."""
    steps = timeline.steps
    return SupplyCourse(
        minutes=(0.0, *(step.minute for step in steps)),
        supplied_mw=(timeline.supplied_mw, *(step.supplied_mw for step in steps)),
        customers=(timeline.supplied_customers, *(step.supplied_customers for step in steps)),
    )


def comparison_of(proposal: Proposal, network: Network) -> tuple[ComparedQuantity, ...]:
    """Present and proposed state, row by row."""
    before = proposal.present if proposal.plan is None else proposal.plan.before
    after = None if proposal.plan is None else proposal.plan.after
    bus, branch = short_names(network.bus.name), branch_names(network)

    def row(label: str, unit: str, name: str, digits: int | None = None) -> ComparedQuantity:
        return ComparedQuantity(
            label, unit, getattr(before, name), None if after is None else getattr(after, name), digits=digits
        )

    def placed(label: str, unit: str, name: str, place: str, names: tuple[str, ...], digits: int) -> ComparedQuantity:
        found = [names[index] if 0 <= (index := getattr(v, place)) < len(names) else "" for v in (before, after) if v]
        values = row(label, unit, name, digits)
        return ComparedQuantity(label, unit, values.before, values.after, (found[0], found[-1]), digits)

    rows = [
        row("Losses", "kW", "loss_kw"),
        row("Expected interruption", "kW/yr", "expected_interrupted_kw"),
        placed("Lowest voltage", "p.u.", "min_vm_pu", "min_vm_bus", bus, 4),
        placed("Highest voltage", "p.u.", "max_vm_pu", "max_vm_bus", bus, 4),
        placed("Highest loading", "%", "max_loading_percent", "max_loading_branch", branch, 1),
        row("Without supply", "kW", "unsupplied_kw", 0),
    ]
    if proposal.requirements.risk_weight:
        rows.insert(2, row(f"Losses + {proposal.requirements.risk_weight:g} × risk", "kW", "objective_kw"))
    return tuple(rows)


def rooms_of(proposal: Proposal | None) -> tuple[str, tuple[Room, ...]]:
    """Whose limits, and the room that they leave: the plan's, or the present state's where there is no plan."""
    if proposal is None:
        return "", ()
    judged, whose = (proposal.present, "Present state") if proposal.plan is None else (proposal.plan.after, "Plan")
    rooms = (Room(CONSTRAINTS[m.constraint], m.value, m.limit, -m.excess, m.unit, m.element) for m in judged.margins)
    return whose, tuple(rooms)


def limited_of(proposal: Proposal, network: Network) -> tuple[Limited, ...]:
    """The best plans with few switches, each once."""
    plans = {plan.code: plan for plan in proposal.limited}
    return tuple(
        Limited(
            plan.pairs,
            actions_of(network, plan),
            plan.saved_kw,
            max(0.0, plan.before.unsupplied_kw - plan.after.unsupplied_kw),
        )
        for plan in plans.values()
    )


def set_points_of(plan: Plan, network: Network) -> tuple[SetPointRow, ...]:
    """The generators that a plan changes."""
    names = network.generator.name
    return tuple(
        SetPointRow(names[point.generator], point.p_mw_before, point.p_mw, point.vm_pu_before, point.vm_pu)
        for point in plan.set_points
    )


def methods_of(proposal: Proposal | None) -> tuple[MethodRow, ...]:
    """What the methods found."""
    if proposal is None:
        return ()
    return tuple(
        MethodRow(
            found.name,
            found.loss_kw,
            found.expected_interrupted_kw,
            found.objective_kw,
            found.evaluated,
            found.time_ms,
            "policy" in found.name.lower(),
        )
        for found in proposal.methods
    )


def explicable(report: PlanReport, snapshot: Snapshot) -> tuple[ProposalBase | None, str]:
    """The proposal that can be explained, or why there is none, without a full stop."""
    base = report.base
    if snapshot.solved.stale:
        return None, "the state is stale: plans are made again once it is fresh"
    if base is None:
        return None, "no plan has been made yet, or none can be made in this grid"
    if base.proposal.conflict is not None:
        return None, f"there is no plan: nothing keeps what is asked ({base.proposal.conflict})"
    if not operated_radially(base.network):
        return None, "plans of this grid set generators and switch nothing: there are no pairs and no ties to explain"
    return base, ""


def promise_of(network: Network, followed: tuple[FollowUp, ...]) -> tuple[tuple[ComparedPromise, ...], str]:
    """What the last plan that was carried out promised and what was measured then, and which plan that was."""
    if not followed:
        return (), ""
    last = followed[-1]
    promised, measured = last.promised, last.measured
    rows = (
        ComparedPromise("Losses", "kW", promised.loss_kw, measured.loss_kw, 1),
        ComparedPromise("Without supply", "kW", promised.unsupplied_kw, measured.unsupplied_kw, 1),
        ComparedPromise("Lowest voltage", "p.u.", promised.min_vm_pu, measured.min_vm_pu, 4),
        ComparedPromise("Highest loading", "%", promised.max_loading_percent, measured.max_loading_percent, 1),
    )
    names = branch_names(network)
    done = sentence([(action.close, names[action.branch]) for action in last.actions])
    what = done or "Set-points"
    return rows, f"{what}: ordered {text.clock(last.ordered_at)}, measured {text.clock(last.measured_at)}."

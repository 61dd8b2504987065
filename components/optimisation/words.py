"""How planning stands, why there is no plan, and what stands against one, in words."""

import math
from collections.abc import Sequence

from components.common import text
from grid.network import Network
from ml.optimisation.plans.plan import (
    Constraint,
    EmergencyAhead,
    EmergencyUse,
    Margin,
    NoPlan,
    NoPlanKind,
    Outcome,
    OutcomeKind,
    PlanProblem,
    PlanProblemKind,
)
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind

NOTHING_KW = 0.01  # load that is worth no word
NAMES_SHOWN = 8
NO_STATE_WORDS = "with more of it supplied the power flow has no solution, so voltage would collapse"
EMERGENCY_SHOWN = 3  # elements of a kind
GIVEN_UP = {  # what a person can ask for
    Constraint.LOW_VOLTAGE: "the lowest voltage",
    Constraint.HIGH_VOLTAGE: "the highest voltage",
    Constraint.LOADING: "the highest loading",
    Constraint.LOCKED: "the locks",
    Constraint.ACTIONS: "the number of switches",
    Constraint.N_MINUS_1: "safety after any single outage (N-1)",
    Constraint.REQUIRED: "the branches that have to be used",
}


def planning_words(network: Network, status: PlanStatus) -> str:
    """What the planning for a network does or waits for, without a full stop."""
    match status.kind:
        case PlanStatusKind.FAILED | PlanStatusKind.UNSUITABLE:
            return f"No plan: {planning_hindered_words(network, status)}"
        case PlanStatusKind.WAITING_FOR_GRID:
            return "Waiting for the grid"
        case PlanStatusKind.WAITING_FOR_LEARNING:
            return "Waiting for what learns to start"
        case PlanStatusKind.NOT_LEARNING:
            return f"Policy after {status.episodes:,} episodes; nothing learns now"
        case PlanStatusKind.TRAINING:
            return f"Training the policy: {status.episodes:,} of {status.wanted:,} episodes"
        case PlanStatusKind.NO_POLICY:
            return "No policy for a grid of this size: sequential opening and branch exchange"
        case PlanStatusKind.READY:
            return f"Policy ready, {status.episodes:,} episodes"


def planning_hindered_words(network: Network, status: PlanStatus) -> str:
    """Why no plan can be made for a network, without a full stop; empty where one can."""
    if status.kind is PlanStatusKind.FAILED:
        return status.failure
    if status.reason is not None:
        return unsuitable_words(network, status.reason)
    return ""


def no_plan_words(network: Network, reason: NoPlan | None) -> str:
    """Why there is no plan, without a full stop; empty where there is one."""
    if reason is None:
        return ""
    match reason.kind:
        case NoPlanKind.BEST_FOUND:
            return "the present state is the best one found"
        case NoPlanKind.OUT_OF_REACH:
            return "no usable switch or line reaches what has no supply"
        case NoPlanKind.NOT_WITHIN_LIMITS if reason.margin is None:
            return "nothing of what has no supply can be restored safely"
        case NoPlanKind.NOT_WITHIN_LIMITS:
            return (
                f"nothing of what has no supply can be restored within limits: there would be {_missed(reason.margin)}"
            )
        case NoPlanKind.NOTHING_SWITCHED:
            return "no dispatch restores what has no supply"
        case NoPlanKind.NO_SWITCH if reason.branches:
            return f"all that could be switched is locked: {standing_names(network, reason)}"
        case NoPlanKind.NO_SWITCH:
            return "there is no switch to change without cutting off load"
        case NoPlanKind.CUT_OFF:
            return f"locked switches leave {reason.buses} buses without supply{_named(network, reason)}"
        case NoPlanKind.LOCKED_LOOP:
            return f"branches that have to stay closed form a loop{_named(network, reason)}"
        case NoPlanKind.NOT_USABLE:
            return f"a branch that has to be used can't be{_named(network, reason)}"
        case NoPlanKind.TOO_FEW_SWITCHES if reason.margin is not None:
            return f"the best plan found changes {text.count(round(reason.margin.value), 'pair')} of switches"
        case NoPlanKind.TOO_FEW_SWITCHES:
            return "no configuration within so few switches supplies everybody"
        case NoPlanKind.NO_ORDER if reason.margin is not None:
            return f"no safe order of switching was found to what keeps it: now there is {_missed(reason.margin)}"
        case NoPlanKind.NO_ORDER:
            return "a better state was found, but no safe order of switching to it"
        case NoPlanKind.NO_STATE:
            return NO_STATE_WORDS
        case NoPlanKind.NO_RESTORATION:
            return f"after {_outage(network, reason)} no tie can supply everybody within limits{_then_missed(reason)}"
        case NoPlanKind.NEAREST_CONFIGURATION:
            return f"the nearest configuration found has {_missed(reason.margin)}"
        case NoPlanKind.INSECURE:
            then = _then_missed(reason) or ": a limit is broken, load is lost or there is no solution"
            return f"after {_outage(network, reason)} no dispatch found keeps all limits{then}"
        case NoPlanKind.NEAREST_DISPATCH:
            return f"the nearest dispatch found has {_missed(reason.margin)}"
        case NoPlanKind.NONE_KEEPS_LIMITS:
            return "every dispatch that was found breaks a limit; whether the present state is the best isn't known"
        case NoPlanKind.NO_DISPATCH:
            return "no dispatch was found that keeps it"
        case NoPlanKind.OTHERWISE if reason.margin is not None:
            return f"the best state found without that has {_missed(reason.margin)}"
        case NoPlanKind.OTHERWISE if reason.branches or reason.generators:
            return f"a plan would change {standing_names(network, reason)}"
        case NoPlanKind.OTHERWISE:
            return "without that there is a plan, or the present state will do"
        case NoPlanKind.TOO_LARGE:
            return f"{network.name} has {reason.buses} buses, dispatch takes up to {reason.most}"
        case NoPlanKind.NO_SOURCE:
            return f"{network.name} has no source in service"
        case NoPlanKind.NOTHING_TO_SET if reason.generators:
            return f"all that could be set is locked: {standing_names(network, reason)}"
        case NoPlanKind.NOTHING_TO_SET:
            return f"{network.name} has no generator that may be redispatched and no voltage to set"
        case NoPlanKind.TOO_LARGE_TO_SWITCH:
            return f"the grid has {reason.buses:,} buses, switching is chosen up to {reason.most:,}"
        case NoPlanKind.TOO_LARGE_FOR_OUTAGES:
            most = f"{reason.most:,}"
            return f"the grid has {reason.buses:,} buses, restorations of single outages are worked out up to {most}"
        case NoPlanKind.CASE_UNSOLVED:
            return f"{network.name}: the power flow of the case's own state finds no solution"


def others_words(reason: NoPlan) -> str:
    """What else of all that is asked stands against a plan, or would do as well if it were given up, as a sentence."""
    if reason.also:
        return f"Giving that up isn't enough: {_given_up(reason.also, 'and')} would have to give way as well."
    if reason.instead:
        return f"It would do as well to give up {_given_up(reason.instead, 'or')}."
    return ""


def _given_up(constraints: tuple[Constraint, ...], word: str) -> str:
    names = [GIVEN_UP[constraint] for constraint in constraints]
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def standing_names(network: Network, reason: NoPlan) -> str:
    """The branches and generators that stand in the way, by name; empty where there are none."""
    names = [network.branch.name[branch] for branch in reason.branches]
    names += [network.generator.name[generator] for generator in reason.generators]
    more = [f"{len(names) - NAMES_SHOWN:,} more"] if len(names) > NAMES_SHOWN else []
    return ", ".join([*names[:NAMES_SHOWN], *more])


def _named(network: Network, reason: NoPlan) -> str:
    names = standing_names(network, reason)
    return f": {names}" if names else ""


def _outage(network: Network, reason: NoPlan) -> str:
    """The single outage that isn't survived."""
    if reason.outage < 0:
        return "some single outage"
    others = f", one of {reason.outages:,} such outages," if reason.outages > 1 else ""
    return f"the outage of {network.branch.name[reason.outage]}{others}"


def _then_missed(reason: NoPlan) -> str:
    """What the state after an outage misses, as the rest of a sentence."""
    margin = reason.margin
    if margin is None:
        return ": there is no solution" if reason.outage >= 0 else ""
    if margin.constraint is Constraint.SUPPLY:
        return f": {text.small(margin.value / 1000, 'MW')} lose supply"
    return f": there would be {_missed(margin)}"


def outcome_words(outcome: Outcome, customers: float = math.nan, minutes: float = math.nan) -> str:
    """What the optimiser's answer comes to, as a sentence.

    customers: who get supply back, minutes: until the plan is carried out; NaN where unknown.
    """
    whom = f" ({text.count(round(customers), 'customer')})" if math.isfinite(customers) else ""
    whom += f" in {text.count(math.ceil(minutes), 'minute')}" if math.isfinite(minutes) else ""
    restored, lacking = (text.small(value / 1000, "MW") for value in (outcome.restored_kw, outcome.unsupplied_kw))
    match outcome.kind:
        case OutcomeKind.ALL_RESTORED if outcome.out_of_reach_kw > NOTHING_KW:
            return f"Restores {restored}{whom}, all that can be reached; {lacking} stay without supply."
        case OutcomeKind.ALL_RESTORED:
            return f"Restores {restored}{whom}, all that has no supply."
        case OutcomeKind.PART_RESTORED:
            return f"Restores {restored}{whom}, as much as can be; {lacking} stay without supply{_because(outcome)}."
        case OutcomeKind.NOTHING_RESTORABLE:
            return f"Nothing of {lacking} without supply can be restored{_because(outcome)}."
        case OutcomeKind.BETTER_PLAN:
            return "A better state was found."
        case OutcomeKind.NONE_BETTER:
            return "No better state was found."
        case OutcomeKind.CONFLICT:
            return "Nothing keeps what is asked."


def _because(outcome: Outcome) -> str:
    """What stands against supplying all, as the rest of a sentence."""
    reasons = []
    if outcome.binding is not None and not math.isnan(outcome.binding.value):
        reasons.append(f"otherwise there would be {_missed(outcome.binding)}")
    elif outcome.binding is not None:
        reasons.append(f"otherwise the limit of {outcome.binding.constraint} would be broken")
    elif outcome.hindrance is NoPlanKind.NO_STATE:
        reasons.append(NO_STATE_WORDS)
    elif outcome.hindrance is NoPlanKind.NO_ORDER:
        reasons.append("no safe order of switching was found to a state with more")
    if outcome.locked_out:
        reasons.append(f"locked switches keep {outcome.locked_out:,} of its buses without it")
    if outcome.out_of_reach_kw > NOTHING_KW:
        reasons.append(f"no usable branch reaches {text.small(outcome.out_of_reach_kw / 1000, 'MW')} of it")
    return f": {'; '.join(reasons)}" if reasons else ""


def emergency_words(network: Network, uses: Sequence[EmergencyUse], minutes: float) -> str:
    """Which emergency limits a plan uses, as a sentence; empty where it uses none. minutes: that they may last."""
    if not uses:
        return ""
    shown = [f"{_element(network, use.constraint, use.element)} ({_value(use.constraint, use.value)})" for use in uses]
    return f"Uses emergency {_of_kinds(uses, shown)}, for {text.count(math.ceil(minutes), 'minute')} at most."


def emergency_ahead_words(network: Network, uses: Sequence[EmergencyAhead], minutes: float, hours: int) -> str:
    """How far and how long courses go beyond normal limits, as a sentence; empty where they don't.

    minutes: that they may, from the end of the plan on. hours: looked at.
    """
    if not uses:
        return ""
    shown = [
        f"{_element(network, use.constraint, use.element)} (up to {_value(use.constraint, use.value)})"
        f" for {text.number(use.until, 0, 'min') if math.isfinite(use.until) else f'more than {hours} h'}"
        for use in uses
    ]
    allowed = text.number(minutes, 0, "min")
    return f"By 95 % of them it uses emergency {_of_kinds(uses, shown)}; {allowed} are allowed from its end on."


def _of_kinds(uses: Sequence[EmergencyUse | EmergencyAhead], shown: Sequence[str]) -> str:
    """Ratings and voltages apart: 'ratings of A and B and voltages at C'."""
    ratings, voltages = (
        [words for use, words in zip(uses, shown, strict=True) if (use.constraint is Constraint.LOADING) is rated]
        for rated in (True, False)
    )
    kinds = [
        f"ratings of {_shortened(ratings)}" if ratings else "",
        f"voltages at {_shortened(voltages)}" if voltages else "",
    ]
    return ", and ".join(filter(None, kinds))


def _shortened(names: Sequence[str]) -> str:
    more = [f"{len(names) - EMERGENCY_SHOWN:,} more"] if len(names) > EMERGENCY_SHOWN else []
    shown = [*names[:EMERGENCY_SHOWN], *more]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _element(network: Network, constraint: Constraint, element: int) -> str:
    return (network.branch.name if constraint is Constraint.LOADING else network.bus.name)[element]


def _value(constraint: Constraint, value: float) -> str:
    return text.number(value, 0, "%") if constraint is Constraint.LOADING else text.number(value, 3, "p.u.")


def unsuitable_words(network: Network, reason: NoPlan) -> str:
    """Why there is nothing in a grid that could be chosen, without a full stop."""
    words = no_plan_words(network, reason)
    if reason.kind is NoPlanKind.TOO_LARGE_TO_SWITCH:
        return words
    return f"there is no switching to choose in this grid, and {words}"


def _missed(margin: Margin | None) -> str:
    if margin is None:
        return "something else than what is asked"
    where = f" at {margin.element}" if margin.element else ""
    return f"{margin.value:.4g} {margin.unit}{where}, {margin.limit:.4g} is asked"


def problem_words(network: Network, problem: PlanProblem) -> str:
    """Why a plan can't be carried out, as the rest of a sentence."""
    match problem.kind:
        case PlanProblemKind.OTHER_NETWORK:
            return f"it is for another grid, {network.title} is watched now."
        case PlanProblemKind.CHANGED_SINCE:
            return "limits or taps have changed since it was made; the next one is for them."
        case PlanProblemKind.NO_PRESENT_SOLUTION:
            return "the present state has no power flow solution."
        case PlanProblemKind.SWITCHED_ALREADY:
            return f"{network.branch.name[problem.branch]} is {'closed' if problem.close else 'open'} already."
        case PlanProblemKind.TAP_THERE_ALREADY:
            return f"the tap of {network.branch.name[problem.branch]} is at {problem.tap_pos:g} already."
        case PlanProblemKind.OUT_OF_SERVICE:
            return f"{_asset_of(network, problem)} is out of service."
        case PlanProblemKind.NO_SOLUTION:
            return f"with {_then(network, problem)} there is no power flow solution."
        case PlanProblemKind.INTERRUPTION:
            return f"with {_then(network, problem)} loads would be interrupted."
        case PlanProblemKind.LIMIT:
            return f"with {_then(network, problem)} the limit of {problem.constraint} would be broken."
        case PlanProblemKind.NO_IMPROVEMENT:
            return "it would no longer improve on the present state."
        case PlanProblemKind.ORDER_REFUSED:
            return f"the source has refused the order for {_then(network, problem)}."
        case PlanProblemKind.TAGGED:
            return f"{_asset_of(network, problem)} is tagged: do not operate."
        case PlanProblemKind.FAULT_STANDS:
            return f"{_then(network, problem)} would energise a fault that isn't repaired."
        case PlanProblemKind.BY_HAND:
            return "somebody has operated by hand in between."


def stopped_words(network: Network, problem: PlanProblem | None) -> str:
    """Why the carrying out of a plan has stopped; empty where it hasn't."""
    return "" if problem is None else f"Stopped: {problem_words(network, problem)}"


def _asset_of(network: Network, problem: PlanProblem) -> str:
    return network.branch.name[problem.branch] if problem.branch >= 0 else network.generator.name[problem.generator]


def _then(network: Network, problem: PlanProblem) -> str:
    if problem.branch < 0:
        return f"{network.generator.name[problem.generator]} set" if problem.generator >= 0 else "its set-points"
    if problem.tap_pos is not None:
        return f"the tap of {network.branch.name[problem.branch]} at {problem.tap_pos:g}"
    return f"{network.branch.name[problem.branch]} {'closed' if problem.close else 'opened'}"

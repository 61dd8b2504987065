"""Why an asset has no learned prognosis, what is wrong beside it, and what a schedule breaks, in words."""

from collections.abc import Iterable

from components.common import text
from grid.network import Network
from ml.maintenance.records import (
    FleetStep,
    FleetStepKind,
    MaintenanceProblem,
    MaintenanceProblemKind,
    MobileSupply,
    OwnFailures,
    PlanChange,
    PlanStanding,
    RateChange,
    RefusedFate,
    RefusedModels,
    Sensed,
    SensorDrift,
    WhyNot,
    WhyNotKind,
    Work,
    WorkTime,
)
from ml.maintenance.schedule.problem import HindranceKind, OutageHindrance, Violation, ViolationKind

MOST_NAMED = 2  # loads


def hindrance_words(network: Network, found: OutageHindrance) -> str:
    """What stands against an outage, with the tie that was tried, without a full stop."""
    tie = "" if found.tie < 0 else f" with {network.branch.name[found.tie]} closed"
    tried = f", the best of {text.count(found.ties, 'tie')}" if found.ties > 1 and found.tie >= 0 else ""
    match found.kind:
        case HindranceKind.NO_STATE:
            return "the load itself has no power flow solution"
        case HindranceKind.SUPPLY:
            ties = f"none of {text.count(found.ties, 'tie')}" if found.ties else "no tie"
            return f"{text.small(found.value, 'MVA')} would be dark, {ties} supplies all of it"
        case HindranceKind.NO_SOLUTION:
            return f"no power flow solution{tie}{tried}"
        case HindranceKind.LOADING:
            return f"{network.branch.name[found.at]} at {text.number(found.value, 1, '%')}{tie}{tried}"
        case HindranceKind.VOLTAGE:
            return f"{network.bus.name[found.at]} at {text.number(found.value, 3, 'p.u.')}{tie}{tried}"


def work_words(network: Network, done: Work | None) -> str:
    """When in its week a job is done, with ties where one isn't enough, or mobile supply; empty where it isn't done."""
    if done is None:
        return ""
    names = " and ".join(network.branch.name[tie] for tie in done.ties)
    ties = f" with {names} closed" if names else ""
    if done.mobile is not None:
        ties += f", {mobile_words(network, done.mobile)}"
    match done.time:
        case WorkTime.DAYS:
            return f"{text.count(done.shifts, 'working day')}{ties}"
        case WorkTime.WEEKEND:
            return f"{text.count(done.shifts, 'day')} of the weekend{ties}"
        case WorkTime.NIGHTS:
            return f"{text.count(done.shifts, 'night')}{ties}"


def mobile_words(network: Network, mobile: MobileSupply) -> str:
    """Which loads mobile units feed, with how much for how long, and the price."""
    names = [network.load.name[load] for load in mobile.loads]
    whom = " and ".join(names) if len(names) <= MOST_NAMED else text.count(len(names), "load")
    most, price = text.small(mobile.mw, "MW", 2), text.rough(mobile.eur, "EUR")
    hours, units = text.small(mobile.hours, "h"), text.count(mobile.units, "mobile unit")
    return f"{whom} fed by {units}, {most} for {hours} at {price}"


def standing_words(standing: PlanStanding, broken: Iterable[Violation], cost_eur: float, change_share: float) -> str:
    """Since when a schedule stands and why, and what one made anew would save."""
    since = f"Stands since {text.clock(standing.since)}: {_change_words(standing.change)}"
    violations = conflict_words(broken)
    why = f"{since} ({violations})" if violations and standing.change is PlanChange.INFEASIBLE else since
    if standing.checked_at == standing.since:
        return f"{why}."
    share = standing.fresh_saves_eur / cost_eur if cost_eur > 0 else 0.0
    saves = f"{text.rough(standing.fresh_saves_eur, 'EUR')} ({text.percent(share)})"
    return (
        f"{why}. Solved anew {text.clock(standing.checked_at)}, that would save {saves}: it changes for more than "
        f"{text.percent(change_share)}."
    )


def _change_words(change: PlanChange) -> str:
    match change:
        case PlanChange.FIRST:
            return "the first one"
        case PlanChange.ASKED:
            return "solved as a person asked"
        case PlanChange.CHEAPER:
            return "it saved enough over the one before"
        case PlanChange.INFEASIBLE:
            return "the one before is not possible any more"


def why_not_words(reason: WhyNot | None) -> str:
    """Why the models say nothing of an asset; empty where they do."""
    if reason is None:
        return ""
    match reason.kind:
        case WhyNotKind.NO_MODEL:
            return "no trained model"
        case WhyNotKind.STALE:
            return "the measurements are stale"
        case WhyNotKind.NOT_AN_ASSET:
            return "not an asset that models know"
        case WhyNotKind.SIGNALS_MISSING:
            return f"{reason.missing} condition signals are missing"
        case WhyNotKind.UNLIKE:
            return "the models were trained on no asset like it"
        case WhyNotKind.OUTSIDE:
            return f"{_trait_words(reason)} that the models were trained on"


def _trait_words(outside: WhyNot) -> str:
    value, lowest, highest = (f"{one:.3g}" for one in (outside.value, outside.lowest, outside.highest))
    trait = "thermal age" if outside.trait == "thermal_age_years" else "age"
    return f"its {trait} of {value} years is outside the {lowest} to {highest}"


def refused_words(refused: RefusedModels) -> str:
    """Why kept models aren't in use, and what becomes of them."""
    words = f"Refused: {refused.file}: {refused.reason}."
    match refused.fate:
        case RefusedFate.LEFT:
            return words
        case RefusedFate.PUT_ASIDE:
            return f"{words} They are put aside as {refused.aside}, and models are trained anew."
        case RefusedFate.IN_THE_WAY:
            return f"{words} They can't be put aside ({refused.failure}); models are trained anew all the same."


def fleet_step_words(step: FleetStep | None) -> str:
    """What the training on simulated fleets does; empty where none runs."""
    if step is None:
        return ""
    match step.kind:
        case FleetStepKind.STARTING:
            return "Starting"
        case FleetStepKind.SIMULATING:
            return f"Simulating fleet {step.number} of {step.of}"
        case FleetStepKind.FITTING:
            return f"Fitting the {step.number}-day model"
        case FleetStepKind.FITTING_NOVELTY:
            return "Fitting the novelty flag"
        case FleetStepKind.JUDGING:
            return f"Simulating fleet {step.number} of {step.of}, to judge by"


def maintenance_problem_words(problems: Iterable[MaintenanceProblem]) -> str:
    """What is wrong beside the prognosis; empty where nothing is."""
    return " ".join(filter(None, map(_maintenance_problem, problems)))


def _maintenance_problem(problem: MaintenanceProblem) -> str:
    match problem.kind:
        case MaintenanceProblemKind.MODELS_REFUSED:
            return "" if problem.refused is None else refused_words(problem.refused)
        case MaintenanceProblemKind.TRAINING_FAILED:
            return f"Training failed: {problem.failure}"
        case MaintenanceProblemKind.LEARNING_DOWN:
            return "The prognosis stands as it was: what learns is down and starts again by itself."
        case MaintenanceProblemKind.STEP_FAILED:
            return f"The prognosis or the schedule failed: {problem.failure}"
        case MaintenanceProblemKind.SENSORS_DRIFT:
            return "" if problem.drift is None else drift_words(problem.drift)
        case MaintenanceProblemKind.RATES_DIFFER:
            return "" if problem.own is None else rates_differ_words(problem.own)


def rates_differ_words(own: OwnFailures) -> str:
    """How a grid's own failures differ from those expected, what is done about it, and what to look into."""
    more = "more" if own.change is RateChange.HIGHER else "less"
    return (
        f"{own_words(own)}: assets fail {more} often than the rates say. See whether the log counts the same "
        "failures, and whether years of construction, loads and sensors are right."
    )


def own_words(own: OwnFailures) -> str:
    """A grid's own failures, those expected, and by what rates are multiplied for it, without a full stop."""
    since = f"{own.since.day} {own.since:%b %Y}"
    factor, low, high = (text.small(one, "", 2) for one in (own.factor, own.low, own.high))
    seen = f"{text.count(own.failures, 'own failure')} since {since}, {text.small(own.expected, '', 2)} expected"
    return f"{seen}; rates are multiplied by {factor} ({low} to {high})"


def drift_words(drift: SensorDrift) -> str:
    """Which sensors read what training's assets don't, by how much, what that does, and what to do."""
    match drift.sensed:
        case Sensed.TEMPERATURE:
            what, by = "Temperatures", text.small(abs(drift.amount), "K")
        case Sensed.VIBRATION:
            what, by = "Vibrations", text.percent(abs(drift.amount - 1), 0)
        case Sensed.CORROSION:
            what, by = "Corrosion readings", text.small(100 * abs(drift.amount), "points")
        case Sensed.DISTORTION:
            what, by = "Distortion readings", text.small(abs(drift.amount), "points")
        case Sensed.OIL_QUALITY:
            what, by = "Oil qualities", text.small(100 * abs(drift.amount), "points")
    by += " higher" if drift.off > 0 else " lower"
    days = text.count(round(drift.days), "day")
    return (
        f"{what} of {text.count(drift.assets, 'asset')} together are {by} than in the models' training, for {days}: "
        "check the sensors. The models judge without that difference: if the readings are right, the rates are wrong."
    )


def violation_words(broken: Violation) -> str:
    """One broken rule; weeks are counted from 1 as people do."""
    week = f"week {broken.week + 1}"
    match broken.kind:
        case ViolationKind.CREW:
            return f"{week}: crew {broken.whose} is short of {broken.excess:.4g} hours"
        case ViolationKind.ZONE:
            return f"{week}: {broken.excess:.0f} assets of zone {broken.whose} too many are out"
        case ViolationKind.WINDOW:
            return f"{week}: {broken.whose} is {broken.excess:.0f} weeks outside its earliest and latest week"
        case ViolationKind.OUTAGE:
            return f"{week}: {broken.whose} can't be taken out"
        case ViolationKind.MOBILE:
            return f"{week}: mobile units are short of {broken.excess:.3g} MW"
        case ViolationKind.FIXED:
            return f"{broken.whose} is settled for {week} and was not left there"


def conflict_words(broken: Iterable[Violation]) -> str:
    """What contradicts among the settled jobs."""
    return "; ".join(violation_words(one) for one in broken)

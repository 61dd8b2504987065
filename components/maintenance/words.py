"""Why an asset has no learned prognosis, and what a schedule breaks, in words."""

from collections.abc import Iterable

from ml.maintenance.records import WhyNot, WhyNotKind
from ml.maintenance.schedule.problem import Violation, ViolationKind


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
        case ViolationKind.FIXED:
            return f"{broken.whose} is settled for {week} and was not left there"


def conflict_words(broken: Iterable[Violation]) -> str:
    """What contradicts among the settled jobs."""
    return "; ".join(violation_words(one) for one in broken)

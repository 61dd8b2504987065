"""What a schedule breaks, and why models say nothing of an asset, in words."""

from components.maintenance.words import conflict_words, violation_words, why_not_words
from ml.maintenance.records import WhyNot, WhyNotKind
from ml.maintenance.schedule.problem import Violation, ViolationKind


def test_each_broken_rule_is_one_sentence_with_weeks_counted_from_one() -> None:
    said = {kind: violation_words(Violation(kind, 0, "A4", 10.0, (1,))) for kind in ViolationKind}
    assert said == {
        ViolationKind.CREW: "week 1: crew A4 is short of 10 hours",
        ViolationKind.ZONE: "week 1: 10 assets of zone A4 too many are out",
        ViolationKind.WINDOW: "week 1: A4 is 10 weeks outside its earliest and latest week",
        ViolationKind.OUTAGE: "week 1: A4 can't be taken out",
        ViolationKind.FIXED: "A4 is settled for week 1 and was not left there",
    }


def test_a_conflict_names_all_that_contradicts() -> None:
    crew, zone = (Violation(kind, 1, "7", 8.0, (0, 1)) for kind in (ViolationKind.CREW, ViolationKind.ZONE))
    assert conflict_words((crew, zone)) == f"{violation_words(crew)}; {violation_words(zone)}"


def test_why_the_models_say_nothing() -> None:
    assert {kind: why_not_words(WhyNot(kind=kind, missing=4)) for kind in WhyNotKind} == {
        WhyNotKind.NO_MODEL: "no trained model",
        WhyNotKind.STALE: "the measurements are stale",
        WhyNotKind.NOT_AN_ASSET: "not an asset that models know",
        WhyNotKind.SIGNALS_MISSING: "4 condition signals are missing",
    }
    assert why_not_words(None) == ""

"""What a schedule breaks, and why models say nothing of an asset, in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from components.maintenance.words import (
    conflict_words,
    drift_words,
    fleet_step_words,
    hindrance_words,
    maintenance_problem_words,
    own_words,
    rates_differ_words,
    refused_words,
    standing_words,
    violation_words,
    why_not_words,
    work_words,
)
from ml.maintenance.records import (
    FleetStep,
    FleetStepKind,
    MaintenanceProblem,
    MaintenanceProblemKind,
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
from tests.cases import shared_case

FILE, ASIDE = Path("models") / "metadata.json", Path("models.damaged-1")


def refused(fate: RefusedFate) -> RefusedModels:
    return RefusedModels(file=FILE, reason="not JSON", fate=fate, aside=ASIDE, failure="no room")


def test_each_broken_rule_is_one_sentence_with_weeks_counted_from_one() -> None:
    said = {kind: violation_words(Violation(kind, 0, "A4", 10.0, (1,))) for kind in ViolationKind}
    assert said == {
        ViolationKind.CREW: "week 1: crew A4 is short of 10 hours",
        ViolationKind.ZONE: "week 1: 10 assets of zone A4 too many are out",
        ViolationKind.WINDOW: "week 1: A4 is 10 weeks outside its earliest and latest week",
        ViolationKind.OUTAGE: "week 1: A4 can't be taken out",
        ViolationKind.MOBILE: "week 1: mobile units are short of 10 MW",
        ViolationKind.FIXED: "A4 is settled for week 1 and was not left there",
    }


def test_a_standing_plan_says_since_when_why_and_what_a_new_one_saves() -> None:
    since = datetime(2026, 1, 15, 6, tzinfo=UTC)
    said = {
        change: standing_words(PlanStanding(since=since, checked_at=since, change=change), (), 1e5, 0.01)
        for change in PlanChange
    }
    assert len(set(said.values())) == len(PlanChange)
    assert all(words.startswith("Stands since") and "save" not in words[:20] for words in said.values())
    checked = PlanStanding(
        since=since, checked_at=since + timedelta(days=2), change=PlanChange.FIRST, fresh_saves_eur=400.0
    )
    assert "would save 400\u202fEUR (0.4\u202f%)" in standing_words(checked, (), 1e5, 0.01)
    broken = (Violation(ViolationKind.OUTAGE, 0, "A4", 0.0, (1,)),)
    replaced = PlanStanding(since=since, checked_at=since, change=PlanChange.INFEASIBLE)
    assert "A4 can't be taken out" in standing_words(replaced, broken, 1e5, 0.01)


def test_a_conflict_names_all_that_contradicts() -> None:
    crew, zone = (Violation(kind, 1, "7", 8.0, (0, 1)) for kind in (ViolationKind.CREW, ViolationKind.ZONE))
    assert conflict_words((crew, zone)) == f"{violation_words(crew)}; {violation_words(zone)}"


def test_why_the_models_say_nothing() -> None:
    assert {kind: why_not_words(WhyNot(kind=kind, missing=4)) for kind in WhyNotKind} == {
        WhyNotKind.NO_MODEL: "no trained model",
        WhyNotKind.STALE: "the measurements are stale",
        WhyNotKind.NOT_AN_ASSET: "not an asset that models know",
        WhyNotKind.SIGNALS_MISSING: "4 condition signals are missing",
        WhyNotKind.UNLIKE: "the models were trained on no asset like it",
        WhyNotKind.OUTSIDE: "its age of nan years is outside the nan to nan that the models were trained on",
    }
    assert (
        why_not_words(WhyNot(kind=WhyNotKind.OUTSIDE, trait="age_years", value=93.2, lowest=0.5, highest=55.7))
        == "its age of 93.2 years is outside the 0.5 to 55.7 that the models were trained on"
    )
    assert "its thermal age of 93.2 years" in why_not_words(
        WhyNot(kind=WhyNotKind.OUTSIDE, trait="thermal_age_years", value=93.2, lowest=0.5, highest=55.7)
    )
    assert why_not_words(None) == ""


def test_when_in_its_week_a_job_is_done() -> None:
    network = shared_case("city8").network
    told = {time: work_words(network, Work(time=time, shifts=2, surcharge_eur=0.0, ties=())) for time in WorkTime}
    assert told == {
        WorkTime.DAYS: "2 working days",
        WorkTime.WEEKEND: "2 days of the weekend",
        WorkTime.NIGHTS: "2 nights",
    }
    one, other = network.branch.name[:2]
    several = Work(time=WorkTime.NIGHTS, shifts=1, surcharge_eur=0.0, ties=(0, 1))
    assert work_words(network, several) == f"1 night with {one} and {other} closed"
    assert work_words(network, None) == ""


def test_why_models_are_refused_and_what_becomes_of_them() -> None:
    assert {fate: refused_words(refused(fate)) for fate in RefusedFate} == {
        RefusedFate.LEFT: f"Refused: {FILE}: not JSON.",
        RefusedFate.PUT_ASIDE: (
            f"Refused: {FILE}: not JSON. They are put aside as {ASIDE}, and models are trained anew."
        ),
        RefusedFate.IN_THE_WAY: (
            f"Refused: {FILE}: not JSON. They can't be put aside (no room); models are trained anew all the same."
        ),
    }


def test_what_the_training_does() -> None:
    assert {kind: fleet_step_words(FleetStep(kind=kind, number=3, of=19)) for kind in FleetStepKind} == {
        FleetStepKind.STARTING: "Starting",
        FleetStepKind.SIMULATING: "Simulating fleet 3 of 19",
        FleetStepKind.FITTING: "Fitting the 3-day model",
        FleetStepKind.FITTING_NOVELTY: "Fitting the novelty flag",
        FleetStepKind.JUDGING: "Simulating fleet 3 of 19, to judge by",
    }
    assert fleet_step_words(None) == ""


DRIFT = SensorDrift(Sensed.VIBRATION, off=1.8, amount=1.5, assets=200, days=6.4)


OWN = OwnFailures(
    since=datetime(2020, 1, 1, tzinfo=UTC),
    failures=58,
    expected=29.13,
    factor=1.87,
    low=1.42,
    high=2.38,
    change=RateChange.HIGHER,
)


def test_own_failures_are_told_with_what_was_expected_and_what_follows() -> None:
    told = "58 own failures since 1 Jan 2020, 29 expected; rates are multiplied by 1.9 (1.4 to 2.4)"
    assert own_words(OWN) == told
    assert rates_differ_words(OWN).startswith(f"{told}: assets fail more often than the rates say. See ")
    assert "less often" in rates_differ_words(replace(OWN, change=RateChange.LOWER))


def test_sensors_that_drift_are_named_with_what_to_do() -> None:
    assert drift_words(DRIFT) == (
        "Vibrations of 200 assets together are 50\u202f% higher than in the models' training, for 6 days: check the "
        "sensors. The models judge without that difference: if the readings are right, the rates are wrong."
    )
    assert "33\u202f% lower" in drift_words(replace(DRIFT, off=-1.8, amount=0.667))
    said = {
        Sensed.TEMPERATURE: (-2.5, "Temperatures of 200 assets together are 2.50\u202fK lower"),
        Sensed.CORROSION: (0.2, "Corrosion readings of 200 assets together are 20.0\u202fpoints higher"),
        Sensed.DISTORTION: (3.0, "Distortion readings of 200 assets together are 3.00\u202fpoints higher"),
        Sensed.OIL_QUALITY: (-0.3, "Oil qualities of 200 assets together are 30.0\u202fpoints lower"),
    }
    assert {*said, Sensed.VIBRATION} == set(Sensed)
    for sensed, (amount, words) in said.items():
        assert words in drift_words(replace(DRIFT, sensed=sensed, amount=amount, off=amount))


def test_what_is_wrong_beside_the_prognosis() -> None:
    problems = [
        MaintenanceProblem(kind=kind, refused=refused(RefusedFate.LEFT), failure="no room", drift=DRIFT, own=OWN)
        for kind in MaintenanceProblemKind
    ]
    said = {problem.kind: maintenance_problem_words([problem]) for problem in problems}
    assert said == {
        MaintenanceProblemKind.MODELS_REFUSED: refused_words(refused(RefusedFate.LEFT)),
        MaintenanceProblemKind.TRAINING_FAILED: "Training failed: no room",
        MaintenanceProblemKind.LEARNING_DOWN: (
            "The prognosis stands as it was: what learns is down and starts again by itself."
        ),
        MaintenanceProblemKind.STEP_FAILED: "The prognosis or the schedule failed: no room",
        MaintenanceProblemKind.SENSORS_DRIFT: drift_words(DRIFT),
        MaintenanceProblemKind.RATES_DIFFER: rates_differ_words(OWN),
    }
    assert maintenance_problem_words(problems) == " ".join(said.values())
    assert maintenance_problem_words(()) == ""


def test_what_stands_against_an_outage_names_the_limit_and_the_tie() -> None:
    network = shared_case("city8").network
    branch, bus = network.branch.name, network.bus.name
    said = {
        kind: hindrance_words(network, OutageHindrance(kind=kind, at=1, value=1.046, tie=2, ties=3))
        for kind in HindranceKind
    }
    assert said == {
        HindranceKind.NO_STATE: "the load itself has no power flow solution",
        HindranceKind.SUPPLY: "1.05\u202fMVA would be dark, none of 3 ties supplies all of it",
        HindranceKind.NO_SOLUTION: f"no power flow solution with {branch[2]} closed, the best of 3 ties",
        HindranceKind.LOADING: f"{branch[1]} at 1.0\u202f% with {branch[2]} closed, the best of 3 ties",
        HindranceKind.VOLTAGE: f"{bus[1]} at 1.046\u202fp.u. with {branch[2]} closed, the best of 3 ties",
    }
    alone = OutageHindrance(kind=HindranceKind.SUPPLY, value=12.0)
    assert hindrance_words(network, alone) == "12.0\u202fMVA would be dark, no tie supplies all of it"

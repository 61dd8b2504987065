"""What stands against a plan, in words: every kind of problem has its own, with names."""

from pathlib import Path

import pytest

from components.optimisation.words import (
    GIVEN_UP,
    emergency_words,
    no_plan_words,
    others_words,
    outcome_words,
    planning_hindered_words,
    planning_words,
    problem_words,
    stopped_words,
    unsuitable_words,
)
from grid.cases.cases import load_case
from grid.network import Network
from ml.optimisation.plans.plan import (
    Constraint,
    EmergencyUse,
    Margin,
    NoPlan,
    NoPlanKind,
    Outcome,
    OutcomeKind,
    PlanProblem,
    PlanProblemKind,
    Requirements,
)
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind


@pytest.fixture(scope="module")
def city() -> Network:
    return load_case("city8", Path("var")).network


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (PlanProblemKind.NO_PRESENT_SOLUTION, "the present state has no power flow solution."),
        (PlanProblemKind.SWITCHED_ALREADY, "{name} is closed already."),
        (PlanProblemKind.OUT_OF_SERVICE, "{name} is out of service."),
        (PlanProblemKind.NO_SOLUTION, "with {name} closed there is no power flow solution."),
        (PlanProblemKind.INTERRUPTION, "with {name} closed loads would be interrupted."),
        (PlanProblemKind.LIMIT, "with {name} closed the limit of low voltage would be broken."),
        (PlanProblemKind.NO_IMPROVEMENT, "it would no longer improve on the present state."),
        (PlanProblemKind.ORDER_REFUSED, "the source has refused the order for {name} closed."),
    ],
)
def test_what_stands_against_an_action(city: Network, kind: PlanProblemKind, words: str) -> None:
    problem = PlanProblem(kind=kind, branch=2, close=True, constraint=Constraint.LOW_VOLTAGE)
    assert problem_words(city, problem) == words.format(name=city.branch.name[2])
    assert stopped_words(city, problem) == f"Stopped: {problem_words(city, problem)}"


def test_what_stands_against_opening(city: Network) -> None:
    name = city.branch.name[1]
    assert (
        problem_words(city, PlanProblem(kind=PlanProblemKind.SWITCHED_ALREADY, branch=1)) == f"{name} is open already."
    )
    interrupted = problem_words(city, PlanProblem(kind=PlanProblemKind.INTERRUPTION, branch=1))
    assert interrupted == f"with {name} opened loads would be interrupted."


def test_what_stands_against_set_points(city: Network) -> None:
    lost = PlanProblem(kind=PlanProblemKind.OUT_OF_SERVICE, generator=1)
    assert problem_words(city, lost) == f"{city.generator.name[1]} is out of service."
    broken = PlanProblem(kind=PlanProblemKind.LIMIT, constraint=Constraint.GENERATION)
    assert problem_words(city, broken) == "with its set-points the limit of generation would be broken."
    unsolved = problem_words(city, PlanProblem(kind=PlanProblemKind.NO_SOLUTION))
    assert unsolved == "with its set-points there is no power flow solution."
    assert stopped_words(city, None) == ""


def test_why_there_is_no_plan(city: Network) -> None:
    margin = Margin(Constraint.LOW_VOLTAGE, 0.93214, 0.95, "p.u.", "Bus 3")
    said = {
        kind: no_plan_words(city, NoPlan(kind=kind, buses=7, most=5, margin=margin)) for kind in NoPlanKind
    }  # fmt: skip
    value = "0.9321 p.u. at Bus 3, 0.95 is asked"
    nearest = f"found has {value}"
    assert said == {
        NoPlanKind.BEST_FOUND: "the present state is the best one found",
        NoPlanKind.OUT_OF_REACH: "no usable switch or line reaches what has no supply",
        NoPlanKind.NOT_WITHIN_LIMITS: "nothing of what has no supply can be restored within limits: there would be "
        "0.9321 p.u. at Bus 3, 0.95 is asked",
        NoPlanKind.NOTHING_SWITCHED: "no dispatch restores what has no supply",
        NoPlanKind.NO_SWITCH: "there is no switch to change without cutting off load",
        NoPlanKind.CUT_OFF: "locked switches leave 7 buses without supply",
        NoPlanKind.LOCKED_LOOP: "branches that have to stay closed form a loop",
        NoPlanKind.NOT_USABLE: "a branch that has to be used can't be",
        NoPlanKind.TOO_FEW_SWITCHES: "the best plan found changes 1 pair of switches",
        NoPlanKind.NO_ORDER: f"no safe order of switching was found to what keeps it: now there is {value}",
        NoPlanKind.NO_STATE: "with more of it supplied the power flow has no solution, so voltage would collapse",
        NoPlanKind.NO_RESTORATION: "after some single outage no tie can supply everybody within limits: "
        f"there would be {value}",
        NoPlanKind.NEAREST_CONFIGURATION: f"the nearest configuration {nearest}",
        NoPlanKind.INSECURE: f"after some single outage no dispatch found keeps all limits: there would be {value}",
        NoPlanKind.NEAREST_DISPATCH: f"the nearest dispatch {nearest}",
        NoPlanKind.NO_DISPATCH: "no dispatch was found that keeps it",
        NoPlanKind.NONE_KEEPS_LIMITS: (
            "every dispatch that was found breaks a limit; whether the present state is the best isn't known"
        ),
        NoPlanKind.OTHERWISE: f"the best state found without that has {value}",
        NoPlanKind.TOO_LARGE: f"{city.name} has 7 buses, dispatch takes up to 5",
        NoPlanKind.NO_SOURCE: f"{city.name} has no source in service",
        NoPlanKind.NOTHING_TO_SET: f"{city.name} has no generator that may be redispatched and no voltage to set",
        NoPlanKind.TOO_LARGE_TO_SWITCH: "the grid has 7 buses, switching is chosen up to 5",
        NoPlanKind.TOO_LARGE_FOR_OUTAGES: "the grid has 7 buses, restorations of single outages are worked out up to 5",
        NoPlanKind.CASE_UNSOLVED: f"{city.name}: the power flow of the case's own state finds no solution",
    }
    assert no_plan_words(city, None) == ""
    bare = {kind: no_plan_words(city, NoPlan(kind=kind, buses=7, most=5)) for kind in NoPlanKind}
    assert bare[NoPlanKind.TOO_FEW_SWITCHES] == "no configuration within so few switches supplies everybody"
    assert bare[NoPlanKind.NO_ORDER] == "a better state was found, but no safe order of switching to it"
    assert bare[NoPlanKind.OTHERWISE] == "without that there is a plan, or the present state will do"


def test_what_stands_in_the_way_is_named(city: Network) -> None:
    branch, generator = city.branch.name, city.generator.name
    for kind in (NoPlanKind.NO_SWITCH, NoPlanKind.CUT_OFF, NoPlanKind.LOCKED_LOOP, NoPlanKind.NOT_USABLE):
        words = no_plan_words(city, NoPlan(kind=kind, branches=(2, 5)))
        assert words.endswith(f": {branch[2]}, {branch[5]}")
    many = no_plan_words(city, NoPlan(kind=NoPlanKind.NO_SWITCH, branches=tuple(range(12))))
    assert many.endswith(f"{branch[7]}, 4 more")
    locked = no_plan_words(city, NoPlan(kind=NoPlanKind.NOTHING_TO_SET, generators=(0,)))
    assert locked == f"all that could be set is locked: {generator[0]}"
    change = no_plan_words(city, NoPlan(kind=NoPlanKind.OTHERWISE, branches=(3,), generators=(0,)))
    assert change == f"a plan would change {branch[3]}, {generator[0]}"


def test_the_outage_that_is_not_survived_is_named_with_what_it_leads_to(city: Network) -> None:
    name = city.branch.name[4]
    lost = Margin(Constraint.SUPPLY, 3500.0, 0.0, "kW", "")
    one = no_plan_words(city, NoPlan(kind=NoPlanKind.INSECURE, outage=4, outages=1, margin=lost))
    assert one == f"after the outage of {name} no dispatch found keeps all limits: 3.50\u202fMW lose supply"
    low = Margin(Constraint.LOW_VOLTAGE, 0.8812, 0.9, "p.u.", "Bus 3")
    several = no_plan_words(city, NoPlan(kind=NoPlanKind.NO_RESTORATION, outage=4, outages=3, margin=low))
    assert several == (
        f"after the outage of {name}, one of 3 such outages, no tie can supply everybody within limits: "
        "there would be 0.8812 p.u. at Bus 3, 0.9 is asked"
    )
    unsolved = no_plan_words(city, NoPlan(kind=NoPlanKind.NO_RESTORATION, outage=4, outages=1))
    assert unsolved.endswith(": there is no solution")


def test_what_else_has_to_give_way_or_would_do(city: Network) -> None:
    also = NoPlan(kind=NoPlanKind.OTHERWISE, also=(Constraint.LOADING, Constraint.N_MINUS_1))
    assert others_words(also) == (
        "Giving that up isn't enough: the highest loading and safety after any single outage (N-1) would have to give "
        "way as well."
    )
    instead = NoPlan(kind=NoPlanKind.OTHERWISE, instead=(Constraint.ACTIONS,))
    assert others_words(instead) == "It would do as well to give up the number of switches."
    assert others_words(NoPlan(kind=NoPlanKind.OTHERWISE)) == ""
    asked = Requirements(
        min_vm_pu=0.95, max_vm_pu=1.05, max_loading_percent=90.0, locked=frozenset({1}), most_pairs=1, n_minus_1=True,
        required_closed=frozenset({2}),
    )  # fmt: skip
    assert set(asked.asked) == GIVEN_UP.keys()


def test_why_a_grid_has_nothing_to_choose(city: Network) -> None:
    meshed = unsuitable_words(city, NoPlan(kind=NoPlanKind.NO_SOURCE))
    assert meshed == f"there is no switching to choose in this grid, and {city.name} has no source in service"
    radial = NoPlan(kind=NoPlanKind.TOO_LARGE_TO_SWITCH, buses=12_345, most=1_000)
    assert unsuitable_words(city, radial) == "the grid has 12,345 buses, switching is chosen up to 1,000"


def test_how_planning_stands(city: Network) -> None:
    reason = NoPlan(kind=NoPlanKind.NO_SOURCE)
    statuses = [
        PlanStatus(kind=kind, episodes=1_200, wanted=4_000, reason=reason, failure="no room") for kind in PlanStatusKind
    ]
    assert {status.kind: planning_words(city, status) for status in statuses} == {
        PlanStatusKind.FAILED: "No plan: no room",
        PlanStatusKind.UNSUITABLE: f"No plan: {unsuitable_words(city, reason)}",
        PlanStatusKind.WAITING_FOR_GRID: "Waiting for the grid",
        PlanStatusKind.WAITING_FOR_LEARNING: "Waiting for what learns to start",
        PlanStatusKind.NOT_LEARNING: "Policy after 1,200 episodes; nothing learns now",
        PlanStatusKind.TRAINING: "Training the policy: 1,200 of 4,000 episodes",
        PlanStatusKind.READY: "Policy ready, 1,200 episodes",
        PlanStatusKind.NO_POLICY: "No policy for a grid of this size: sequential opening and branch exchange",
    }


def test_only_a_failure_and_an_unsuitable_grid_hinder_planning(city: Network) -> None:
    reason = NoPlan(kind=NoPlanKind.NO_SOURCE)
    assert planning_hindered_words(city, PlanStatus(kind=PlanStatusKind.FAILED, failure="no room")) == "no room"
    unsuitable = PlanStatus(kind=PlanStatusKind.UNSUITABLE, reason=reason)
    assert planning_hindered_words(city, unsuitable) == unsuitable_words(city, reason)
    assert planning_hindered_words(city, PlanStatus(kind=PlanStatusKind.READY, episodes=3)) == ""


def outcome(kind: OutcomeKind, **numbers: float) -> Outcome:
    binding = Margin(Constraint.GENERATION, 177.4, 160.0, "MW", "South Thermal Station")
    return Outcome(kind=kind, binding=binding if kind is OutcomeKind.PART_RESTORED else None, **numbers)


def test_a_restoration_says_who_is_back_and_when() -> None:
    found = outcome(OutcomeKind.ALL_RESTORED, restored_kw=70_100)
    words = outcome_words(found, 12_300.0, 1.4).replace("\u202f", " ")
    assert words == "Restores 70.1 MW (12,300 customers) in 2 minutes, all that has no supply."


@pytest.mark.parametrize(
    ("found", "customers", "words"),
    [
        (outcome(OutcomeKind.ALL_RESTORED, restored_kw=48_000), 12_300.0,
         "Restores 48.0 MW (12,300 customers), all that has no supply."),
        (outcome(OutcomeKind.ALL_RESTORED, restored_kw=48_000, unsupplied_kw=2000, out_of_reach_kw=2000), float("nan"),
         "Restores 48.0 MW, all that can be reached; 2.00 MW stay without supply."),
        (outcome(OutcomeKind.PART_RESTORED, restored_kw=28_000, unsupplied_kw=20_000), float("nan"),
         ("Restores 28.0 MW, as much as can be; 20.0 MW stay without supply: otherwise there would be 177.4 MW at "
          "South Thermal Station, 160 is asked.")),
        (outcome(OutcomeKind.NOTHING_RESTORABLE, unsupplied_kw=500, out_of_reach_kw=500), float("nan"),
         "Nothing of 0.500 MW without supply can be restored: no usable branch reaches 0.500 MW of it."),
        (Outcome(kind=OutcomeKind.NOTHING_RESTORABLE, unsupplied_kw=500, hindrance=NoPlanKind.NO_STATE), float("nan"),
         ("Nothing of 0.500 MW without supply can be restored: with more of it supplied the power flow has no "
          "solution, so voltage would collapse.")),
        (Outcome(kind=OutcomeKind.PART_RESTORED, restored_kw=300, unsupplied_kw=500, hindrance=NoPlanKind.NO_ORDER),
         float("nan"), ("Restores 0.300 MW, as much as can be; 0.500 MW stay without supply: no safe order of "
                        "switching was found to a state with more.")),
    ],
)  # fmt: skip
def test_what_an_answer_comes_to(found: Outcome, customers: float, words: str) -> None:
    assert outcome_words(found, customers).replace("\u202f", " ") == words


def test_emergency_limits_are_named_by_kind_with_what_is_reached(city: Network) -> None:
    def use(constraint: Constraint, element: int, value: float) -> EmergencyUse:
        return EmergencyUse(constraint=constraint, element=element, value=value, limit=100.0, emergency=120.0)

    rated = [use(Constraint.LOADING, place, 118.4 - place) for place in range(5)]
    low = use(Constraint.LOW_VOLTAGE, 2, 0.9126)
    names, words = city.branch.name, emergency_words(city, [low, *rated], 60.0).replace("\u202f", " ")
    assert words == (
        f"Uses emergency ratings of {names[0]} (118 %), {names[1]} (117 %), {names[2]} (116 %) and 2 more,"
        f" and voltages at {city.bus.name[2]} (0.913 p.u.), for 60 minutes at most."
    )
    assert emergency_words(city, [], 60.0) == ""

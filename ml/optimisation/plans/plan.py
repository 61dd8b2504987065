"""Records of the optimiser: what a plan must keep, what it does, what it brings, and what other methods found."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from grid.flow.powerflow import GridState, Injection
from grid.network import BoolArray, FloatArray, Network


class Constraint(StrEnum):
    """What a plan has to keep."""

    SUPPLY = "supply"
    RADIAL = "radial"
    LOW_VOLTAGE = "low voltage"
    HIGH_VOLTAGE = "high voltage"
    LOADING = "loading"
    GENERATION = "generation"
    LOCKED = "locked switches"
    ACTIONS = "switching actions"
    N_MINUS_1 = "n-1"
    REQUIRED = "required branches"


@dataclass(frozen=True)
class Requirements:
    """What a person asks of a plan.

    risk_weight: kW of losses that one kW of demand expected to be interrupted within a year is worth. min_vm_pu and
    max_vm_pu: None for each bus's own limits. locked: branches whose switches stay as they are. locked_generators:
    whose set-points stay. most_pairs: of switches that change, None for any number. n_minus_1: no single outage may
    overload a branch or leave the voltage band. worst_hour: made for the worst of the coming hours instead of now.
    loading_growth_share and voltage_growth_share: by so much of itself may a violation grow where a limit is broken
    already. required_closed: branches that the plan must use, whatever that costs. relaxed: limits that are taken 1 %
    wider than they are, to see what they cost. emergency_loading_percent, emergency_min_vm_pu, emergency_max_vm_pu:
    what a plan that restores supply may lead to for emergency_minutes; None for the normal limit.
    """

    risk_weight: float = 0.0
    min_vm_pu: float | None = None
    max_vm_pu: float | None = None
    max_loading_percent: float = 100.0
    locked: frozenset[int] = frozenset()
    most_pairs: int | None = None
    n_minus_1: bool = False
    worst_hour: bool = False
    loading_growth_share: float = 0.0
    voltage_growth_share: float = 0.1
    required_closed: frozenset[int] = frozenset()
    relaxed: frozenset[Constraint] = frozenset()
    locked_generators: frozenset[int] = frozenset()
    emergency_loading_percent: float | None = None
    emergency_min_vm_pu: float | None = None
    emergency_max_vm_pu: float | None = None
    emergency_minutes: float = 60.0

    @property
    def has_emergency(self) -> bool:
        """Whether there are emergency values."""
        given = (self.emergency_loading_percent, self.emergency_min_vm_pu, self.emergency_max_vm_pu)
        return any(value is not None for value in given)

    @property
    def within_normal(self) -> "Requirements":
        """The same without emergency values."""
        if not self.has_emergency:
            return self
        return replace(self, emergency_loading_percent=None, emergency_min_vm_pu=None, emergency_max_vm_pu=None)

    @property
    def loading_is_set(self) -> bool:
        """Whether a person has asked for a loading other than the ratings: then derived ratings count, too."""
        return self.max_loading_percent != Requirements.max_loading_percent

    @property
    def set_by_person(self) -> frozenset[Constraint]:
        """The limits that aren't the case's own."""
        asked = {
            Constraint.LOW_VOLTAGE: self.min_vm_pu is not None,
            Constraint.HIGH_VOLTAGE: self.max_vm_pu is not None,
            Constraint.LOADING: self.loading_is_set,
        }
        return frozenset(constraint for constraint, is_set in asked.items() if is_set)

    @property
    def asked(self) -> tuple[Constraint, ...]:
        """All that a person has asked for beyond the case's own limits."""
        return tuple(constraint for constraint in _UNASKED if self.without(constraint) != self)

    def without(self, *constraints: Constraint) -> "Requirements":
        """The requirements with some of what a person has asked given up; ValueError where nobody can ask for it."""
        unknown = [constraint for constraint in constraints if constraint not in _UNASKED]
        if unknown:
            raise ValueError(f"nobody can ask for {unknown[0]}")
        return replace(self, **{name: value for each in constraints for name, value in _UNASKED[each].items()})


_UNASKED: dict[Constraint, dict[str, Any]] = {  # what Requirements have where nobody asks for anything
    Constraint.LOW_VOLTAGE: {"min_vm_pu": None},
    Constraint.HIGH_VOLTAGE: {"max_vm_pu": None},
    Constraint.LOADING: {"max_loading_percent": Requirements.max_loading_percent},
    Constraint.LOCKED: {"locked": frozenset(), "locked_generators": frozenset()},
    Constraint.ACTIONS: {"most_pairs": None},
    Constraint.N_MINUS_1: {"n_minus_1": False},
    Constraint.REQUIRED: {"required_closed": frozenset()},
}


@dataclass(frozen=True)
class Margin:
    """A state against a limit, at the element (a bus, branch or generator by name) that is nearest to it.

    lowest: whether the limit is one from below; that of LOW_VOLTAGE always is.
    """

    constraint: Constraint
    value: float
    limit: float
    unit: str
    element: str
    lowest: bool = False

    @property
    def excess(self) -> float:
        """How far the value lies beyond the limit, negative within it."""
        below = self.lowest or self.constraint is Constraint.LOW_VOLTAGE
        return self.limit - self.value if below else self.value - self.limit


@dataclass(frozen=True, eq=False, kw_only=True)
class Excess:
    """By how much a state lies beyond each limit, as a share of that limit or band, 0 within it.

    low_voltage and high_voltage: (n,) of the band. loading: (m,) of the rating. generation: (g,) of the bound.
    headroom: by constraint, by how much each element may lie beyond its limit in an emergency, in the same units; empty
    without emergency values.
    """

    CONSTRAINTS: ClassVar = (
        Constraint.LOW_VOLTAGE,
        Constraint.HIGH_VOLTAGE,
        Constraint.LOADING,
        Constraint.GENERATION,
    )
    low_voltage: FloatArray
    high_voltage: FloatArray
    loading: FloatArray
    generation: FloatArray
    headroom: Mapping[Constraint, FloatArray] = field(default_factory=dict)

    def of(self, constraint: Constraint) -> FloatArray:
        """The shares of one constraint, one for each of its elements."""
        return {
            Constraint.LOW_VOLTAGE: self.low_voltage,
            Constraint.HIGH_VOLTAGE: self.high_voltage,
            Constraint.LOADING: self.loading,
            Constraint.GENERATION: self.generation,
        }[constraint]

    @property
    def total(self) -> float:
        """All shares together."""
        return float(sum(self.of(constraint).sum() for constraint in self.CONSTRAINTS))


@dataclass(frozen=True, eq=False)
class Verdict:
    """A state of the grid, solved by full AC power flow and judged. Powers in kW.

    expected_interrupted_kw: sum over branches of the probability that it fails within a year times the demand that
    would be interrupted. violation: by how much each missed constraint is missed, in its own unit (p.u. of the voltage,
    percent of the rating, kW without supply, MW of generation); empty where all are kept.
    max_loading_percent: of the branches whose ratings are known, NaN and branch -1 where none is.
    """

    closed: BoolArray
    injection: Injection
    state: GridState
    loss_kw: float
    expected_interrupted_kw: float
    unsupplied_kw: float
    objective_kw: float  # loss_kw + risk_weight * expected_interrupted_kw
    min_vm_pu: float
    min_vm_bus: int
    max_vm_pu: float
    max_vm_bus: int
    max_loading_percent: float
    max_loading_branch: int
    margins: tuple[Margin, ...]
    violation: dict[Constraint, float]
    excess: Excess
    supplied_loads: BoolArray  # (l,)
    weighted_unsupplied_kw: float  # by the priorities of loads


@dataclass(frozen=True)
class Action:
    """One switching action, and the state that it leads to. loss_kw: of that state, in between or at the end."""

    branch: int
    close: bool
    loss_kw: float
    min_vm_pu: float
    max_loading_percent: float


@dataclass(frozen=True)
class SetPoint:
    """A generator's change; vm_pu is NaN where it doesn't hold the voltage."""

    generator: int
    p_mw_before: float
    p_mw: float
    vm_pu_before: float
    vm_pu: float


@dataclass(frozen=True, kw_only=True)
class EmergencyUse:
    """A bus or branch that a plan brings beyond its normal limit. value, limit, emergency: in percent or p.u.

    value: the farthest on the way and at the end of the plan. limit: the normal one. emergency: what holds for a while.
    """

    constraint: Constraint
    element: int
    value: float
    limit: float
    emergency: float


@dataclass(frozen=True, kw_only=True)
class EmergencyAhead:
    """A bus or branch that is beyond its normal limit in courses. chance: from 0 to 1, that it is at all.

    value: in percent or p.u., the farthest that 95 % of the courses stay within. limit: the normal one. until: minutes
    after the plan until 95 % of the courses have it back within that for good; infinite where that isn't seen.
    """

    constraint: Constraint
    element: int
    chance: float
    value: float
    limit: float
    until: float


@dataclass(frozen=True, eq=False)
class Plan:
    """A verified way from the present state to a better one, actions in an order that never interrupts a load.

    returns: it goes back to the switch states from before a disturbance, and needn't be better. emergency: what it
    brings beyond normal limits, the farthest first; none where it needs no emergency values.
    """

    requirements: Requirements
    actions: tuple[Action, ...]
    set_points: tuple[SetPoint, ...]
    before: Verdict
    after: Verdict
    saved_mwh_per_year: float
    saved_money_per_year: float
    network: Network  # that its branches and generators are numbered in
    returns: bool = False
    emergency: tuple[EmergencyUse, ...] = ()

    @property
    def restores(self) -> bool:
        """Whether a load has supply again after it."""
        return bool((self.after.supplied_loads & ~self.before.supplied_loads).any())

    @property
    def margins(self) -> tuple[Margin, ...]:
        """How far the state that the plan leads to stays from its limits."""
        return self.after.margins

    @property
    def code(self) -> str:
        """Names what the plan does: plans of one code close and open the same switches and set the same generators."""
        steps = [f"{'c' if action.close else 'o'}{action.branch}" for action in self.actions]
        return "-".join([*steps, *(f"g{point.generator}" for point in self.set_points)])

    @property
    def pairs(self) -> int:
        """Pairs of switches that change: one closes, another opens."""
        return (len(self.actions) + 1) // 2

    @property
    def saved_kw(self) -> float:
        """Losses saved now."""
        return self.before.loss_kw - self.after.loss_kw


class PlanProblemKind(StrEnum):
    """Why actions or set-points can't be carried out."""

    OTHER_NETWORK = "other_network"  # is watched by now
    CHANGED_SINCE = "changed_since"  # limits or taps of the network have
    NO_PRESENT_SOLUTION = "no_present_solution"
    SWITCHED_ALREADY = "switched_already"
    TAP_THERE_ALREADY = "tap_there_already"
    OUT_OF_SERVICE = "out_of_service"
    NO_SOLUTION = "no_solution"  # of the power flow, afterwards
    INTERRUPTION = "interruption"  # loads would be interrupted
    LIMIT = "limit"  # would be broken
    NO_IMPROVEMENT = "no_improvement"  # on the present state
    ORDER_REFUSED = "order_refused"  # by the actuator, or it can't be sent
    TAGGED = "tagged"  # do not operate
    FAULT_STANDS = "fault_stands"  # and would be energised
    BY_HAND = "by_hand"  # a person has operated something in between


@dataclass(frozen=True, kw_only=True)
class PlanProblem:
    """What stands against a plan, and which limit would be broken, if any.

    branch: whose switching it is, -1 where it is none's; close: what that does. tap_pos: where the branch's tap is to
    be moved, None where it isn't. generator: that can't be set, or -1.
    """

    kind: PlanProblemKind
    branch: int = -1
    close: bool = False
    generator: int = -1
    constraint: Constraint | None = None
    tap_pos: float | None = None


class NoPlanKind(StrEnum):
    """Why there is no plan."""

    BEST_FOUND = "best_found"  # the present state is
    OUT_OF_REACH = "out_of_reach"  # is all that has no supply
    NOT_WITHIN_LIMITS = "not_within_limits"  # can any of what has no supply be restored
    NO_SWITCH = "no_switch"  # can change without cutting off load
    CUT_OFF = "cut_off"  # locked switches leave buses without supply
    LOCKED_LOOP = "locked_loop"  # of branches that are locked closed
    TOO_FEW_SWITCHES = "too_few_switches"  # may change to supply everybody
    NO_RESTORATION = "no_restoration"  # after some single outage, by any tie
    NO_ORDER = "no_order"  # of switching leads safely to a state that keeps what is asked
    NO_STATE = "no_state"  # in which more has supply: the power flow has no solution
    NOT_USABLE = "not_usable"  # are branches that have to be used
    NEAREST_CONFIGURATION = "nearest_configuration"  # misses what is asked
    NOTHING_SWITCHED = "nothing_switched"  # by a dispatch: what has no supply stays without it
    INSECURE = "insecure"  # after some single outage, whatever is dispatched
    NEAREST_DISPATCH = "nearest_dispatch"  # misses what is asked
    NO_DISPATCH = "no_dispatch"  # keeps what is asked
    NONE_KEEPS_LIMITS = "none_keeps_limits"  # of the dispatches found; what is better than the present isn't known
    OTHERWISE = "otherwise"  # without it a state is possible that misses it so
    TOO_LARGE = "too_large"  # a grid for dispatch
    TOO_LARGE_TO_SWITCH = "too_large_to_switch"
    TOO_LARGE_FOR_OUTAGES = "too_large_for_outages"  # a radial grid, each of which would be restored
    NO_SOURCE = "no_source"  # is in service
    NOTHING_TO_SET = "nothing_to_set"
    CASE_UNSOLVED = "case_unsolved"  # the power flow of the case's own state finds no solution


@dataclass(frozen=True, kw_only=True)
class NoPlan:
    """Why there is no plan. buses: cut off, or of a grid that is too large, most: of one that isn't. margin: of the
    nearest, or of what is possible otherwise.

    branches, generators: that are locked, or have to be used, and stand in the way. outage: of a branch, the worst of
    outages single ones that a state doesn't survive; margin is then of the state after it. also: what else has to give
    way, where the conflict's constraint alone isn't enough. instead: what else would be enough, alone as well.
    """

    kind: NoPlanKind
    buses: int = 0
    most: int = 0
    margin: Margin | None = None
    branches: tuple[int, ...] = ()
    generators: tuple[int, ...] = ()
    outage: int = -1
    outages: int = 0
    also: tuple[Constraint, ...] = ()
    instead: tuple[Constraint, ...] = ()


class OutcomeKind(StrEnum):
    """What the optimiser's answer comes to; the first three where load has no supply."""

    ALL_RESTORED = "all_restored"  # by the plan
    PART_RESTORED = "part_restored"  # by the plan: as much as can be
    NOTHING_RESTORABLE = "nothing_restorable"
    BETTER_PLAN = "better_plan"
    NONE_BETTER = "none_better"
    CONFLICT = "conflict"  # nothing keeps what is asked


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the optimiser's answer comes to, with numbers in kW.

    restored_kw: what the plan supplies again. unsupplied_kw: what has no supply after it. out_of_reach_kw: of that,
    what no usable branch reaches. locked_out: buses that only locked switches keep without supply. binding: the limit
    that stands against supplying all, None where there is none. hindrance: what does where no limit does, NO_ORDER or
    NO_STATE.
    """

    kind: OutcomeKind
    restored_kw: float = 0.0
    unsupplied_kw: float = 0.0
    out_of_reach_kw: float = 0.0
    locked_out: int = 0
    binding: Margin | None = None
    hindrance: NoPlanKind | None = None


@dataclass(frozen=True)
class MethodResult:
    """What one method found in the same situation: losses and objective in kW, NaN where it found nothing feasible."""

    name: str
    loss_kw: float
    expected_interrupted_kw: float
    objective_kw: float
    evaluated: int
    time_ms: float
    unsupplied_kw: float = 0.0


@dataclass(frozen=True, eq=False)
class Proposal:
    """The optimiser's answer to one situation.

    plan: None where the present state is already the best known, or nothing keeps all requirements; reason then
    says which. conflict: the constraint that can't be kept, None where all can. limited: the best plans with at most
    one, two and three pairs, where they are better than the present state. present: the judged present state. outcome:
    what all that comes to. unbounded: sources, by name, whose power bounds in the file are placeholders and no limits.
    instead_of: the best plan for now, where another one is better for the hours to come. within_normal: the answer by
    normal limits alone, where the plan needs emergency values.
    """

    requirements: Requirements
    present: Verdict
    plan: Plan | None
    limited: tuple[Plan, ...]
    conflict: Constraint | None
    reason: NoPlan | None
    methods: tuple[MethodResult, ...]
    policy: str
    time_ms: float
    outcome: Outcome
    unbounded: tuple[str, ...] = ()
    instead_of: Plan | None = None
    within_normal: "Proposal | None" = None

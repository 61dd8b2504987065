"""What the API answers of plans: one model an endpoint. Powers in kW; values that aren't known are null."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.web.models import (
    ActionItem,
    Answer,
    Count,
    Megawatt,
    MegawattPerYear,
    PathItem,
    Percent,
    PerUnit,
    Place,
    Reward,
)
from ml.optimisation.plans.plan import Constraint, NoPlanKind, OutcomeKind
from ml.optimisation.plans.reasons import ShareMethod, TieUseKind
from ml.optimisation.plans.timeline import Distance

Kilowatt = Annotated[float | None, Field(description="kW")]


class VerdictItem(Answer):
    """A judged state. violations: by how much each missed constraint is missed, in its own unit."""

    loss_kw: Kilowatt
    expected_interrupted_kw: Kilowatt
    objective_kw: Kilowatt
    unsupplied_kw: Kilowatt
    min_vm_pu: PerUnit
    max_vm_pu: PerUnit
    max_loading_percent: Percent
    open_edges: tuple[Place, ...]
    violations: dict[Constraint, float]


class SetPointItem(Answer):
    """A generator's change. vm_pu: null where it doesn't hold the voltage."""

    generator: Place
    name: str
    p_mw_before: Megawatt
    p_mw: Megawatt
    vm_pu_before: PerUnit
    vm_pu: PerUnit


class MarginItem(Answer):
    """A state against a limit, at the element that is nearest to it."""

    constraint: Constraint
    value: float | None
    limit: float | None
    unit: str
    element: str


class OutcomeItem(Answer):
    """What the answer comes to. out_of_reach_kw: of what stays without supply, what no usable branch reaches.

    locked_out: buses that only locked switches keep without supply. binding: the limit against supplying all.
    hindrance: what stands against it where no limit does.
    """

    kind: OutcomeKind
    restored_kw: Kilowatt
    unsupplied_kw: Kilowatt
    out_of_reach_kw: Kilowatt
    locked_out: Count
    binding: MarginItem | None
    hindrance: NoPlanKind | None
    message: str


class TimedActionItem(Answer):
    """When an action is done, and what has supply then. crew: from 1 on, null where it is remote."""

    edge: Place
    minute: float
    crew: Annotated[int, Field(ge=1)] | None
    travel_minutes: float
    supplied_mw: Megawatt
    supplied_customers: float


class TimelineItem(Answer):
    """What has supply before the first action and after each, at the demand of the plan's moment.

    distance: where the ways of crews come from; fixed: one time for every way.
    """

    minutes: float
    distance: Distance
    supplied_mw: Megawatt
    supplied_customers: float
    wanted_mw: Megawatt
    customers: float
    steps: tuple[TimedActionItem, ...]


class EmergencyUseItem(Answer):
    """A bus or edge that a plan brings beyond its normal limit, in percent of the rating or p.u.

    value: the farthest on the way and at the end. limit: the normal one. emergency: what holds for emergency_minutes.
    """

    constraint: Constraint
    element: str
    value: float
    limit: float
    emergency: float


class PlanItem(Answer):
    """A verified plan. code: names what it does; POST /api/grid/apply may name it.

    emergency: what it brings beyond normal limits, the farthest first; empty where it needs no emergency values.
    """

    code: str
    actions: tuple[ActionItem, ...]
    set_points: tuple[SetPointItem, ...]
    pairs: Count
    after: VerdictItem
    saved_kw: Kilowatt
    saved_mwh_per_year: float
    saved_eur_per_year: float
    margins: tuple[MarginItem, ...]
    timeline: TimelineItem
    emergency: tuple[EmergencyUseItem, ...]


class WayBackAnswer(Answer):
    """GET /api/grid/plan/normal: back to the switch states from before a disturbance, once it is over.

    due: whether other ones are the present. plan: null where there is no safe way; POST /api/grid/apply may name its
    code. broken: limits that the normal state would break now; barred: branches that it needs otherwise and nobody may
    operate.
    """

    due: bool
    plan: PlanItem | None
    broken: tuple[Constraint, ...]
    barred: tuple[Place, ...]
    message: str


class MethodItem(Answer):
    """What one method found in the same situation."""

    method: str
    loss_kw: Kilowatt
    expected_interrupted_kw: Kilowatt
    objective_kw: Kilowatt
    evaluated: Count
    time_ms: float
    unsupplied_kw: Kilowatt


class RequirementsItem(Answer):
    """What a plan had to keep; null: the case's own limits, any number, or of emergency values the normal limits."""

    risk_weight: Annotated[float, Field(ge=0)]
    min_vm_pu: PerUnit
    max_vm_pu: PerUnit
    max_loading_percent: Percent
    locked: tuple[Place, ...]
    most_pairs: Annotated[int, Field(ge=1, le=3)] | None
    n_minus_1: bool
    worst_hour: bool
    emergency_loading_percent: Percent
    emergency_min_vm_pu: PerUnit
    emergency_max_vm_pu: PerUnit
    emergency_minutes: Annotated[float, Field(ge=1, le=1380)]


class EpisodeItem(Answer):
    """The present operation."""

    paths: tuple[PathItem, ...]
    loss_percent: Percent
    total_demand: Megawatt
    avg_risk: MegawattPerYear
    reward: Reward


class NamedEdge(Answer):
    """A branch by its place and name."""

    edge: Place
    name: str


class NamedGenerator(Answer):
    """A generator by its place and name."""

    generator: Place
    name: str


class ConflictItem(Answer):
    """What stands against every plan, and where. asked: whether a person has asked for it; else it is the case's own.

    margin: of the nearest state, of what is possible otherwise, or of the state after outage. edges, generators:
    locked, or to be used, that stand in the way. outage: the worst of outages single ones that aren't survived. also:
    what else has to give way, as that alone isn't enough. instead: what it would be enough to give up, too.
    """

    constraint: Constraint
    asked: bool
    kind: NoPlanKind
    margin: MarginItem | None
    edges: tuple[NamedEdge, ...]
    generators: tuple[NamedGenerator, ...]
    outage: NamedEdge | None
    outages: Count
    also: tuple[Constraint, ...]
    instead: tuple[Constraint, ...]
    message: str


class OptimizeAnswer(Answer):
    """POST /api/grid/optimize. null beside reason: where nothing can be chosen in the grid.

    unbounded: sources whose power bounds in the file are placeholders, so no limits. within_normal: the best plan by
    normal limits, where the plan needs emergency values and there is one.
    """

    success: Literal[True]
    episode_result: EpisodeItem
    plan: PlanItem | None
    limited: tuple[PlanItem, ...]
    present: VerdictItem | None
    conflict: Constraint | None
    conflict_detail: ConflictItem | None
    methods: tuple[MethodItem, ...]
    policy: str | None
    outcome: OutcomeItem | None
    unbounded: tuple[str, ...]
    requirements: RequirementsItem | None
    within_normal: PlanItem | None
    time_ms: float | None
    made_for: AwareDatetime | None
    reason: str
    episodes_trained: Count
    training: bool
    timestamp: AwareDatetime


class ApplyAnswer(Answer):
    """POST /api/grid/apply."""

    success: Literal[True]
    actions: tuple[ActionItem, ...]
    undo: bool


class GainItem(Answer):
    """What one state is better by than another, in the order in which that counts. supply_kw: by priority.

    violation: less, each as a share of its own limit, summed.
    """

    supply_kw: Kilowatt
    violation: float
    loss_kw: Kilowatt
    expected_interrupted_kw: Kilowatt


class PairItem(Answer):
    """What one pair of switches brings: its share of what the plan gains. standard_error: null where it is exact."""

    actions: tuple[ActionItem, ...]
    share: GainItem
    standard_error: GainItem | None


class PriceItem(Answer):
    """What a limit that binds costs. by: the step that it was changed by, in its unit; gain: of the best plan then."""

    constraint: Constraint
    value: float | None
    limit: float | None
    unit: str
    element: str
    by: float
    gain: GainItem
    loss_kw_per_unit: float
    supply_kw_per_unit: float


class ExplanationAnswer(Answer):
    """GET /api/grid/plan/explanation. states: AC states that shares are of; unsolved: those without a solution."""

    success: Literal[True]
    code: str
    pairs: tuple[PairItem, ...]
    whole: GainItem
    method: ShareMethod
    states: Count
    unsolved: Count
    binds: tuple[PriceItem, ...]
    time_ms: float
    made_at: AwareDatetime | None


class WhyNotAnswer(Answer):
    """GET /api/grid/plan/why-not/{id}. plan: the best one that uses the branch; gain: over the plan that is shown.

    binding: the limit that forbids it, without an element and values where it is of the whole plan.
    """

    success: Literal[True]
    edge: Place
    name: str
    kind: TieUseKind
    words: str
    plan: PlanItem | None
    gain: GainItem | None
    binding: MarginItem | None
    made_at: AwareDatetime | None


class StateFiguresItem(Answer):
    """What a plan is judged by; null where it isn't known."""

    loss_kw: Kilowatt
    unsupplied_kw: Kilowatt
    min_vm_pu: PerUnit
    max_loading_percent: Percent


class FollowUpItem(Answer):
    """A plan that was carried out: what it promised, and what was measured after it. Times are simulated.

    actions: of it that were carried out; where they aren't all, the promise is of the state after them.
    """

    code: str
    actions: tuple[ActionItem, ...]
    ordered_at: AwareDatetime
    measured_at: AwareDatetime
    promised: StateFiguresItem
    measured: StateFiguresItem


class AppliedAnswer(Answer):
    """GET /api/grid/plan/applied: the last plans that were carried out, the last one first."""

    success: Literal[True]
    plans: tuple[FollowUpItem, ...]
    timestamp: AwareDatetime


class ChanceItem(Answer):
    """The chance from 0 to 1 that a limit has been broken by so many minutes after the plan is done."""

    minute: float
    chance: Annotated[float, Field(ge=0, le=1)]


class AtRiskItem(Answer):
    """The limit that breaks in most courses, when. constraint: null where a course has no solution."""

    constraint: Constraint | None
    element: str
    chance: Annotated[float, Field(ge=0, le=1)]
    minute: float


class FollowedItem(Answer):
    """The best plan for now, and how it does in the hours to come. restored_kw: that it supplies again.

    chance: that a limit breaks. first_minute: from when on, null where none does. overstays: whether it is on emergency
    limits and breaks these, or isn't back within the normal ones in time.
    """

    code: str
    restored_kw: float
    chance: Annotated[float, Field(ge=0, le=1)]
    first_minute: float | None
    overstays: bool
    worst: AtRiskItem | None


class EmergencyAheadItem(Answer):
    """A bus or edge that courses bring beyond its normal limit, in percent of the rating or p.u. chance: that it is.

    value: the farthest that 95 % of the courses stay within. until_minute: after the plan, when these are back within
    the limit for good; null where that isn't seen.
    """

    constraint: Constraint
    element: str
    chance: Annotated[float, Field(ge=0, le=1)]
    value: float
    limit: float
    until_minute: float | None


class AheadAnswer(Answer):
    """GET /api/grid/plan/ahead. code: of the plan that was followed, null where none was; by the forecast's courses.

    chance: that a limit breaks within these hours. loads_back: those that return with the plan and take more at first.
    instead_of: the best plan for now, where it fails later and the one followed is better for the whole time.
    emergency: what is beyond normal limits in more than 5 % of the courses. emergency_minutes: how long that may be
    from the end of the plan on, null where nothing is.
    """

    code: str | None
    hours: Annotated[int, Field(ge=1, le=24)]
    courses: Count
    chance: Annotated[float, Field(ge=0, le=1)] | None
    by: tuple[ChanceItem, ...]
    worst: AtRiskItem | None
    loads_back: Count
    begins: AwareDatetime | None
    instead_of: FollowedItem | None
    emergency: tuple[EmergencyAheadItem, ...]
    emergency_minutes: Annotated[float, Field(ge=0)] | None

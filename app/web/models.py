"""What the API answers of the grid, the process and the case: one model an endpoint.

Models describe answers; nothing is validated while answering. Values that aren't known are null; units stand beside the
fields.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.engine.quality import BoardCondition, ProblemCause
from grid.alarms.book import AlarmKind, AlarmState, AssetKind, Priority
from grid.alarms.cards import ProspectKind, StandingCause
from grid.files.findings import Bearing, What
from grid.network import BranchKind, BusKind
from grid.telemetry import EventKind

Kilovolt = Annotated[float | None, Field(description="kV")]
PerUnit = Annotated[float | None, Field(description="p.u.")]
Degree = Annotated[float | None, Field(description="degrees")]
Megawatt = Annotated[float | None, Field(description="MW")]
MegawattPerYear = Annotated[float | None, Field(description="MW expected to be interrupted within a year")]
Ohm = Annotated[float | None, Field(description="ohm")]
Ampere = Annotated[float | None, Field(description="A")]
Celsius = Annotated[float | None, Field(description="°C")]
Percent = Annotated[float | None, Field(description="%")]
Probability = Annotated[float | None, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-9)]
Milliseconds = Annotated[float | None, Field(description="ms")]
Seconds = Annotated[float, Field(description="s")]
Reward = Annotated[float | None, Field(description="minus the optimiser's objective, kW")]
Place = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """What all answers are: nothing but what stands in the model."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ErrorAnswer(Answer):
    """What is wrong, and with which field."""

    error: str
    field: str | None
    status: int


class ProblemItem(Answer):
    """One of what hinders, and since when."""

    cause: ProblemCause
    subject: str
    detail: str
    since: AwareDatetime


class WorkerItem(Answer):
    """How a worker is."""

    name: str
    running: bool
    heartbeat_age_s: float | None
    failing: bool
    last_failure: str | None
    computed_from_version: Count


class CycleItem(Answer):
    """How the engine's clock runs."""

    period_s: Seconds
    last_ms: Milliseconds
    p95_ms: Milliseconds
    missed: Count
    failed: Count
    last_error: str


class HealthAnswer(Answer):
    """GET /api/health."""

    status: Literal["ok", "degraded"]
    condition: BoardCondition
    since: AwareDatetime | None
    problems: tuple[ProblemItem, ...]
    workers: tuple[WorkerItem, ...]
    timestamp: AwareDatetime
    data_generation: Literal["paused", "running"]
    grid_state: Literal["stale", "fresh"]
    stale_reason: str
    version: str
    uptime_s: Seconds
    data_age_s: Seconds
    cycle: CycleItem


class LiveAnswer(Answer):
    """GET /api/live."""

    live: Literal[True]
    uptime_s: Seconds


class ReadyAnswer(Answer):
    """GET /api/ready."""

    ready: bool
    problems: tuple[ProblemItem, ...]
    reason: str | None


class NodeItem(Answer):
    """A bus and its state; x and y as on the map."""

    id: Place
    name: str
    type: BusKind
    voltage: Kilovolt
    vm_pu: PerUnit
    va_degree: Degree
    vn_kv: Kilovolt
    demand: Megawatt
    generation: Megawatt
    degree: Count
    energised: bool
    x: float | None
    y: float | None
    risk: MegawattPerYear


class EdgeItem(Answer):
    """A branch and its state. failure_probability: within a year."""

    id: Place
    name: str
    type: BranchKind
    source: Place
    target: Place
    source_name: str
    target_name: str
    resistance: Ohm
    current: Ampere
    temperature: Celsius
    loading_percent: Percent
    rating_derived: bool
    power_flow: Megawatt
    loss: Megawatt
    risk: MegawattPerYear
    failure_probability: Probability
    interrupted_mw: Megawatt
    year_built: float | None
    year_generated: bool
    in_service: bool


class MetricsItem(Answer):
    """Totals of the grid."""

    total_load: Megawatt
    total_generation: Megawatt
    renewable_percent: Percent
    loss_mw: Megawatt
    loss_percent: Percent
    efficiency_percent: Percent
    average_risk: MegawattPerYear
    unsupplied_mw: Megawatt
    total_nodes: Count
    total_edges: Count
    active_alarms: Count


class SuspectItem(Answer):
    """A bus whose data may be why there is no solution."""

    node: Place
    name: str
    reason: str


class ActionItem(Answer):
    """A switching action with the state that it leads to."""

    edge: Place
    name: str
    action: Literal["open", "close"]
    loss_kw: float | None
    min_vm_pu: PerUnit
    max_loading_percent: Percent


class OperationItem(Answer):
    """What plans have done, and how long the policy has learned."""

    reward: Reward
    risk_weight: float
    switched: tuple[ActionItem, ...]
    to_switch: tuple[ActionItem, ...]
    note: str
    episodes_trained: Count
    training: bool


class StateAnswer(Answer):
    """GET /api/grid/state."""

    version: Count
    iteration: Count
    timestamp: AwareDatetime
    simulated_time: AwareDatetime
    case: str
    stale: bool
    stale_reason: str
    suspects: tuple[SuspectItem, ...]
    nodes: tuple[NodeItem, ...]
    edges: tuple[EdgeItem, ...]
    metrics: MetricsItem
    optimization: OperationItem


class SupplierItem(Answer):
    """A generator, -1 for the others together, and its share of a load by the physical flows."""

    generator: Annotated[int, Field(ge=-1)]
    name: str
    share: Share


class PathItem(Answer):
    """The supply path of a load, from the load to its generator. risk: probability that it fails within a year."""

    load_node: Place
    load_name: str
    generator_node: Place
    generator_name: str
    path: tuple[Place, ...]
    path_names: tuple[str, ...]
    demand: Megawatt
    loss: Megawatt
    risk: Probability
    cost_ohm: Ohm
    supplied_by: tuple[SupplierItem, ...]


class PathsAnswer(Answer):
    """GET /api/grid/paths."""

    version: Count
    paths: tuple[PathItem, ...]
    loss_percent: Percent
    avg_risk: MegawattPerYear
    total_demand: Megawatt
    risk_weight: float


class RiskAnswer(Answer):
    """GET /api/grid/risk: riskiest first. model: what failure probabilities come from."""

    nodes: tuple[NodeItem, ...]
    edges: tuple[EdgeItem, ...]
    model: str


class LossAnswer(Answer):
    """GET /api/grid/loss: a value a cycle. time: simulated, UTC."""

    time: tuple[Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")], ...]
    history: tuple[Percent, ...]
    risk_history: tuple[MegawattPerYear, ...]
    reward_history: tuple[Reward, ...]
    current_loss_percent: Percent
    current_avg_risk: MegawattPerYear
    best_loss: Percent
    worst_loss: Percent


class SummaryItem(Answer):
    """Of count known values."""

    mean: float | None
    min: float | None
    max: float | None
    std: float | None
    count: Count


class StatisticsAnswer(Answer):
    """GET /api/grid/statistics: p.u., MW, MW a year, °C, MW, A and MW."""

    version: Count
    voltage: SummaryItem
    demand: SummaryItem
    risk: SummaryItem
    temperature: SummaryItem
    power_flow: SummaryItem
    current: SummaryItem
    generation: SummaryItem


class NeighborItem(Answer):
    """A bus beside another, and the branch between them."""

    node: NodeItem
    edge: EdgeItem


class NodeAnswer(NodeItem):
    """GET /api/grid/node/{id}."""

    supplied_by: tuple[SupplierItem, ...]
    neighbor_details: tuple[NeighborItem, ...]


class SourceAnswer(Answer):
    """GET /api/grid/data-source. generation_interval: s between cycles. speed: null where time isn't simulated."""

    source: str
    is_active: bool
    generation_interval: Seconds
    speed_minutes_per_s: float | None
    current_iteration: Count
    simulated_time: AwareDatetime
    total_episodes_trained: Count


class EventItem(Answer):
    """A disturbance. magnitude: a factor for a surge, K for a heat wave. target: null for the whole grid."""

    id: Count
    kind: EventKind
    target: Place | None
    target_name: str
    magnitude: float
    started_at: AwareDatetime


class EventsAnswer(Answer):
    """GET /api/events."""

    events: tuple[EventItem, ...]


class EventAnswer(Answer):
    """POST /api/events."""

    event: EventItem


class AllRemovedAnswer(Answer):
    """DELETE /api/events/all. removed: ids of those that were active."""

    removed: list[Count]


class RemovalAnswer(Answer):
    """DELETE /api/events."""

    removed: Count


class ProspectItem(Answer):
    """What happens if nothing is done; value and limit by kind: minutes and °C, kWh an hour, p.u., MW, hours."""

    kind: ProspectKind
    value: float | None
    limit: float | None
    message: str


class EffectsItem(Answer):
    """What a root cause has done, by the present state; the worst values are null where there is none."""

    dead_buses: Count
    lost_loads: Count
    lost_kw: Annotated[float | None, Field(description="kW")]
    low_voltages: Count
    lowest_vm_pu: PerUnit
    high_voltages: Count
    highest_vm_pu: PerUnit
    overloads: Count
    highest_loading_percent: Percent
    hot_branches: Count
    highest_temperature_c: Celsius
    message: str


class StandingItem(Answer):
    """What the published state of a built-in case breaks itself, in p.u. or percent."""

    cause: StandingCause
    asset_kind: AssetKind
    asset_id: Count
    asset_name: str
    value: float | None
    limit: float | None
    is_low: bool


class ReliabilityAnswer(Answer):
    """GET /api/grid/reliability: indices of IEEE 1366 since start, simulated; interruptions of 5 minutes are momentary.

    saidi_minutes: a mean customer's minutes without supply. caidi_minutes: of a mean sustained interruption, null where
    there is none. customers_derived: whether any customers were derived from kW.
    """

    start: AwareDatetime
    end: AwareDatetime
    customers: float
    customers_derived: bool
    interrupted_now: float
    saifi: float
    saidi_minutes: float
    caidi_minutes: float | None
    maifi: float
    ens_mwh: float


class SectionItem(Answer):
    """Where a fault may be. switches: branches that must be open so that nothing of it is energised."""

    probability: Share
    nodes: tuple[Place, ...]
    node_names: tuple[str, ...]
    edges: tuple[Place, ...]
    edge_names: tuple[str, ...]
    switches: tuple[Place, ...]
    switch_names: tuple[str, ...]


class FlagItem(Answer):
    """Fault-passage indicators of a branch that showed passages, at the end of its source and of its target node."""

    edge: Place
    name: str
    at_source: Count | None
    at_target: Count | None


class FaultItem(Answer):
    """A trip whose fault isn't repaired. sections: the most probable first; those of less than 1 % are left out.

    flags: of passages in all; branches whose indicators showed none are left out. isolated: whether every switch around
    the first section is open.
    """

    id: Count
    tripped_at: AwareDatetime
    devices: tuple[Place, ...]
    device_names: tuple[str, ...]
    generators: tuple[str, ...]
    passages: Count
    flags: tuple[FlagItem, ...]
    sections: tuple[SectionItem, ...]
    isolated: bool


class FaultsAnswer(Answer):
    """GET /api/faults."""

    faults: tuple[FaultItem, ...]


class IsolationAnswer(Answer):
    """POST /api/faults/{id}/isolate: the branches that are opened in the next cycle, where they aren't open yet."""

    fault: Count
    switches: tuple[Place, ...]


class AlarmItem(Answer):
    """An alarm; value and limit in its unit. consequences: alarms that it has caused, which are acknowledged with it;
    root_id: of a consequence."""

    id: Count
    kind: AlarmKind
    priority: Priority
    state: AlarmState
    asset_kind: AssetKind
    asset_id: Count | None
    asset_name: str
    message: str
    value: float | None
    limit: float | None
    unit: str
    raised_at: AwareDatetime
    returned_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    root_id: Count | None
    if_nothing_is_done: ProspectItem
    effects: EffectsItem | None
    consequences: tuple["AlarmItem", ...]


class AlarmsAnswer(Answer):
    """GET /api/alarms. consequences: how many are folded under alarms; standing isn't alarmed."""

    alarms: tuple[AlarmItem, ...]
    consequences: Count
    summary: str
    standing: tuple[StandingItem, ...]
    standing_note: str


class AcknowledgeAnswer(Answer):
    """POST /api/alarms/{id}/ack."""

    acknowledged: Count
    person: str


class FindingItem(Answer):
    """What the reading of a case found: figure in the unit that text names, elements the first of count."""

    what: What
    bearing: Bearing
    text: str
    count: Count
    elements: tuple[str, ...]
    figure: float | None


class ImportItem(Answer):
    """How the reading of a case ended: elements by kind, what was replaced, left out or is doubtful."""

    file: str
    counts: dict[str, Count]
    out_of_service: dict[str, Count]
    findings: tuple[FindingItem, ...]


class CaseAnswer(Answer):
    """GET /api/case: the case under watch, how its reading ended, and those that are built in."""

    case: str
    title: str
    cases: tuple[str, ...]
    report: ImportItem


class LoadAnswer(Answer):
    """POST /api/case: what is watched from the next cycle on."""

    success: Literal[True]
    case: str
    title: str
    total_nodes: Count
    total_edges: Count
    previous: str
    report: ImportItem

"""Pipeline: all that one case keeps from cycle to cycle, and the steps that turn a frame into a snapshot's parts."""

import logging
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from app.engine.board import History, WatchedCase, WorstHour
from app.engine.field_work import field_work_of
from app.engine.plan_execution import PlanExecution
from app.engine.tag_store import TagStore, TagsUnreadableError
from app.settings import Settings
from grid.alarms.book import AssetKind
from grid.alarms.cards import StandingLimit
from grid.alarms.predictive import Outlook
from grid.alarms.rules import AlarmWatch, SolvedScan
from grid.alarms.standing import LOADING_LIMIT_PERCENT, AlarmLimits, limits_of_published_state, own_limits
from grid.assets.csv_file import read_assets
from grid.assets.failure_log import FailureLog, read_failure_log
from grid.assets.register import GivenAssets, asset_register, temperature_limit_c
from grid.cases.case import Case
from grid.cases.cases import BUILT_IN, DEFAULT_SIMBENCH, FEEDER
from grid.errors import CaseError
from grid.estimation.dark_loads import DarkLoads
from grid.estimation.substitution import Estimate, Estimator
from grid.files.report import counted, sentence
from grid.flow.metrics import Metrics, metrics_of, renewable_generators
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError, Suspect, suspects_of
from grid.flow.topology import energised_buses
from grid.limits import LimitEdit, LimitedKind, with_limits
from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel
from grid.protection.devices import protected_branches
from grid.protection.location import located
from grid.protection.records import LocatedFault, ProtectionScheme
from grid.reliability.customers import customers_of
from grid.reliability.indices import InterruptionRecord
from grid.reliability.priorities import PriorityEdit, priorities_of
from grid.sources.demand import yearly_load_mw
from grid.sources.past import Past
from grid.sources.registry import open_source
from grid.sources.seams import SourceParts
from grid.taps import with_taps
from grid.telemetry import Event, EventKind, Frame
from grid.thermal.branch_temperatures import BranchTemperatures
from ml.maintenance.condition import ConditionMonitor, is_asset
from ml.maintenance.model.features import Observation
from ml.maintenance.model.risk import AssetRisk, asset_risk
from ml.optimisation.plans.normal import NormalSwitching
from ml.optimisation.plans.tags import Tags
from ml.optimisation.supply.supply import Supply, path_ohm, supply_of

log = logging.getLogger(__name__)
SourceOf = Callable[[Case, Settings], SourceParts]
NO_LOAD_MW = 1e-6  # and less: no year can be told from it


def source_of(case: Case, settings: Settings) -> SourceParts:
    """The source of a case that the settings name. CaseError where it can't be opened."""
    return open_source(settings.source, case, settings.start, settings.seed)


def log_report(case: Case) -> None:
    """Write to the log how the reading of a case ended."""
    log.info("%s: %s", case.network.title, counted(case.report.counts, case.report.out_of_service))
    for finding in case.report.remarkable:
        log.warning("%s: %s", case.network.title, sentence(finding))


@dataclass(frozen=True, eq=False)
class Solved:
    """Outcome of the estimation: the state to show, and what is wrong with it if anything.

    mismatch_mva: the largest one where there is no solution, else NaN.
    """

    state: GridState
    fresh: bool
    mismatch_mva: float
    suspects: tuple[Suspect, ...]


class Pipeline:
    """One case under watch, with its source. Owned by the engine thread."""

    def __init__(
        self,
        case: Case,
        settings: Settings,
        history_of: Callable[[Network, Past | None], History],
        source_of: SourceOf,
    ) -> None:
        network = case.network
        self.case, self.network = case, network
        log_report(case)
        self.parts = source_of(case, settings)
        cold_load = ColdLoadModel(scale=settings.pick_up, reconnection_minutes=settings.reconnection_minutes)
        if self.parts.protection is not None:
            self.parts.protection.cold_load = cold_load
            self.parts.protection.scheme = ProtectionScheme(
                missed=settings.indicator_missed, false=settings.indicator_false, passages=settings.fault_passages
            )
        self.history = history_of(network, self.parts.past)
        self._measured_at: datetime | None = None
        self._start = settings.start.replace(tzinfo=UTC)
        limits = limits_of_published_state(network) if case.spec in BUILT_IN else own_limits(network)
        given = _given_assets(case, settings)
        register = asset_register(
            network, case.year_built, settings.start.year, np.random.default_rng(settings.seed), given
        )
        self.watched = WatchedCase(
            network=network,
            report=case.report,
            register=register,
            cold_load=cold_load,
            field_work=field_work_of(settings, network),
            customers=customers_of(network, None if given is None else given.customers),
            priorities=priorities_of(network),
            is_asset=is_asset(network),
            failures=_own_failures(case, settings),
            temperature_limit_c=temperature_limit_c(network),
            yearly_load_mw=yearly_load_mw(network.load, case.profiles),
            standing=limits.standing,
            limit_edits=(),
        )
        self.alarms = AlarmWatch(network, self.watched.temperature_limit_c, limits)
        self._estimator = Estimator(network)
        self.power_flow = PowerFlow(network)
        self._temperatures = BranchTemperatures(network)
        self.condition = ConditionMonitor(network, self.watched.register, settings.start, settings.seed)
        self._learned_rate = np.full(network.n_branch, np.nan)  # failures a year, by the trained models
        self._own_factor = 1.0  # of CNAIM's rates, by the failures that the assets really had
        self._wanted = DarkLoads(network.load.p_mw, network.load.q_mvar)
        if self.parts.past is not None and settings.history_days > 0:
            days = self.parts.past.hours(48)
            self._wanted.remember(days.start, days.load_p_mw)
        self.plan_execution = PlanExecution(network, self.parts.actuator)
        self.tag_store = TagStore(network, settings.cache_dir)
        self.plan_execution.tags = _kept_tags(self.tag_store)
        self.worst_hour: WorstHour | None = None
        self._last: GridState | None = None
        self.supply_ohm = path_ohm(network)
        self._renewable = renewable_generators(network)
        self._protected = protected_branches(network)
        self._interruptions: InterruptionRecord | None = None
        self._faults: tuple[LocatedFault, ...] = ()
        self._normal = NormalSwitching()

    @property
    def time(self) -> datetime:
        """The source's present moment: its clock's, or that of the last frame."""
        if self.parts.clock is not None:
            return self.parts.clock.time
        return self._start if self._measured_at is None else self._measured_at

    @property
    def events(self) -> tuple[Event, ...]:
        """The disturbances that are active."""
        return () if self.parts.disturbances is None else self.parts.disturbances.events

    @property
    def ordered_closed(self) -> BoolArray:
        """What switches (m,) were set to; the case's own positions where nobody can set them from here."""
        actuator = self.parts.actuator
        return self.network.branch.closed if actuator is None else actuator.closed

    def with_limits(self, edit: LimitEdit) -> "Pipeline":
        """The same grid at the same moment with edited limits: source, history, alarms and what was done go on.

        The one before must not be used any more. ValueError and LookupError as with_limits of grid.limits.
        """
        network, kind = with_limits(self.network, edit), AssetKind(edit.on.value)
        standing = tuple(one for one in self.watched.standing if (one.asset_kind, one.asset_id) != (kind, edit.target))
        watched = replace(
            self.watched, network=network, standing=standing, limit_edits=(*self.watched.limit_edits, edit)
        )
        changed = self._on(watched, _edited(self.alarms.limits, edit, standing))
        changed.plan_execution = self.plan_execution.on(network, goes_on=False)
        return changed

    def with_taps_of(self, frame: Frame) -> "Pipeline":
        """The same grid at the same moment with its taps where a frame shows them: itself where they are there already,
        or not measured. All goes on as with_limits says, and a plan under way, each of whose actions is verified."""
        seen = frame.branch.tap_pos
        network = self.network if seen is None else with_taps(self.network, np.where(seen.is_good, seen.value, np.nan))
        if network is self.network:
            return self
        changed = self._on(replace(self.watched, network=network), self.alarms.limits)
        changed.plan_execution = self.plan_execution.on(network, goes_on=True)
        return changed

    def _on(self, watched: WatchedCase, limits: AlarmLimits) -> "Pipeline":
        """The same grid with other limits or taps; its plan execution isn't on it yet."""
        network, changed = watched.network, copy(self)
        changed.case, changed.network, changed.watched = replace(self.case, network=network), network, watched
        changed.power_flow = PowerFlow(network)
        changed.alarms = AlarmWatch(network, watched.temperature_limit_c, limits, self.alarms.book)
        changed.supply_ohm = path_ohm(network)
        changed.worst_hour = None
        return changed

    def prioritise(self, edit: PriorityEdit) -> None:
        """Plans go by what a person has set from the next cycle on. ValueError and LookupError as Priorities.edited."""
        priorities = self.watched.priorities.edited(self.network, edit)
        self.watched = replace(self.watched, priorities=priorities)

    def measure(self, elapsed: timedelta) -> tuple[Frame, timedelta]:
        """The next frame, and the time since the last one: elapsed where the clock is simulated, else what frames say.

        Raises ConnectionError where the source doesn't answer.
        """
        before = self._measured_at
        if self.parts.clock is not None:
            self.parts.clock.advance(elapsed)
        frame = self.parts.source.read()
        self._measured_at = frame.measured_at
        if self.parts.clock is None:
            elapsed = timedelta(0) if before is None else max(timedelta(0), frame.measured_at - before)
        return frame, elapsed

    def estimate(self, frame: Frame) -> Estimate:
        """Believable injections from a frame."""
        return self._estimator.estimate(frame)

    def solve(self, estimate: Estimate) -> Solved:
        """The AC state; where there is none, the last good one with the reason. Raises at a first state without one."""
        start = None if self._last is None else self._last.voltage
        try:
            state = self.power_flow.solve(estimate.injection, estimate.closed, start)
        except PowerFlowDivergedError as error:
            if self._last is None:
                raise
            generator, branch = self.network.generator, self.network.branch
            sources = generator.bus[generator.is_source & estimate.injection.generator_on]
            energised = energised_buses(self.network.n_bus, branch.from_bus, branch.to_bus, estimate.closed, sources)
            mismatch = float(error.mismatch_mva.max())
            return Solved(self._last, False, mismatch, suspects_of(error, self.network, self._last, energised))
        supplied = state.energised[self.network.load.bus]
        self._wanted.step(estimate.frame.measured_at, supplied, state.load_p_mw, state.load_q_mvar)
        self._last = state
        return Solved(state, True, np.nan, ())

    def injection(self, estimate: Estimate) -> Injection:
        """The estimated injections, with what loads without supply would take, without pick-up."""
        return replace(estimate.injection, load_p_mw=self._wanted.p_mw, load_q_mvar=self._wanted.q_mvar)

    @property
    def loss_hours_per_year(self) -> float:
        """Hours at the present load that lose as much as a year: losses go with the load's square; 0 without load."""
        present = float(self._wanted.p_mw.sum())
        return 8760 * float(np.mean((self.watched.yearly_load_mw / present) ** 2)) if present > NO_LOAD_MW else 0.0

    def try_first_state(self) -> None:
        """Measure and solve once. CaseError where there is no solution to begin with."""
        try:
            frame, _ = self.measure(timedelta(0))
        except ConnectionError as error:
            raise CaseError(self.network.name, f"the source doesn't answer: {error}") from None
        try:
            self.solve(self.estimate(frame))
        except PowerFlowDivergedError as error:
            raise CaseError(
                self.network.name, f"at {frame.measured_at:%d %b %H:%M} {error}", "simulated state"
            ) from None

    def faults(self) -> tuple[LocatedFault, ...]:
        """Each trip whose fault isn't repaired, located once."""
        protection = self.parts.protection
        if protection is None:
            return ()
        known = {id(fault.report): fault for fault in self._faults}
        self._faults = tuple(
            known.get(id(report)) or located(self.network, self._protected, report, protection.scheme)
            for report in protection.trips
        )
        return self._faults

    def normal(self, state: GridState, unsupplied_mw: float, switching: bool) -> BoolArray | None:
        """Switch states (m,) to go back to, once nothing is out or faulty any more."""
        out = any(event.kind is EventKind.LINE_OUTAGE for event in self.events)
        return self._normal.observe(state.closed, out or bool(self._faults), unsupplied_mw > 0, switching)

    def interruptions(self, state: GridState, time: datetime) -> InterruptionRecord:
        """What was interrupted since this network is watched, with what loads without supply would take."""
        dark, record = ~state.energised[self.network.load.bus], self._interruptions
        if record is None:
            record = InterruptionRecord.begin(time, dark, self._wanted.p_mw)
        self._interruptions = record.after(max(time, record.time), dark, self._wanted.p_mw)
        return self._interruptions

    def temperatures(self, state: GridState, frame: Frame, elapsed: timedelta) -> FloatArray:
        """(m,) degrees Celsius after the elapsed simulated time."""
        return self._temperatures.step(state, frame.weather, elapsed)

    def judge(self, state: GridState, estimate: Estimate, frame: Frame, temperature_c: FloatArray) -> None:
        """Raise and clear the alarms of a solved state (temperature_c (m,)), and say when overloads grow too hot."""
        scan = SolvedScan(
            state=state,
            temperature_c=temperature_c,
            expected_closed=self.ordered_closed,
            expected_on=self._expected_on,
            generator_on=estimate.injection.generator_on,
            load_p_mw=self._wanted.p_mw,
        )
        self.alarms.watch_state(scan, frame.measured_at)
        self.alarms.watch_system(False, False, estimate.suspect_bus, frame.measured_at)
        heated, limit_c = self.alarms.heated(), self.watched.temperature_limit_c
        minutes = self._temperatures.minutes_to_limit(state, frame.weather, limit_c, heated)
        self.alarms.expect_heat(heated, minutes)

    @property
    def _expected_on(self) -> BoolArray:
        """Generators (g,) that should run: all where orders are given from here, else those that hold the grid."""
        generator = self.network.generator
        return generator.is_source if self.parts.actuator is None else np.ones(len(generator), dtype=bool)

    def expect(self, network: Network, outlook: Outlook, worst: WorstHour) -> None:
        """Judge what is expected of a network's next hours, unless it isn't the watched one any more."""
        if network is self.network:
            self.alarms.watch_outlook(outlook, self.time)
            self.worst_hour = worst

    def learn(self, network: Network, rate_per_year: FloatArray, own_factor: float) -> None:
        """Count with what trained models give for a network (m,), unless it isn't the watched one any more.

        own_factor: of CNAIM's rates, which count where models give none.
        """
        if network is self.network:
            self._learned_rate, self._own_factor = rate_per_year, own_factor

    def risk(self, state: GridState, estimate: Estimate, condition: Observation) -> AssetRisk:
        """Failure probability of each branch in a year at the present rate, and what it would interrupt now."""
        return asset_risk(
            self.network,
            self.watched.register,
            state,
            estimate.injection.generator_on,
            self._own_factor * condition.published_per_year,
            self._learned_rate,
        )

    def supply(self, state: GridState, estimate: Estimate, risk: AssetRisk, risk_weight: float) -> Supply:
        """Cheapest path of every bus to a generator, and what the flows say of who supplies whom."""
        running = estimate.injection.generator_on
        return supply_of(self.network, state, running, self.supply_ohm, risk.failure_probability, risk_weight)

    def metrics(self, state: GridState, risk: AssetRisk, active_alarms: int) -> Metrics:
        """Totals of a state."""
        average_risk = float(risk.risk_mw.mean()) if len(risk.risk_mw) else 0.0
        return metrics_of(self.network, state, self._wanted.p_mw, self._renewable, average_risk, active_alarms)


def _edited(limits: AlarmLimits, edit: LimitEdit, standing: tuple[StandingLimit, ...]) -> AlarmLimits:
    """From where on values raise alarms once a person has edited a limit: there, whatever the case breaks itself."""
    low, high, loading = (values.copy() for values in (limits.min_vm_pu, limits.max_vm_pu, limits.max_loading_percent))
    if edit.on is LimitedKind.BUS:
        low[edit.target], high[edit.target] = edit.min_vm_pu, edit.max_vm_pu
    else:
        loading[edit.target] = LOADING_LIMIT_PERCENT
    return AlarmLimits(min_vm_pu=low, max_vm_pu=high, max_loading_percent=loading, standing=standing)


def _kept_tags(store: TagStore) -> Tags:
    """The tags of a grid. CaseError where they can't be read: nothing is watched while nobody knows what is locked."""
    try:
        return store.load()
    except TagsUnreadableError as error:
        raise CaseError(str(store.file), f"the tags can't be read, see to the file or remove it: {error}") from error


def _given_assets(case: Case, settings: Settings) -> GivenAssets | None:
    """What a file says of the case's assets. Raises AssetFileError, a CaseError, where it is wrong."""
    path = settings.asset_file if _is_named(case, settings) else None
    return None if path is None else read_assets(path, case.network, settings.start.year)


def _own_failures(case: Case, settings: Settings) -> FailureLog | None:
    """The failures that the case's assets really had. Raises AssetFileError, a CaseError, where the log is wrong."""
    path, since = settings.failure_log, settings.failure_log_since
    if path is None or since is None or not _is_named(case, settings):
        return None
    return read_failure_log(path, case.network, since)


def _is_named(case: Case, settings: Settings) -> bool:
    """Whether it is the case that the settings name, whose assets files describe: a later one has other branches."""
    named = Path(settings.case.strip().removeprefix(FEEDER)).name
    return case.spec in (named, f"{named}:{DEFAULT_SIMBENCH}")

"""Engine: the one thread that changes state. cycle() is the list of steps from measurements to a Snapshot."""

import itertools
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np

from app.engine.board import (
    NO_REPORTS,
    AssessedCycle,
    Board,
    BoardStore,
    CycleControl,
    CycleStats,
    History,
    MeasuredCycle,
    Published,
    Snapshot,
    SolvedCycle,
    WorstHour,
)
from app.engine.commands import (
    MOST_EVENTS,
    NotOfferedError,
    OperationRefusal,
    OperationRefusalKind,
    OperationRefusedError,
    PlanRefusal,
    PlanRefusalKind,
    PlanRefusedError,
    TooManyEventsError,
    UnknownIdError,
    checked_event,
    checked_speed,
    checked_tagged,
    checked_weight,
    checked_words,
)
from app.engine.divergence_finder import DivergenceFinder
from app.engine.operating_point import Preview, isolating_of, operating_point_of, preview_of, problem_now
from app.engine.pipeline import Pipeline, SourceOf
from app.engine.plan_execution import HandOrder, PlanExecution
from app.engine.quality import FRESH, BoardProblem, BoardQuality, KeptKind, ProblemCause, WorkerHealth, quality_of
from app.engine.worker import Worker
from app.settings import Settings
from grid.alarms.predictive import Outlook
from grid.cases.case import Case
from grid.errors import CaseError
from grid.flow.powerflow import Suspect
from grid.limits import LimitEdit, with_limits
from grid.network import BoolArray, FloatArray, Network
from grid.reliability.priorities import PriorityEdit
from grid.sources.past import Past
from grid.telemetry import Event, EventKind
from ml.optimisation.plans.by_hand import Effect, Operation, checked_operation
from ml.optimisation.plans.plan import Plan, PlanProblem, PlanProblemKind, Requirements
from ml.optimisation.plans.tags import Tag, TaggedKind, TagKind, Tags, locked

log = logging.getLogger(__name__)
Command = Callable[[], None]
HistoryOf = Callable[[Network, Past | None], History]
Events = tuple[Event, ...]
DURATIONS_KEPT = 200
LONGEST_NAME, LONGEST_REASON = 80, 200


class Engine:
    """Runs cycles and takes commands; every public method may be called from any thread and returns at once."""

    def __init__(
        self, case: Case, settings: Settings, boards: BoardStore, history_of: HistoryOf, source_of: SourceOf
    ) -> None:
        self._settings, self._boards = settings, boards
        self._history_of, self._source_of = history_of, source_of
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[Published] = queue.SimpleQueue()
        self._asked = threading.Event()  # a person waits for a cycle
        self._healths: Callable[[], Sequence[WorkerHealth]] = tuple
        self._problems: tuple[BoardProblem, ...] = ()  # of the last cycle
        self._event_ids = itertools.count(1)
        self._events_waiting, self._events_lock = 0, threading.Lock()  # injected, and in no snapshot yet
        self._worker = Worker("engine", self._run)
        self._speed, self._paused, self._risk_weight = (
            settings.speed_minutes_per_s,
            False,
            settings.risk_weight,
        )
        self._version = self._iteration = self._missed = self._failed = 0
        self._last_error = ""
        self._durations: deque[float] = deque(maxlen=DURATIONS_KEPT)
        self._pipeline = Pipeline(case, settings, history_of, source_of)
        self._tag_ids = itertools.count(_free_tag_id(self._pipeline))
        self._divergence = DivergenceFinder()
        self._not_kept: tuple[BoardProblem, ...] = ()  # tags that can't be written
        self._requirements = Requirements(risk_weight=settings.optimiser_risk_weight)
        self._due_step = timedelta(0)
        self.started_at = time.monotonic()

    # --- what others ask for -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run a first cycle, so that there is something to see, then go on in a thread of its own.

        Raises CaseError where the first cycle fails.
        """
        self.run_cycle()
        if not self._boards.ready:
            raise CaseError(self._pipeline.network.name, f"the first cycle failed: {self._last_error}")
        self._worker.start()

    def stop(self, timeout_s: float = 1.5) -> None:
        """Finish the present cycle and end the thread."""
        self._worker.stop(timeout_s)

    def acknowledge(self, alarm_id: int, person: str) -> None:
        """Acknowledge an alarm. KeyError for an id that isn't active, ValueError for an empty person."""
        if not any(alarm.id == alarm_id for alarm in self._boards.latest.snapshot.assessed.alarms):
            raise UnknownIdError(f"no active alarm {alarm_id}")
        if not person.strip():
            raise ValueError("person: who acknowledges is empty")
        self._do(lambda: self._acknowledge(alarm_id, person))

    def add_event(self, kind: EventKind, target: int | None, magnitude: float) -> Event:
        """Inject a disturbance; returns it with its id. KeyError for an unknown target, ValueError for a wrong
        magnitude, NotOfferedError where the source takes no events, TooManyEventsError where there are MOST_EVENTS."""
        latest = self._boards.latest.snapshot
        self._require(latest.control.offers.events, "takes no simulated events")
        target_name = checked_event(latest.case.network, kind, target, magnitude)
        place = None if kind is EventKind.HEAT_WAVE else target  # it is hot everywhere, whatever target was sent
        with self._events_lock:
            if len(latest.control.events) + self._events_waiting >= MOST_EVENTS:
                raise TooManyEventsError(f"{MOST_EVENTS} events are active, the most there may be: remove some first")
            self._events_waiting += 1
        event = Event(next(self._event_ids), kind, place, target_name, magnitude, latest.simulated_at)
        self._do(lambda: self._begin_event(event, latest.case.network))
        return event

    def remove_event(self, event_id: int) -> None:
        """End a disturbance. KeyError for an id that isn't active, NotOfferedError where the source takes no events."""
        latest = self._boards.latest.snapshot
        self._require(latest.control.offers.events, "takes no simulated events")
        if not any(event.id == event_id for event in latest.control.events):
            raise UnknownIdError(f"no active event {event_id}")
        self._do(
            lambda: self._change_events(
                lambda events: tuple(event for event in events if event.id != event_id), latest.case.network
            )
        )

    def remove_all_events(self) -> tuple[int, ...]:
        """End all disturbances, those on their way included; returns the ids of the active ones. NotOfferedError where
        the source takes no events."""
        latest = self._boards.latest.snapshot
        self._require(latest.control.offers.events, "takes no simulated events")
        self._do(lambda: self._change_events(lambda _events: (), latest.case.network))
        return tuple(event.id for event in latest.control.events)

    def pause(self) -> None:
        """Stop simulated time; measurements go on. NotOfferedError where time is not simulated."""
        self._require_clock()
        self._do(lambda: setattr(self, "_paused", True))

    def resume(self) -> None:
        """Let simulated time go on. NotOfferedError where time is not simulated."""
        self._require_clock()
        self._do(lambda: setattr(self, "_paused", False))

    def step(self) -> None:
        """Let one cycle's worth of simulated time pass, paused or not. NotOfferedError where time is not simulated."""
        self._require_clock()
        self._do(self._add_step)

    def set_speed(self, minutes_per_s: float) -> None:
        """Simulated minutes a second. ValueError outside 0 (exclusive) to 1,440, NotOfferedError where time is not
        simulated."""
        self._require_clock()
        value = checked_speed(minutes_per_s)
        self._do(lambda: setattr(self, "_speed", value))

    def set_risk_weight(self, weight: float) -> None:
        """Ohm that one unit of failure probability is worth on a supply path. ValueError for a negative one."""
        value = checked_weight(weight)
        self._do(lambda: setattr(self, "_risk_weight", value))

    def set_requirements(self, wanted: Requirements) -> None:
        """What plans are made by; rewards are counted with its risk weight."""
        self._do(lambda: setattr(self, "_requirements", wanted))

    def set_failure_rates(self, network: Network, rate_per_year: FloatArray, own_factor: float = 1.0) -> None:
        """Failures a year (m,) that the trained models give, from the next cycle on; NaN where they give none.

        own_factor: of CNAIM's rates, which count where models give none.
        """
        self._note(lambda: self._pipeline.learn(network, rate_per_year, own_factor))

    def expect(self, network: Network, outlook: Outlook, worst: WorstHour) -> None:
        """From the next cycle on, raise and clear the alarms of what is expected of the next hours, and let plans be
        made for the worst."""
        self._note(lambda: self._pipeline.expect(network, outlook, worst))

    def apply(self, plan: Plan, count: int | None = None) -> None:
        """Carry out a plan's first actions, by default all, one a cycle, or its set-points, all in the next cycle.

        PlanRefusedError where they fail to verify, or where nobody carries out orders.
        """
        latest = self._boards.latest.snapshot
        network, kind = latest.case.network, PlanRefusalKind
        if not latest.control.offers.orders:
            raise PlanRefusedError(PlanRefusal(kind=kind.ADVICE_ONLY, network=network, source=latest.measured.source))
        problem = problem_now(latest, self._settings.price_per_mwh, plan, count)
        if problem is not None:
            raise PlanRefusedError(PlanRefusal(kind=kind.PROBLEM, network=network, problem=problem))
        self._do(
            lambda: self._operate(
                latest.case.network, lambda execution: execution.apply(plan, count, self._pipeline.time)
            )
        )

    def undo(self, count: int | None = 1) -> None:
        """Take back the last of what plans and people have switched and set, None for all.

        PlanRefusedError where there are none.
        """
        latest = self._boards.latest.snapshot
        if not latest.control.operations.may_undo:
            raise PlanRefusedError(PlanRefusal(kind=PlanRefusalKind.NOTHING_TO_UNDO, network=latest.case.network))
        self._do(lambda: self._operate(latest.case.network, lambda execution: execution.undo(count)))

    def preview(self, operation: Operation) -> Preview:
        """What an operation by hand would do now, whether anybody could do it or not. ValueError for one that the grid
        hasn't."""
        latest = self._boards.latest.snapshot
        checked_operation(latest.case.network, operation)
        return preview_of(latest, self._settings.price_per_mwh, operation)

    def operate(self, operation: Operation, person: str, code: str | None = None) -> Effect:
        """Carry out by hand in the next cycle what a person has confirmed; returns its effect.

        code: of the effect that was seen. OperationRefusedError where it has another one by now, a tag or a problem
        stands against it, or nobody carries out orders; ValueError for an empty person or a wrong operation.
        """
        name, seen = checked_words("person", person, LONGEST_NAME), self.preview(operation)
        network, effect = seen.snapshot.case.network, seen.effect
        if seen.refusal is not None:
            raise OperationRefusedError(seen.refusal)
        if code is not None and code != effect.code:
            refusal = OperationRefusal(kind=OperationRefusalKind.OTHER_EFFECT, network=network, operation=operation)
            raise OperationRefusedError(refusal)
        ordered = HandOrder(effect=effect, person=name, ordered_at=seen.snapshot.simulated_at)
        self._do(lambda: self._operate(network, lambda execution: execution.order(ordered)))
        return effect

    def tag(self, kind: TagKind, on: TaggedKind, target: int, reason: str, person: str) -> Tag:
        """Hang a tag on a branch or a generator; returns it with its id. KeyError for an unknown one, ValueError for an
        empty person or reason."""
        latest = self._boards.latest.snapshot
        network = latest.case.network
        placed = Tag(
            id=next(self._tag_ids),
            kind=kind,
            on=on,
            target=checked_tagged(network, on, target),
            reason=checked_words("reason", reason, LONGEST_REASON),
            person=checked_words("person", person, LONGEST_NAME),
            placed_at=latest.simulated_at,
        )
        self._do(lambda: self._change_tags(network, lambda tags: (*tags, placed)))
        return placed

    def remove_tag(self, tag_id: int, person: str) -> Tag:
        """Take a tag off; returns it. KeyError for an id that hangs nowhere, ValueError for an empty person."""
        latest = self._boards.latest.snapshot
        name = checked_words("person", person, LONGEST_NAME)
        found = [tag for tag in latest.control.tags if tag.id == tag_id]
        if not found:
            raise UnknownIdError(f"no tag {tag_id}")
        network = latest.case.network
        log.info("tag %d (%s) is taken off by %s", tag_id, found[0].reason, name)
        self._do(lambda: self._change_tags(network, lambda tags: tuple(tag for tag in tags if tag.id != tag_id)))
        return found[0]

    def edit_limits(self, edit: LimitEdit) -> LimitEdit:
        """Watch the grid with edited limits from the next cycle on; returns the edit with its time.

        KeyError for an unknown bus or branch, ValueError for a wrong limit or an empty person, NotOfferedError while
        the state is stale: nothing could be shown of the grid with other limits.
        """
        latest = self._boards.latest.snapshot
        if latest.solved.stale:
            raise NotOfferedError("Limits are edited while the state is fresh; it is stale now.")
        person = checked_words("person", edit.person, LONGEST_NAME)
        made, network = replace(edit, person=person, edited_at=latest.simulated_at), latest.case.network
        try:
            with_limits(network, made)
        except LookupError as error:
            raise UnknownIdError(str(error)) from None
        self._do(lambda: self._edit_limits(network, made))
        return made

    def prioritise(self, bus: int, priority: float, person: str) -> PriorityEdit:
        """Let all loads of a bus count so much beside others from the next cycle on; returns the edit.

        KeyError for a bus that isn't there or has no load, ValueError for a priority out of range or an empty person.
        """
        latest = self._boards.latest.snapshot
        case, name = latest.case, checked_words("person", person, LONGEST_NAME)
        made = PriorityEdit(bus=bus, priority=priority, person=name, edited_at=latest.simulated_at)
        try:
            case.priorities.edited(case.network, made)
        except LookupError as error:
            raise UnknownIdError(str(error)) from None
        self._do(lambda: self._prioritise(case.network, made))
        return made

    def isolate(self, fault_id: int) -> tuple[int, ...]:
        """Open the switches around the most probable section of a fault; returns their branches.

        KeyError for a fault that isn't there, NotOfferedError where nobody carries out orders, PlanRefusedError where a
        tag forbids it.
        """
        latest = self._boards.latest.snapshot
        self._require(latest.control.offers.orders, "carries out no orders")
        found = [fault for fault in latest.assessed.faults if fault.report.id == fault_id]
        if not found:
            raise UnknownIdError(f"no fault {fault_id}")
        branches = found[0].isolating
        closed, tagged = latest.solved.state.closed, locked(latest.control.tags, TaggedKind.BRANCH)
        held = [branch for branch in branches if branch in tagged and closed[branch]]
        if held:
            problem = PlanProblem(kind=PlanProblemKind.TAGGED, branch=held[0], close=False)
            kind, network = PlanRefusalKind.PROBLEM, latest.case.network
            raise PlanRefusedError(PlanRefusal(kind=kind, network=network, problem=problem))
        self._do(lambda: self._operate(latest.case.network, lambda execution: execution.isolate(branches)))
        return branches

    def load(self, case: Case) -> None:
        """Watch another case from the next cycle on. CaseError where its first simulated state has no solution."""
        pipeline = Pipeline(case, self._settings, self._history_of, self._source_of)
        pipeline.try_first_state()
        self._do(lambda: self._switch(pipeline))

    def deliver(self, published: Published) -> None:
        """Put a worker's report on the board, unless the board shows another network by then."""
        self._reports.put(published)
        self._worker.wake()

    def watch_over(self, healths: Callable[[], Sequence[WorkerHealth]]) -> None:
        """Let the board's quality count with what workers say of themselves."""
        self._healths = healths

    def _require_clock(self) -> None:
        self._require(
            self._boards.latest.snapshot.control.offers.clock, "has no simulated time to pause, step or speed up"
        )

    def _require(self, offered: bool, otherwise: str) -> None:
        if not offered:
            raise NotOfferedError(f"The source ({self._boards.latest.snapshot.measured.source}) {otherwise}.")

    def _do(self, command: Command) -> None:
        """What a person wants is done at once, in a cycle of its own."""
        self._note(command)
        self._asked.set()
        self._worker.wake()

    def _note(self, command: Command) -> None:
        """What workers find waits for the next cycle: a cycle of its own would give them a new snapshot to look at, and
        so on without end."""
        self._commands.put(command)

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        period = self._settings.cycle_seconds
        due = time.monotonic() + period
        while not self._worker.stopping:
            self._worker.rest(max(0.0, due - time.monotonic()))
            if self._worker.stopping:
                return
            on_time = time.monotonic() >= due
            if not on_time and not self._asked.is_set():
                self.take_reports()
                continue
            self._asked.clear()
            self.run_cycle(self._cycle_time if on_time and not self._paused else timedelta(0))
            if on_time:
                late = int((time.monotonic() - due) // period)
                self._missed += late
                due += period * (1 + late)

    @property
    def _cycle_time(self) -> timedelta:
        return timedelta(minutes=self._settings.cycle_seconds * self._speed)

    def run_cycle(self, elapsed: timedelta = timedelta(0)) -> None:
        """Take the waiting commands and run one cycle; a failure is logged, counted and shown, never raised."""
        began = time.perf_counter()
        self.take_reports()
        try:
            self._take_commands()
            elapsed, self._due_step = elapsed + self._due_step, timedelta(0)
            self.cycle(elapsed)
        except Exception as error:
            self._failed += 1
            self._last_error = f"{type(error).__name__}: {error}"
            log.exception("cycle %d failed", self._iteration)
            self._publish_failure(error)
        self._durations.append(1000 * (time.perf_counter() - began))

    def cycle(self, elapsed: timedelta) -> None:
        """One pass from measurements to a published Snapshot. elapsed: simulated time since the last one."""
        pipeline = self._pipeline
        self._iteration += 1
        try:
            self._step_plan(pipeline)
            frame, elapsed = pipeline.measure(elapsed)
        except ConnectionError as error:
            pipeline.alarms.watch_system(True, False, None, pipeline.time)
            self._publish_stale(pipeline, _problem(ProblemCause.NO_ANSWER, pipeline.parts.source.name, error), ())
            return
        estimate = pipeline.estimate(frame)
        measured = pipeline.with_taps_of(frame)
        solved = measured.solve(estimate)
        if not solved.fresh:
            pipeline.alarms.watch_system(False, True, None, frame.measured_at)
            self._divergence.ask(measured.network, estimate.injection, estimate.closed)
            why, mismatch = self._divergence.words, solved.mismatch_mva
            problem = _problem(ProblemCause.NO_SOLUTION, pipeline.network.name, why, number=mismatch)
            self._publish_stale(pipeline, problem, solved.suspects)
            return
        self._divergence.forget()
        self._pipeline = pipeline = measured
        temperature_c = pipeline.temperatures(solved.state, frame, elapsed)
        condition = pipeline.condition.step(solved.state, frame, temperature_c, elapsed)
        risk = pipeline.risk(solved.state, estimate, condition)
        supply = pipeline.supply(solved.state, estimate, risk, self._risk_weight)
        interruptions = pipeline.interruptions(solved.state, frame.measured_at)
        pipeline.judge(solved.state, estimate, frame, temperature_c)
        cards = pipeline.alarms.cards()
        metrics = pipeline.metrics(solved.state, risk, len(cards))
        pipeline.plan_execution.follow(frame.measured_at, solved.state, metrics.unsupplied_mw)
        faults, operations = pipeline.faults(), pipeline.plan_execution.operations
        normal = pipeline.normal(solved.state, metrics.unsupplied_mw, bool(operations.pending))
        snapshot = Snapshot(
            version=self._next_version(),
            iteration=self._iteration,
            created_at=datetime.now(UTC),
            made_at_s=time.monotonic(),
            simulated_at=frame.measured_at,
            case=pipeline.watched,
            measured=MeasuredCycle(frame=estimate.frame, source=pipeline.parts.source.name),
            solved=SolvedCycle(
                injection=pipeline.injection(estimate), state=solved.state, stale=False, stale_because=None, suspects=()
            ),
            assessed=AssessedCycle(
                temperature_c=temperature_c,
                risk=risk,
                condition=condition,
                supply=supply,
                metrics=metrics,
                alarms=pipeline.alarms.book.active(),
                alarm_cards=cards,
                loss_hours_per_year=pipeline.loss_hours_per_year,
                worst_hour=pipeline.worst_hour,
                dark_minutes=interruptions.lasted_minutes,
                reliability=interruptions.indices(pipeline.watched.customers.count),
                faults=faults,
            ),
            control=CycleControl(
                operations=operations,
                requirements=self._requirements,
                tags=pipeline.plan_execution.tags,
                normal=normal,
                events=pipeline.events,
                speed_minutes_per_s=self._speed,
                paused=self._paused,
                offers=pipeline.parts.offers,
                cycle=self._stats(),
            ),
        )
        pipeline.history.append(snapshot)
        self._problems = (*_sensor_problems(estimate.suspect_bus), *self._not_kept)
        self._replace(snapshot, pipeline.history)

    def _publish_stale(self, pipeline: Pipeline, problem: BoardProblem, suspects: tuple[Suspect, ...]) -> None:
        """The last snapshot again with its own times, marked stale; nothing of it is recorded a second time."""
        self._problems = (problem,)
        last = self._boards.latest.snapshot
        if last.case.network is not pipeline.network:
            raise RuntimeError(
                f"nothing of {pipeline.network.name} has been shown yet: {problem.cause} {problem.detail}"
            )
        alarms, cards = pipeline.alarms.book.active(), pipeline.alarms.cards()
        metrics = replace(last.assessed.metrics, active_alarms=len(cards))
        operations = pipeline.plan_execution.operations
        self._republish(
            replace(
                last,
                solved=replace(last.solved, stale=True, stale_because=problem, suspects=suspects),
                assessed=replace(last.assessed, alarms=alarms, alarm_cards=cards, metrics=metrics),
                control=replace(
                    last.control, events=pipeline.events, operations=operations, tags=pipeline.plan_execution.tags
                ),
            )
        )

    def _publish_failure(self, error: Exception) -> None:
        """The last snapshot again, with the failure."""
        self._problems = (_problem(ProblemCause.CYCLE_FAILED, "engine", error),)
        if self._boards.ready:
            problem = _problem(ProblemCause.CYCLE_FAILED, "engine", self._last_error)
            last = self._boards.latest.snapshot
            self._republish(replace(last, solved=replace(last.solved, stale=True, stale_because=problem)))

    def _republish(self, snapshot: Snapshot) -> None:
        """An earlier snapshot under a new version, with the engine as it runs now."""
        control = replace(snapshot.control, speed_minutes_per_s=self._speed, paused=self._paused, cycle=self._stats())
        self._replace(replace(snapshot, version=self._next_version(), control=control), self._boards.latest.history)

    def take_reports(self) -> None:
        """Put the reports that wait on the board; those of another network, which came too late, are dropped."""
        news = {}
        while not self._reports.empty():
            published = self._reports.get_nowait()
            if self._boards.ready and published.network is self._boards.latest.network:
                news[published.worker] = published
        if news:
            board = self._boards.latest
            reports = MappingProxyType({**board.reports, **news})
            self._boards.replace(
                replace(board, version=board.version + 1, reports=reports, quality=self._quality(board.quality))
            )

    def _replace(self, snapshot: Snapshot, history: History) -> None:
        """A board with this snapshot; reports of another network are gone."""
        before = self._boards.latest if self._boards.ready else None
        stays = before is not None and before.network is snapshot.case.network
        self._boards.replace(
            Board(
                version=1 if before is None else before.version + 1,
                snapshot=snapshot,
                history=history,
                reports=before.reports if before is not None and stays else NO_REPORTS,
                quality=self._quality(FRESH if before is None else before.quality),
            )
        )

    def _quality(self, before: BoardQuality) -> BoardQuality:
        return quality_of(self._problems, self._healths(), datetime.now(UTC), before)

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _stats(self) -> CycleStats:
        durations = np.array(self._durations or [np.nan])
        return CycleStats(
            period_s=self._settings.cycle_seconds,
            last_ms=float(durations[-1]),
            p95_ms=float(np.percentile(durations, 95)),
            missed=self._missed,
            failed=self._failed,
            last_error=self._last_error,
        )

    # --- commands, in the thread ---------------------------------------------------------------------------------

    def _take_commands(self) -> None:
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return
            command()

    def _add_step(self) -> None:
        self._due_step += self._cycle_time

    def _acknowledge(self, alarm_id: int, person: str) -> None:
        try:
            self._pipeline.alarms.acknowledge(alarm_id, person, self._pipeline.time)
        except KeyError:
            log.info("alarm %d was gone before it could be acknowledged", alarm_id)

    def _begin_event(self, event: Event, network: Network) -> None:
        with self._events_lock:
            self._events_waiting -= 1
        self._change_events(lambda events: (*events, event)[:MOST_EVENTS], network)

    def _change_events(self, change: Callable[[Events], Events], network: Network) -> None:
        """Change the events, unless another grid has come between: theirs have other targets."""
        if network.is_same_grid(self._pipeline.network):
            disturbances = self._pipeline.parts.disturbances
            if disturbances is not None:
                disturbances.events = change(disturbances.events)

    def _operate(self, network: Network, command: Callable[[PlanExecution], None]) -> None:
        """Command the execution of plans, unless another grid has come between."""
        if network.is_same_grid(self._pipeline.network):
            command(self._pipeline.plan_execution)

    def _change_tags(self, network: Network, change: Callable[[Tags], Tags]) -> None:
        """Change the tags and keep them, unless another grid has come between: theirs hang on other assets."""
        if network.is_same_grid(self._pipeline.network):
            execution, store = self._pipeline.plan_execution, self._pipeline.tag_store
            execution.tags = change(execution.tags)
            try:
                store.save(execution.tags)
                self._not_kept = ()
            except OSError as error:
                log.warning("tags aren't kept: %s", error)
                problem = _problem(ProblemCause.NOT_KEPT, str(store.file), error)
                self._not_kept = (replace(problem, kept=KeptKind.TAGS),)

    def _edit_limits(self, network: Network, edit: LimitEdit) -> None:
        """Edit limits, unless another grid has come between."""
        if network.is_same_grid(self._pipeline.network):
            self._pipeline = self._pipeline.with_limits(edit)

    def _prioritise(self, network: Network, edit: PriorityEdit) -> None:
        """Set a priority, unless another grid has come between: it has other buses."""
        if network.is_same_grid(self._pipeline.network):
            self._pipeline.prioritise(edit)

    def _step_plan(self, pipeline: Pipeline) -> None:
        """What people have confirmed, and the next action of a plan, judged by the last snapshot."""
        pipeline.plan_execution.carry_out_by_hand()
        if (
            self._boards.ready
            and self._boards.latest.snapshot.case.network is pipeline.network
            and not self._boards.latest.snapshot.solved.stale
        ):
            latest = self._boards.latest.snapshot
            now = operating_point_of(latest, self._settings.price_per_mwh)
            pipeline.plan_execution.step(now, isolating_of(latest))

    def _switch(self, pipeline: Pipeline) -> None:
        pipeline.alarms.book.next_id = self._pipeline.alarms.book.next_id  # ids are never used twice
        self._tag_ids = itertools.count(max(next(self._tag_ids), _free_tag_id(pipeline)))
        self._pipeline, self._not_kept = pipeline, ()


def _free_tag_id(pipeline: Pipeline) -> int:
    """Above those of the tags that a grid has kept."""
    return 1 + max((tag.id for tag in pipeline.plan_execution.tags), default=0)


def _problem(
    cause: ProblemCause, subject: str, detail: object = "", number: float = np.nan, of: float = np.nan
) -> BoardProblem:
    since = datetime.now(UTC)
    return BoardProblem(cause=cause, subject=subject, detail=str(detail), number=number, of=of, since=since)


def _sensor_problems(suspect_bus: BoolArray) -> tuple[BoardProblem, ...]:
    """One problem where readings of buses (n,) aren't believed."""
    count = int(suspect_bus.sum())
    if not count:
        return ()
    return (_problem(ProblemCause.SENSORS_MISSING, "sensors", number=count, of=len(suspect_bus)),)

"""The simulator: a grid that lives in simulated time and is measured with imperfect instruments."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from grid.cases.case import Case
from grid.errors import CaseError
from grid.flow.compensation import compensation_of
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, IntArray
from grid.sources.demand import DemandModel, GenerationModel
from grid.sources.past import Past
from grid.sources.protection import SimulatedProtection
from grid.sources.returning import Returning
from grid.sources.seams import Acknowledgement, Held, HoldOrder, Order, SourceParts, SwitchOrder, TapOrder
from grid.sources.weather import WeatherModel
from grid.taps import positions_of, with_taps
from grid.telemetry import (
    BranchPoints,
    BusPoints,
    Event,
    EventKind,
    Frame,
    GeneratorPoints,
    LoadPoints,
    Points,
    Weather,
)

VOLTAGE_NOISE, POWER_NOISE = (
    0.001,
    0.005,
)  # one standard deviation of the reading: class 0.2 and 1 instruments
SET_POINT_NOISE = 1e-5  # of regulating generators: their controllers send a number, nearly without error
TAP_STEP, TAP_DEAD_BAND, TAP_RANGE = 0.0125, 0.009, 4
UPSTREAM_DEVIATION, UPSTREAM_MEMORY_HOURS = 0.01, 2.0
REGULATORS_LEAVE = 0.25
LARGEST_STEP = timedelta(hours=1)
MOST_HEAT_K, MOST_SURGE = 40.0, 100.0  # of all events together: what weather and numbers bear


@dataclass(frozen=True, eq=False)
class _Truth:
    """What really is: the instruments see it only with noise. state is None where no power flow solution exists."""

    injection: Injection
    closed: BoolArray
    state: GridState | None


class Simulator:
    """A Source over simulated time, which is its own clock and actuator and takes events. Owned by the engine's thread.

    closed, held, tap_pos: what switches, generators and tap changers were ordered to; of these, closed and held may be
    replaced by whoever owns the simulator.
    past: the hours before its start.
    """

    name = "simulator"

    def __init__(self, case: Case, start: datetime, seed: int) -> None:
        self.case = case
        self.time = start.replace(tzinfo=UTC)
        self.closed = case.network.branch.closed.copy()
        self.events: tuple[Event, ...] = ()
        self.held = Held.nothing(case.network)
        self.tap_pos = positions_of(case.network)
        weather_rng, load_rng, self._noise_rng, self._upstream_rng, past_rng, flag_rng = (
            np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)
        )
        self._protection = SimulatedProtection(case.network, flag_rng)
        self._weather = WeatherModel(weather_rng)
        compensation = compensation_of(case.network) if case.profiles is None else None
        self._demand = DemandModel(case.network.load, case.profiles, load_rng, compensation)
        self._generation = GenerationModel(case.network.generator, case.profiles)
        self.past = Past(case, self.time, self._demand, self._weather, int(past_rng.integers(2**63)))
        self._returning = Returning(case.network)
        self._power_flow = PowerFlow(case.network)
        self._set_point_noise = SET_POINT_NOISE if case.network.generator.is_regulating.any() else VOLTAGE_NOISE
        self._upstream = 0.0
        self._tap = 0
        self._voltage: FloatArray | None = None
        self._sent: Frame | None = None

    @property
    def parts(self) -> SourceParts:
        """A source that offers everything."""
        return SourceParts(
            source=self, clock=self, actuator=self, disturbances=self, past=self.past, protection=self._protection
        )

    def execute(self, order: Order) -> Acknowledgement:
        """Switch a branch, hold generators or move a tap; a simulated grid always does. A device that has tripped may
        be closed again: it trips again where the fault still stands."""
        match order:
            case HoldOrder():
                self.held = order.held
            case TapOrder():
                self.tap_pos = self.tap_pos.copy()
                self.tap_pos[order.branch] = order.position
                self._power_flow = PowerFlow(with_taps(self.case.network, self.tap_pos))
            case SwitchOrder():
                closed = self.closed.copy()
                closed[order.branch] = order.close
                self.closed = closed
                self._protection.reset(order.branch)
        return Acknowledgement(taken=True)

    def advance(self, step: timedelta) -> None:
        """Let simulated time pass."""
        remaining = step
        while remaining > timedelta(0):
            part = min(remaining, LARGEST_STEP)
            hours = part / timedelta(hours=1)
            self._weather.advance(hours)
            self._demand.advance(hours)
            self._returning.advance(60 * hours)
            kept = np.exp(-hours / UPSTREAM_MEMORY_HOURS)
            fresh = self._upstream_rng.standard_normal()
            self._upstream = kept * self._upstream + UPSTREAM_DEVIATION * np.sqrt(1 - kept**2) * fresh
            self._move_tap()
            self.time += part
            remaining -= part

    def read(self) -> Frame:
        """Measure the grid at its present moment."""
        heat_k = sum(event.magnitude for event in self.events if event.kind is EventKind.HEAT_WAVE)
        weather = self._weather.at(self.time, min(heat_k, MOST_HEAT_K))
        truth = self._truth(weather)
        frame = self._measure(truth, weather)
        self._sent = self._with_sensor_faults(frame)
        return self._sent

    def _truth(self, weather: Weather) -> _Truth:
        network = self.case.network
        load_p, load_q = self._demand.at(self.time, float(weather.ambient_c))
        surge = self._surge()
        load_p, load_q = load_p * surge, load_q * surge
        ratio = load_p.sum() / network.load.p_mw.sum() if network.load.p_mw.sum() > 0 else 1.0
        generator_p, generator_q = self._generation.at(self.time, weather, float(ratio))
        on, closed = np.ones(len(network.generator), dtype=bool), self.closed.copy()
        on[self._targets(EventKind.GENERATOR_TRIP)] = False
        closed[self._targets(EventKind.LINE_OUTAGE)] = False
        left_open = self._protection.after_repairs(self.events, closed, on)
        if left_open.any():
            self.closed = self.closed & ~left_open
        closed, on = self._protection.after_trips(self.events, closed & ~left_open, on, self.time)
        self._returning.see(closed, on)
        cold = self._returning.demand_factor(self._protection.cold_load)
        load_p, load_q = load_p * cold, load_q * cold
        on = on & ~self._returning.waiting(self._protection.cold_load)
        own = Held(generator_p, network.generator.vm_pu * self._voltage_factor())
        now = own.then(self.held.p_mw, self.held.vm_pu)
        injection = Injection(load_p, load_q, now.p_mw, generator_q, now.vm_pu, on)
        try:
            state = self._power_flow.solve(injection, closed, self._voltage)
        except PowerFlowDivergedError:
            return _Truth(injection, closed, None)
        self._voltage = state.voltage
        return _Truth(injection, closed, state)

    def _targets(self, kind: EventKind) -> list[int]:
        return [event.target for event in self.events if event.kind is kind and event.target is not None]

    def _surge(self) -> FloatArray:
        """(l,) factor on each load."""
        factor = np.ones(len(self.case.network.load))
        for event in self.events:
            if event.kind is EventKind.LOAD_SURGE:
                here = True if event.target is None else self.case.network.load.bus == event.target
                factor = np.minimum(factor * np.where(here, event.magnitude, 1.0), MOST_SURGE)
        return factor

    def _voltage_factor(self) -> float:
        """Of all voltage set-points: the upstream grid's wandering, held by a tap changer's steps.

        Where generators regulate, their controllers leave a quarter of it.
        """
        factor = float(np.clip((1 + self._upstream) * (1 + TAP_STEP * self._tap), 0.95, 1.05))
        return 1 + REGULATORS_LEAVE * (factor - 1) if self.case.network.generator.is_regulating.any() else factor

    def _move_tap(self) -> None:
        """One step back towards the set-point when the voltage leaves the dead band."""
        deviation = (1 + self._upstream) * (1 + TAP_STEP * self._tap) - 1
        if abs(deviation) > TAP_DEAD_BAND:
            self._tap = int(np.clip(self._tap - np.sign(deviation), -TAP_RANGE, TAP_RANGE))

    def _measure(self, truth: _Truth, weather: Weather) -> Frame:
        network, state, injection = self.case.network, truth.state, truth.injection
        supplied = np.ones(len(network.load)) if state is None else state.energised[network.load.bus]
        unknown_bus, unknown_branch = np.full(network.n_bus, np.nan), np.full(network.n_branch, np.nan)
        generator_p = injection.generator_p_mw if state is None else state.generator_p_mw
        generator_q = injection.generator_q_mvar if state is None else state.generator_q_mvar
        received_at = datetime.now(UTC)

        def noisy(value: FloatArray, relative: float) -> Points:
            """Measured with Gaussian noise; values that don't exist are missing."""
            measured = value * (1 + relative * self._noise_rng.standard_normal(len(value)))
            deviation = relative * np.abs(measured)
            return Points.of(measured, measured_at=self.time, received_at=received_at, standard_deviation=deviation)

        load = LoadPoints(
            p_mw=noisy(injection.load_p_mw * supplied, POWER_NOISE),
            q_mvar=noisy(injection.load_q_mvar * supplied, POWER_NOISE),
        )
        generator = GeneratorPoints(
            p_mw=noisy(generator_p, POWER_NOISE),
            q_mvar=noisy(generator_q, POWER_NOISE),
            vm_pu=noisy(injection.generator_vm_pu, self._set_point_noise),
            on=Points.of(injection.generator_on, measured_at=self.time, received_at=received_at),
        )
        return Frame(
            measured_at=self.time,
            received_at=received_at,
            bus=BusPoints(vm_pu=noisy(unknown_bus if state is None else np.abs(state.voltage), VOLTAGE_NOISE)),
            branch=BranchPoints(
                p_from_mw=noisy(unknown_branch if state is None else state.p_from_mw, POWER_NOISE),
                closed=Points.of(truth.closed, measured_at=self.time, received_at=received_at),
                tap_pos=None
                if network.branch.tap is None
                else Points.of(self.tap_pos, measured_at=self.time, received_at=received_at),
            ),
            load=load,
            generator=generator,
            weather=weather,
        )

    def _with_sensor_faults(self, frame: Frame) -> Frame:
        """Buses whose sensors are gone send nothing; stuck ones send the last values again, as if they were good."""
        gone, stuck = self._targets(EventKind.SENSOR_GONE), self._targets(EventKind.SENSOR_STUCK)
        if not gone and not stuck:
            return frame
        before, load_bus = frame if self._sent is None else self._sent, self.case.network.load.bus

        def sent(now: Points | None, last: Points | None, bus: IntArray) -> Points | None:
            return now and last and _faulty(now, last, np.isin(bus, gone), np.isin(bus, stuck))

        return replace(
            frame,
            bus=replace(frame.bus, vm_pu=sent(frame.bus.vm_pu, before.bus.vm_pu, np.arange(self.case.network.n_bus))),
            load=replace(
                frame.load,
                p_mw=sent(frame.load.p_mw, before.load.p_mw, load_bus),
                q_mvar=sent(frame.load.q_mvar, before.load.q_mvar, load_bus),
            ),
        )


def _faulty(now: Points, last: Points, gone: BoolArray, stuck: BoolArray) -> Points:
    value, deviation = (
        np.where(gone, np.nan, np.where(stuck, before, present))
        for before, present in ((last.value, now.value), (last.standard_deviation, now.standard_deviation))
    )
    return Points.of(value, measured_at=now.measured_at, received_at=now.received_at, standard_deviation=deviation)


def open_simulator(case: Case, argument: str, start: datetime, seed: int) -> SourceParts:
    """A simulator of a case, which has no argument: CaseError where one is given."""
    if argument:
        raise CaseError(f"simulator:{argument}", "the simulator takes nothing after a colon")
    return Simulator(case, start, seed).parts

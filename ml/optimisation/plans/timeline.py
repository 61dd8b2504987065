"""The time line of a plan: when each switching action is done, and how much has supply then.

Actions are done in the plan's order. A remote one takes a fixed time. One by hand is done by the crew that is there
first: it travels while others switch, and needs a fixed time at the switch. Powers are those of the plan's moment; what
loads take more at first after an interruption is told by grid.protection.cold_load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from grid.flow.powerflow import Injection
from grid.flow.topology import energised_buses
from grid.network import BoolArray, BranchKind, FloatArray, Network
from ml.optimisation.plans.plan import Action

REPAIR_HOURS: Mapping[BranchKind, float] = {
    BranchKind.LINE: 4.0,
    BranchKind.CABLE: 10.0,
    BranchKind.TRANSFORMER: 24.0,
    BranchKind.IMPEDANCE: 4.0,
}
"""Assumptions: an overhead line is mended within a shift, a cable is located, dug out and jointed, a transformer is
replaced by one that is kept in store. Where none is kept it takes weeks."""


class Distance(StrEnum):
    """Where the ways of crews come from."""

    COORDINATES = "coordinates"  # of the case, scaled by the lengths of its lines
    FIXED = "fixed"  # one time for every way: the case has no coordinates, or no lengths


@dataclass(frozen=True, eq=False, kw_only=True)
class FieldWork:
    """How switches are worked, and how long repairs take.

    by_hand: (m,) switches that a crew has to go to, None where all are remote. remote_minutes: of a remote action.
    hand_minutes: at a switch. travel_km_per_h: on the straight way. travel_minutes: of a way where distances aren't
    known. crews: all start at the first source bus. Raises ValueError for numbers that can't be.
    """

    by_hand: BoolArray | None = None
    remote_minutes: float = 1.0
    hand_minutes: float = 15.0
    travel_km_per_h: float = 30.0
    travel_minutes: float = 20.0
    crews: int = 2
    repair_hours: Mapping[BranchKind, float] = field(default_factory=lambda: REPAIR_HOURS)

    def __post_init__(self) -> None:
        if self.crews < 1 or self.travel_km_per_h <= 0:
            raise ValueError(f"at least one crew that moves is needed, not {self.crews} at {self.travel_km_per_h} km/h")

    def is_by_hand(self, branch: int) -> bool:
        """Whether a crew has to go to a branch's switch."""
        return self.by_hand is not None and bool(self.by_hand[branch])

    def repair_minutes(self, network: Network, branch: int) -> float:
        """Until a branch is repaired."""
        return 60.0 * self.repair_hours.get(network.branch.kind[branch], REPAIR_HOURS[BranchKind.LINE])


@dataclass(frozen=True, kw_only=True)
class TimedAction:
    """An action, when it is done, and what has supply then. crew: from 0 on, None where it is remote.

    travel_minutes: of that crew's way to the switch, 0 where it is remote.
    """

    action: Action
    minute: float
    supplied_mw: float
    supplied_customers: float
    crew: int | None = None
    travel_minutes: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What has supply before the first action, and after each. wanted_mw, customers: of the whole grid."""

    supplied_mw: float
    supplied_customers: float
    wanted_mw: float
    customers: float
    steps: tuple[TimedAction, ...]
    distance: Distance

    @property
    def minutes(self) -> float:
        """Until the last action is done."""
        return self.steps[-1].minute if self.steps else 0.0

    @property
    def by_hand(self) -> int:
        """How many actions a crew does."""
        return sum(step.crew is not None for step in self.steps)

    def unsupplied_mwh(self, minutes: float) -> float:
        """MWh that the grid's loads lack from the beginning until so many minutes later, at constant demand."""
        ends = [*(min(step.minute, minutes) for step in self.steps), minutes]
        supplied = [self.supplied_mw, *(step.supplied_mw for step in self.steps)]
        begins = [0.0, *ends[:-1]]
        lacking = ((self.wanted_mw - mw) * (end - begin) for mw, begin, end in zip(supplied, begins, ends, strict=True))
        return sum(lacking) / 60.0


def timeline_of(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    actions: Sequence[Action],
    customers: FloatArray,
    work: FieldWork,
) -> Timeline:
    """The time line of actions that begin at switch states closed (m,). customers: (l,) of each load."""
    branch, generator = network.branch, network.generator
    sources = generator.bus[generator.is_source & injection.generator_on]
    wanted = injection.load_p_mw.clip(min=0)

    def supplied(now: BoolArray) -> tuple[float, float]:
        buses = energised_buses(network.n_bus, branch.from_bus, branch.to_bus, now, sources)
        has = buses[network.load.bus]
        return float(wanted[has].sum()), float(customers[has].sum())

    ways = _Ways(network, work)
    crews = _Crews(network, ways, work)
    mw, people = supplied(closed)
    now, minute, steps = closed.copy(), 0.0, []
    for action in actions:
        crew, travel = None, 0.0
        if work.is_by_hand(action.branch):
            crew, travel, ready = crews.sent(action.branch)
            minute = max(minute + work.remote_minutes, ready)
            crews.done(crew, minute)
        else:
            minute += work.remote_minutes
        now[action.branch] = action.close
        step_mw, step_people = supplied(now)
        steps.append(
            TimedAction(
                action=action,
                minute=minute,
                supplied_mw=step_mw,
                supplied_customers=step_people,
                crew=crew,
                travel_minutes=travel,
            )
        )
    return Timeline(
        supplied_mw=mw,
        supplied_customers=people,
        wanted_mw=float(wanted.sum()),
        customers=float(customers.sum()),
        steps=tuple(steps),
        distance=ways.distance,
    )


def km_per_unit(network: Network) -> float:
    """Kilometres of a unit of the bus coordinates, the median of lines; NaN where the case has none or no lengths."""
    bus, branch = network.bus, network.branch
    if not bus.placed_by_case:
        return float("nan")
    apart = np.hypot(bus.x[branch.from_bus] - bus.x[branch.to_bus], bus.y[branch.from_bus] - bus.y[branch.to_bus])
    known = np.isfinite(apart) & (apart > 0) & np.isfinite(branch.length_km) & (branch.length_km > 0)
    return float(np.median(branch.length_km[known] / apart[known])) if known.any() else float("nan")


class _Ways:
    """Minutes between buses."""

    def __init__(self, network: Network, work: FieldWork) -> None:
        self._bus, self._work, self._scale = network.bus, work, km_per_unit(network)
        self.distance = Distance.COORDINATES if np.isfinite(self._scale) else Distance.FIXED

    def minutes(self, start: int, end: int) -> float:
        """From one bus to another, on the straight way."""
        if start == end:
            return 0.0
        km = self._scale * float(np.hypot(self._bus.x[start] - self._bus.x[end], self._bus.y[start] - self._bus.y[end]))
        return 60.0 * km / self._work.travel_km_per_h if np.isfinite(km) else self._work.travel_minutes


class _Crews:
    """Where each crew is, and from when on it can leave."""

    def __init__(self, network: Network, ways: _Ways, work: FieldWork) -> None:
        self._branch, self._ways, self._work = network.branch, ways, work
        sources = network.source_buses
        self._place = [int(sources[0]) if len(sources) else 0] * work.crews
        self._free = [0.0] * work.crews

    def sent(self, branch: int) -> tuple[int, float, float]:
        """The crew that can switch a branch first, minutes of its way, and when it is ready; it stays there then."""
        ends = (int(self._branch.from_bus[branch]), int(self._branch.to_bus[branch]))
        ready, crew, way, end = min(
            (self._free[crew] + way + self._work.hand_minutes, crew, way, end)
            for crew, place in enumerate(self._place)
            for end in ends
            for way in (self._ways.minutes(place, end),)
        )
        self._place[crew] = end
        return crew, way, ready

    def done(self, crew: int, minute: float) -> None:
        """A crew's switching is done: it can leave."""
        self._free[crew] = minute

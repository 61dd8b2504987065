"""The simulated grid's protection: devices that trip for faults, and what it reports of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grid.flow.topology import energised_buses
from grid.network import BoolArray, Network
from grid.protection.cold_load import ColdLoadModel
from grid.protection.devices import protected_branches, running_sources, trip_of
from grid.protection.indicators import drawn_flags
from grid.protection.records import FaultedElement, FaultPlace, ProtectionScheme, TripReport
from grid.telemetry import Event, EventKind

PLACES = {EventKind.BRANCH_FAULT: FaultPlace.BRANCH, EventKind.BUS_FAULT: FaultPlace.BUS}


@dataclass(eq=False)
class _Standing:
    """What a fault that isn't repaired has opened, and its last report. branches (m,), generators (g,)."""

    branches: BoolArray
    generators: BoolArray
    report: TripReport


class SimulatedProtection:
    """Trips devices for the faults among events, and keeps them open until they are ordered otherwise or repaired.

    scheme: how good the indicators are; cold_load: what comes back with supply. Both may be replaced.
    """

    def __init__(self, network: Network, rng: np.random.Generator) -> None:
        self.scheme = ProtectionScheme()
        self.cold_load = ColdLoadModel()
        self._network, self._rng = network, rng
        self._protected = protected_branches(network)
        self._standing: dict[int, _Standing] = {}

    @property
    def trips(self) -> tuple[TripReport, ...]:
        """The last trip of each fault that isn't repaired yet."""
        return tuple(standing.report for standing in self._standing.values())

    def reset(self, branch: int) -> None:
        """A branch was ordered to a position: it doesn't count as tripped any more."""
        for standing in self._standing.values():
            standing.branches[branch] = False

    def after_repairs(self, events: Sequence[Event], closed: BoolArray, on: BoolArray) -> BoolArray:
        """(m,) tripped branches that stay open although their fault is repaired.

        The crew that has repaired it closes the device again, unless both of its ends are supplied by then: closing it
        would make a loop. closed (m,) and on (g,) without trips.
        """
        branch, left_open = self._network.branch, np.zeros(self._network.n_branch, dtype=bool)
        faults = {event.id for event in events}
        for number in [number for number in self._standing if number not in faults]:
            repaired = self._standing.pop(number)
            for device in np.flatnonzero(repaired.branches & closed):
                now, running = self._without_trips(closed & ~left_open, on)
                now[device] = False
                live = energised_buses(
                    self._network.n_bus,
                    branch.from_bus,
                    branch.to_bus,
                    now,
                    running_sources(self._network, running),
                )
                left_open[device] = live[branch.from_bus[device]] and live[branch.to_bus[device]]
        return left_open

    def after_trips(
        self, events: Sequence[Event], closed: BoolArray, on: BoolArray, time: datetime
    ) -> tuple[BoolArray, BoolArray]:
        """Positions (m,) and generators in operation (g,) once protection has opened what feeds a fault."""
        faults = [(event, _element(event)) for event in events if event.kind in PLACES]
        closed, on = self._without_trips(closed, on)
        for event, fault in faults:
            trip = trip_of(self._network, self._protected, closed, on, fault)
            if not trip:
                continue
            seen = drawn_flags(self._network, self.scheme, closed, on, fault, self._rng)
            report = TripReport(
                id=event.id,
                tripped_at=time,
                trip=trip,
                closed=closed.copy(),
                running=on.copy(),
                seen=seen,
                passages=self.scheme.passages,
            )
            standing = self._standing.setdefault(event.id, _Standing(np.zeros_like(closed), np.zeros_like(on), report))
            standing.report = report
            standing.branches[list(trip.branches)] = True
            standing.generators[list(trip.generators)] = True
            closed, on = self._without_trips(closed, on)
        return closed, on

    def _without_trips(self, closed: BoolArray, on: BoolArray) -> tuple[BoolArray, BoolArray]:
        closed, on = closed.copy(), on.copy()
        for standing in self._standing.values():
            closed &= ~standing.branches
            on &= ~standing.generators
        return closed, on


def _element(event: Event) -> FaultedElement:
    """What a fault's event is on; ValueError for one without a target, which no engine injects."""
    if event.target is None:
        raise ValueError(f"the fault {event.id} is on nothing")
    return FaultedElement(place=PLACES[event.kind], index=event.target)

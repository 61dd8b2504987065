"""The seams between the engine and where its grid is: what a source may offer besides its frames.

A source (grid.telemetry.Source) always reads. Simulated time, orders and disturbances are offered by some only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel
from grid.protection.records import ProtectionScheme, TripReport
from grid.sources.past import Past
from grid.telemetry import Event, Source


@dataclass(frozen=True, eq=False)
class Held:
    """What generators (g,) are held at, NaN where nothing holds them.

    They then follow the demand or the weather with their power, and the upstream grid with their voltage.
    """

    p_mw: FloatArray
    vm_pu: FloatArray

    @classmethod
    def nothing(cls, network: Network) -> "Held":
        """No generator is held."""
        free = np.full(len(network.generator), np.nan)
        return cls(free, free)

    def then(self, p_mw: FloatArray, vm_pu: FloatArray) -> "Held":
        """This with other set-points, NaN where they stay as they are."""
        return Held(np.where(np.isnan(p_mw), self.p_mw, p_mw), np.where(np.isnan(vm_pu), self.vm_pu, vm_pu))


@dataclass(frozen=True, kw_only=True)
class SwitchOrder:
    """Open or close a branch."""

    branch: int
    close: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class HoldOrder:
    """Hold generators at exactly this; those that are held at something else now are let go."""

    held: Held


@dataclass(frozen=True, kw_only=True)
class TapOrder:
    """Move the tap changer of a branch to a position that it has."""

    branch: int
    position: float


Order = SwitchOrder | HoldOrder | TapOrder


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """What became of an order. An order that isn't taken has changed nothing."""

    taken: bool


class Actuator(Protocol):
    """Carries out orders in the grid."""

    @property
    def closed(self) -> BoolArray:
        """What switches (m,) were set to; a branch that is open against it has tripped."""
        ...

    @property
    def held(self) -> Held:
        """What generators are held at by orders."""
        ...

    @property
    def tap_pos(self) -> FloatArray:
        """Positions (m,) that tap changers were ordered to, those of the case without an order; NaN where none is
        known."""
        ...

    def execute(self, order: Order) -> Acknowledgement:
        """Carry out an order. Raises ConnectionError where it can't be sent; it has changed nothing then."""
        ...


class SimulatedClock(Protocol):
    """Time that passes only when it is told to. Pause and speed are the engine's."""

    @property
    def time(self) -> datetime:
        """The present moment, UTC."""
        ...

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        ...


class Disturbances(Protocol):
    """Takes the events that a person injects: whoever owns the source replaces them."""

    events: tuple[Event, ...]


class Protection(Protocol):
    """Tells of trips, as protection relays and fault-passage indicators do.

    scheme and cold_load, what comes back with supply, may be replaced by the owner.
    """

    scheme: ProtectionScheme
    cold_load: ColdLoadModel

    @property
    def trips(self) -> tuple[TripReport, ...]:
        """The last trip of each fault that isn't repaired yet."""
        ...


@dataclass(frozen=True, kw_only=True)
class SourceOffers:
    """What people may ask of a source."""

    clock: bool
    orders: bool
    events: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceParts:
    """A source with all that it offers, None for what it doesn't. past: the hours before its start, where known.
    protection: what tells of trips.

    Without an actuator plans are advice only.
    """

    source: Source
    clock: SimulatedClock | None = None
    actuator: Actuator | None = None
    disturbances: Disturbances | None = None
    past: Past | None = None
    protection: Protection | None = None

    @property
    def offers(self) -> SourceOffers:
        """What is there."""
        return SourceOffers(
            clock=self.clock is not None, orders=self.actuator is not None, events=self.disturbances is not None
        )

"""Records of faults: the scheme of protection, what a trip reports to the control room, and what is found out of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grid.network import BoolArray, FloatArray


class FaultPlace(StrEnum):
    """What a fault stands on."""

    BRANCH = "branch"
    BUS = "bus"


@dataclass(frozen=True, kw_only=True)
class FaultedElement:
    """A branch or a bus with a fault that stays until it is repaired."""

    place: FaultPlace
    index: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ProtectionScheme:
    """How a grid is protected, and what its fault-passage indicators are worth.

    missed, false: the chance from 0 to 0.5 that an indicator doesn't show a passage of fault current that was there, or
    shows one that wasn't, for each passage anew. passages: how often fault current flows until the device stays open.
    Three is the usual duty of a recloser with two shots (IEC 62271-111: O - t - CO - t' - CO); 1 is a device that
    doesn't reclose. from_end, to_end: (m,) where indicators stand, None for both ends of each branch that can be
    switched.
    """

    missed: float = 0.05
    false: float = 0.05
    passages: int = 3
    from_end: BoolArray | None = None
    to_end: BoolArray | None = None

    def __post_init__(self) -> None:
        for name, chance in (("missed", self.missed), ("false", self.false)):
            if not 0 <= chance <= 0.5:
                raise ValueError(f"{name}: a chance from 0 to 0.5, not {chance}")
        if self.passages < 1:
            raise ValueError(f"passages: 1 or more, not {self.passages}")


@dataclass(frozen=True, kw_only=True)
class Trip:
    """What protection opens for a fault: branches with their devices, and generators whose bus has none before it."""

    branches: tuple[int, ...]
    generators: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.branches or self.generators)


@dataclass(frozen=True, eq=False, kw_only=True)
class TripReport:
    """What the control room is told of a trip; the faulty element isn't in it.

    closed: (m,) positions right before. running: (g,) generators right before. seen: (m, 2) how many of the passages
    the indicator at the from and at the to end of each branch showed, NaN where none stands.
    """

    id: int  # stays while the same fault trips again
    tripped_at: datetime  # simulated
    trip: Trip
    closed: BoolArray
    running: BoolArray
    seen: FloatArray
    passages: int


@dataclass(frozen=True, kw_only=True)
class LocatedSection:
    """Buses and branches that no indicator tells apart. probability: that the fault is there.

    switches: branches that must be open so that nothing of it is energised.
    """

    buses: tuple[int, ...]
    branches: tuple[int, ...]
    probability: float
    switches: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class LocatedFault:
    """A trip with what is known of its fault. sections: the most probable first; others of less than 1 % are left out.

    It stands in the snapshot until the fault is repaired.
    """

    report: TripReport
    sections: tuple[LocatedSection, ...]

    @property
    def isolating(self) -> tuple[int, ...]:
        """Branches that must be open until the repair, after the most probable section."""
        return self.sections[0].switches if self.sections else ()

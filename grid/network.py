"""Network: the static description of a grid as arrays, the form in which everything else reads it.

A bus here is an electrical node: buses that closed bus-bar switches join are one. A branch is a line, a transformer
(or one winding of a three-winding transformer), an impedance or a switch with an impedance. Which branches are closed
is not part of the network but of its state.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

FloatArray = np.ndarray
IntArray = np.ndarray
BoolArray = np.ndarray


class BranchKind(StrEnum):
    """What a branch is."""

    LINE = "line"
    CABLE = "cable"
    TRANSFORMER = "transformer"
    IMPEDANCE = "impedance"


class BusKind(StrEnum):
    """What a bus is to a person who looks at the map."""

    GENERATOR = "generator"
    SUBSTATION = "substation"
    JUNCTION = "junction"
    AUXILIARY = "auxiliary"


class Energy(StrEnum):
    """Where a generator's energy comes from; UNKNOWN where the case doesn't say."""

    GRID = "grid"
    THERMAL = "thermal"
    HYDRO = "hydro"
    PV = "pv"
    WIND = "wind"
    RENEWABLE = "renewable"
    UNKNOWN = "unknown"


RENEWABLE = frozenset({Energy.HYDRO, Energy.PV, Energy.WIND, Energy.RENEWABLE})


class OpenEnd(StrEnum):
    """Where a branch is disconnected while it is open: an end that stays connected keeps drawing charging current."""

    BOTH = "both"
    FROM = "from"
    TO = "to"


@dataclass(frozen=True, eq=False)
class Buses:
    """n buses; x and y are map coordinates (any unit, y upwards), NaN where the case has none.

    placed_by_case: whether coordinates are the case's own, not computed for the map.
    """

    name: tuple[str, ...]
    kind: tuple[BusKind, ...]
    vn_kv: FloatArray
    min_vm_pu: FloatArray
    max_vm_pu: FloatArray
    limits_derived: bool
    in_service: BoolArray
    shunt_pu: FloatArray  # complex admittance to earth, positive susceptance = capacitor
    x: FloatArray
    y: FloatArray
    placed_by_case: bool = True

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False, kw_only=True)
class TapChangers:
    """Tap changers that turn no phase, (m,) by branch; NaN where the case doesn't give one with all of its range.

    position: the present one; own: the case's. Both count as the case does, whose ratio is nominal at neutral. step_pu:
    of its nominal voltage that a step adds to the winding. at_to: whether the winding at the to end has it.
    """

    position: FloatArray
    own: FloatArray
    lowest: FloatArray
    neutral: FloatArray
    highest: FloatArray
    step_pu: FloatArray
    at_to: BoolArray


@dataclass(frozen=True, eq=False)
class Branches:
    """m branches as two-port admittances in p.u. of the network's base.

    rating_from_ka and rating_to_ka are the currents of 100 % loading at either end; rating_derived marks those that
    the case didn't give. r_ohm is referred to the from end's nominal voltage. All is at the present tap positions.
    """

    name: tuple[str, ...]
    kind: tuple[BranchKind, ...]
    from_bus: IntArray
    to_bus: IntArray
    yff: FloatArray
    yft: FloatArray
    ytf: FloatArray
    ytt: FloatArray
    r_pu: FloatArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    length_km: FloatArray
    rating_from_ka: FloatArray
    rating_to_ka: FloatArray
    rating_derived: BoolArray
    in_service: BoolArray  # False: dismantled or connected to a bus out of service; can't be closed
    closed: BoolArray  # the case's own switch states
    open_end: tuple[OpenEnd, ...]
    breaker: BoolArray  # a circuit breaker at one of its ends; none anywhere where the case doesn't say
    tap: TapChangers | None = None  # None where no branch has a known one

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class Loads:
    """l loads with their powers at the case's own load level."""

    name: tuple[str, ...]
    bus: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    profile: tuple[str, ...]  # customer class or the name of the case's own profile
    customers: FloatArray | None = None  # NaN where the case doesn't say; None where it says so of no load
    priority: FloatArray | None = None  # of supply, an ordinary load has 1; NaN and None likewise

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class Generators:
    """g generators. A source fixes voltage and angle (slack); a regulating one fixes p and vm_pu; the rest p and q.

    Limits of p that the case doesn't give are the generator's own power and 0, those of q are infinite.
    """

    name: tuple[str, ...]
    bus: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    vm_pu: FloatArray
    va_degree: FloatArray
    is_source: BoolArray
    is_regulating: BoolArray
    min_p_mw: FloatArray
    max_p_mw: FloatArray
    min_q_mvar: FloatArray
    max_q_mvar: FloatArray
    energy: tuple[Energy, ...]
    profile: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.name)

    @property
    def holds_voltage(self) -> BoolArray:
        """(g,) the sources and the regulating ones: where supply paths lead to."""
        return self.is_source | self.is_regulating

    @property
    def p_bounds_mw(self) -> tuple[FloatArray, FloatArray]:
        """(g,) lowest and highest active power; a source whose limits the case doesn't give is unlimited."""
        own_low, own_high = np.minimum(self.p_mw, 0), np.maximum(self.p_mw, 0)
        unknown = self.is_source & (self.min_p_mw == own_low) & (self.max_p_mw == own_high)
        return np.where(unknown, -np.inf, self.min_p_mw), np.where(unknown, np.inf, self.max_p_mw)


@dataclass(frozen=True, eq=False)
class Network:
    """A grid's static data; nothing in it changes while the grid runs."""

    name: str
    title: str
    base_mva: float
    bus: Buses
    branch: Branches
    load: Loads
    generator: Generators
    base_voltage: FloatArray  # complex p.u., the solved base state: where Newton starts

    @property
    def n_bus(self) -> int:
        """Number of buses, n."""
        return len(self.bus)

    @property
    def n_branch(self) -> int:
        """Number of branches, m."""
        return len(self.branch)

    @property
    def source_buses(self) -> IntArray:
        """Buses that hold voltage and angle, sorted, each once."""
        return np.unique(self.generator.bus[self.generator.is_source])

    def is_same_grid(self, other: "Network") -> bool:
        """Whether another one is this grid, with other limits or tap positions at most: made from it by with_limits or
        with_taps."""
        return (
            self.branch.from_bus is other.branch.from_bus
            and self.load is other.load
            and self.generator is other.generator
        )

    def bus_degree(self, closed: BoolArray) -> IntArray:
        """(n,) how many closed branches meet at each bus."""
        ends = np.concatenate([self.branch.from_bus[closed], self.branch.to_bus[closed]])
        return np.bincount(ends, minlength=self.n_bus)

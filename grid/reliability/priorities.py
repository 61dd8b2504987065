"""How much a kW of each load is worth beside others when not all can be supplied: as the file says, or a person."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from grid.network import FloatArray, Network

ORDINARY = 1.0
LOWEST, HIGHEST = 0.01, 1000.0


@dataclass(frozen=True, kw_only=True)
class PriorityEdit:
    """The priority that a person has given to all loads of a bus. edited_at: simulated."""

    bus: int
    priority: float
    person: str
    edited_at: datetime


@dataclass(frozen=True, eq=False, kw_only=True)
class Priorities:
    """of_load: (l,) from LOWEST to HIGHEST, ORDINARY where nobody says. edits: the first first."""

    of_load: FloatArray
    edits: tuple[PriorityEdit, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether any load is worth more than another."""
        return bool((self.of_load != ORDINARY).any())

    def at_bus(self, network: Network, bus: int) -> float:
        """Of a bus, its loads' mean by power; NaN where it has no load."""
        here = network.load.bus == bus
        weight = network.load.p_mw[here].clip(min=0)
        if not here.any():
            return float("nan")
        return float(np.average(self.of_load[here], weights=weight if weight.any() else None))

    def edited(self, network: Network, edit: PriorityEdit) -> "Priorities":
        """With an edit. ValueError for a priority out of range, LookupError for a bus without load, or none at all."""
        if not 0 <= edit.bus < network.n_bus:
            raise LookupError(f"target: there is no bus {edit.bus}; they are numbered 0 to {network.n_bus - 1}")
        here = network.load.bus == edit.bus
        if not here.any():
            raise LookupError(f"target: {network.bus.name[edit.bus]} has no load")
        if not LOWEST <= edit.priority <= HIGHEST:
            raise ValueError(f"priority: {LOWEST:g} to {HIGHEST:g}, not {edit.priority:g}; an ordinary load has 1")
        return replace(self, of_load=np.where(here, edit.priority, self.of_load), edits=(*self.edits, edit))


def priorities_of(network: Network) -> Priorities:
    """The priorities of a network's own file, in which one out of range was refused (grid.files.check)."""
    own = network.load.priority
    if own is None:
        return Priorities(of_load=np.full(len(network.load), ORDINARY))
    return Priorities(of_load=np.where(np.isfinite(own), own, ORDINARY))

"""What is exported: a grid as it is now, and what both formats need to know of it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from grid.files.findings import ImportReport
from grid.flow.powerflow import GridState, Injection
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, Network


@dataclass(frozen=True, eq=False, kw_only=True)
class PresentGrid:
    """A grid as it is now. network: with its present tap positions and limits. closed: (m,).

    state: of the injection, None where there is no solution. customers, priority: (l,), NaN where nobody says. at: the
    time that the data are of, None where they are a file's. doubt: in words, why they aren't of now; empty where they
    are. report: how the reading of the case ended, None where nothing is known of it.
    """

    network: Network
    injection: Injection
    closed: BoolArray
    state: GridState | None
    customers: FloatArray | None = None
    priority: FloatArray | None = None
    at: datetime | None = None
    doubt: str = ""
    report: ImportReport | None = None

    @cached_property
    def energised(self) -> BoolArray:
        """(n,) which buses a running source supplies."""
        if self.state is not None:
            return self.state.energised
        network, branch = self.network, self.network.branch
        running = network.generator.bus[network.generator.is_source & self.injection.generator_on]
        return energised_buses(network.n_bus, branch.from_bus, branch.to_bus, self.closed, np.unique(running))

    @cached_property
    def voltages(self) -> tuple[FloatArray, FloatArray]:
        """(n,) p.u. and degrees: solved, 1 and 0 where there is no supply or no solution."""
        if self.state is None:
            return np.ones(self.network.n_bus), np.zeros(self.network.n_bus)
        live = self.energised
        return np.where(live, self.state.vm_pu, 1.0), np.where(live, self.state.va_degree, 0.0)

    @cached_property
    def set_point_pu(self) -> FloatArray:
        """(g,) the voltage that counts at each generator's bus: the last that is set there, as in the power flow."""
        generator, set_pu = self.network.generator, self.injection.generator_vm_pu
        holds = generator.holds_voltage & self.injection.generator_on
        held = np.full(self.network.n_bus, np.nan)
        held[generator.bus[holds]] = set_pu[holds]
        at_bus = held[generator.bus]
        return np.where(np.isfinite(at_bus), at_bus, set_pu)

    @cached_property
    def generation(self) -> tuple[FloatArray, FloatArray]:
        """(g,) MW and Mvar that generators feed in; what they are set to where they have no supply or no solution."""
        generator, injection = self.network.generator, self.injection
        if self.state is None:
            return injection.generator_p_mw, injection.generator_q_mvar
        feeds = self.energised[generator.bus] & injection.generator_on
        p_mw = np.where(feeds, self.state.generator_p_mw, injection.generator_p_mw)
        return p_mw, np.where(feeds, self.state.generator_q_mvar, injection.generator_q_mvar)

    @cached_property
    def rating_mva(self) -> tuple[FloatArray, FloatArray]:
        """(m,) 100 % loading at the from and at the to end, at nominal voltage; NaN where the case gives none."""
        branch, vn_kv = self.network.branch, self.network.bus.vn_kv
        ends = ((branch.rating_from_ka, branch.from_bus), (branch.rating_to_ka, branch.to_bus))
        at_from, at_to = (np.sqrt(3.0) * rating * vn_kv[bus] for rating, bus in ends)
        unknown = branch.rating_derived
        return np.where(unknown, np.nan, at_from), np.where(unknown, np.nan, at_to)

    @cached_property
    def dark_load_mw(self) -> float:
        """What loads at buses without supply would take."""
        return float(self.injection.load_p_mw[~self.energised[self.network.load.bus]].sum())

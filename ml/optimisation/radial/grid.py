"""RadialGrid: a network as the switching policy and its judges know it, in p.u., at one operating point."""

from dataclasses import dataclass, replace

import numpy as np

from grid.flow.powerflow import Injection
from grid.flow.topology import energised_buses, is_radial
from grid.network import BoolArray, Branches, BranchKind, FloatArray, IntArray, Network
from ml.optimisation.radial.trees import Loops, find_loops

SMALLEST_RESISTANCE_PU = 1e-12
SHEDDING_RESISTANCE = 10.0  # of all the branches together


@dataclass(frozen=True, eq=False)
class RadialGrid:
    """Series impedances (m,), what buses draw (n,) complex, net of generation, and what their loads take (n,) real.

    usable: (m,) branches that may be closed. fixed_closed: (m,) branches that stay closed, as transformers do.
    source_bus: (s,) all sources together are the root. Powers and impedances in p.u. of base_mva.
    """

    n_bus: int
    from_bus: IntArray
    to_bus: IntArray
    impedance_pu: FloatArray
    usable: BoolArray
    fixed_closed: BoolArray
    source_bus: IntArray
    source_vm_pu: float
    demand_pu: FloatArray
    load_pu: FloatArray
    base_mva: float
    virtual: int = 0  # how many of the branches, the last ones, stand for a bus left without supply

    @classmethod
    def of(cls, network: Network, injection: Injection | None = None) -> "RadialGrid":
        """A network with given injections, by default the case's own."""
        branch, generator = network.branch, network.generator
        injection = injection or Injection.of_case(network)
        demand, load = demand_of(network, injection)
        source = generator.is_source & injection.generator_on
        if not source.any():
            raise ValueError(f"{network.name}: no source is running")
        transformer = np.array([kind is BranchKind.TRANSFORMER for kind in branch.kind], dtype=bool)
        return cls(
            network.n_bus,
            branch.from_bus,
            branch.to_bus,
            series_impedance_pu(branch),
            branch.in_service,
            transformer & branch.closed & branch.in_service,
            np.unique(generator.bus[source]),
            float(injection.generator_vm_pu[source].mean()),
            demand,
            load,
            network.base_mva,
        )

    @property
    def is_virtual(self) -> BoolArray:
        """(m,) which branches stand for a bus left without supply."""
        return np.arange(len(self.usable)) >= len(self.usable) - self.virtual

    @property
    def closed_resistance_pu(self) -> FloatArray:
        """(m,) resistances for currents of the closed grid, positive.

        Branches that stand for lost supply have so many that they carry next to nothing there: what they do carry grows
        with the voltage that is lost on the way to their bus.
        """
        resistance = np.maximum(self.impedance_pu.real, SMALLEST_RESISTANCE_PU)
        real = len(resistance) - self.virtual
        resistance[real:] = SHEDDING_RESISTANCE * resistance[:real].sum()
        return resistance

    def loops(self, out: IntArray | None = None) -> Loops:
        """The loops while branches out (k,) can't be used. NotConnectedError where they leave buses without supply."""
        usable = self.usable.copy()
        if out is not None:
            usable[out] = False
        return find_loops(self.n_bus, self.from_bus, self.to_bus, usable, self.source_bus, self.fixed_closed & usable)

    def reachable(self) -> BoolArray:
        """(n,) buses that usable branches join to a source."""
        return energised_buses(self.n_bus, self.from_bus, self.to_bus, self.usable, self.source_bus)

    def without_unreachable(self) -> "RadialGrid":
        """The grid with buses that can't be reached taken for sources without demand: nothing flows there."""
        dead = ~self.reachable()
        if not dead.any():
            return self
        return replace(
            self,
            usable=self.usable & ~dead[self.from_bus] & ~dead[self.to_bus],
            source_bus=np.concatenate([self.source_bus, np.flatnonzero(dead)]),
            demand_pu=np.where(dead, 0.0, self.demand_pu),
            load_pu=np.where(dead, 0.0, self.load_pu),
        )

    def with_shedding(self, sheddable: IntArray) -> "RadialGrid":
        """The grid in which buses (k,) may be left without supply: a branch without impedance joins each to the root.

        What such a branch feeds has no supply. So "which loads are supplied, and over which way" is a spanning tree
        again, and policy, samples, probabilities and exchange stay what they are.
        """
        count = len(sheddable)
        return replace(
            self,
            from_bus=np.concatenate([self.from_bus, np.full(count, self.source_bus[0])]),
            to_bus=np.concatenate([self.to_bus, sheddable]),
            impedance_pu=np.concatenate([self.impedance_pu, np.zeros(count, complex)]),
            usable=np.concatenate([self.usable, np.ones(count, bool)]),
            fixed_closed=np.concatenate([self.fixed_closed, np.zeros(count, bool)]),
            virtual=count,
        )


def series_impedance_pu(branch: Branches) -> FloatArray:
    """(m,) complex series impedances, as a tree meets them: taps scale them, and phase shifts don't turn them.

    yft = -y e^{j shift} / tap and ytf = -y e^{-j shift} / tap, so the root of their product is y / tap, of the sign
    that lies nearer to yff. What a transformer of the vector group Dyn5 shifts by 150 degrees no loss or size of a
    voltage in a radial grid knows of.
    """
    root = np.sqrt(branch.yft * branch.ytf)
    admittance = np.where((root * np.conj(branch.yff)).real < 0, -root, root)
    impedance: FloatArray = 1 / np.where(branch.yft == branch.ytf, -branch.yft, admittance)
    return impedance


def demand_of(network: Network, injection: Injection) -> tuple[FloatArray, FloatArray]:
    """What buses draw net of generation (n,) complex, and what their loads take (n,), both in p.u."""
    load, generator, n_bus = network.load, network.generator, network.n_bus
    drawn = np.zeros(n_bus, dtype=complex)
    np.add.at(drawn, load.bus, injection.load_p_mw + 1j * injection.load_q_mvar)
    load_mw = np.bincount(load.bus, injection.load_p_mw.clip(min=0), n_bus)
    fixed = ~generator.is_source & injection.generator_on
    fed = injection.generator_p_mw[fixed] + 1j * injection.generator_q_mvar[fixed]
    np.add.at(drawn, generator.bus[fixed], -fed)
    return drawn / network.base_mva, load_mw / network.base_mva


def operated_radially(network: Network) -> bool:
    """Whether a case's own switch states are radial and could be others: then switching is what is optimised."""
    branch, sources = network.branch, network.source_buses
    closed = branch.closed & branch.in_service
    radial = is_radial(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)
    return radial and bool((branch.in_service & ~branch.closed).any())

"""What restorations are measured on: grids, outages and faults at load levels, and the optimiser that answers."""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
import pandapower

from grid.cases.cases import load_case
from grid.cases.city8 import city8
from grid.files.feeder_json import read_feeder
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.plans.plan import Plan
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.training import LearningOptimizer
from tests.benchmarks.policies import EPISODES, FEEDERS, FIRST_SEED, in_training, train
from tests.ml.operating_points import operating_point_at

SIMBENCH_CODE = "1-MV-urban--0-sw"
SIMBENCH = "simbench"
NAMES = ("city8", "feeder16", "feeder33", "feeder69", "feeder70", "feeder84", SIMBENCH)
PAIRED = ("feeder33", "feeder69", "feeder84")
LEVELS = (0.5, 0.75, 1.0)
PAIRS, PAIRS_SEED = 200, 2026
PRIORITIES = np.array([1.0, 2.0, 5.0])  # of which each load of a grid draws one where priorities differ
TOLERANCE = 1e-5  # of a band, rating or bound
USUAL_BAND = (0.9, 1.1)


class Kind(StrEnum):
    """What is out."""

    BRANCH = "branch outage"
    BUS = "bus fault"
    PAIR = "two branches out"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One state of trouble. element: branches by position, or a bus."""

    kind: Kind
    element: tuple[int, ...]
    level: float

    @property
    def key(self) -> str:
        """A name for it, unique for a grid."""
        return f"{self.kind} {'+'.join(map(str, self.element))} at {self.level:g}"


@cache
def network_of(name: str) -> Network:
    """A grid by its short name."""
    spec = f"feeder:{FEEDERS / name}.json" if name.startswith("feeder") else name
    return load_case(f"simbench:{SIMBENCH_CODE}" if name == SIMBENCH else spec, Path("var")).network


def optimizer_of(name: str) -> LearningOptimizer:
    """What the dashboard asks, with the policy of its first training: kept under var/benchmarks, or trained now."""
    found = in_training(network_of(name), FIRST_SEED)
    if found.episodes < EPISODES:
        return train(network_of(name), FIRST_SEED)
    return found


def single_troubles(network: Network) -> list[Trouble]:
    """Every outage of a closed branch, and every fault of a bus but the only source's, at every level."""
    sources = set(network.source_buses.tolist())
    branches = np.flatnonzero(network.branch.closed & network.branch.in_service).tolist()
    buses = [bus for bus in range(network.n_bus) if len(sources) > 1 or bus not in sources]
    return [
        Trouble(kind=kind, element=(element,), level=level)
        for level in sorted(LEVELS, reverse=True)
        for kind, elements in ((Kind.BRANCH, branches), (Kind.BUS, buses))
        for element in elements
    ]


def pairs_of_outages(network: Network) -> list[Trouble]:
    """Different pairs of closed branches, drawn by a fixed seed."""
    rng = np.random.default_rng(PAIRS_SEED)
    branches, drawn = np.flatnonzero(network.branch.closed & network.branch.in_service), set[tuple[int, ...]]()
    while len(drawn) < PAIRS:
        drawn.add(tuple(sorted(int(branch) for branch in rng.choice(branches, 2, replace=False))))
    return [Trouble(kind=Kind.PAIR, element=pair, level=1.0) for pair in sorted(drawn)]


def moment_of(network: Network, trouble: Trouble) -> OperatingPoint:
    """The operating point of a trouble. Pairs have loads of different priorities, drawn by a fixed seed."""
    branch, out = network.branch, trouble.element
    if trouble.kind is Kind.BUS:
        (bus,) = trouble.element
        out = tuple(np.flatnonzero((branch.from_bus == bus) | (branch.to_bus == bus)).tolist())
    moment = operating_point_at(network, level=trouble.level, out=out)
    if trouble.kind is not Kind.PAIR:
        return moment
    return replace(moment, priority=np.random.default_rng(PAIRS_SEED).choice(PRIORITIES, len(network.load)))


def interrupted_kw(network: Network, moment: OperatingPoint, plan: Plan) -> float:
    """Load that loses its supply on the way of a plan, each time it does: by the topology of every state in between."""
    branch, closed = network.branch, moment.closed.copy()
    sources = network.generator.bus[network.generator.is_source & moment.injection.generator_on]
    total = 0.0
    for action in plan.actions:
        before = energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)
        if action.close and not moment.available[action.branch]:
            raise AssertionError(f"{branch.name[action.branch]} is out of service and can't be closed")
        closed[action.branch] = action.close
        after = energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)
        lost = (before & ~after)[network.load.bus]
        total += 1000 * float(moment.injection.load_p_mw[lost].clip(min=0).sum())
    if (closed != plan.after.closed).any():
        raise AssertionError("the actions of a plan don't lead to the state that it promises")
    return total


class Mirror:
    """The same grid in pandapower, read from its own source: counts violations by pandapower.runpp."""

    def __init__(self, name: str) -> None:
        self._net = _net_of(name)
        self._lines = len(self._net.line)

    def violations(self, moment: OperatingPoint, final: BoolArray) -> int:
        """How many limits of buses, branches and sources the final switch states (m,) break that the present keep."""
        present, after = self._shares(moment, moment.closed), self._shares(moment, final)
        return int(((after > TOLERANCE) & ~(present > TOLERANCE)).sum())

    def _shares(self, moment: OperatingPoint, closed: BoolArray) -> FloatArray:
        """By how much each limit is exceeded, as a share; not a number where nothing is supplied."""
        net, injection = self._net, moment.injection
        net.line["in_service"] = closed[: self._lines]
        net.trafo["in_service"] = closed[self._lines :]
        net.load["p_mw"], net.load["q_mvar"] = injection.load_p_mw, injection.load_q_mvar
        pandapower.runpp(net, numba=False, max_iteration=50)
        low, high = (
            net.bus[column].to_numpy(dtype=float) if column in net.bus else np.full(len(net.bus), usual)
            for column, usual in zip(("min_vm_pu", "max_vm_pu"), USUAL_BAND, strict=True)
        )
        voltage, loads = net.res_bus.vm_pu.to_numpy(), [net.res_line, net.res_trafo]
        loading = np.concatenate([table.loading_percent.to_numpy() for table in loads if len(table)])
        power = net.res_ext_grid.p_mw.to_numpy()
        most = net.ext_grid["max_p_mw"].to_numpy(dtype=float) if "max_p_mw" in net.ext_grid else np.full(1, np.nan)
        return np.concatenate(
            [(low - voltage) / (high - low), (voltage - high) / (high - low), loading / 100 - 1, power / most - 1]
        )


def _net_of(name: str) -> pandapower.pandapowerNet:
    if name == "city8":
        return city8()
    if name != SIMBENCH:
        return read_feeder(FEEDERS / f"{name}.json")
    import simbench  # reading its tables takes seconds: only when asked for

    net = simbench.get_simbench_net(SIMBENCH_CODE)
    net.switch.loc[net.switch.et.isin(["l", "t"]), "closed"] = True  # branches are switched as wholes
    return net

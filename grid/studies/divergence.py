"""Why a power flow finds no solution: what of the data is out of proportion, or how much of the load can be served.

A cause is proven, not guessed: what stands out among its own kind is set to what is usual there, and is the cause if
the whole load then has a solution. Where nothing that stands out explains it, load and generation are too much for the
grid, and the largest share of them that solves is found by continuation from the state without load.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from grid.flow.powerflow import SANE_PU, GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network

STEPS, ROUNDS = 8, 10  # of continuation, then of halving the last step: to an eight-thousandth
STANDS_OUT = 5.0  # times the next largest of its kind
FAR_FROM_MEDIAN = 30.0  # times the median of its kind, where it is also the weakest link of the last state that solves
MOST_TRIED = 4  # elements of a kind, one by one
USUAL_RATIO, USUAL_SET_POINT_PU = (0.7, 1.4), (0.8, 1.2)
SAME_DEGREE, TURNED_DEGREE = 0.01, 20.0
TOO_MUCH_CHARGING = 1.0  # times all of the load

Reached = tuple[float, GridState | None]


class DivergenceCause(StrEnum):
    """What keeps a grid from having a state."""

    SET_POINT = "set_point"  # of a generator's voltage; value in p.u.
    SOURCE_ANGLES = "source_angles"  # of sources that are connected; value in degrees
    RATIO = "ratio"  # of a transformer, over its nominal one
    PHASE_SHIFT = "phase_shift"  # of a transformer in a loop; value in degrees
    CHARGING = "charging"  # of a line; value in Mvar
    SHUNT = "shunt"  # at a bus; value in MVA
    IMPEDANCE = "impedance"  # of a branch; value in p.u.
    LOAD = "load"  # of one load; value in MVA
    GENERATION = "generation"  # of one generator, or of all where it names none; value in MW
    TOO_MUCH_LOAD = "too_much_load"  # all of it; value is the share that solves
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Why there is no solution.

    at: indices of the generators, branches, buses or loads that are the cause. value: of the first of them, usual:
    what it was set to when the grid solved. share: the largest share of load and scheduled generation that solves, all
    else as it is; NaN where none does. lowest_bus, lowest_pu: where voltage is lowest then, -1 and NaN likewise.
    load_mw, generation_mw: of what has a connection to a source, generation without the sources' own.
    dark_mw: load without one.
    """

    cause: DivergenceCause
    at: tuple[int, ...]
    value: float
    usual: float
    share: float
    lowest_bus: int
    lowest_pu: float
    load_mw: float
    generation_mw: float
    dark_mw: float


@dataclass(frozen=True, eq=False)
class _Grid:
    """What is asked for a state."""

    network: Network
    injection: Injection
    closed: BoolArray

    def solved(self, share: float = 1.0, start: FloatArray | None = None) -> GridState | None:
        """The state at a share of load and scheduled generation, None where there is none with voltages of a grid."""
        return _solved(PowerFlow(self.network), self, share, start)


@dataclass(frozen=True, eq=False)
class _Suspicion:
    """Elements that stand out, what they are, what is usual, and the grid with that."""

    cause: DivergenceCause
    at: IntArray
    value: float
    usual: float
    grid: _Grid


def why_no_solution(
    network: Network, injection: Injection, closed: BoolArray, reached: Reached | None = None
) -> Divergence:
    """Why a grid has no state with these injections and switch states (m,): see the module.

    reached: largest_share() of the same, where it is known.
    """
    grid = _Grid(network, injection, closed)
    share, last = reached or largest_share(network, injection, closed)
    found = _proven(grid, share, last)
    energised = _energised(grid)
    lit_load, lit_generator = energised[network.load.bus], energised[network.generator.bus]
    scheduled = ~network.generator.is_source & injection.generator_on & lit_generator
    lowest = -1 if last is None else int(np.nanargmin(last.vm_pu))
    return Divergence(
        cause=found.cause,
        at=tuple(found.at.tolist()),
        value=found.value,
        usual=found.usual,
        share=share,
        lowest_bus=lowest,
        lowest_pu=float("nan") if last is None else float(last.vm_pu[lowest]),
        load_mw=float(injection.load_p_mw[lit_load].sum()),
        generation_mw=float(injection.generator_p_mw[scheduled].sum()),
        dark_mw=float(injection.load_p_mw[~lit_load].sum()),
    )


def _solved(flow: PowerFlow, grid: _Grid, share: float, start: FloatArray | None) -> GridState | None:
    given, source = grid.injection, grid.network.generator.is_source
    part = replace(
        given,
        load_p_mw=share * given.load_p_mw,
        load_q_mvar=share * given.load_q_mvar,
        generator_p_mw=np.where(source, given.generator_p_mw, share * given.generator_p_mw),
        generator_q_mvar=share * given.generator_q_mvar,
    )
    try:
        state = flow.solve(part, grid.closed, start, only=True)
    except PowerFlowDivergedError:
        return None
    live = state.vm_pu[state.energised]
    return state if not live.size or bool(live.min() >= SANE_PU[0] and live.max() <= SANE_PU[1]) else None


def largest_share(network: Network, injection: Injection, closed: BoolArray) -> Reached:
    """How far load and scheduled generation can grow from nothing, and the state there; NaN and None if not even that.

    A share of 1 is a state of the whole that no other start may lead to.
    """
    grid, flow = _Grid(network, injection, closed), PowerFlow(network)
    low, state = 0.0, _solved(flow, grid, 0.0, None)
    if state is None:
        return float("nan"), None
    step = 1.0 / STEPS
    for _ in range(STEPS + ROUNDS):
        further = _solved(flow, grid, min(low + step, 1.0), state.voltage)
        if further is None:
            step /= 2
        else:
            low, state = min(low + step, 1.0), further
            if low >= 1.0:
                break
    return low, state


def _energised(grid: _Grid) -> BoolArray:
    branch, generator = grid.network.branch, grid.network.generator
    source = np.unique(generator.bus[generator.is_source & grid.injection.generator_on])
    return energised_buses(grid.network.n_bus, branch.from_bus, branch.to_bus, grid.closed, source)


def _proven(grid: _Grid, share: float, last: GridState | None) -> _Suspicion:
    for suspicions in (
        _set_points,
        _source_angles,
        _ratios,
        _phase_shifts,
        _charging,
        _shunts,
        lambda grid: _impedances(grid, last),
        _loads,
        _generation,
    ):
        for suspicion in suspicions(grid):
            if suspicion.grid.solved() is not None:
                return suspicion
    nowhere = np.empty(0, dtype=np.int64)
    if np.isnan(share):
        return _Suspicion(DivergenceCause.UNKNOWN, nowhere, float("nan"), float("nan"), grid)
    return _Suspicion(DivergenceCause.TOO_MUCH_LOAD, nowhere, 1.0, share, grid)


def _set_points(grid: _Grid) -> Iterator[_Suspicion]:
    generator, vm_pu = grid.network.generator, grid.injection.generator_vm_pu
    low, high = USUAL_SET_POINT_PU
    wrong = generator.holds_voltage & grid.injection.generator_on & ((vm_pu < low) | (vm_pu > high))
    at = np.flatnonzero(wrong)
    if len(at):
        at = at[np.argsort(-np.abs(np.log(vm_pu[at])))]
        usual = np.where(wrong, 1.0, vm_pu)
        fixed = _Grid(_starting_at(grid.network, usual), replace(grid.injection, generator_vm_pu=usual), grid.closed)
        yield _Suspicion(DivergenceCause.SET_POINT, at, float(vm_pu[at[0]]), 1.0, fixed)


def _starting_at(network: Network, vm_pu: FloatArray) -> Network:
    """The network, whose power flow starts from its sources' set-points vm_pu (g,) and angles."""
    generator, start = network.generator, np.zeros_like(network.base_voltage)
    source = np.flatnonzero(generator.is_source)
    start[generator.bus[source]] = vm_pu[source] * np.exp(1j * np.deg2rad(generator.va_degree[source]))
    return replace(network, base_voltage=start)


def _source_angles(grid: _Grid) -> Iterator[_Suspicion]:
    generator = grid.network.generator
    source = np.flatnonzero(generator.is_source & grid.injection.generator_on)
    angle = generator.va_degree
    usual = float(angle[source[0]]) if len(source) else 0.0
    apart = source[np.abs(angle[source] - usual) > SAME_DEGREE]
    if len(apart):
        apart = apart[np.argsort(-np.abs(angle[apart] - usual))]
        level = replace(generator, va_degree=np.where(generator.is_source, usual, angle))
        network = _starting_at(replace(grid.network, generator=level), grid.injection.generator_vm_pu)
        yield _Suspicion(
            DivergenceCause.SOURCE_ANGLES, apart, float(angle[apart[0]]), usual, replace(grid, network=network)
        )


@dataclass(frozen=True, eq=False)
class _TwoPorts:
    """Branches (m,) as MATPOWER has them: series admittance, complex ratio at the from end, shunts at both ends."""

    series: FloatArray
    tap: FloatArray
    shunt_from: FloatArray
    shunt_to: FloatArray

    @classmethod
    def of(cls, network: Network) -> "_TwoPorts":
        branch = network.branch
        x_pu = branch.x_ohm * network.base_mva / network.bus.vn_kv[branch.from_bus] ** 2
        series = 1 / (branch.r_pu + 1j * x_pu)
        tap = np.conj(-series / branch.yft)
        return cls(series, tap, branch.yff * np.abs(tap) ** 2 - series, branch.ytt - series)

    def into(self, grid: _Grid) -> _Grid:
        """The grid with these branches."""
        network = grid.network
        branch = replace(
            network.branch,
            yff=(self.series + self.shunt_from) / np.abs(self.tap) ** 2,
            yft=-self.series / np.conj(self.tap),
            ytf=-self.series / self.tap,
            ytt=self.series + self.shunt_to,
        )
        return replace(grid, network=replace(network, branch=branch))


def _ratios(grid: _Grid) -> Iterator[_Suspicion]:
    ports = _TwoPorts.of(grid.network)
    ratio, (low, high) = np.abs(ports.tap), USUAL_RATIO
    at = np.flatnonzero(grid.closed & ((ratio < low) | (ratio > high)))
    if len(at):
        at = at[np.argsort(-np.abs(np.log(ratio[at])))]
        tap = ports.tap.copy()
        tap[at] /= ratio[at]
        yield _Suspicion(DivergenceCause.RATIO, at, float(ratio[at[0]]), 1.0, replace(ports, tap=tap).into(grid))


def _phase_shifts(grid: _Grid) -> Iterator[_Suspicion]:
    """Shifting branches of loops that don't close: the angles along a tree of the others say what each should be."""
    network, ports = grid.network, _TwoPorts.of(grid.network)
    shift = np.angle(ports.tap, deg=True)
    for at in np.flatnonzero(grid.closed & (np.abs(shift) > SAME_DEGREE))[: 10 * MOST_TRIED]:
        others = grid.closed.copy()
        others[at] = False
        angle = _no_load_angles(network, shift, others, int(network.branch.to_bus[at]))
        due = angle[network.branch.from_bus[at]]
        if np.isfinite(due) and abs(_turn(shift[at] - due)) > TURNED_DEGREE:
            tap = ports.tap.copy()
            tap[at] = np.abs(tap[at]) * np.exp(1j * np.deg2rad(due))
            usual = replace(ports, tap=tap).into(grid)
            yield _Suspicion(DivergenceCause.PHASE_SHIFT, np.array([at]), float(shift[at]), float(_turn(due)), usual)


def _turn(degree: float) -> float:
    return (degree + 180.0) % 360.0 - 180.0


def _no_load_angles(network: Network, shift: FloatArray, closed: BoolArray, root: int) -> FloatArray:
    """(n,) degrees that phase shifts (m,) give each bus over the root along closed branches; NaN out of reach."""
    angle = np.full(network.n_bus, np.nan)
    angle[root] = 0.0
    f, t = network.branch.from_bus[closed], network.branch.to_bus[closed]
    shift = shift[closed]
    while True:
        known = np.isfinite(angle)
        ahead, back = known[f] & ~known[t], known[t] & ~known[f]
        if not (ahead.any() or back.any()):
            return angle
        angle[t[ahead]] = angle[f[ahead]] - shift[ahead]
        back = np.isfinite(angle[t]) & ~np.isfinite(angle[f])
        angle[f[back]] = angle[t[back]] + shift[back]


def _charging(grid: _Grid) -> Iterator[_Suspicion]:
    network, ports = grid.network, _TwoPorts.of(grid.network)
    mvar = network.base_mva * np.abs(ports.shunt_from + ports.shunt_to)
    for at in _outstanding(mvar, grid.closed):
        yield _scaled_charging(grid, ports, at, mvar)
    demand = np.abs(grid.injection.load_p_mw).sum()
    many = np.flatnonzero(grid.closed & (mvar > TOO_MUCH_CHARGING * demand))
    if len(many):
        yield _scaled_charging(grid, ports, many, mvar)


def _scaled_charging(grid: _Grid, ports: _TwoPorts, at: IntArray, mvar: FloatArray) -> _Suspicion:
    others = np.setdiff1d(np.flatnonzero(grid.closed & (mvar > 0)), at)
    usual = float(np.median(mvar[others])) if len(others) else 0.0
    factor = np.ones(len(mvar))
    factor[at] = usual / mvar[at]
    fixed = replace(ports, shunt_from=ports.shunt_from * factor, shunt_to=ports.shunt_to * factor)
    return _Suspicion(DivergenceCause.CHARGING, at, float(mvar[at].max()), usual, fixed.into(grid))


def _shunts(grid: _Grid) -> Iterator[_Suspicion]:
    bus = grid.network.bus
    mva = grid.network.base_mva * np.abs(bus.shunt_pu)
    demand = np.hypot(grid.injection.load_p_mw, grid.injection.load_q_mvar).sum()
    large = np.flatnonzero(mva > TOO_MUCH_CHARGING * demand)
    for at in [*_outstanding(mva, mva > 0), *([large] if len(large) else [])]:
        shunt = bus.shunt_pu.copy()
        shunt[at] = 0
        network = replace(grid.network, bus=replace(bus, shunt_pu=shunt))
        yield _Suspicion(DivergenceCause.SHUNT, at, float(mva[at].max()), 0.0, replace(grid, network=network))


def _impedances(grid: _Grid, last: GridState | None) -> Iterator[_Suspicion]:
    """Branches whose impedance stands out in its kind and nominal voltage, by size or as the weakest link."""
    network, ports = grid.network, _TwoPorts.of(grid.network)
    size = 1 / np.abs(ports.series)
    kind = np.array([str(kind) for kind in network.branch.kind], dtype=object)
    level = network.bus.vn_kv[network.branch.from_bus]
    groups = [grid.closed & (kind == one) & (level == at) for one in np.unique(kind) for at in np.unique(level)]
    tried: set[int] = set()

    def usual(group: BoolArray, at: IntArray) -> float:
        others = group.copy()
        others[at] = False
        return float(np.median(size[others])) if others.any() else float(np.median(size[grid.closed]))

    def suspicion(group: BoolArray, at: IntArray) -> _Suspicion:
        series = ports.series.copy()
        series[at] *= size[at] / usual(group, at)
        fixed = replace(ports, series=series).into(grid)
        return _Suspicion(DivergenceCause.IMPEDANCE, at, float(size[at].max()), usual(group, at), fixed)

    for group in groups:
        for at in _outstanding(size, group):
            tried.update(at.tolist())
            yield suspicion(group, at)
    if last is not None:
        drop = np.nan_to_num(
            np.abs(last.voltage[network.branch.from_bus] - ports.tap * last.voltage[network.branch.to_bus])
        )
        for index in np.argsort(-np.where(grid.closed, drop, 0))[:MOST_TRIED]:
            group = next((group for group in groups if group[index]), grid.closed)
            if int(index) not in tried and size[index] > FAR_FROM_MEDIAN * usual(group, np.array([index])):
                yield suspicion(group, np.array([index]))


def _loads(grid: _Grid) -> Iterator[_Suspicion]:
    given, network = grid.injection, grid.network
    lit = _energised(grid)[network.load.bus]
    mva = np.hypot(given.load_p_mw, given.load_q_mvar)
    for at in _outstanding(mva, lit):
        others = lit & (mva > 0)
        others[at] = False
        usual = float(np.median(mva[others])) if others.any() else 0.0
        p, q = given.load_p_mw.copy(), given.load_q_mvar.copy()
        p[at] *= usual / mva[at]
        q[at] *= usual / mva[at]
        fixed = replace(grid, injection=replace(given, load_p_mw=p, load_q_mvar=q))
        yield _Suspicion(DivergenceCause.LOAD, at, float(mva[at].max()), usual, fixed)


def _generation(grid: _Grid) -> Iterator[_Suspicion]:
    """One generator that stands out, then all of them in proportion to the load."""
    given, network = grid.injection, grid.network
    lit = _energised(grid)
    scheduled = ~network.generator.is_source & given.generator_on & lit[network.generator.bus]
    mva = np.hypot(given.generator_p_mw, np.where(network.generator.holds_voltage, 0, given.generator_q_mvar))
    for at in _outstanding(mva, scheduled):
        others = scheduled & (mva > 0)
        others[at] = False
        usual = float(np.median(mva[others])) if others.any() else 0.0
        fixed = _generating(grid, np.where(np.isin(np.arange(len(mva)), at), usual / np.maximum(mva, 1e-12), 1.0))
        yield _Suspicion(DivergenceCause.GENERATION, at, float(mva[at].max()), usual, fixed)
    total, demand = given.generator_p_mw[scheduled].sum(), given.load_p_mw[lit[network.load.bus]].sum()
    if total > 0 and demand > 0:
        nowhere, factor = np.empty(0, dtype=np.int64), np.where(scheduled, demand / total, 1.0)
        yield _Suspicion(DivergenceCause.GENERATION, nowhere, float(total), float(demand), _generating(grid, factor))


def _generating(grid: _Grid, factor: FloatArray) -> _Grid:
    given = grid.injection
    injection = replace(
        given, generator_p_mw=given.generator_p_mw * factor, generator_q_mvar=given.generator_q_mvar * factor
    )
    return replace(grid, injection=injection)


def _outstanding(value: FloatArray, among: BoolArray) -> Iterator[IntArray]:
    """The largest 1, 2, ... MOST_TRIED of some values (k,), where they are STANDS_OUT times the next largest."""
    rows = np.flatnonzero(among)
    order = rows[np.argsort(-value[rows], kind="stable")]
    for count in range(1, min(MOST_TRIED, len(order) - 1) + 1):
        if value[order[count - 1]] > STANDS_OUT * value[order[count]]:
            yield order[:count]

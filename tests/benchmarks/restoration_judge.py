"""The judge of restorations: how much supply can be restored at one operating point, with a bound nobody can beat.

What is chosen is a radial forest: which branches are closed, and so which of the dark buses are supplied, and over
which way. What is hard is said by ml.optimisation.plans.limits and judged by AC power flow. Three ways lead to a bound:

- A plan that restores all that usable branches reach is the optimum.
- Small grids: every forest, best first, until one keeps what is hard.
- Feeders: a mixed-integer programme, solved by HiGHS, that every allowed forest satisfies. It is the cone programme of
  ml.optimisation.proof.cone_programme with supply as a choice: binary y is one where a bus is supplied, and the branch
  flow equations (Baran & Wu 1989) hold with l w >= P^2 + Q^2 written as tangents (a relaxation: what is left out of l
  would only lower voltages further down). A forest that the programme finds and the AC power flow refuses lends its
  tangents, and is left out together with all that contain its least part that breaks a limit already: where all draw
  active and reactive power, more load and more branches only lower voltages.

Where none of them does, all that can be reached is the bound, and what supply grown bus by bus restores is known.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import coo_array, csr_array, diags_array, hstack

from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.limits import SHARE_TOLERANCE, BoundsOf, broken, permitted
from ml.optimisation.plans.plan import Constraint, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.proof.cone_programme import Rows, find_arcs
from ml.optimisation.radial.grid import RadialGrid

SAME_SHARE = 1e-4  # of what can be reached: bounds that are nearer are one
SAME_KW = 0.01
ROUNDING = 1 + 1e-6
MOST_FORESTS = 300_000
TOTAL_DEMAND = 10.0  # of the programme's unit of power, for the tolerances of HiGHS
HIGHS_SLACK = 2e-6  # of squared voltages: the programme may permit more than the limits do, not less
BEYOND_PU = 1e-7  # a voltage that lies so far below its bound breaks it
SLOPES = 6  # tangents of each arc at the beginning
VIOLATED = 1e-6  # of a squared voltage: a cone that hides more gets a tangent
RELAXED_ROUNDS = 12
SWEEPS, LOWEST_PU = 200, 0.3
LIMIT, INFEASIBLE = 1, 2  # status of scipy.optimize.milp
BLOCKS = ("z", "p", "q", "l", "w", "v", "y")


class Way(StrEnum):
    """How a bound was found."""

    ALL = "all that can be reached is restored"
    FORESTS = "every forest"
    PROGRAMME = "mixed-integer programme"
    NONE = "no bound but what can be reached"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What can be restored in kW, weighted by priority: at least lower_kw, known to be allowed; at most upper_kw."""

    lower_kw: float
    upper_kw: float
    reachable_kw: float
    way: Way
    seconds: float

    @property
    def proven(self) -> bool:
        """Whether the two are one."""
        return self.upper_kw - self.lower_kw <= tolerance_kw(self.reachable_kw) * ROUNDING


def tolerance_kw(reachable_kw: float) -> float:
    """Within which supplies count as equal."""
    return max(SAME_KW, SAME_SHARE * reachable_kw)


class Restoration:
    """One operating point after an outage, as the judge knows it. ValueError where it has no solution."""

    def __init__(self, network: Network, operating_point: OperatingPoint, wanted: Requirements) -> None:
        self.network, self.operating_point, self.wanted = network, operating_point, wanted
        self._verifier = Verifier(network)
        present = self._verifier.verdict(operating_point, operating_point.closed, wanted)
        if present is None:
            raise ValueError("the present state has no power flow solution")
        self.present: Verdict = present
        whole = RadialGrid.of(network, operating_point.injection)
        usable = whole.usable & operating_point.available
        self.grid = RadialGrid(**{**vars(whole), "usable": usable, "fixed_closed": whole.fixed_closed & usable})
        reachable = self.grid.reachable()
        load_kw = 1000 * operating_point.injection.load_p_mw.clip(min=0)
        bus, weighted = network.load.bus, load_kw * operating_point.priority_of(len(load_kw))
        dark = ~present.supplied_loads & reachable[bus]
        self.value_kw: FloatArray = np.bincount(bus, np.where(dark, weighted, 0.0), network.n_bus)
        self.must: BoolArray = np.bincount(bus, present.supplied_loads & (load_kw > 0), network.n_bus) > 0
        self.grid = self.grid.without_unreachable()

    @property
    def reachable_kw(self) -> float:
        """What usable branches reach of what is dark, weighted."""
        return float(self.value_kw.sum())

    def restored_kw(self, closed: BoolArray) -> float | None:
        """What switch states (m,) restore, weighted; None where they break what is hard."""
        verdict = self.allowed(closed)
        return None if verdict is None else self.present.weighted_unsupplied_kw - verdict.weighted_unsupplied_kw

    def allowed(self, closed: BoolArray) -> Verdict | None:
        """The verdict of switch states (m,), None where they break what is hard."""
        start = self.present.state.voltage
        verdict = self._verifier.verdict(self.operating_point, closed, self.wanted, start)
        return None if verdict is None or broken(verdict, self.present, self.wanted) else verdict

    @cached_property
    def lowest_pu(self) -> FloatArray:
        """(n,) the voltage that a bus with supply may have."""
        bounds = BoundsOf(self.network, radial=True).at(self.wanted)
        share = permitted(Constraint.LOW_VOLTAGE, self.present.excess, self.wanted)
        return np.maximum(bounds.low - (share + SHARE_TOLERANCE) * bounds.band, LOWEST_PU)

    @cached_property
    def fits_programme(self) -> bool:
        """Whether the programme describes the network: series impedances, loads alone, voltages the only limits."""
        branch, generator, grid = self.network.branch, self.network.generator, self.grid
        series = np.allclose(branch.yff, -branch.yft) and np.allclose(branch.ytt, -branch.yft)
        even = np.allclose(branch.yft, branch.ytf) and not self.network.bus.shunt_pu.any()
        unrated = ~np.isfinite(BoundsOf(self.network, radial=True).at(self.wanted).loading)
        loads_only = bool(generator.is_source.all()) and bool((grid.demand_pu.real >= 0).all())
        inductive = bool((grid.impedance_pu.real >= 0).all() and (grid.impedance_pu.imag >= 0).all())
        return bool(series and even and unrated.all() and loads_only and inductive)


def judge(
    case: Restoration,
    known: tuple[BoolArray, ...] = (),
    time_limit_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Bound:
    """How much can be restored.

    known: switch states (m,) that somebody proposes; those that are allowed raise the lower bound. clock: in seconds.
    """
    begun = clock()
    values = [value for closed in known if (value := case.restored_kw(closed)) is not None]
    best, reachable = max(values, default=0.0), case.reachable_kw
    lower, upper, way = max(best, 0.0), reachable, Way.NONE
    if reachable - lower <= tolerance_kw(reachable):
        way = Way.ALL
    elif case.fits_programme:
        lower, upper = _Programme(case, lower).run(lambda: begun + time_limit_s - clock())
        way = Way.PROGRAMME
    else:
        try:
            lower = upper = every_forest(case)
            way = Way.FORESTS
        except TooManyForestsError:
            lower = max(lower, grown(case))
    return Bound(lower_kw=lower, upper_kw=upper, reachable_kw=reachable, way=way, seconds=clock() - begun)


# --- every forest --------------------------------------------------------------------------------------------------


class TooManyForestsError(ValueError):
    """A grid has more forests than are enumerated."""


def every_forest(case: Restoration) -> float:
    """The most that any forest restores in kW, weighted: all are tried by AC power flow, from the largest supply on.

    Raises TooManyForestsError.
    """
    if _log_trees(case.grid) > np.log(MOST_FORESTS):
        raise TooManyForestsError
    found = []
    for number, (edges, supplied) in enumerate(_forests(case.grid)):
        if number >= MOST_FORESTS:
            raise TooManyForestsError
        if not (case.must & ~supplied).any():
            found.append((float(case.value_kw[supplied].sum()), edges))
    for value, edges in sorted(found, key=lambda item: -item[0]):
        if value <= 0:
            break
        closed = np.zeros(case.network.n_branch, dtype=bool)
        closed[list(edges)] = True
        restored = case.restored_kw(closed)
        if restored is not None:
            return restored
    return 0.0


def _log_trees(grid: RadialGrid) -> float:
    """The logarithm of how many trees supply all buses (Kirchhoff 1847): of forests there are more."""
    node = np.arange(grid.n_bus)
    node[grid.source_bus] = grid.source_bus[0]
    tail, head = node[grid.from_bus[grid.usable]], node[grid.to_bus[grid.usable]]
    laplacian = np.zeros((grid.n_bus, grid.n_bus))
    np.add.at(laplacian, (np.concatenate([tail, head]), np.concatenate([tail, head])), 1.0)
    np.add.at(laplacian, (np.concatenate([tail, head]), np.concatenate([head, tail])), -1.0)
    others = np.setdiff1d(np.arange(grid.n_bus), grid.source_bus)
    return float(np.linalg.slogdet(laplacian[np.ix_(others, others)])[1])


def _forests(grid: RadialGrid) -> Iterator[tuple[tuple[int, ...], BoolArray]]:
    """Every tree of usable branches that holds the merged sources, once: its branches, and (n,) the buses it supplies.

    From a tree, the first branch that leads out of it is either taken or ruled out. Branches that are always closed
    come with the first of their ends.
    """
    usable = [(int(b), int(grid.from_bus[b]), int(grid.to_bus[b])) for b in np.flatnonzero(grid.usable)]
    usable.sort(key=lambda edge: not grid.fixed_closed[edge[0]])
    root = np.zeros(grid.n_bus, dtype=bool)
    root[grid.source_bus] = True
    waiting: list[tuple[tuple[int, ...], BoolArray, frozenset[int]]] = [((), root, frozenset())]
    while waiting:
        edges, supplied, ruled_out = waiting.pop()
        leading = next(
            (edge for edge in usable if edge[0] not in ruled_out and supplied[edge[1]] != supplied[edge[2]]), None
        )
        if leading is None:
            yield edges, supplied
            continue
        branch, tail, head = leading
        larger = supplied.copy()
        larger[tail] = larger[head] = True
        waiting.append(((*edges, branch), larger, ruled_out))
        if not grid.fixed_closed[branch]:
            waiting.append((edges, supplied, ruled_out | {branch}))


def grown(case: Restoration) -> float:
    """What is restored in kW, weighted, where supply grows bus by bus from what has it: no optimum, but allowed.

    Each step takes the branch whose kW cost least further losses; nothing that has supply is switched.
    """
    branch, grid, present = case.network.branch, case.grid, case.present
    supplied, closed = present.state.energised.copy(), case.operating_point.closed.copy()
    closed &= supplied[branch.from_bus]
    free, loss_kw = grid.usable & ~grid.fixed_closed, present.loss_kw
    while True:
        steps = []
        for leading in np.flatnonzero(free & (supplied[branch.from_bus] != supplied[branch.to_bus])):
            bus = branch.to_bus[leading] if supplied[branch.from_bus[leading]] else branch.from_bus[leading]
            after = closed.copy()
            after[leading] = True
            verdict = case.allowed(after)
            if verdict is not None:
                price = (verdict.loss_kw - loss_kw) / (case.value_kw[bus] + 1.0)
                steps.append((price, int(bus), after, verdict.loss_kw))
        if not steps:
            return case.restored_kw(closed) or 0.0
        _, bus, closed, loss_kw = min(steps, key=lambda step: step[:2])
        supplied[bus] = True


# --- mixed-integer programme ---------------------------------------------------------------------------------------


class _Programme:
    """The programme of one operating point, and the rows that lead from its bound to the best forest."""

    def __init__(self, case: Restoration, best_kw: float) -> None:
        grid = case.grid
        self._case, self._grid, self._arcs = case, grid, find_arcs(grid)
        self._root = int(grid.source_bus[0])
        self._best_kw, self._upper_kw = best_kw, case.reachable_kw
        self._unit = float(np.abs(grid.demand_pu).sum()) / TOTAL_DEMAND
        self._demand = grid.demand_pu / self._unit
        self._z = (grid.impedance_pu * self._unit)[self._arcs.branch]
        self._monotone = bool((self._demand.imag >= 0).all())
        count = len(self._z)
        ends = np.cumsum([0] + [count] * 5 + [grid.n_bus] * 2)
        self._block = {name: slice(int(ends[k]), int(ends[k + 1])) for k, name in enumerate(BLOCKS)}
        self._integrality = self._vector(z=1.0)  # y is the sum of some z
        self._value = case.value_kw / max(case.reachable_kw, 1e-9)
        self._set_bounds()
        self._rows = Rows.stacked([*self._bus_rows(), *self._arc_rows(), *self._branch_rows()])
        self._add_first_tangents()

    def run(self, remaining_s: Callable[[], float]) -> tuple[float, float]:
        """Lower and upper bound of what can be restored in kW."""
        self._relax(remaining_s)
        while not self._closed and (remaining := remaining_s()) > 0:
            result = self._solve(remaining, whole=True)
            if result.status == INFEASIBLE:
                self._upper_kw = self._best_kw + tolerance_kw(self._case.reachable_kw)
                break
            if result.mip_dual_bound is not None and np.isfinite(result.mip_dual_bound):
                self._lower_upper(-result.mip_dual_bound)
            if result.x is None:
                break
            self._visit(result.x)
            if result.status == LIMIT:
                break
        return self._best_kw, max(self._best_kw, self._upper_kw)

    @property
    def _closed(self) -> bool:
        return self._upper_kw - self._best_kw <= tolerance_kw(self._case.reachable_kw) * ROUNDING

    def _lower_upper(self, share: float) -> None:
        """The programme asks for more than the best: its bound is one of all where that is less."""
        floor = self._best_kw + tolerance_kw(self._case.reachable_kw)
        self._upper_kw = min(self._upper_kw, max(share * self._case.reachable_kw * (1 + 1e-6), floor))

    def _vector(self, **blocks: FloatArray | float) -> FloatArray:
        values = np.zeros(self._block["y"].stop)
        for name, block in blocks.items():
            values[self._block[name]] = block
        return values

    def _of(self, lower: FloatArray | float, upper: FloatArray | float, **blocks: csr_array) -> Rows:
        count = next(iter(blocks.values())).shape[0]
        widths = {name: self._block[name].stop - self._block[name].start for name in BLOCKS}
        parts = [blocks.get(name, csr_array((count, widths[name]))) for name in BLOCKS]
        return Rows(hstack(parts, format="csr"), np.full(count, lower), np.full(count, upper))

    def _set_bounds(self) -> None:
        """Ranges of all variables. What an arc carries is at most what all below draw, at the lowest voltages."""
        grid, arcs, case = self._grid, self._arcs, self._case
        source = grid.source_vm_pu**2
        reactance = (grid.impedance_pu.imag * self._unit)[grid.usable].sum()
        rise = -2 * reactance * self._demand.imag.clip(max=0).sum()
        root = np.isin(np.arange(grid.n_bus), grid.source_bus)
        self._highest = np.where(root, source, source + rise)
        lowest = np.minimum(case.lowest_pu**2 - HIGHS_SLACK, source)
        self._lowest = np.where(root, source, lowest)
        drawn = np.abs(self._demand) / np.sqrt(self._lowest)
        current = arcs.below @ drawn
        self._most = np.sqrt(self._highest[arcs.tail]) * current
        self._least_p = self._demand.real[arcs.head]
        self._least_q = arcs.below @ self._demand.imag.clip(max=0) + self._demand.imag[arcs.head].clip(min=0)
        must = np.where(root, 1.0, case.must.astype(float))
        free = root | grid.reachable()
        self._lower = self._vector(q=np.minimum(self._least_q, 0), v=self._lowest, y=must)
        self._upper = self._vector(
            z=1.0,
            p=self._most,
            q=self._most,
            l=current**2,
            w=self._highest[arcs.tail],
            v=self._highest,
            y=free.astype(float),
        )

    def _bus_rows(self) -> list[Rows]:
        """A parent for each bus with supply, power balances, and the voltage drop."""
        grid, arcs = self._grid, self._arcs
        bus = np.setdiff1d(np.arange(grid.n_bus), grid.source_bus)
        place = np.full(grid.n_bus, -1)
        place[bus] = np.arange(len(bus))
        shape, ones = (len(bus), len(self._z)), np.ones(len(self._z))
        arc = np.arange(len(self._z))
        into = csr_array(coo_array((ones, (place[arcs.head], arc)), shape=shape))
        leaves = place[arcs.tail] >= 0
        out = csr_array(coo_array((ones[leaves], (place[arcs.tail[leaves]], arc[leaves])), shape=shape))
        own = csr_array((np.ones(len(bus)), (np.arange(len(bus)), bus)), shape=(len(bus), grid.n_bus))
        r, x, square = (diags_array(part) for part in (self._z.real, self._z.imag, np.abs(self._z) ** 2))
        low = self._lowest[bus]
        p, q = (diags_array(part[bus]) @ own for part in (self._demand.real, self._demand.imag))
        return [
            self._of(0.0, 0.0, z=into, y=-own),
            self._of(0.0, 0.0, p=into - out, l=-(into @ r), y=-p),
            self._of(0.0, 0.0, q=into - out, l=-(into @ x), y=-q),
            self._of(
                low, low, v=own, w=-into, p=2 * into @ r, q=2 * into @ x, l=-(into @ square), y=diags_array(low) @ own
            ),
        ]

    def _arc_rows(self) -> list[Rows]:
        """What an arc carries vanishes unless it feeds its head, and lies within its range if it does."""
        arcs, one, inf = self._arcs, diags_array(np.ones(len(self._z))), np.inf
        arc = np.arange(len(self._z))
        tail = csr_array((np.ones(len(arc)), (arc, arcs.tail)), shape=(len(arc), self._grid.n_bus))
        high, low, least = self._highest[arcs.tail], self._lowest[arcs.tail], self._lowest[arcs.head]
        r, x, square = (diags_array(part) for part in (self._z.real, self._z.imag, np.abs(self._z) ** 2))
        return [
            self._of(-inf, 0.0, z=one, y=-tail),
            self._of(-inf, 0.0, w=one, z=diags_array(-high)),
            self._of(0.0, inf, w=one, z=diags_array(-low)),
            self._of(-inf, high, v=tail, w=-one, z=diags_array(high)),
            self._of(low, inf, v=tail, w=-one, z=diags_array(low)),
            self._of(0.0, inf, w=one, p=-2 * r, q=-2 * x, l=square, z=diags_array(-least)),
            self._of(-inf, 0.0, p=one, z=diags_array(-self._most)),
            self._of(-inf, 0.0, q=one, z=diags_array(-self._most)),
            self._of(0.0, inf, p=one, l=-r, z=diags_array(-self._least_p)),
            self._of(0.0, inf, q=one, l=-x, z=diags_array(-self._least_q)),
        ]

    def _branch_rows(self) -> list[Rows]:
        """A branch feeds in one direction at most; one that is always closed feeds where its end has supply."""
        branch = np.unique(self._arcs.branch)
        row = np.searchsorted(branch, self._arcs.branch)
        either = csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(branch), len(row)))
        rows = [self._of(-np.inf, 1.0, z=either)]
        fixed = np.flatnonzero(self._grid.fixed_closed[branch])
        for end in (self._grid.from_bus, self._grid.to_bus) if len(fixed) else ():
            supplied = csr_array(
                (np.ones(len(fixed)), (np.arange(len(fixed)), end[branch[fixed]])), shape=(len(fixed), self._grid.n_bus)
            )
            rows.append(self._of(0.0, 0.0, z=either[fixed], y=-supplied))
        return rows

    def _add_first_tangents(self) -> None:
        """Along the usual ratio of reactive to active power, from little to the most that an arc can carry."""
        total = self._demand.sum()
        most = self._most / self._lowest[self._arcs.tail]
        for step in range(SLOPES + 1):
            slope = most * (0.0 if step == 0 else 2.0 ** (step - SLOPES)) * total / abs(total)
            self._add(np.arange(len(self._z)), slope)

    def _add(self, arc: IntArray, slope: FloatArray) -> None:
        """Tangents l >= 2 a P + 2 b Q - (a^2 + b^2) w of arcs (c,) at slopes a + jb (c,)."""
        place, shape = (np.arange(len(arc)), arc), (len(arc), len(self._z))
        size = np.maximum(1.0, np.abs(slope) ** 2)
        values = {"l": np.ones(len(arc)), "p": -2 * slope.real, "q": -2 * slope.imag, "w": np.abs(slope) ** 2}
        rows = self._of(0.0, np.inf, **{name: csr_array((v / size, place), shape) for name, v in values.items()})
        self._rows = Rows.stacked([self._rows, rows])

    def _add_violated(self, variables: FloatArray) -> int:
        """Tangents where a solution's cones are violated, counted in what they hide of squared voltages."""
        p, q, current, w = (variables[self._block[name]] for name in "pqlw")
        slope = np.divide(p + 1j * q, w, out=np.zeros(len(w), dtype=complex), where=w > 1e-6)
        hidden = np.abs(self._z) ** 2 * (np.abs(slope) ** 2 * w - current)
        whole = np.abs(self._z) * (np.abs(slope) ** 2 * w - current)  # what its loss would be further down
        arc = np.flatnonzero(np.maximum(hidden, whole) > VIOLATED)
        self._add(arc, slope[arc])
        return len(arc)

    def _relax(self, remaining_s: Callable[[], float]) -> None:
        """Tangents and a first bound without whole numbers."""
        for _ in range(RELAXED_ROUNDS):
            if self._closed or remaining_s() <= 0:
                return
            result = self._solve(remaining_s(), whole=False)
            if result.status == INFEASIBLE:
                self._upper_kw = self._best_kw + tolerance_kw(self._case.reachable_kw)
                return
            if result.status != 0:
                return
            self._lower_upper(-result.fun)
            if not self._add_violated(result.x):
                return

    def _visit(self, variables: FloatArray) -> None:
        """Judge the forest of a solution by AC power flow; one that is refused is left out."""
        chosen = np.flatnonzero(variables[self._block["z"]] > 0.5)
        closed = np.zeros(self._case.network.n_branch, dtype=bool)
        closed[self._arcs.branch[chosen]] = True
        restored = self._case.restored_kw(closed)
        self._add_violated(variables)
        self._add_flow(chosen)
        if restored is not None:
            self._best_kw = max(self._best_kw, restored)
            return
        part = self._least_refused(chosen) if self._monotone else chosen
        row = np.full((1, len(self._z)), 0.0 if self._monotone else -1.0)  # its branches, or these and no others
        row[0, part] = 1.0
        self._rows = Rows.stacked([self._rows, self._of(-np.inf, len(part) - 1.0, z=csr_array(row))])

    def _least_refused(self, chosen: IntArray) -> IntArray:
        """Of arcs (c,) of a tree that breaks a voltage, ends are taken away as long as what remains still breaks it."""
        tail, head = self._arcs.tail, self._arcs.head
        if not self._breaks(chosen):
            return chosen
        kept, tried = list(chosen), set()
        while True:
            ends = [arc for arc in kept if arc not in tried and head[arc] not in tail[kept]]
            if not ends:
                return np.array(kept)
            arc = ends[0]
            fewer = [one for one in kept if one != arc]
            if fewer and self._breaks(np.array(fewer)):
                kept = fewer
            else:
                tried.add(arc)

    def _breaks(self, chosen: IntArray) -> bool:
        """Whether the tree of arcs (c,) breaks a voltage, or has no solution."""
        voltage, _ = self._sweep(chosen)
        fed = self._arcs.head[chosen]
        return bool((np.abs(voltage[fed]) < self._case.lowest_pu[fed] - BEYOND_PU).any())

    def _add_flow(self, chosen: IntArray) -> None:
        """Tangents at the power flow of the tree of arcs (c,), as far as it has one."""
        voltage, current = self._sweep(chosen)
        tail = self._arcs.tail[chosen]
        slope = voltage[tail] * np.conj(current) / np.abs(voltage[tail]) ** 2
        good = np.isfinite(slope) & (np.abs(voltage[tail]) > LOWEST_PU)
        self._add(chosen[good], slope[good])

    def _sweep(self, chosen: IntArray) -> tuple[FloatArray, FloatArray]:
        """Complex voltages (n,) and currents (c,) of a tree of arcs (c,), by backward and forward sweeps.

        Voltages are zero where a sweep falls below any that a bus may have: there is no solution then.
        """
        tail, head = self._arcs.tail[chosen], self._arcs.head[chosen]
        at, order, reached = {int(h): k for k, h in enumerate(head)}, [], {self._root}
        while further := [k for k in at.values() if int(head[k]) not in reached and int(tail[k]) in reached]:
            reached |= {int(head[k]) for k in further}
            order += further
        voltage = np.full(self._grid.n_bus, self._grid.source_vm_pu, dtype=complex)
        current = np.zeros(len(chosen), dtype=complex)
        z = self._z[chosen]
        for _ in range(SWEEPS):
            drawn = np.conj(self._demand / voltage)
            for k in reversed(order):
                current[k] = drawn[head[k]]
                drawn[tail[k]] += drawn[head[k]]
            before = voltage[head].copy()
            for k in order:
                voltage[head[k]] = voltage[tail[k]] - z[k] * current[k]
            if (np.abs(voltage[head]) < LOWEST_PU).any():
                return np.zeros(self._grid.n_bus, dtype=complex), np.full(len(chosen), np.nan, dtype=complex)
            if np.abs(voltage[head] - before).max(initial=0.0) < 1e-11:
                break
        return voltage, current

    def _solve(self, remaining_s: float, whole: bool) -> OptimizeResult:
        """The programme, asked for more than the best known by more than what counts as equal."""
        wanted = (self._best_kw + tolerance_kw(self._case.reachable_kw)) / self._case.reachable_kw
        more = self._of(wanted, np.inf, y=csr_array(self._value[None, :]))
        rows = Rows.stacked([self._rows, more])
        return milp(
            self._vector(y=-self._value),
            integrality=self._integrality if whole else None,
            bounds=Bounds(self._lower, self._upper),
            constraints=[LinearConstraint(rows.matrix, rows.lower, rows.upper)],
            options={"time_limit": remaining_s, "mip_rel_gap": SAME_SHARE / 2},
        )

"""Proof of optimality on request: the radial configuration that loses least, and a bound that none can beat.

The cone programme of ml.optimisation.proof.cone_programme is solved by outer approximation (Duran & Grossmann 1986)
with HiGHS. First tangents are put where the power flows of good configurations and the relaxed solutions are; then
mixed-integer programmes ask for a configuration better than the best known by more than the gap. Each one found is
evaluated by the exact power flow, improved by branch exchange, and left out from then on. When none remains, the best
is proven, within the gap and the tolerances of HiGHS (1e-6 in whole numbers, in rows where the whole demand is ten, and
in losses in percent).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.proof.cone_programme import ConicModel, Rows
from ml.optimisation.radial.flow import Exchanges, RadialFlow, exchange_neighbours
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.local_search import (
    SearchSpace,
    branch_exchange,
    iterated_local_search,
    last,
    sequential_opening,
)
from ml.optimisation.radial.objective import Limits, RadialObjective

POWER_FLOW_ITERATIONS = 60
LOCAL_SEARCHES = 10
BOUND_OVER_BEST = 1.01  # what the programme describes: room beyond the best for rounding
NEAR_BEST = 1.1  # neighbours of the best configuration within this factor of its losses lend their power flows
SPREAD_PERCENT = 1e-3  # of the losses: how closely the tangents of neighbours lie
VIOLATED_PERCENT = 1e-3  # of the losses: a cone violated by more gets a tangent
FEWEST_RELAXED_ROUNDS, RELAXED_ROUNDS = 5, 40
LEAST_PROGRESS = 1e-4  # of the losses: what a round of tangents must raise the relaxed bound by
OPTIMAL, LIMIT = 0, 1  # status of scipy.optimize.milp


class ProofError(ValueError):
    """A case for which nothing can be proven; says why."""


@dataclass(frozen=True)
class Round:
    """One step of a proof: the bounds in kW after it, the tangents used, and the seconds since the start."""

    step: str
    lower_kw: float
    upper_kw: float
    tangents: int
    seconds: float

    @property
    def gap(self) -> float:
        """What the bounds leave open, as a share of the upper one."""
        return 1 - self.lower_kw / self.upper_kw


@dataclass(frozen=True, eq=False)
class Proof:
    """The best configuration known: opened (t,) branches, closed (m,), its losses by the power flow, if it is proven.

    lower_kw: no radial configuration loses less.
    """

    opened: IntArray
    closed: BoolArray
    loss_kw: float
    lower_kw: float
    proven: bool
    rounds: tuple[Round, ...]


def prove(
    grid: RadialGrid,
    start: IntArray,
    rng: np.random.Generator,
    gap: float = 1e-4,
    time_limit_s: float = 300.0,
    clock: Callable[[], float] = time.monotonic,
    report: Callable[[Round], None] = lambda _: None,
) -> Proof:
    """The radial configuration of least losses, with a bound of all.

    start: (t,) a configuration, as positions in Loops.branch. rng: for the local search that comes first. gap: share of
    the losses within which configurations count as equal. clock: in seconds. report: is called after each step. Raises
    ProofError where impedances are negative, or where there are no losses to minimise.
    """
    begun, rounds = clock(), []

    def remaining_s() -> float:
        return begun + time_limit_s - clock()

    def note(step: str) -> None:
        rounds.append(Round(step, search.lower_kw, search.best_kw, search.tangents, clock() - begun))
        report(rounds[-1])

    search = _Search(grid, start, gap, rng)
    note("local search")
    in_time = search.relax(remaining_s)
    note("relaxed")
    while search.is_open and in_time and (remaining := remaining_s()) > 0:
        in_time = search.look_for_better(remaining)
        note("mixed-integer")
    opened, closed = search.loops.branch[search.best], search.loops.closed(search.best)
    return Proof(opened, closed, search.best_kw, search.lower_kw, not search.is_open, tuple(rounds))


@dataclass(frozen=True, eq=False)
class _Answer:
    """What HiGHS says: whether in time, its lower bound and its solution (N,), None where it has none."""

    in_time: bool
    bound_percent: float | None
    variables: FloatArray | None


class _Search:
    """The best configuration so far, the lower bound, and the rows that lead from one to the other."""

    def __init__(self, grid: RadialGrid, start: IntArray, gap: float, rng: np.random.Generator) -> None:
        if (grid.impedance_pu[grid.usable].real < 0).any() or (grid.impedance_pu[grid.usable].imag < 0).any():
            raise ProofError("a branch has negative resistance or reactance; the bounds need both zero or more")
        self.loops, self._grid, self._gap = grid.loops(), grid, gap
        self._flow = RadialFlow(self.loops, grid.impedance_pu, grid.source_vm_pu)
        self._space = SearchSpace(loops=self.loops, costs=self._losses_kw, predicted=self._predicted_kw)
        sequential = sequential_opening(self.loops, grid.impedance_pu.real, grid.demand_pu)
        found = [last(branch_exchange(self._space, opened)) for opened in (start, sequential)]
        near = min(found, key=lambda one: one.cost).opened
        best = last(iterated_local_search(self._space, near, LOCAL_SEARCHES if self.loops.ties else 0, rng))
        self.best, self.best_kw = best.opened, best.cost
        if not 0 < self.best_kw < np.inf:
            raise ProofError("there are no losses to minimise, or no configuration is known that has a power flow")
        self.lower_kw, self.tangents = 0.0, 0
        self._percent_kw = BOUND_OVER_BEST * self.best_kw / 100  # the programme's unit of cost
        self._model = ConicModel(grid, self.loops, BOUND_OVER_BEST * self.best_kw / (1000 * grid.base_mva))
        self._rows = self._model.rows
        arcs = np.arange(len(self._model.arcs.branch))
        self._add(arcs, np.zeros(len(arcs), dtype=complex))
        self._add_flows_near_best()

    @property
    def is_open(self) -> bool:
        """Whether a configuration may exist that is better by more than the gap."""
        return self.lower_kw < self._target_kw

    @property
    def _target_kw(self) -> float:
        return self.best_kw * (1 - self._gap)

    def relax(self, remaining_s: Callable[[], float]) -> bool:
        """Raise the bound without whole numbers, adding tangents where cones are violated; False when time is up."""
        for done in range(RELAXED_ROUNDS):
            remaining = remaining_s()
            answer = self._solve(remaining, whole=False) if remaining > 0 else _Answer(False, None, None)
            if not answer.in_time or answer.bound_percent is None or answer.variables is None:
                return False
            before = self.lower_kw
            self._raise_bound(answer.bound_percent)
            arc, slope = self._model.violated(answer.variables, VIOLATED_PERCENT)
            rising = self.lower_kw > before + LEAST_PROGRESS * self.best_kw
            if not len(arc) or not (rising or done < FEWEST_RELAXED_ROUNDS):
                break
            self._add(arc, slope)
        return True

    def look_for_better(self, remaining_s: float) -> bool:
        """Find a configuration better than the best by more than the gap, or that there is none; False: time is up."""
        answer = self._solve(remaining_s, whole=True)
        if answer.bound_percent is not None:
            self._raise_bound(answer.bound_percent)
        if answer.variables is not None and self._model.describes(answer.variables):
            self._visit(answer.variables)
        elif answer.in_time:
            self.lower_kw = self._target_kw
        return answer.in_time

    def _raise_bound(self, percent: float) -> None:
        """A bound for losses below the target is one for all losses where it is the smaller."""
        self.lower_kw = max(self.lower_kw, min(percent * self._percent_kw, self._target_kw))

    def _visit(self, variables: FloatArray) -> None:
        """Evaluate the configuration of a solution, make the programme exact there, and leave it out.

        One without a power flow is not left out: the tangents must show that it is no better than the best.
        """
        opened = self.loops.opened(self._model.closed(variables))
        loss_kw = float(self._losses_kw(opened[None])[0])
        arc, slope = self._model.violated(variables, VIOLATED_PERCENT / 100)
        self._add(arc, slope)
        if np.isinf(loss_kw):
            if not len(arc):
                raise ProofError(
                    "a configuration that may be the best has no power flow: the grid is near its collapse"
                )
            return
        self._rows = Rows.stacked([self._rows, self._model.all_but(variables)])
        self._add(*self._model.flow_slopes(self._flow, opened[None]))
        if loss_kw < self.best_kw:
            found = last(branch_exchange(self._space, opened))
            self.best, self.best_kw = found.opened, found.cost
            self._add_flows_near_best()

    def _losses_kw(self, opened: IntArray) -> FloatArray:
        states = self._flow.solve(opened, self._grid.demand_pu, POWER_FLOW_ITERATIONS)
        return 1000 * self._grid.base_mva * states.loss_pu

    def _predicted_kw(self, exchanges: Exchanges) -> FloatArray:
        grid, branches = self._grid, len(self._grid.usable)
        losses = RadialObjective(
            self.loops, self._flow, Limits.none(grid.n_bus, branches), np.zeros(branches), 0.0, grid.base_mva
        )
        return losses.predicted_change_kw(exchanges, grid.demand_pu, grid.load_pu)

    def _add(self, arc: IntArray, slope: FloatArray) -> None:
        self._rows = Rows.stacked([self._rows, self._model.tangents(arc, slope)])
        self.tangents += len(arc)

    def _add_flows_near_best(self) -> None:
        """Tangents at the power flow of the best configuration, and spread over those of its good neighbours."""
        self._add(*self._model.flow_slopes(self._flow, self.best[None]))
        neighbours = exchange_neighbours(self.loops, self.best)
        near = neighbours[self._losses_kw(neighbours) < NEAR_BEST * self.best_kw]
        self._add(*self._model.spread(*self._model.flow_slopes(self._flow, near), SPREAD_PERCENT))

    def _solve(self, remaining_s: float, whole: bool) -> _Answer:
        """The programme relaxed, or with whole numbers and the choice of describing nothing at the price of the target.

        That choice is what is left when no configuration is better; it gives HiGHS a bound to prune with.
        """
        model, rows = self._model, self._rows
        target, described = self._target_kw / self._percent_kw, model.block["s"]
        cost, lower = model.cost.copy(), model.lower.copy()
        cost[described], lower[described] = (-target, 0.0) if whole else (0.0, 1.0)
        result = milp(
            cost,
            integrality=model.integrality if whole else None,
            bounds=Bounds(lower, model.upper),
            constraints=[LinearConstraint(rows.matrix, rows.lower, rows.upper)],
            options={"time_limit": remaining_s},
        )
        if result.status not in (OPTIMAL, LIMIT):
            raise ProofError(f"HiGHS gives no answer, though there is one: {result.message}")
        bound = result.mip_dual_bound if whole else result.fun
        known = bound is not None and np.isfinite(bound)
        return _Answer(result.status == OPTIMAL, bound + whole * target if known else None, result.x)

"""Figure 4 of the optimiser: what it proposes in random states, checked by other means than its own."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import energised_buses, is_radial
from grid.network import BoolArray, Network
from ml.optimisation.plans.plan import Outcome, OutcomeKind, Plan, Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.flow import exchange_neighbours
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.switching.problem import SwitchingProblem
from tests.benchmarks.policies import FEEDERS, FIRST_SEED, failure_probability, train
from tests.benchmarks.report import Figure
from tests.ml.varieties import LOADS_ONLY

STATES = {f"feeder:{FEEDERS / 'feeder33'}.json": 6000, "city8": 3000, f"feeder:{FEEDERS / 'feeder84'}.json": 1000}
PARTIAL = (OutcomeKind.PART_RESTORED, OutcomeKind.NOTHING_RESTORABLE)  # the plan relieves what is violated, then
EXCHANGES, OUTAGE_SHARE, PV_SHARE, PV_LARGEST, RISK_SHARE = 4, 0.3, 0.3, 0.6, 0.3


@dataclass
class Counts:
    """What was seen."""

    states: int = 0
    plans: int = 0
    radial: int = 0
    whole: int = 0
    partial: int = 0
    kept: int = 0
    verified: int = 0
    not_worse: int = 0
    uninterrupted: int = 0


def plans() -> tuple[list[Figure], str]:
    """Over 10,000 random states; figures and a sentence."""
    counts = Counts()
    for case, states in STATES.items():
        _count(case, states, counts)
    total = counts.plans
    checks = (
        ("radial", counts.radial),
        ("all supplied that a branch reaches, or said what forbids it", counts.whole + counts.partial),
        ("nothing loses supply", counts.kept),
        ("verified by Newton's method apart from the optimiser's", counts.verified),
        ("never worse than the present state", counts.not_worse),
        ("with an order that never interrupts a load", counts.uninterrupted),
    )
    figures = [
        Figure(f"{counts.states:,} random states, {total:,} plans: {words}", f"{100 * count / max(total, 1):.2f} %",
               "100 %", count == total)
        for words, count in checks
    ]  # fmt: skip
    figures.insert(2, Figure("of these, not all, as something forbids it", f"{counts.partial:,}"))
    words = (
        "Random states: level 0.3 to 1.1, regions and buses vary, photovoltaics in 30 %, an outage in 30 %, up to four "
        "random exchanges away from the case's own switch states; 30 % with risk. Beside the most that can be "
        "supplied: restoration.md."
    )
    return figures, words


def _count(case: str, states: int, counts: Counts) -> None:
    network = load_case(case, Path("var")).network
    optimizer, grid = train(network, FIRST_SEED), RadialGrid.of(network)
    probability = failure_probability(grid)
    draws = SwitchingProblem(grid, probability, LOADS_ONLY)
    rng, flow = np.random.default_rng(77), PowerFlow(network)
    for _ in range(states):
        operating_point = _moment(network, draws, probability, rng)
        while not _has_solution(flow, operating_point):
            operating_point = _moment(network, draws, probability, rng)
        wanted = Requirements(risk_weight=draws.usual_risk_weight if rng.uniform() < RISK_SHARE else 0.0)
        proposal = optimizer.propose(operating_point, wanted)
        counts.states += 1
        if proposal.plan is not None:
            _check(network, flow, operating_point, proposal.plan, proposal.outcome, counts)


def _has_solution(flow: PowerFlow, operating_point: OperatingPoint) -> bool:
    """Whether the present state exists: far from the usual switch states voltage may collapse."""
    try:
        flow.solve(operating_point.injection, operating_point.closed)
    except PowerFlowDivergedError:
        return False
    return True


def _moment(
    network: Network, draws: SwitchingProblem, probability: np.ndarray, rng: np.random.Generator
) -> OperatingPoint:
    """A random state: loads, photovoltaics as negative load, switch states some exchanges away, perhaps an outage."""
    injection, at = Injection.of_case(network), network.load.bus
    _, load = draws.demand(1, rng)
    factor = load[0, at] / np.maximum(draws.grid.load_pu[at], 1e-12)
    sunny = rng.uniform() < PV_SHARE
    fed = sunny * (rng.uniform(size=len(at)) < 0.4) * PV_LARGEST * rng.uniform(size=len(at))
    injection = replace(
        injection, load_p_mw=injection.load_p_mw * (factor - fed), load_q_mvar=injection.load_q_mvar * factor
    )
    loops = draws.whole
    opened = loops.opened(network.branch.closed)
    for _ in range(int(rng.integers(0, EXCHANGES + 1))):
        neighbours = exchange_neighbours(loops, opened)
        opened = neighbours[rng.integers(len(neighbours))]
    closed, available = loops.closed(opened), network.branch.in_service.copy()
    if rng.uniform() < OUTAGE_SHARE:
        lost = int(rng.choice(np.flatnonzero(closed)))
        closed[lost] = available[lost] = False
    return OperatingPoint(injection, closed, available, probability, 4000.0, 80.0)


def _is_said(outcome: Outcome) -> bool:
    """Whether an answer says what forbids more supply."""
    return outcome.binding is not None or outcome.hindrance is not None


def _check(
    network: Network, flow: PowerFlow, operating_point: OperatingPoint, plan: Plan, outcome: Outcome, counts: Counts
) -> None:
    """Count what holds of one plan, from its switch states alone."""
    branch, sources = network.branch, network.source_buses

    def supplied(closed: BoolArray) -> BoolArray:
        return energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)

    reachable = supplied(operating_point.available)
    closed, before = operating_point.closed.copy(), supplied(operating_point.closed)
    uninterrupted = True
    for action in plan.actions:
        closed[action.branch] = action.close
        after = supplied(closed)
        uninterrupted &= bool((after | ~before).all()) and (action.close or not before.all() or bool(after.all()))
        before = after
    state = flow.solve(operating_point.injection, closed)
    counts.plans += 1
    counts.radial += is_radial(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)
    is_whole = bool((supplied(closed) == reachable).all())
    counts.whole += is_whole
    counts.partial += not is_whole and outcome.kind in PARTIAL and _is_said(outcome)
    counts.kept += bool((supplied(closed) | ~supplied(operating_point.closed)).all())
    counts.verified += abs(1000 * state.total_loss_mw - plan.after.loss_kw) < 1e-3
    restores = bool((supplied(closed) & ~supplied(operating_point.closed)).any())
    violates = bool(plan.before.violation)
    counts.not_worse += restores or violates or plan.after.objective_kw <= plan.before.objective_kw
    counts.uninterrupted += uninterrupted

"""The N-1 list: what each single outage leaves dark, and for how long, after the best restoration.

In a radial grid each outage is restored by the optimiser, which verifies its answer by AC power flow. In a meshed one
outages are ranked by what they cut off and by the limits that they break.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from grid.capabilities import SWITCHING
from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT, n_minus_1
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.limits import USUAL_BAND_PU
from ml.optimisation.plans.plan import Action, Margin, NoPlan, NoPlanKind, OutcomeKind, Proposal, Requirements
from ml.optimisation.plans.timeline import FieldWork, Timeline, timeline_of
from ml.optimisation.plans.verification import OperatingPoint

Propose = Callable[[OperatingPoint, Requirements], Proposal]
NOTHING_KW = 0.01


@dataclass(frozen=True, eq=False, kw_only=True)
class SingleOutage:
    """What the outage of one branch comes to.

    solved: whether the state right after it has a power flow solution. lost_kw, lost_customers: what loses supply.
    dark_kw, dark_customers: what has none after the best restoration, until the repair. restored_kw: what comes back,
    also of what was dark before. restored_minutes: until the last of it is back, 0 where nothing is. repair_minutes:
    after the branch's kind. unsupplied_kwh: until the repair, at constant demand. outcome: of the restoration, None
    where none was asked for. binding: the limit that keeps load dark. actions: of the restoration.
    worst_loading_percent with loaded_branch, band_excess_pu with band_bus: right after an outage in a meshed grid; NaN
    and -1 elsewhere.
    """

    branch: int
    solved: bool
    lost_kw: float
    lost_customers: float
    dark_kw: float
    dark_customers: float
    restored_kw: float
    restored_minutes: float
    repair_minutes: float
    unsupplied_kwh: float
    outcome: OutcomeKind | None = None
    binding: Margin | None = None
    actions: tuple[Action, ...] = ()
    worst_loading_percent: float = float("nan")
    loaded_branch: int = -1
    band_excess_pu: float = float("nan")
    band_bus: int = -1

    @property
    def violation(self) -> float:
        """How far the worst loading and the worst voltage lie beyond their limits, as shares of rating and band."""
        loading = max(0.0, float(np.nan_to_num(self.worst_loading_percent)) / FULL_LOAD_PERCENT - 1.0)
        beyond = float(np.nan_to_num(self.band_excess_pu))
        return loading + (beyond / USUAL_BAND_PU if beyond > BAND_TOLERANCE_PU else 0.0)

    @property
    def harmless(self) -> bool:
        """Whether nothing stays dark and no limit is broken."""
        return self.solved and self.dark_kw < NOTHING_KW and not self.violation


def single_outages(network: Network, moment: OperatingPoint) -> IntArray:
    """Branches that carry anything now, whose outage is worth a look."""
    supplied = _supplied(network, moment, moment.closed)
    return np.flatnonzero(moment.closed & supplied[network.branch.from_bus])


def restored_outage(
    network: Network,
    moment: OperatingPoint,
    branch: int,
    wanted: Requirements,
    propose: Propose,
    customers: FloatArray,
    work: FieldWork,
) -> SingleOutage:
    """The outage of one branch of a radial grid after its best restoration within normal limits.

    customers: (l,) of each load.
    """
    closed, available = moment.closed.copy(), moment.available.copy()
    closed[branch] = available[branch] = False
    after = replace(moment, closed=closed, available=available)
    demand_kw = 1000 * moment.injection.load_p_mw.clip(min=0)
    before, then = (_supplied(network, moment, states)[network.load.bus] for states in (moment.closed, closed))
    lost, dark = before & ~then, ~then
    proposal, solved = None, True
    if demand_kw[lost].sum() > NOTHING_KW:
        try:
            proposal = propose(after, replace(wanted.within_normal, worst_hour=False, n_minus_1=False))
        except ValueError:  # that state has no solution
            solved = False
    plan = None if proposal is None else proposal.plan
    actions = () if plan is None else plan.actions
    if plan is not None:
        dark = ~plan.after.supplied_loads
    dark = dark & (demand_kw > 0)
    timeline = timeline_of(network, moment.injection, closed, actions, customers, work)
    repair = work.repair_minutes(network, branch)
    return SingleOutage(
        branch=branch,
        solved=solved,
        lost_kw=float(demand_kw[lost].sum()),
        lost_customers=float(customers[lost].sum()),
        dark_kw=float(demand_kw[dark].sum()),
        dark_customers=float(customers[dark].sum()),
        restored_kw=max(0.0, float(demand_kw[~then].sum() - demand_kw[dark].sum())),
        restored_minutes=_restored_minutes(timeline),
        repair_minutes=repair,
        unsupplied_kwh=1000 * timeline.unsupplied_mwh(repair),
        outcome=None if proposal is None else proposal.outcome.kind,
        binding=None if proposal is None else proposal.outcome.binding,
        actions=actions,
    )


def _restored_minutes(timeline: Timeline) -> float:
    """When the last load is back that comes back; 0 where none does."""
    supplied, minutes = timeline.supplied_mw, 0.0
    for step in timeline.steps:
        if 1000 * (step.supplied_mw - supplied) > NOTHING_KW:
            minutes = step.minute
        supplied = step.supplied_mw
    return minutes


def meshed_outages(
    network: Network, moment: OperatingPoint, branches: IntArray, customers: FloatArray, work: FieldWork
) -> list[SingleOutage]:
    """The outages of branches (k,) of a meshed grid, where nothing is switched. customers: (l,) of each load.

    Raises PowerFlowDivergedError where the state before has no solution.
    """
    found = n_minus_1(network, moment.injection, moment.closed, branches)
    demand_kw = 1000 * moment.injection.load_p_mw.clip(min=0)
    before = _supplied(network, moment, moment.closed)[network.load.bus]
    rows = []
    for row, branch in enumerate(found.outage.tolist()):
        closed = moment.closed.copy()
        closed[branch] = False
        dark = ~_supplied(network, moment, closed)[network.load.bus] & (demand_kw > 0)
        lost, repair = dark & before, work.repair_minutes(network, branch)
        rows.append(
            SingleOutage(
                branch=branch,
                solved=bool(found.converged[row]),
                lost_kw=float(demand_kw[lost].sum()),
                lost_customers=float(customers[lost].sum()),
                dark_kw=float(demand_kw[dark].sum()),
                dark_customers=float(customers[dark].sum()),
                restored_kw=0.0,
                restored_minutes=0.0,
                repair_minutes=repair,
                unsupplied_kwh=float(demand_kw[dark].sum()) * repair / 60.0,
                worst_loading_percent=float(found.worst_loading_percent[row]),
                loaded_branch=int(found.worst_branch[row]),
                band_excess_pu=float(found.band_excess_pu[row]),
                band_bus=int(found.worst_bus[row]),
            )
        )
    return rows


def ranked(outages: Iterable[SingleOutage]) -> tuple[SingleOutage, ...]:
    """The worst first: without a solution, then by what stays dark, by violation, and by energy not supplied."""
    return tuple(
        sorted(
            outages,
            key=lambda one: (
                one.solved,
                -round(one.dark_kw / NOTHING_KW),
                -one.violation,
                -one.unsupplied_kwh,
                one.branch,
            ),
        )
    )


def _supplied(network: Network, moment: OperatingPoint, closed: BoolArray) -> BoolArray:
    """(n,) buses that switch states closed (m,) supply."""
    branch, generator = network.branch, network.generator
    sources = generator.bus[generator.is_source & moment.injection.generator_on]
    return energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, sources)


def outages_untried(network: Network) -> NoPlan:
    """That single outages of a radial grid of this size aren't restored."""
    return NoPlan(kind=NoPlanKind.TOO_LARGE_FOR_OUTAGES, buses=network.n_bus, most=SWITCHING.most)

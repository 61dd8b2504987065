"""What the maps mark of a plan: switches that close and open, generators that change, locks, and changed supply paths.

Values come in the positions of a scope's nodes and edges, as in app.map.values.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from app.engine.board import Snapshot
from app.map.network_view import NetworkView, Scope
from app.map.values import map_values
from app.optimisation.view import offered
from app.optimisation.worker import PlanReport
from app.web.browser_view import View
from components.map.style import Mark
from grid.network import IntArray, Network
from ml.optimisation.plans.plan import Plan, Requirements, Verdict
from ml.optimisation.supply.paths import SupplyPaths, supply_paths

Values = dict[str, object]
SAME_OHM = 1e-9


def marks(plan: Plan | None, scope: Scope, network: Network) -> Values:
    """x: [edge, Mark, step] of switches that change; g: [node, change in kW] of buses whose generation changes."""
    if plan is None or scope.areas is not None:
        return {}
    edge = _positions(scope.branch, network.n_branch)
    rows = [
        [int(edge[action.branch]), (Mark.CLOSE if action.close else Mark.OPEN).value, step]
        for step, action in enumerate(plan.actions, start=1)
        if edge[action.branch] >= 0
    ]
    return {"x": rows, "g": _generation(plan, scope, network)}


def _generation(plan: Plan, scope: Scope, network: Network) -> list[list[int]]:
    change = np.zeros(network.n_bus)
    for point in plan.set_points:
        change[network.generator.bus[point.generator]] += 1000 * (point.p_mw - point.p_mw_before)
    changed = np.round(change[scope.bus])
    found = np.flatnonzero(changed)
    return np.column_stack([found, changed[found]]).astype(int).tolist()


def locks(requirements: Requirements, scope: Scope) -> list[int]:
    """Positions of the edges whose switches are locked."""
    return np.flatnonzero(np.isin(scope.branch, sorted(requirements.locked))).tolist()


def proposed_map(snapshot: Snapshot, report: PlanReport, shown: NetworkView, view: View) -> Values | None:
    """The map of the proposed state; None where there is no plan, so that it is as the present one."""
    proposal = offered(report, snapshot)
    if proposal is None or proposal.plan is None:
        return None
    after = replace(
        snapshot,
        solved=replace(snapshot.solved, state=proposal.plan.after.state),
        assessed=replace(snapshot.assessed, alarms=(), alarm_cards=()),
    )
    return map_values(after, shown, view) | marks(proposal.plan, shown.scope(view.area), snapshot.case.network)


def path_marks(plan: Plan | None, scope: Scope, network: Network) -> list[int]:
    """Edges on the supply paths that the plan changes, as they will be."""
    if plan is None or not plan.actions or scope.areas is not None:
        return []
    return np.flatnonzero(np.isin(scope.branch, changed_paths(network, plan))).tolist()


@lru_cache(maxsize=2)
def changed_paths(network: Network, plan: Plan) -> IntArray:
    """Branches, sorted, of the new supply paths of all buses whose path the plan changes."""
    before, after = (_paths(network, verdict) for verdict in (plan.before, plan.after))
    same = np.isclose(before.cost, after.cost, rtol=SAME_OHM) & (before.predecessor_branch == after.predecessor_branch)
    moved = np.flatnonzero(~same & (after.generator_bus >= 0))
    return np.unique([branch for bus in moved for branch in after.path_branches(int(bus))]).astype(int)


def _paths(network: Network, verdict: Verdict) -> SupplyPaths:
    branch, generator = network.branch, network.generator
    sources = generator.bus[generator.is_source & verdict.injection.generator_on]
    nothing = np.zeros(network.n_branch)
    ohm = np.maximum(branch.r_pu, 0.0)
    return supply_paths(network.n_bus, branch.from_bus, branch.to_bus, verdict.closed, ohm, nothing, sources, 0.0)


def _positions(chosen: IntArray, size: int) -> IntArray:
    """(size,) where in the chosen ones each stands, -1 where it isn't among them."""
    position = np.full(size, -1)
    position[chosen] = np.arange(len(chosen))
    return position

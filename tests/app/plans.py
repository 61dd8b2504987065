"""Proposals made by hand from a snapshot's own state, for tests of what is shown: real power flows, no learning."""

import numpy as np

from app.engine.board import Snapshot
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import interrupted_power_mw, is_radial
from grid.network import BoolArray
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    Excess,
    Margin,
    MethodResult,
    NoPlan,
    NoPlanKind,
    Outcome,
    OutcomeKind,
    Plan,
    Proposal,
    Requirements,
    SetPoint,
    Verdict,
)

HOURS = 8760
EUR_PER_MWH = 80.0


class Judge:
    """Solves and judges states of a snapshot's network under its injections."""

    def __init__(self, snapshot: Snapshot, requirements: Requirements) -> None:
        self.snapshot, self.requirements = snapshot, requirements
        self.network, state = snapshot.case.network, snapshot.solved.state
        generator = self.network.generator
        self.injection = Injection(
            state.load_p_mw, state.load_q_mvar, state.generator_p_mw, state.generator_q_mvar, generator.vm_pu,
            snapshot.solved.injection.generator_on,
        )  # fmt: skip
        self._flow = PowerFlow(self.network)

    def verdict(self, closed: BoolArray) -> Verdict:
        """A judged state with these branches closed."""
        return self.judged(self._flow.solve(self.injection, closed), closed)

    def judged(self, state: GridState, closed: BoolArray) -> Verdict:
        branch, bus, network = self.network.branch, self.network.bus, self.network
        demand = np.bincount(network.load.bus, state.load_p_mw, network.n_bus)
        lost = interrupted_power_mw(
            network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses, demand
        )  # fmt: skip
        loss, risk = 1000 * state.total_loss_mw, 1000 * float(self.snapshot.assessed.risk.failure_probability @ lost)
        low, high = int(np.nanargmin(state.vm_pu)), int(np.nanargmax(state.vm_pu))
        hot = int(np.nanargmax(state.loading_percent))
        vm, loading = state.vm_pu, float(state.loading_percent[hot])
        margins = (
            Margin(Constraint.LOW_VOLTAGE, float(vm[low]), float(bus.min_vm_pu[low]), "p.u.", bus.name[low]),
            Margin(Constraint.HIGH_VOLTAGE, float(vm[high]), float(bus.max_vm_pu[high]), "p.u.", bus.name[high]),
            Margin(Constraint.LOADING, loading, self.requirements.max_loading_percent, "%", branch.name[hot]),
        )
        unsupplied = 1000 * float(network.load.p_mw[~state.energised[network.load.bus]].sum())
        objective = loss + self.requirements.risk_weight * risk
        violation = {margin.constraint: margin.excess for margin in margins if margin.excess > 0}
        band = bus.max_vm_pu - bus.min_vm_pu
        excess = Excess(
            low_voltage=np.nan_to_num(np.maximum(bus.min_vm_pu - vm, 0) / band),
            high_voltage=np.nan_to_num(np.maximum(vm - bus.max_vm_pu, 0) / band),
            loading=np.maximum(state.loading_percent / self.requirements.max_loading_percent - 1, 0),
            generation=np.zeros(len(network.generator)),
        )
        return Verdict(
            closed, self.injection, state, loss, risk, unsupplied, objective, float(vm[low]), low, float(vm[high]),
            high, loading, hot, margins, violation, excess, state.energised[network.load.bus], unsupplied,
        )  # fmt: skip


def exchange(judge: Judge, present: Verdict) -> Plan | None:
    """The best exchange of one closed branch for an open one; None where none is better."""
    network, best = judge.network, present
    branch, chosen = network.branch, None
    for tie in np.flatnonzero(~present.closed & branch.in_service):
        if int(tie) in judge.requirements.locked:
            continue
        for opened in np.flatnonzero(present.closed):
            closed = present.closed.copy()
            closed[[tie, opened]] = True, False
            if int(opened) in judge.requirements.locked or not is_radial(
                network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses
            ):
                continue
            try:
                found = judge.verdict(closed)
            except PowerFlowDivergedError:
                continue
            if found.state.energised.all() and found.objective_kw < best.objective_kw - 1e-3:
                best, chosen = found, (int(tie), int(opened))
    return None if chosen is None else plan_of(judge, present, best, ((chosen[0], True), (chosen[1], False)))


def plan_of(judge: Judge, before: Verdict, after: Verdict, switching: tuple[tuple[int, bool], ...]) -> Plan:
    """A plan with the state after each of its steps."""
    actions, closed = [], before.closed.copy()
    for branch, close in switching:
        closed[branch] = close
        step = judge.verdict(closed.copy())
        actions.append(Action(branch, close, step.loss_kw, step.min_vm_pu, step.max_loading_percent))
    saved_mwh = (before.loss_kw - after.loss_kw) * HOURS / 1000
    return Plan(
        actions=tuple(actions), set_points=(), before=before, after=after, requirements=judge.requirements,
        saved_mwh_per_year=saved_mwh, saved_money_per_year=saved_mwh * EUR_PER_MWH, network=judge.network,
    )  # fmt: skip


def redispatch(judge: Judge, present: Verdict) -> Plan:
    """A plan of set-points: two regulating generators shift a tenth of their power."""
    generator, injection = judge.network.generator, judge.injection
    more, less = np.flatnonzero(generator.is_regulating)[:2]
    power, shift = injection.generator_p_mw.copy(), 5.0
    power[more] += shift
    power[less] -= shift
    changed = Injection(
        injection.load_p_mw, injection.load_q_mvar, power, injection.generator_q_mvar, injection.generator_vm_pu,
        injection.generator_on,
    )  # fmt: skip
    after = judge.judged(PowerFlow(judge.network).solve(changed, present.closed), present.closed)
    points = tuple(
        SetPoint(int(g), float(injection.generator_p_mw[g]), float(power[g]), float(generator.vm_pu[g]), 1.01)
        for g in (more, less)
    )
    return Plan(
        actions=(), set_points=points, before=present, after=after, requirements=judge.requirements,
        saved_mwh_per_year=100.0, saved_money_per_year=8000.0, network=judge.network,
    )  # fmt: skip


def proposal_of(
    snapshot: Snapshot, requirements: Requirements | None = None, conflict: Constraint | None = None,
    meshed: bool = False,
) -> Proposal:  # fmt: skip
    """A proposal for a snapshot's state."""
    asked = requirements or Requirements()
    judge = Judge(snapshot, asked)
    present = judge.judged(snapshot.solved.state, snapshot.solved.state.closed)
    plan = None
    if conflict is None:
        plan = redispatch(judge, present) if meshed else exchange(judge, present)
    best = present if plan is None else plan.after
    methods = (
        MethodResult("policy", best.loss_kw, best.expected_interrupted_kw, best.objective_kw, 33, 4.2),
        MethodResult("sequential opening", 1.03 * best.loss_kw, best.expected_interrupted_kw,
                     1.03 * best.objective_kw, 8, 1.1),
        MethodResult("branch exchange", best.loss_kw, best.expected_interrupted_kw, best.objective_kw, 210, 38.0),
        MethodResult("exhaustive search", float("nan"), float("nan"), float("nan"), 0, 2.0),
    )  # fmt: skip
    reason = None if plan is not None else NoPlan(kind=NoPlanKind.BEST_FOUND)
    limited = () if plan is None or meshed else (plan,)
    kind = OutcomeKind.CONFLICT if conflict else OutcomeKind.NONE_BETTER if plan is None else OutcomeKind.BETTER_PLAN
    outcome = Outcome(kind=kind, unsupplied_kw=best.unsupplied_kw)
    return Proposal(asked, present, plan, limited, conflict, reason, methods, "640 episodes", 12.5, outcome)

"""Plans are carried out through an actuator: what becomes of an order that isn't taken, or can't be sent."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
import torch

from app.engine.plan_execution import PlanExecution
from app.web.reasons import stale_reason
from grid.flow.powerflow import GridState
from grid.sources.seams import Acknowledgement, HoldOrder, Order, SwitchOrder
from grid.sources.simulator import Simulator
from ml.optimisation.plans.plan import Plan, PlanProblem, PlanProblemKind
from tests.app.rig import START, Rig

NOW = timedelta(0)


class HardOfHearing(Simulator):
    """A simulator that refuses orders while deaf, and can't be sent any while cut."""

    deaf = cut = False

    def execute(self, order: Order) -> Acknowledgement:
        if self.cut:
            raise ConnectionError("control line cut")
        return Acknowledgement(taken=False) if self.deaf else super().execute(order)


def with_hard_of_hearing(rig: Rig) -> HardOfHearing:
    """Put an actuator that can refuse in the simulator's place."""
    pipeline = rig.engine._pipeline
    simulator = HardOfHearing(pipeline.case, START, rig.services.settings.seed)
    pipeline.parts = simulator.parts
    pipeline.plan_execution = PlanExecution(pipeline.network, simulator)
    rig.run(elapsed=NOW)
    return simulator


def plan_of(rig: Rig) -> Plan:
    torch.set_num_threads(1)
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    return planner.plan


def test_orders_switch_and_hold_the_simulated_grid(rig: Rig) -> None:
    simulator = Simulator(rig.engine._pipeline.case, START, 7)
    branch = int(np.flatnonzero(simulator.closed)[0])
    before = simulator.closed
    assert simulator.execute(SwitchOrder(branch=branch, close=False)).taken
    assert not simulator.read().branch.closed.value[branch]
    assert before[branch]  # what others have been handed doesn't change
    generator = rig.now.case.network.generator
    free = int(np.flatnonzero(~generator.is_source)[0])  # a source makes up the balance, whatever it is held at
    p_mw = np.full(len(generator), np.nan)
    p_mw[free] = 12.5
    assert simulator.execute(HoldOrder(held=simulator.held.then(p_mw, np.full_like(p_mw, np.nan)))).taken
    assert simulator.read().generator.p_mw.value[free] == pytest.approx(12.5, rel=0.03)


def test_a_refused_switching_ends_the_plan_with_its_reason(rig: Rig) -> None:
    simulator, plan = with_hard_of_hearing(rig), plan_of(rig)
    simulator.deaf = True
    rig.engine.apply(plan)
    operations = rig.run(elapsed=NOW).control.operations
    first = plan.actions[0]
    assert operations.stopped == PlanProblem(kind=PlanProblemKind.ORDER_REFUSED, branch=first.branch, close=first.close)
    assert operations.done == operations.pending == ()
    np.testing.assert_array_equal(rig.run(elapsed=NOW).solved.state.closed, simulator.closed)


def test_an_order_that_cannot_be_sent_waits_until_it_can(rig: Rig) -> None:
    simulator, plan = with_hard_of_hearing(rig), plan_of(rig)
    simulator.cut = True
    rig.engine.apply(plan)
    cut = rig.run(elapsed=NOW)
    assert cut.solved.stale
    assert "control line cut" in stale_reason(cut)
    assert cut.control.operations.done == ()
    assert cut.control.operations.pending == plan.actions
    simulator.cut = False
    rig.run(1, NOW)  # the data are good again before anything is switched by them
    after = rig.run(len(plan.actions), NOW)
    assert [done.branch for done in after.control.operations.done] == [action.branch for action in plan.actions]
    for action in plan.actions:
        assert after.solved.state.closed[action.branch] == action.close


def test_refused_set_points_leave_the_generators_as_they_were(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig("case14", dispatch_episodes=3)
    simulator, plan = with_hard_of_hearing(rig), plan_of(rig)
    held = simulator.held
    simulator.deaf = True
    rig.engine.apply(plan)
    operations = rig.run(elapsed=NOW).control.operations
    assert operations.stopped == PlanProblem(kind=PlanProblemKind.ORDER_REFUSED)
    assert not operations.set_points_done
    assert simulator.held is held
    simulator.deaf = False
    rig.engine.apply(plan)
    assert rig.run(elapsed=NOW).control.operations.set_points_done
    set_to = simulator.held
    simulator.deaf = True
    rig.engine.undo()
    refused = rig.run(elapsed=NOW).control.operations
    assert refused.stopped == PlanProblem(kind=PlanProblemKind.ORDER_REFUSED)
    assert refused.set_points_done  # and can be undone later
    assert simulator.held is set_to
    simulator.deaf = False
    rig.engine.undo()
    assert not rig.run(elapsed=NOW).control.operations.set_points_done
    assert simulator.held is held


def figures(state: GridState, unsupplied_kw: float) -> list[float]:
    """Losses in kW, kW without supply, lowest voltage in p.u. of a state."""
    return [1000 * state.total_loss_mw, unsupplied_kw, float(np.nanmin(state.vm_pu))]


def test_what_a_plan_promised_is_kept_beside_what_was_measured_after_it(rig: Rig) -> None:
    plan = plan_of(rig)
    ordered_at = rig.now.simulated_at
    rig.engine.apply(plan)
    for _ in plan.actions[:-1]:
        assert rig.run(elapsed=NOW).control.operations.followed == ()
    after = rig.run(elapsed=NOW)
    (followed,) = after.control.operations.followed
    assert (followed.code, followed.actions) == (plan.code, plan.actions)
    assert (followed.ordered_at, followed.measured_at) == (ordered_at, after.simulated_at)
    promised, measured = followed.promised, followed.measured
    assert [promised.loss_kw, promised.unsupplied_kw, promised.min_vm_pu, promised.max_loading_percent] == [
        plan.after.loss_kw,
        plan.after.unsupplied_kw,
        plan.after.min_vm_pu,
        plan.after.max_loading_percent,
    ]
    unsupplied_kw = 1000 * after.assessed.metrics.unsupplied_mw
    assert [measured.loss_kw, measured.unsupplied_kw, measured.min_vm_pu] == figures(after.solved.state, unsupplied_kw)
    assert measured.loss_kw == pytest.approx(promised.loss_kw, rel=0.03)  # within what instruments vary by
    assert measured.max_loading_percent == pytest.approx(promised.max_loading_percent, rel=0.03)
    assert rig.run(elapsed=NOW).control.operations.followed == (followed,)  # it stays


def test_a_single_step_promises_the_state_that_it_leads_to(rig: Rig) -> None:
    plan = plan_of(rig)
    rig.engine.apply(plan, 1)
    (followed,) = rig.run(elapsed=NOW).control.operations.followed
    assert followed.actions == plan.actions[:1]
    assert followed.promised.loss_kw == plan.actions[0].loss_kw
    assert np.isnan(followed.promised.unsupplied_kw)
    assert followed.measured.loss_kw == pytest.approx(followed.promised.loss_kw, rel=0.03)


def test_what_is_refused_or_taken_back_was_never_measured(rig: Rig) -> None:
    simulator, plan = with_hard_of_hearing(rig), plan_of(rig)
    simulator.deaf = True
    rig.engine.apply(plan)
    rig.run(2, NOW)
    simulator.deaf = False
    rig.engine.apply(plan)
    rig.run(1, NOW)
    rig.engine.undo(None)
    assert rig.run(3, NOW).control.operations.followed == ()


def test_set_points_are_followed_too(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig("case14", dispatch_episodes=3)
    plan = plan_of(rig)
    rig.engine.apply(plan)
    (followed,) = rig.run(elapsed=NOW).control.operations.followed
    assert (followed.code, followed.actions) == (plan.code, ())
    assert followed.measured.loss_kw == pytest.approx(followed.promised.loss_kw, rel=0.05)

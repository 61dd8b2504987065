"""Plans are carried out through an actuator: what becomes of an order that isn't taken, or can't be sent."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
import torch

from app.engine.plan_execution import PlanExecution
from app.web.reasons import stale_reason
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

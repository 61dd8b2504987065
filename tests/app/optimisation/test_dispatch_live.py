"""Dispatch of a meshed grid while it runs: optimise, apply, the losses fall, undo, and what is refused."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
import torch

from grid.sources.seams import Held
from grid.sources.simulator import Simulator
from ml.optimisation.plans.plan import PlanProblem, PlanProblemKind
from tests.app.rig import START, Rig

torch.set_num_threads(1)
NOW = timedelta(0)
NOISE_PU, NOISE_SHARE = 0.006, 0.03  # six standard deviations of readings


@pytest.fixture
def meshed(new_rig: Callable[..., Rig]) -> Rig:
    """case14 with a policy that has hardly been trained, and a plan."""
    rig = new_rig("case14", dispatch_episodes=3)
    plan_now(rig)
    return rig


def plan_now(rig: Rig) -> None:
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)


def test_optimise_answers_with_verified_set_points(meshed: Rig) -> None:
    answer = meshed.post("/api/grid/optimize", {})
    plan = answer["plan"]
    assert plan["set_points"]
    assert not plan["actions"]
    assert not plan["after"]["violations"]
    assert plan["after"]["loss_kw"] == pytest.approx(answer["present"]["loss_kw"] - plan["saved_kw"])
    assert plan["saved_kw"] > 0
    methods = {method["method"] for method in answer["methods"]}
    assert {"Present state", "Policy"} <= methods
    assert methods & {"Present state + polish", "Policy + polish"}


def test_apply_holds_the_generators_and_the_live_losses_fall(meshed: Rig) -> None:
    plan = meshed.services.planner.plan
    assert plan is not None
    before_mw = meshed.now.assessed.metrics.loss_mw
    meshed.post("/api/grid/apply", {}, 202)
    now = meshed.run(elapsed=NOW)
    assert now.control.operations.set_points_done
    assert now.control.operations.stopped is None
    assert 1000 * now.assessed.metrics.loss_mw == pytest.approx(plan.after.loss_kw, rel=0.1)
    assert now.assessed.metrics.loss_mw < before_mw
    source = now.case.network.generator.is_source
    for point in plan.set_points:
        assert now.solved.injection.generator_vm_pu[point.generator] == pytest.approx(point.vm_pu, abs=NOISE_PU)
        measured = now.measured.frame.generator.p_mw.value[point.generator]
        if not source[point.generator]:
            assert measured == pytest.approx(point.p_mw, rel=NOISE_SHARE, abs=1e-6)
    plan_now(meshed)
    assert meshed.services.planner.plan is None or meshed.services.planner.plan.saved_kw < plan.saved_kw / 10


def test_undo_gives_the_generators_back_to_the_simulator(meshed: Rig) -> None:
    before = meshed.now
    meshed.post("/api/grid/apply", {}, 202)
    meshed.run(elapsed=NOW)
    meshed.post("/api/grid/apply", {"undo": True}, 202)
    now = meshed.run(elapsed=NOW)
    assert not now.control.operations.set_points_done
    assert now.assessed.metrics.loss_mw == pytest.approx(before.assessed.metrics.loss_mw, rel=0.02)
    assert meshed.post("/api/grid/apply", {"undo": True}, 409)["error"].startswith("There is nothing to undo")


def test_plans_are_undone_one_after_another_or_all_at_once(meshed: Rig) -> None:
    engine = meshed.engine
    operator, simulator = engine._pipeline.plan_execution, engine._pipeline.parts.source
    plan, own = meshed.services.planner.plan, simulator.held
    assert plan is not None
    engine.apply(plan)
    meshed.run(elapsed=NOW)
    first = simulator.held
    simulator.held = own  # as if something else had let the generators go, so that the plan improves again
    meshed.run(elapsed=NOW)
    engine.apply(plan)
    meshed.run(elapsed=NOW)
    np.testing.assert_array_equal(simulator.held.p_mw, first.p_mw)
    operator.undo(1)
    assert simulator.held is own
    assert operator.operations.set_points_done
    operator.undo(None)
    assert simulator.held is own
    assert not operator.operations.set_points_done


def test_a_plan_is_refused_once_the_grid_has_changed(meshed: Rig) -> None:
    plan = meshed.services.planner.plan
    assert plan is not None
    lost = next(
        point.generator for point in plan.set_points if not meshed.now.case.network.generator.is_source[point.generator]
    )
    meshed.post("/api/events", {"kind": "generator_trip", "target": lost}, 202)
    meshed.run(elapsed=NOW)
    refused = meshed.post("/api/grid/apply", {}, 409)
    assert f"{meshed.now.case.network.generator.name[lost]} is out of service" in refused["error"]
    assert not meshed.run().control.operations.set_points_done


def test_a_plan_is_verified_once_more_right_before_it_is_carried_out(meshed: Rig) -> None:
    operator, simulator = meshed.engine._pipeline.plan_execution, meshed.engine._pipeline.parts.source
    plan, own = meshed.services.planner.plan, simulator.held
    assert plan is not None
    meshed.post("/api/events", {"kind": "generator_trip", "target": plan.set_points[-1].generator}, 202)
    meshed.run(elapsed=NOW)
    operator.apply(plan, None, meshed.now.simulated_at)
    operations = meshed.run(elapsed=NOW).control.operations
    assert operations.stopped == PlanProblem(
        kind=PlanProblemKind.OUT_OF_SERVICE, generator=plan.set_points[-1].generator
    )
    assert not operations.set_points_done
    assert simulator.held is own


def test_held_generators_stay_while_the_others_follow_the_demand(meshed: Rig) -> None:
    simulator = meshed.engine._pipeline.parts.source
    nothing = Held.nothing(simulator.case.network)
    p_mw, vm_pu = nothing.p_mw.copy(), nothing.vm_pu.copy()
    p_mw[1], vm_pu[2] = 33.0, 1.015
    simulator.held = nothing.then(p_mw, vm_pu)
    day = [simulator_after(simulator, hours=3) for _ in range(6)]
    np.testing.assert_allclose([frame[0][1] for frame in day], 33.0, rtol=NOISE_SHARE)
    np.testing.assert_allclose([frame[1][2] for frame in day], 1.015, atol=NOISE_PU)
    assert np.ptp([frame[0][0] for frame in day]) > 10


def simulator_after(simulator: Simulator, hours: float) -> tuple[np.ndarray, np.ndarray]:
    simulator.advance(timedelta(hours=hours))
    frame = simulator.read()
    return frame.generator.p_mw.value, frame.generator.vm_pu.value


@pytest.mark.parametrize("case", ["case30", "case118"])
def test_other_meshed_cases_have_plans_too(new_rig: Callable[..., Rig], case: str) -> None:
    rig = new_rig(case, dispatch_episodes=1, start=START.replace(hour=18))
    plan_now(rig)
    assert rig.post("/api/grid/optimize", {})["plan"]["set_points"]
    before_mw = rig.now.assessed.metrics.loss_mw
    rig.post("/api/grid/apply", {}, 202)
    assert rig.run(elapsed=NOW).assessed.metrics.loss_mw < before_mw

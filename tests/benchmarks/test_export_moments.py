"""A sample of the export moments: each has a plan, which is the best known state and interrupts nobody on the way."""

import numpy as np
import pytest

from grid.flow.powerflow import PowerFlow
from ml.optimisation.optimizer import SmartGridOptimizer
from tests.benchmarks.export_moments import MOMENTS, ExportJudge, export_moments, sunny_feeder
from tests.benchmarks.restoration_cases import interrupted_kw
from tests.paths import SHARED

ROUNDS = 5
LONG = 45  # of 84 buses: eleven pairs of switches, more than can be compared step by step

pytestmark = pytest.mark.skipif(not (SHARED / "feeders").exists(), reason="there are no benchmark feeders")


@pytest.mark.parametrize(("name", "place"), [("feeder33", 0), ("feeder33", 7), ("feeder84", 1), ("feeder84", LONG)])
def test_a_feeder_that_exports_has_the_plan_that_is_known_to_be_best(name: str, place: int) -> None:
    network = sunny_feeder(name)
    moment = list(export_moments(network, MOMENTS))[place]
    point = moment.point
    before = PowerFlow(network).solve(point.injection, point.closed)
    assert before.generator_p_mw[network.generator.is_source].sum() < 0
    one = ExportJudge(network).judged(SmartGridOptimizer(network), moment, ROUNDS)
    plan = one.proposal.plan
    assert one.better_known
    assert plan is not None
    after = PowerFlow(network).solve(point.injection, plan.after.closed)
    assert 1000 * after.total_loss_mw == pytest.approx(plan.after.loss_kw, abs=1e-3)
    assert after.total_loss_mw < before.total_loss_mw
    assert (after.vm_pu <= np.maximum(network.bus.max_vm_pu, before.vm_pu) + 1e-6).all()
    assert (after.vm_pu >= np.minimum(network.bus.min_vm_pu, before.vm_pu) - 1e-6).all()
    assert one.gap_percent < 0.1
    assert interrupted_kw(network, point, plan) == 0


def test_moments_are_the_same_for_a_seed_and_panels_are_of_the_stated_size() -> None:
    network = sunny_feeder("feeder33")
    peak, panels = float(network.load.p_mw.sum()), ~network.generator.is_source
    first, again = ([*export_moments(network, 5)] for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.point.injection.generator_p_mw, other.point.injection.generator_p_mw)
        fed = one.point.injection.generator_p_mw[panels]
        assert 0.6 * 1.5 * peak <= fed.sum() == pytest.approx(one.output_mw)
        assert fed.sum() <= 1.5 * peak
        assert one.output_mw > one.load_mw
    assert len({one.output_mw for one in first}) == 5

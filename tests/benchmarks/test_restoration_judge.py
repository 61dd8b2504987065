"""The judge of restorations: its programme and its enumeration agree, and its bounds are beaten by nothing."""

from dataclasses import replace

import numpy as np
import pytest

from grid.network import Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint
from tests.benchmarks.restoration_cases import PRIORITIES
from tests.benchmarks.restoration_judge import Restoration, Way, every_forest, judge, tolerance_kw
from tests.cases import shared_case
from tests.ml.operating_points import operating_point_at
from tests.paths import SHARED

NARROW_PU = 0.965

pytestmark = pytest.mark.skipif(not (SHARED / "feeders").exists(), reason="there are no benchmark feeders")


def feeder(name: str) -> Network:
    return shared_case(f"feeder:{SHARED / 'feeders' / name}.json").network


def with_priorities(network: Network, moment: OperatingPoint) -> OperatingPoint:
    return replace(moment, priority=np.random.default_rng(7).choice(PRIORITIES, len(network.load)))


@pytest.mark.parametrize("lost", [(0,), (1,), (4,), (5,), (0, 9), (1, 6)])
def test_the_programme_finds_what_enumeration_finds_on_16_buses(lost: tuple[int, ...]) -> None:
    """In a band so narrow that not everything can be restored; some loads are capacitive."""
    network = feeder("feeder16")
    moment = with_priorities(network, operating_point_at(network, out=lost))
    case = Restoration(network, moment, Requirements(min_vm_pu=NARROW_PU))
    oracle = every_forest(case)
    bound = judge(case, time_limit_s=600.0)
    assert bound.way is Way.PROGRAMME
    assert bound.proven
    assert oracle < case.reachable_kw
    assert bound.lower_kw <= oracle + 1e-6
    assert oracle - 1e-6 <= bound.upper_kw <= oracle + 1.01 * tolerance_kw(case.reachable_kw)


def test_a_branch_out_of_the_33_bus_feeder_has_a_proven_part_that_can_be_restored() -> None:
    """Behind branch 28: 420 of 620 kW, and nothing that local search finds from many starts restores more."""
    network = feeder("feeder33")
    case = Restoration(network, operating_point_at(network, out=(28,)), Requirements())
    bound = judge(case, time_limit_s=600.0)
    assert bound.way is Way.PROGRAMME
    assert bound.proven
    assert bound.lower_kw == pytest.approx(420.0, abs=1e-3)


def test_enumeration_of_city8_restores_28_of_48_mw_behind_the_campus_line() -> None:
    network = shared_case("city8").network
    case = Restoration(network, operating_point_at(network, out=(1,)), Requirements())
    assert case.reachable_kw == pytest.approx(48_000.0)
    assert every_forest(case) == pytest.approx(28_000.0, abs=1e-3)
    assert judge(case).way is Way.FORESTS


def test_a_plan_that_restores_all_in_reach_needs_no_search() -> None:
    network = feeder("feeder33")
    moment = operating_point_at(network, level=0.5, out=(5,))
    case = Restoration(network, moment, Requirements())
    ties = np.flatnonzero(network.branch.in_service & ~network.branch.closed)
    states = [moment.closed | np.isin(np.arange(network.n_branch), tie) for tie in ties]
    whole = [closed for closed in states if case.restored_kw(closed) == pytest.approx(case.reachable_kw)]
    bound = judge(case, tuple(whole))
    assert bound.way is Way.ALL
    assert bound.proven


def test_what_is_not_proven_in_time_is_not_called_proven() -> None:
    """The clock says that time is over at once: what is left is what can be reached."""
    network = feeder("feeder33")
    case = Restoration(network, operating_point_at(network, out=(1,)), Requirements())
    bound = judge(case, time_limit_s=0.0)
    assert not bound.proven
    assert bound.lower_kw == 0.0
    assert bound.upper_kw == pytest.approx(case.reachable_kw)


def test_switch_states_that_cut_off_what_has_supply_are_refused() -> None:
    network = feeder("feeder33")
    moment = operating_point_at(network, out=(28,))
    case = Restoration(network, moment, Requirements())
    cut = moment.closed.copy()
    cut[1] = False
    assert case.restored_kw(cut) is None
    assert case.restored_kw(moment.closed) == 0.0

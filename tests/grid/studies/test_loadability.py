"""Where the first limit is met: exactly at the limit, and named."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network
from grid.studies.loadability import LoadabilityFinding, LoadLimit, loadability
from tests.cases import shared_case


@pytest.fixture(scope="module")
def city() -> Network:
    return shared_case("city8").network


def scaled(injection: Injection, group: np.ndarray, times: float) -> Injection:
    factor = np.where(group, times, 1.0)
    return replace(injection, load_p_mw=injection.load_p_mw * factor, load_q_mvar=injection.load_q_mvar * factor)


def test_a_little_less_keeps_every_limit_and_a_little_more_does_not(city: Network) -> None:
    base, closed, flow = Injection.of_case(city), city.branch.closed, PowerFlow(city)
    groups = [np.ones(len(city.load), dtype=bool), *np.eye(len(city.load), dtype=bool)]
    for group, found in zip(groups, loadability(city, base, closed, groups), strict=True):
        times = found.demand_mw / base.load_p_mw[group].sum()
        for factor, holds in ((0.99, True), (1.02, False)):
            state = flow.solve(scaled(base, group, factor * times), closed)
            kept = state.loading_percent.max() <= 100 and (state.vm_pu >= city.bus.min_vm_pu - 1e-6).all()
            assert kept == holds, found
        limited = city.branch.name if found.limit is LoadLimit.LOADING else city.bus.name
        assert found.finding is LoadabilityFinding.FOUND
        assert 0 <= found.at < len(limited)


def test_what_is_exceeded_already_gives_less_than_the_present_demand(city: Network) -> None:
    everything = np.ones(len(city.load), dtype=bool)
    base = Injection.of_case(city)
    (limit,) = loadability(city, base, city.branch.closed, [everything])
    heavy = scaled(base, everything, 1.3 * limit.demand_mw / base.load_p_mw.sum())
    (found,) = loadability(city, heavy, city.branch.closed, [everything])
    assert found.demand_mw == pytest.approx(limit.demand_mw, rel=2e-3)
    assert found.demand_mw < heavy.load_p_mw.sum()


def test_what_has_no_limit_says_so(city: Network) -> None:
    nothing = replace(Injection.of_case(city), load_p_mw=np.zeros(len(city.load)), load_q_mvar=np.zeros(len(city.load)))
    (found,) = loadability(city, nothing, city.branch.closed, [np.ones(len(city.load), dtype=bool)])
    assert np.isnan(found.demand_mw)
    assert found.finding is LoadabilityFinding.NO_DEMAND
    tiny = scaled(Injection.of_case(city), np.ones(len(city.load), dtype=bool), 1e-3)
    (found,) = loadability(city, tiny, city.branch.closed, [np.ones(len(city.load), dtype=bool)])
    assert np.isnan(found.demand_mw)
    assert found.finding is LoadabilityFinding.NO_LIMIT

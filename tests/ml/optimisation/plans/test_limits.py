"""What is hard and what is better: limit by limit against the present state, then supply, violation, losses."""

from dataclasses import replace

import numpy as np
import pandapower.networks
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.source_bounds import SourceBounds
from grid.network import Network
from ml.optimisation.plans.limits import Merit, allowed, broken
from ml.optimisation.plans.plan import Constraint, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from tests.ml.operating_points import network_of, operating_point_at


def verdict_of(network: Network, operating_point: OperatingPoint, wanted: Requirements | None = None) -> Verdict:
    found = Verifier(network).verdict(operating_point, operating_point.closed, wanted or Requirements())
    assert found is not None
    return found


def city(level: float = 1.0, wanted: Requirements | None = None) -> Verdict:
    network = network_of("city8")
    return verdict_of(network, operating_point_at(network, level=level), wanted)


def test_shares_are_of_the_own_limit_or_band_and_add_up() -> None:
    network, found = network_of("city8"), city(level=1.25)
    loading = np.maximum(found.state.loading_percent / 100 - 1, 0)
    np.testing.assert_allclose(found.excess.loading, loading)
    low = np.maximum(network.bus.min_vm_pu - found.state.vm_pu, 0) / (network.bus.max_vm_pu - network.bus.min_vm_pu)
    np.testing.assert_allclose(found.excess.low_voltage, low)
    assert low.sum() > 0
    generation = np.maximum(found.state.generator_p_mw / network.generator.max_p_mw - 1, 0)
    expected = loading.sum() + low.sum() + generation[network.generator.is_source].sum()
    assert found.excess.total == pytest.approx(expected)


def test_each_broken_limit_may_grow_by_the_stated_share_only() -> None:
    present, heavier = city(1.2), city(1.201)
    assert present.excess.loading.max() > 0
    assert Constraint.LOADING in broken(heavier, present, Requirements())
    growth = float((heavier.excess.loading / np.where(present.excess.loading > 0, present.excess.loading, 1)).max()) - 1
    wide = Requirements(loading_growth_share=1.1 * growth, voltage_growth_share=1.0)
    assert Constraint.LOADING not in broken(heavier, present, wide)
    narrow = replace(wide, loading_growth_share=0.9 * growth)
    assert Constraint.LOADING in broken(heavier, present, narrow)


def test_a_limit_that_one_element_breaks_protects_the_others_no_less() -> None:
    """Another line that becomes overloaded is forbidden, though the worst loading falls."""
    present = city(1.2)
    loading = present.excess.loading.copy()
    worst = int(loading.argmax())
    moved = loading.copy()
    moved[worst], moved[int(np.flatnonzero(loading == 0)[0])] = 0.5 * loading[worst], 0.5 * loading[worst]
    after = replace(present, excess=replace(present.excess, loading=moved))
    assert broken(after, present, Requirements()) == (Constraint.LOADING,)


def test_who_has_supply_keeps_it_whatever_is_restored_elsewhere() -> None:
    network = network_of("city8")
    one, other = (network.branch.name.index(name) for name in ("Campus Line", "Ridge Line"))
    first = verdict_of(network, operating_point_at(network, out=(one,)))
    second = verdict_of(network, operating_point_at(network, out=(other,)))
    assert second.unsupplied_kw < first.unsupplied_kw
    assert broken(second, first, Requirements())[0] is Constraint.SUPPLY


def test_a_loading_that_is_asked_for_counts_for_derived_ratings_too() -> None:
    network = network_of("case33bw")
    assert network.branch.rating_derived.all()
    wanted = Requirements(max_loading_percent=10)
    asked = verdict_of(network, operating_point_at(network), wanted)
    assert asked.violation[Constraint.LOADING] == pytest.approx(asked.state.loading_percent.max() - 10)
    assert broken(asked, asked, wanted) == (Constraint.LOADING,)
    assert not verdict_of(network, operating_point_at(network)).excess.loading.any()


def test_more_supply_beats_less_violation_and_that_beats_losses() -> None:
    base = city()
    dark = replace(base, weighted_unsupplied_kw=1.0)
    broken_a_little = replace(base, excess=replace(base.excess, loading=np.full(14, 1e-3)))
    dear = replace(base, objective_kw=10 * base.objective_kw)
    order = [base, dear, broken_a_little, dark]
    mixed = [order[place] for place in (2, 0, 3, 1)]
    assert sorted(mixed, key=Merit.of) == order
    assert Merit.of(base).improves_on(Merit.of(dear))
    assert not Merit.of(base).improves_on(Merit.of(replace(base, objective_kw=base.objective_kw + 1)), least_kw=2)
    assert Merit.of(base).improves_on(Merit.of(broken_a_little), least_kw=1e9)


def feeder_with_supply(min_p_mw: float, max_p_mw: float) -> Network:
    net = pandapower.networks.case33bw()
    net.ext_grid["min_p_mw"], net.ext_grid["max_p_mw"] = min_p_mw, max_p_mw
    return network_from_pandapower(net, "33", "33-bus feeder", state_is_secure=True)


@pytest.mark.parametrize(
    ("given", "bounds", "placeholder"),
    [
        ((0.0, 10.0), (-np.inf, 10.0), True),  # an infeed takes back what isn't used
        ((-1.0, 10.0), (-1.0, 10.0), False),  # a stated export is a limit
        ((0.0, 3.0), (-np.inf, np.inf), True),  # its own state takes 3.92 MW
    ],
)
def test_bounds_of_an_infeed_are_limits_only_where_its_own_state_keeps_them(
    given: tuple[float, float], bounds: tuple[float, float], placeholder: bool
) -> None:
    found = SourceBounds.of(feeder_with_supply(*given), infeeds=True)
    assert (found.low_mw[0], found.high_mw[0], found.placeholder[0]) == (*bounds, placeholder)


def test_a_power_plant_as_slack_keeps_its_lowest_power() -> None:
    network = network_of("case118")
    found, source = SourceBounds.of(network, infeeds=False), network.generator.is_source
    np.testing.assert_array_equal(found.low_mw[source], network.generator.min_p_mw[source])


def test_export_breaks_nothing_and_may_grow() -> None:
    network = network_of("case33bw")
    sunny = operating_point_at(network)
    fed = replace(sunny.injection, load_p_mw=-1.5 * sunny.injection.load_p_mw)
    found = verdict_of(network, replace(sunny, injection=fed))
    assert found.state.generator_p_mw[0] < -4
    assert not found.excess.generation.any()
    assert allowed(found, verdict_of(network, sunny), Requirements(max_vm_pu=1.2, min_vm_pu=0.8))

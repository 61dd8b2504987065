"""The look-ahead against PowerFlow, sample by sample, and what it makes of samples that have no solution."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from grid.alarms.trouble import TroubleKind, worst_trouble
from grid.flow.batch_flow import BatchFlow
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, Network
from grid.studies.lookahead import LookAhead, Samples, anchored, branch_loading, look_ahead
from grid.studies.tails import chance_above
from tests.cases import shared_case

SAMPLES, HOURS = 12, 3


def network_of(name: str) -> Network:
    return shared_case(name).network


def courses(network: Network, samples: int = SAMPLES, hours: int = HOURS, spread: float = 0.08) -> Samples:
    """Courses around a rising level, with what loads share and what is their own."""
    rng, load, generator = np.random.default_rng(3), network.load, network.generator
    level = np.linspace(0.7, 1.0, hours)[None, :, None]
    shared = 1 + spread * rng.standard_normal((samples, hours, 1))
    factor = level * shared * (1 + spread * rng.standard_normal((samples, hours, len(load))))
    return Samples(load.p_mw * factor, load.q_mvar * factor, generator.p_mw * level * shared)


def injections(base: Injection, samples: Samples, hour: int) -> Iterator[Injection]:
    rows = zip(samples.load_p_mw[:, hour], samples.load_q_mvar[:, hour], samples.generator_p_mw[:, hour], strict=True)
    for p_mw, q_mvar, generator_p_mw in rows:
        yield replace(base, load_p_mw=p_mw, load_q_mvar=q_mvar, generator_p_mw=generator_p_mw)


def hour_of(samples: Samples, hour: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return samples.load_p_mw[:, hour], samples.load_q_mvar[:, hour], samples.generator_p_mw[:, hour]


def one_by_one(network: Network, closed: BoolArray, samples: Samples, hour: int) -> list[GridState]:
    flow = PowerFlow(network)
    return [flow.solve(one, closed) for one in injections(Injection.of_case(network), samples, hour)]


def switched(network: Network, opened: int | None) -> BoolArray:
    closed = network.branch.closed.copy()
    if opened is not None:
        closed[opened] = False
    return closed


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        ("case14", None),
        ("case118", None),  # 54 generators hold a voltage
        ("case300", None),  # 128 transformers
        ("case33bw", None),  # radial, five open ties
        ("case33bw", 20),  # the end of a feeder is an island without a source
        ("cigre_mv", None),  # lines open at one end, transformers that turn the phase by 30 degrees
        ("city8", None),  # several sources
        ("city8", 2),
    ],
)
def test_every_sample_agrees_with_its_own_power_flow(name: str, opened: int | None) -> None:
    network = network_of(name)
    closed, samples = switched(network, opened), courses(network)
    flow = BatchFlow(network, Injection.of_case(network), closed)
    for hour in range(HOURS):
        voltage = flow.solve(*hour_of(samples, hour))
        states = one_by_one(network, closed, samples, hour)
        expected = np.array([state.voltage for state in states])
        np.testing.assert_allclose(voltage, expected, rtol=0, atol=1e-6)
        loading, loss = branch_loading(network, flow.topology, voltage)
        np.testing.assert_allclose(loading, [state.loading_percent for state in states], rtol=0, atol=1e-3)
        np.testing.assert_allclose(loss, [state.total_loss_mw for state in states], rtol=0, atol=1e-5)


def test_tripped_generators_and_set_points_of_the_base_injection_hold_for_all_samples() -> None:
    network = network_of("case118")
    base = Injection.of_case(network)
    on = base.generator_on.copy()
    on[np.flatnonzero(~network.generator.is_source)[[3, 11]]] = False
    base = replace(base, generator_on=on, generator_vm_pu=base.generator_vm_pu * 1.01)
    samples = courses(network, hours=1)
    voltage = BatchFlow(network, base, network.branch.closed).solve(*hour_of(samples, 0))
    for row, one in zip(voltage, injections(base, samples, 0), strict=True):
        state = PowerFlow(network).solve(one, network.branch.closed)
        np.testing.assert_allclose(row, state.voltage, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["city8", "case33bw", "case118"])
def test_each_sample_may_have_its_own_voltages_of_generators(name: str) -> None:
    network = network_of(name)
    base, samples = Injection.of_case(network), courses(network, hours=1)
    factor = np.random.default_rng(4).uniform(0.97, 1.02, SAMPLES)
    flow = BatchFlow(network, base, network.branch.closed)
    voltage = flow.solve(*hour_of(samples, 0), held_factor=factor)
    for row, one, times in zip(voltage, injections(base, samples, 0), factor.tolist(), strict=True):
        held = replace(one, generator_vm_pu=times * base.generator_vm_pu)
        state = PowerFlow(network).solve(held, network.branch.closed)
        np.testing.assert_allclose(row, state.voltage, rtol=0, atol=1e-6)


def test_states_do_not_depend_on_how_many_are_held_in_memory() -> None:
    network = network_of("case118")
    base, closed, samples = Injection.of_case(network), network.branch.closed, courses(network, hours=1)
    whole = BatchFlow(network, base, closed)
    parts = BatchFlow(network, base, closed, numbers_at_once=5 * network.n_bus)
    one = BatchFlow(network, base, closed, numbers_at_once=1)
    voltage = whole.solve(*hour_of(samples, 0))
    for other in (parts, one):
        np.testing.assert_allclose(other.solve(*hour_of(samples, 0)), voltage, rtol=0, atol=1e-10)
    of_parts = branch_loading(network, whole.topology, voltage, numbers_at_once=5 * network.n_branch)
    for ours, expected in zip(of_parts, branch_loading(network, whole.topology, voltage), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_hours_are_counted_over_their_samples() -> None:
    network = network_of("city8")
    closed = network.branch.closed
    samples = courses(network, samples=40, spread=0.25)
    seen = look_ahead(network, Injection.of_case(network), closed, samples)
    for hour in range(HOURS):
        states = one_by_one(network, closed, samples, hour)
        loading = np.array([state.loading_percent for state in states])
        vm, loss = np.array([state.vm_pu for state in states]), np.array([state.total_loss_mw for state in states])
        np.testing.assert_allclose(seen.overload_probability[hour], chance_above(loading, 100), atol=1e-4)
        np.testing.assert_allclose(seen.overload_probability[hour], (loading > 100).mean(axis=0), atol=0.1)
        np.testing.assert_allclose(seen.loading_median_percent[hour], np.median(loading, axis=0), atol=1e-3)
        np.testing.assert_allclose(seen.loading_high_percent[hour], np.quantile(loading, 0.95, axis=0), atol=1e-3)
        below, above = vm < network.bus.min_vm_pu, vm > network.bus.max_vm_pu
        np.testing.assert_allclose(seen.violation_probability[hour], (below | above).mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(seen.low_of_solved[hour], below.mean(axis=0), atol=1e-12)
        assert seen.loss_mw[hour] == pytest.approx(loss.mean(), abs=1e-5)
        assert seen.loss_low_mw[hour] == pytest.approx(np.quantile(loss, 0.1), abs=1e-5)
        assert seen.loss_high_mw[hour] == pytest.approx(np.quantile(loss, 0.9), abs=1e-5)
    assert 0 < seen.overload_probability.max() < 1
    assert (seen.unsolved_share == 0).all()


def with_impossible(network: Network, impossible: int) -> LookAhead:
    samples = courses(network, samples=10, hours=2)
    samples.load_p_mw[:impossible, 1] *= 60
    return look_ahead(network, Injection.of_case(network), network.branch.closed, samples)


def test_samples_without_a_solution_count_as_trouble_everywhere() -> None:
    network = network_of("case14")
    without, seen = with_impossible(network, 0), with_impossible(network, 3)
    np.testing.assert_allclose(seen.unsolved_share, [0, 0.3])
    np.testing.assert_allclose(seen.overload_probability[1], 0.7 * seen.overload_of_solved[1] + 0.3)
    assert (seen.violation_probability[1] >= 0.3 - 1e-12).all()
    assert np.isfinite(seen.loading_high_percent).all()
    np.testing.assert_allclose(seen.overload_probability[0], without.overload_probability[0])
    np.testing.assert_allclose(seen.vm_low_pu[0], without.vm_low_pu[0], atol=1e-7)


def test_an_hour_without_any_solution_is_certain_trouble_and_has_no_losses() -> None:
    seen = with_impossible(network_of("case14"), 10)
    assert seen.unsolved_share[1] == 1
    assert (seen.overload_probability[1] == 1).all()
    assert (seen.violation_probability[1] == 1).all()
    assert np.isnan(seen.loss_mw[1])
    assert np.isnan(seen.loading_high_percent[1]).all()
    assert np.isnan(seen.overload_of_solved[1]).all()
    assert np.isfinite(seen.loss_mw[0])


def test_samples_far_from_their_mean_are_solved_wherever_newton_solves_them() -> None:
    network = network_of("case14")
    base, closed = Injection.of_case(network), network.branch.closed
    level = np.array([0.1, 0.1, 0.1, 0.1, 2.0, 3.0, 3.8, 4.0, 4.05, 5.0])[:, None]
    p_mw, q_mvar = base.load_p_mw * level, base.load_q_mvar * level
    voltage = BatchFlow(network, base, closed).solve(p_mw, q_mvar, np.tile(base.generator_p_mw, (len(level), 1)))
    solvable = 0
    for row, p, q in zip(voltage, p_mw, q_mvar, strict=True):
        try:
            state = PowerFlow(network).solve(replace(base, load_p_mw=p, load_q_mvar=q), closed)
        except PowerFlowDivergedError:
            assert np.isnan(row).any()
            continue
        solvable += 1
        np.testing.assert_allclose(row, state.voltage, rtol=0, atol=1e-6)
    assert 5 < solvable < len(level)


def test_what_has_no_supply_has_no_trouble_and_no_voltage() -> None:
    network = network_of("case33bw")
    closed = switched(network, 20)
    seen = look_ahead(network, Injection.of_case(network), closed, courses(network))
    dead = ~PowerFlow(network).solve(Injection.of_case(network), closed).energised
    assert dead.any()
    assert np.isnan(seen.vm_low_pu[:, dead]).all()
    assert np.isfinite(seen.vm_low_pu[:, ~dead]).all()
    assert (seen.violation_probability[:, dead] == 0).all()
    nothing = look_ahead(network, Injection.of_case(network), np.zeros_like(closed), courses(network))
    assert (nothing.overload_probability == 0).all()
    assert (nothing.loss_mw == 0).all()


def test_samples_of_another_grid_or_with_holes_are_refused() -> None:
    network = network_of("case14")
    good = courses(network)
    with pytest.raises(ValueError, match="samples must be"):
        Samples(good.load_p_mw, good.load_q_mvar[:, :1], good.generator_p_mw)
    with pytest.raises(ValueError, match="load_p_mw has values that are not finite"):
        Samples(good.load_p_mw * np.nan, good.load_q_mvar, good.generator_p_mw)
    with pytest.raises(ValueError, match="the grid has"):
        look_ahead(network_of("case30"), Injection.of_case(network_of("case30")), network.branch.closed, good)


def test_loads_that_are_dark_now_are_dark_in_every_hour() -> None:
    network = network_of("city8")
    campus = network.branch.name.index("Campus Line")
    closed, samples = switched(network, campus), courses(network)
    seen = look_ahead(network, Injection.of_case(network), closed, samples)
    state = PowerFlow(network).solve(Injection.of_case(network), closed)
    dark = ~state.energised[network.load.bus]
    assert dark.any()
    np.testing.assert_allclose(seen.unsupplied_mw, samples.load_p_mw[:, :, dark].sum(axis=2).mean(axis=0))
    whole = look_ahead(network, Injection.of_case(network), network.branch.closed, samples)
    assert not whole.unsupplied_mw.any()


def test_of_a_dark_grid_all_load_is_unsupplied() -> None:
    network = network_of("city8")
    base, samples = Injection.of_case(network), courses(network)
    off = replace(base, generator_on=np.zeros_like(base.generator_on))
    seen = look_ahead(network, off, network.branch.closed, samples)
    np.testing.assert_allclose(seen.unsupplied_mw, samples.load_p_mw.sum(axis=2).mean(axis=0))
    found = worst_trouble(seen)
    assert (found.kind, found.unsupplied_hour) == (TroubleKind.NOTHING, HOURS - 1)
    assert found.unsupplied_mw == seen.unsupplied_mw.max()


def test_the_first_hour_lies_around_the_present() -> None:
    """The medians are the present injection, spreads stay in proportion, other hours as they were."""
    network = network_of("city8")
    base, samples = Injection.of_case(network), courses(network)
    present = replace(base, load_p_mw=1.3 * base.load_p_mw, generator_p_mw=0.9 * base.generator_p_mw)
    found = anchored(samples, present)
    np.testing.assert_allclose(np.median(found.load_p_mw[:, 0], axis=0), present.load_p_mw)
    np.testing.assert_allclose(np.median(found.load_q_mvar[:, 0], axis=0), present.load_q_mvar)
    np.testing.assert_allclose(np.median(found.generator_p_mw[:, 0], axis=0), present.generator_p_mw)
    for before, after in zip(vars(samples).values(), vars(found).values(), strict=True):
        np.testing.assert_array_equal(after[:, 1:], before[:, 1:])
    relative = [one.load_p_mw[:, 0].std(axis=0) / one.load_p_mw[:, 0].mean(axis=0) for one in (samples, found)]
    np.testing.assert_allclose(*relative)


@pytest.mark.parametrize("forecast", [0.0, -2.0, 0.01])
def test_a_forecast_that_is_far_off_is_the_present_in_the_first_hour(forecast: float) -> None:
    network = network_of("city8")
    base = Injection.of_case(network)
    shape = (SAMPLES, 2, 1)
    given = (base.load_p_mw, base.load_q_mvar, base.generator_p_mw)
    samples = Samples(*(np.ones(shape) * forecast * each for each in given))
    found = anchored(samples, base)
    np.testing.assert_allclose(found.load_p_mw[:, 0], np.tile(base.load_p_mw, (SAMPLES, 1)))

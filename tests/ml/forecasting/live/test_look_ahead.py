"""The coming hours by scenarios of the forecasts: the curtailment that the median scenario needs."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Energy, Network
from grid.studies.lookahead import Samples
from ml.forecasting.live.look_ahead import LARGE_BUSES, make_ahead, samples_wanted
from ml.forecasting.live.series import series_of
from tests.cases import shared_case

START = datetime(2026, 1, 15, 6, tzinfo=UTC)
SAMPLES = 12


@pytest.fixture(scope="module")
def city() -> Network:
    return shared_case("city8").network


def scenarios(network: Network, level: list[float], renewable: list[float] | None = None) -> Samples:
    """Loads at levels by the hour with a little noise, and renewables at theirs."""
    base, hours = Injection.of_case(network), len(level)
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal((SAMPLES, hours, 1))
    factor = np.array(level)[None, :, None] * noise
    is_renewable = np.isin(np.array(network.generator.energy, dtype=object), [Energy.PV, Energy.WIND])
    share = np.array(renewable or [1.0] * hours)[None, :, None] * np.ones_like(noise)
    generation = np.where(is_renewable, share * base.generator_p_mw, base.generator_p_mw)
    return Samples(base.load_p_mw * factor, base.load_q_mvar * factor, generation)


def test_the_cut_that_the_median_course_needs_keeps_its_limits(city: Network) -> None:
    """Ten times the renewables at little load overload their lines, from the second hour on."""
    base, closed, series = Injection.of_case(city), city.branch.closed, series_of(city)
    samples = scenarios(city, [0.3, 0.3, 0.3], [1.0, 10.0, 10.0])
    drawn = np.ones((SAMPLES, len(series.infos) - 1, 3))
    ahead = make_ahead(city, base, closed, series, samples, drawn, START, None)
    assert ahead.curtailed_mw[0] == 0
    assert (ahead.curtailed_mw[1:] > 1).all()
    assert ahead.start == START
    assert ahead.renewable_mw.shape == (len(ahead.energies), 3)
    installed = PowerFlow(city).solve(
        replace(base, generator_p_mw=np.median(samples.generator_p_mw[:, 1], axis=0),
                load_p_mw=np.median(samples.load_p_mw[:, 1], axis=0)), closed
    )  # fmt: skip
    assert installed.loading_percent.max() > 100 or (installed.vm_pu > city.bus.max_vm_pu).any()


def test_large_grids_get_fewer_samples_and_no_curtailment(city: Network) -> None:
    assert samples_wanted(city) == 100
    large = shared_case("case2869pegase").network
    assert large.n_bus > LARGE_BUSES
    assert samples_wanted(large) == 20

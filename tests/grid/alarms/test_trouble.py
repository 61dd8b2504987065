"""The worst of the hours ahead: what it is, where, and how likely."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grid.alarms.trouble import TroubleKind, WorstTrouble, worst_trouble
from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from grid.network import Network
from grid.studies.lookahead import LookAhead, Samples, look_ahead

SAMPLES = 12


@pytest.fixture(scope="module")
def city() -> Network:
    return load_case("city8", Path("var")).network


def seen(network: Network, level: list[float]) -> LookAhead:
    """Loads at levels by the hour with a little noise."""
    base, hours = Injection.of_case(network), len(level)
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal((SAMPLES, hours, 1))
    factor = np.array(level)[None, :, None] * noise
    samples = Samples(base.load_p_mw * factor, base.load_q_mvar * factor, base.generator_p_mw * np.ones_like(noise))
    return look_ahead(network, base, network.branch.closed, samples)


def test_without_trouble_it_is_the_hour_of_the_highest_loading(city: Network) -> None:
    look = seen(city, [0.3, 0.6, 0.4])
    found = worst_trouble(look)
    assert (found.hour, found.kind) == (1, TroubleKind.HIGHEST_LOADING)
    assert found.percent == look.loading_high_percent[1, found.asset] == np.nanmax(look.loading_high_percent)


def test_trouble_is_named_with_its_chance(city: Network) -> None:
    look = seen(city, [0.4, 0.5, 1.6])
    found = worst_trouble(look)
    assert found.hour == 2
    assert found.percent == 100
    chance = {TroubleKind.OVERLOAD: look.overload_of_solved, TroubleKind.VOLTAGE: look.low_of_solved}[found.kind]
    assert chance[2, found.asset] == 1


def test_hours_without_a_solution_are_the_worst(city: Network) -> None:
    assert worst_trouble(seen(city, [0.4, 30.0, 1.6])) == WorstTrouble(
        hour=1, kind=TroubleKind.NO_SOLUTION, percent=100.0
    )


def test_a_grid_without_branches_says_so(city: Network) -> None:
    nothing = np.zeros((1, 0))
    look = replace(
        seen(city, [0.5]), overload_of_solved=nothing, loading_high_percent=nothing,
        low_of_solved=np.zeros((1, city.n_bus)), high_of_solved=np.zeros((1, city.n_bus)),
    )  # fmt: skip
    assert worst_trouble(look) == WorstTrouble(hour=0, kind=TroubleKind.NOTHING)

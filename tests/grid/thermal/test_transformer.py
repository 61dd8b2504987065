"""Transformer temperatures against IEC 60076-7's figures and the package transformer-thermal-model."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from grid.thermal.transformer import (
    TransformerParameters,
    TransformerThermalState,
    ageing_rate,
    transformer_course,
    transformer_steady_state,
    transformer_step,
)

STANDARD_EXAMPLE = TransformerParameters(
    *(np.array([v]) for v in (0.8, 1.3, 8.0, 0.5, 2.0, 2.0, 150.0, 7.0, 45.0, 35.0))
)
"""The ONAF unit of the difference-equation example in IEC 60076-7's annex: R = 8, rises of 45 K and 35 K."""

STEPS_MIN_AND_LOAD = ((190, 1.0), (175, 0.6), (135, 1.5), (210, 0.3), (20, 2.1), (130, 0.0))
"""The load steps of the standard's 250 MVA example: minutes and per unit."""


KINDS_MVA = (0.4, 10.0, 40.0)
"""One rating of each kind that typical() tells apart: distribution, ONAN and ONAF."""


def cold_state(count: int, ambient_c: float) -> TransformerThermalState:
    ambient, none = np.full(count, ambient_c), np.zeros(count)
    return TransformerThermalState(ambient, ambient, none, none)


def test_steady_state_is_the_start_of_the_standards_example() -> None:
    state = transformer_steady_state([0.81], 30.3, STANDARD_EXAMPLE)
    assert state.top_oil_c[0] == pytest.approx(63.9, abs=0.05)
    assert state.winding_rise_k[0] == pytest.approx(53.2, abs=0.05)
    assert state.oil_lag_k[0] == pytest.approx(26.6, abs=0.05)
    assert state.hot_spot_c[0] == pytest.approx(90.5, abs=0.05)


@pytest.mark.parametrize("rated_mva", KINDS_MVA)
def test_rated_load_at_20_c_ends_at_98_c(rated_mva: float) -> None:
    parameters = TransformerParameters.typical(np.full(3, rated_mva))
    assert transformer_steady_state(np.ones(3), 20.0, parameters).hot_spot_c == pytest.approx(98.0)


@pytest.mark.parametrize("rated_mva", KINDS_MVA)
def test_load_steps_agree_with_the_oracle(rated_mva: float) -> None:
    pytest.importorskip("transformer_thermal_model", reason="transformer-thermal-model is not installed")
    parameters = TransformerParameters.typical([rated_mva])
    loads = np.concatenate([np.full(minutes, load) for minutes, load in STEPS_MIN_AND_LOAD])
    ambients_c = 25.6 + 5 * np.sin(np.arange(loads.size) / 200)
    oil_c, hot_spot_c = oracle_profiles(parameters, loads, ambients_c)

    state = cold_state(1, ambients_c[0])
    deviation_k = 0.0
    for minute, (load, ambient_c) in enumerate(zip(loads, ambients_c, strict=True)):
        if minute:
            state = transformer_step(state, np.array([load]), ambient_c, 1.0, parameters)
        deviation_k = max(
            deviation_k,
            abs(state.top_oil_c[0] - oil_c[minute]),
            abs(state.hot_spot_c[0] - hot_spot_c[minute]),
        )
    assert deviation_k < 0.2
    assert hot_spot_c.max() > 120  # the overloads are in


def oracle_profiles(
    parameters: TransformerParameters, loads: np.ndarray, ambients_c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Top-oil and hot-spot course (C) of a cold start by transformer-thermal-model, one value a minute."""
    from transformer_thermal_model.cooler import CoolerType
    from transformer_thermal_model.model import Model
    from transformer_thermal_model.schemas import InputProfile, UserTransformerSpecifications
    from transformer_thermal_model.transformer import PowerTransformer

    value = {name: float(array[0]) for name, array in vars(parameters).items()}
    specification = UserTransformerSpecifications(
        load_loss=1000.0 * value["loss_ratio"], no_load_loss=1000.0, nom_load_sec_side=1.0,
        amb_temp_surcharge=0.0, time_const_oil=value["oil_time_constant_min"],
        time_const_windings=value["winding_time_constant_min"], top_oil_temp_rise=value["top_oil_rise_k"],
        winding_oil_gradient=value["hot_spot_gradient_k"] / 1.3, hot_spot_fac=1.3,
        oil_const_k11=value["k11"], winding_const_k21=value["k21"], winding_const_k22=value["k22"],
        oil_exp_x=value["oil_exponent"], winding_exp_y=value["winding_exponent"], end_temp_reduction=0.0,
    )  # fmt: skip
    start = datetime(2024, 1, 1)
    profile = InputProfile.create(
        datetime_index=[start + timedelta(minutes=k) for k in range(loads.size)],
        load_profile=loads.tolist(),
        ambient_temperature_profile=ambients_c.tolist(),
    )
    transformer = PowerTransformer(user_specs=specification, cooling_type=CoolerType.ONAF)
    result = Model(temperature_profile=profile, transformer=transformer).run()
    return result.top_oil_temp_profile.to_numpy(), result.hot_spot_temp_profile.to_numpy()


def test_one_long_step_equals_many_short_ones() -> None:
    parameters = TransformerParameters.typical([0.4, 10.0, 40.0, np.nan])
    long = short = transformer_steady_state(np.full(4, 0.3), 5.0, parameters)
    long = transformer_step(long, np.full(4, 1.4), 30.0, 360.0, parameters)
    for _ in range(360):
        short = transformer_step(short, np.full(4, 1.4), 30.0, 1.0, parameters)
    assert long.hot_spot_c == pytest.approx(short.hot_spot_c, abs=1e-9)
    end = transformer_step(long, np.full(4, 1.4), 30.0, 1e6, parameters)
    expected = transformer_steady_state(np.full(4, 1.4), 30.0, parameters)
    assert end.hot_spot_c == pytest.approx(expected.hot_spot_c)


def test_agrees_with_the_standards_difference_equations() -> None:
    """IEC 60076-7's annex steps the same equations by Euler with dt below half of tau_w."""
    state = transformer_steady_state([0.81], 30.3, STANDARD_EXAMPLE)
    oil, rise, lag = 63.91, 53.2, 26.6
    for load in np.repeat([1.2, 0.5], 600):
        oil += 0.1 / 75 * (45 * ((1 + 8 * load**2) / 9) ** 0.8 - (oil - 30.3))
        rise += 0.1 / 14 * (2 * 35 * load**1.3 - rise)
        lag += 0.1 / 75 * (35 * load**1.3 - lag)
        state = transformer_step(state, [load], 30.3, 0.1, STANDARD_EXAMPLE)
        assert state.hot_spot_c[0] == pytest.approx(oil + rise - lag, abs=0.2)


def test_hot_spot_overshoots_after_a_step_up() -> None:
    """k21 = 2: the winding heats before the oil in it starts to move."""
    parameters = TransformerParameters.typical([40.0])
    state = transformer_steady_state([0.2], 20.0, parameters)
    gradients = []
    for _ in range(300):
        state = transformer_step(state, [1.3], 20.0, 1.0, parameters)
        gradients.append(state.hot_spot_c[0] - state.top_oil_c[0])
    assert max(gradients) > 1.1 * gradients[-1]


def test_kinds_follow_rated_power() -> None:
    parameters = TransformerParameters.typical([0.63, 16.0, 100.0])
    assert parameters.oil_time_constant_min.tolist() == [180.0, 210.0, 150.0]
    assert parameters.winding_exponent.tolist() == [1.6, 1.3, 1.3]


def test_unloaded_transformer_keeps_its_no_load_rise_and_nan_counts_as_unloaded() -> None:
    parameters = TransformerParameters.typical([0.4, 0.4])
    state = transformer_steady_state([0.0, np.nan], 10.0, parameters)
    assert state.top_oil_c == pytest.approx(10 + 55 * (1 / 6) ** 0.8)
    assert np.array_equal(state.hot_spot_c, state.top_oil_c)


def test_ageing_rates_are_the_standards() -> None:
    """The table of relative ageing rates in IEC 60076-7:2018 clause 6.3, to its two or three places."""
    hot_spot_c = np.array([80.0, 86.0, 92.0, 98.0, 104.0, 110.0, 116.0, 122.0, 128.0, 134.0, 140.0])
    plain = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
    upgraded = [0.036, 0.073, 0.145, 0.282, 0.536, 1.0, 1.83, 3.29, 5.80, 10.1, 17.2]
    assert ageing_rate(hot_spot_c, np.zeros(11, bool)) == pytest.approx(plain)
    assert ageing_rate(hot_spot_c, np.ones(11, bool)) == pytest.approx(upgraded, rel=0.02)


def test_ageing_is_finite_for_absurd_temperatures() -> None:
    rates = ageing_rate(np.array([-40.0, 5000.0, -40.0, 5000.0]), np.array([True, True, False, False]))
    assert np.all(np.isfinite(rates))
    assert np.all(rates >= 0)


@pytest.mark.parametrize("rated_mva", KINDS_MVA)
def test_a_course_agrees_with_the_oracle_to_a_millionth_of_a_kelvin(rated_mva: float) -> None:
    pytest.importorskip("transformer_thermal_model", reason="transformer-thermal-model is not installed")
    parameters = TransformerParameters.typical([rated_mva])
    loads = np.concatenate([[0.0], np.random.default_rng(1).uniform(0.0, 1.6, 400)])
    ambients_c = 20.0 + 10 * np.sin(np.arange(loads.size) / 24)
    _, hot_spot_c = oracle_profiles(parameters, loads, ambients_c)
    course = transformer_course(loads[:, None], ambients_c, 1.0, parameters)[:, 0]
    rise = parameters.top_oil_rise_k[0] * (1 / (1 + parameters.loss_ratio[0])) ** parameters.oil_exponent[0]
    memory = np.exp(-np.arange(loads.size) / (parameters.k11[0] * parameters.oil_time_constant_min[0]))
    assert course - rise * memory == pytest.approx(hot_spot_c, abs=1e-6)  # the oracle starts cold, we with idle losses


def test_a_course_is_its_steps_one_by_one() -> None:
    parameters = TransformerParameters.typical([0.4, 10.0, 40.0])
    rng = np.random.default_rng(2)
    loads, ambients_c = rng.uniform(0.1, 1.4, (50, 3)), rng.uniform(-5, 35, (50, 3))
    course = transformer_course(loads, ambients_c, 60.0, parameters)
    state = transformer_steady_state(loads[0], ambients_c[0], parameters)
    for hour in range(1, 50):
        state = transformer_step(state, loads[hour], ambients_c[hour], 60.0, parameters)
        assert course[hour] == pytest.approx(state.hot_spot_c, abs=1e-9)

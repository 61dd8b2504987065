"""The CNAIM hazard: its formula, its published figures, its monotony."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from ml.maintenance.model.hazard import (
    INSULATION_LIFE_YEARS,
    TABLES,
    AssetCategory,
    AssetCondition,
    CnaimHazard,
    cnaim_tables,
    failure_rate_percent,
)
from tests.paths import SHARED

PUBLISHED = SHARED / "maintenance" / "cnaim_v2_1_tables.json"
MODEL = CnaimHazard()
EVERY_CLASS = [(category, vn_kv) for category in AssetCategory for vn_kv in (11.0, 110.0)]


def fleet(category: AssetCategory, vn_kv: float, count: int, **changed: object) -> AssetCondition:
    """Assets alike: 40 years old, 5 km, half loaded, no thermal age, but for what is changed."""
    alike = AssetCondition(
        category=np.full(count, category.value),
        vn_kv=np.full(count, vn_kv),
        age_years=np.full(count, 40.0),
        length_km=np.full(count, 5.0),
        utilisation_percent=np.full(count, 45.0),
        thermal_age_years=np.zeros(count),
    )
    return replace(alike, **changed)


def test_cubic_formula_and_its_floor() -> None:
    score = np.array([0.5, 3.9, 4.0, 5.5, 8.0])
    ours = failure_rate_percent(score, np.array(0.02), np.array(1.1), np.array(4.0))
    for value, rate in zip(np.maximum(score, 4.0), ours, strict=True):
        series = sum((1.1 * value) ** power / math.factorial(power) for power in range(4))
        assert rate == pytest.approx(0.02 * series)


@pytest.mark.parametrize(("vn_kv", "best_percent", "worst_percent"), [(11.0, 0.2223, 2.2229), (132.0, 1.2939, 12.9384)])
def test_transformer_figures(vn_kv: float, best_percent: float, worst_percent: float) -> None:
    """CNAIM's K is set so that a score of 10 fails ten times as often as one of 4: K = 0.0078 and 0.0454."""
    new_and_worn = fleet(
        AssetCategory.TRANSFORMER, vn_kv, 2, age_years=np.zeros(2), thermal_age_years=np.array([0.0, 1e6])
    )
    assert MODEL.health_score(new_and_worn) == pytest.approx([0.5, 10.0])
    percent = 100 * MODEL.probability_one_year(new_and_worn)
    assert percent == pytest.approx([best_percent, worst_percent], rel=2e-4)
    assert percent[1] / percent[0] == pytest.approx(10, rel=1e-3)


def test_score_starts_at_half_and_reaches_five_and_a_half_at_expected_life() -> None:
    loading = np.array([80.0, 80.0, 45.0, 150.0])
    ages = np.array([0.0, 60.0, 60.0 / 0.9, 60.0 / 1.4])
    assets = fleet(AssetCategory.TRANSFORMER, 11.0, 4, age_years=ages, utilisation_percent=loading)
    assert MODEL.health_score(assets) == pytest.approx([0.5, 5.5, 5.5, 5.5])
    older = replace(assets, age_years=np.full(4, 300.0))
    assert MODEL.health_score(older) == pytest.approx(5.5)  # age alone goes no further


def test_thermal_age_is_a_lower_bound_for_transformers_only() -> None:
    thermal = np.array([0.0, 1.0, INSULATION_LIFE_YEARS, 50.0])
    aged = fleet(AssetCategory.TRANSFORMER, 11.0, 4, thermal_age_years=thermal, age_years=np.full(4, 20.0))
    by_age = MODEL.health_score(aged)[0]
    assert MODEL.health_score(aged) == pytest.approx([by_age, by_age, 5.5, 10.0])
    cables = fleet(AssetCategory.CABLE, 11.0, 4, thermal_age_years=thermal)
    assert len(set(MODEL.health_score(cables))) == 1


@pytest.mark.parametrize(("category", "vn_kv"), EVERY_CLASS)
def test_never_falls_with_age_or_use(category: AssetCategory, vn_kv: float) -> None:
    ages = fleet(category, vn_kv, 121, age_years=np.arange(121.0))
    used = fleet(category, vn_kv, 121, utilisation_percent=np.linspace(0, 200, 121), age_years=np.full(121, 30.0))
    for assets in (ages, used):
        assert np.all(np.diff(MODEL.probability_one_year(assets)) >= 0)
    assert np.ptp(MODEL.probability_one_year(ages)) > 0
    has_duty_factor = category is not AssetCategory.OVERHEAD_LINE
    assert (np.ptp(MODEL.health_score(used)) > 0) == has_duty_factor


@pytest.mark.parametrize("category", [AssetCategory.OVERHEAD_LINE, AssetCategory.CABLE])
def test_kilometres_fail_independently(category: AssetCategory) -> None:
    lengths_km = np.array([0.0, 0.5, 1.0, 2.0, 300.0])
    probability = MODEL.probability_one_year(fleet(category, 20.0, 5, length_km=lengths_km))
    assert np.all(np.diff(probability) > 0)
    assert probability[0] == 0
    assert 1 - probability == pytest.approx((1 - probability[2]) ** lengths_km)
    assert probability[2] == pytest.approx({"overhead_line": 0.00228, "cable": 0.01875}[category], rel=2e-3)


def test_length_of_a_transformer_is_ignored() -> None:
    assets = fleet(AssetCategory.TRANSFORMER, 20.0, 2, length_km=np.array([np.nan, 7.0]))
    assert len(set(MODEL.probability_one_year(assets))) == 1


def test_cable_duty_is_the_mean_with_that_of_the_voltage() -> None:
    tables = cnaim_tables()
    assert tables.duty_factor[2].tolist() == pytest.approx([0.9, 0.95, 1.0, 1.4, 1.0])
    assert tables.duty_factor[3].tolist() == pytest.approx([1.0, 1.05, 1.15, 1.5, 1.0])


def test_bands_of_utilisation_include_their_upper_bound() -> None:
    percent = np.array([0.0, 50.0, 50.1, 70.0, 100.0, 100.1, np.nan])
    assets = fleet(AssetCategory.TRANSFORMER, 11.0, 7, utilisation_percent=percent)
    factors = np.array([0.9, 0.9, 0.95, 0.95, 1.0, 1.4, 1.0])
    assert MODEL.health_score(assets) == pytest.approx(0.5 * 11 ** (40 * factors / 60))


@pytest.mark.parametrize(("category", "vn_kv"), EVERY_CLASS)
def test_absurd_values_give_finite_probabilities(category: AssetCategory, vn_kv: float) -> None:
    absurd = fleet(
        category,
        vn_kv,
        5,
        age_years=np.array([0.0, 500.0, -3.0, 1e9, 40.0]),
        length_km=np.array([0.0, 1e6, -1.0, 1.0, 1e-6]),
        utilisation_percent=np.array([-10.0, 1e9, np.nan, np.inf, 0.0]),
        thermal_age_years=np.array([0.0, 1e12, np.nan, np.inf, -1.0]),
    )
    probability = MODEL.probability_one_year(absurd)
    assert np.all((probability >= 0) & (probability <= 1))


def test_unknown_age_stays_unknown() -> None:
    assets = fleet(AssetCategory.CABLE, 20.0, 2, age_years=np.array([np.nan, 10.0]))
    assert np.isnan(MODEL.probability_one_year(assets)).tolist() == [True, False]


def test_unknown_category_is_named() -> None:
    assets = replace(fleet(AssetCategory.CABLE, 20.0, 3), category=np.array(["cable", "pole", "cable"]))
    with pytest.raises(ValueError, match="asset 1: category 'pole' is not one of overhead_line, cable, transformer"):
        MODEL.probability_one_year(assets)


def test_shipped_figures_are_those_of_the_package() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the full CNAIM tables are not beside the project")
    full = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    curves = {row["Functional Failure Category"]: row for row in full["pof_curve_parameters"]["rows"]}
    lives = {
        (row["Asset Register  Category"], row["Sub-division"]): row["Normal  Expected Life"]
        for row in full["normal_expected_life"]["rows"]
    }
    for ours in json.loads(TABLES.read_text(encoding="utf-8"))["classes"]:
        curve = curves[ours["pof_curve"]]
        assert ours["k_percent"] == curve["K-Value (%)"]
        assert ours["c_value"] == curve["C-Value"]
        assert ours["health_score_limit"] == curve["Health Score Limit"]
        assert ours["normal_expected_life_years"] == lives[ours["life_category"], ours["life_sub_division"]]


def test_shipped_duty_factors_are_those_of_the_package() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the full CNAIM tables are not beside the project")
    full = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    source = {
        ("cable", "hv"): ("duty_factor_lut_cables_df1", "Duty Factor (HV)"),
        ("cable", "ehv"): ("duty_factor_lut_cables_df1", "Duty Factor (EHV & 132kV)"),
        ("transformer", "hv"): ("duty_factor_lut_distrib_tf", "Duty Factor"),
        ("transformer", "ehv"): ("duty_factor_lut_grid_prim_tf", "Duty Factor"),
    }
    for ours in json.loads(TABLES.read_text(encoding="utf-8"))["classes"]:
        if (ours["category"], ours["level"]) in source:
            table, column = source[ours["category"], ours["level"]]
            assert ours["duty_factors"] == [row[column] for row in full[table]["rows"][:4]]

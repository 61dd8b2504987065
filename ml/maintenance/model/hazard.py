"""Probability that an asset fails within a year, from its age, its use and its thermal ageing.

The published hazard of the British network operators: Common Network Asset Indices Methodology (CNAIM) v2.1,
section 6, for lines, cables and transformers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TABLES = Path(__file__).parent / "data" / "cnaim_v2_1.json"

NEW_SCORE = 0.5
"""Health score of a new asset (CNAIM section 6.1)."""
END_OF_LIFE_SCORE = 5.5
"""Health score at the end of the expected life; age alone takes no asset further (CNAIM 6.1.6)."""
WORST_SCORE = 10.0
"""Highest present health score, reached only with evidence of the condition (CNAIM section 6.1)."""
INSULATION_LIFE_YEARS = 150_000 / 8766
"""Life of paper at V = 1 down to a degree of polymerisation of 200: 150,000 h (IEC 60076-7, IEEE C57.91)."""
EHV_FROM_KV = 22.0
"""CNAIM's EHV assets start at 22 kV (table 21); at 132 kV and above the figures used here are the same."""


DAYS_PER_YEAR = 365.0


class AssetCategory(StrEnum):
    """Kinds of assets that a hazard is known for."""

    OVERHEAD_LINE = "overhead_line"
    CABLE = "cable"
    TRANSFORMER = "transformer"


@dataclass(frozen=True, eq=False)
class AssetCondition:
    """What is known about m assets, arrays of shape (m,).

    category: AssetCategory values as strings. vn_kv: nominal voltage, a transformer's high side, kV.
    age_years since commissioning; NaN (unknown) gives NaN. length_km, ignored for transformers.
    utilisation_percent: the present maximum loading under normal operation; NaN counts as not known (duty
    factor 1). thermal_age_years: the sum of ageing rate V times time since commissioning, used for
    transformers only; 0 or NaN if not known.
    """

    category: NDArray[np.str_]
    vn_kv: FloatArray
    age_years: FloatArray
    length_km: FloatArray
    utilisation_percent: FloatArray
    thermal_age_years: FloatArray


@dataclass(frozen=True, eq=False)
class CnaimTables:
    """CNAIM's figures by class, arrays of shape (c,): c = category (in AssetCategory's order) times 2 levels.

    k_percent in percent a year (per km where per_km), c_value without unit, score_limit the floor of the
    health score, life_years the normal expected life, duty_factor (c, 5): four bands of utilisation, then not
    known.
    """

    k_percent: FloatArray
    c_value: FloatArray
    score_limit: FloatArray
    per_km: NDArray[np.bool_]
    life_years: FloatArray
    duty_factor: FloatArray
    duty_upper_percent: FloatArray


@cache
def cnaim_tables() -> CnaimTables:
    """Read the shipped figures, once."""
    document = json.loads(TABLES.read_text(encoding="utf-8"))
    record = {(row["category"], row["level"]): row for row in document["classes"]}
    rows = [record[category.value, level] for category in AssetCategory for level in ("hv", "ehv")]

    def column(name: str) -> FloatArray:
        return np.array([row[name] for row in rows], dtype=float)

    return CnaimTables(
        k_percent=column("k_percent"),
        c_value=column("c_value"),
        score_limit=column("health_score_limit"),
        per_km=column("per_km").astype(bool),
        life_years=column("normal_expected_life_years"),
        duty_factor=np.array([_duty_row(row["category"], row["duty_factors"]) for row in rows]),
        duty_upper_percent=np.array(document["duty_upper_percent"], dtype=float),
    )


def _duty_row(category: str, factors: list[float]) -> list[float]:
    """Duty factors of the four bands and of an unknown utilisation, which is 1.

    A cable's is the mean of the one for utilisation and the one for operating over design voltage (CNAIM
    6.6): the second is 1, cables being taken to run at the voltage they were made for.
    """
    if category == AssetCategory.CABLE:
        return [(factor + 1.0) / 2.0 for factor in factors] + [1.0]
    return [*factors, 1.0]


def failure_rate_percent(
    health_score: FloatArray, k_percent: FloatArray, c_value: FloatArray, score_limit: FloatArray
) -> FloatArray:
    """CNAIM's probability of failure in percent a year: K (1 + CH + (CH)^2 / 2! + (CH)^3 / 3!), section 6.

    H is the health score, not below score_limit. All arrays broadcast. Per asset or per km, as K is.
    """
    ch = c_value * np.maximum(health_score, score_limit)
    return np.asarray(k_percent * (1 + ch * (1 + ch / 2 * (1 + ch / 3))))


class CnaimHazard:
    """The published hazard; it has no state and needs no training.

    Choices where CNAIM leaves one or does not reach (stated so that they can be argued with):
    overhead lines of every voltage take the conductor's curve (CNAIM has poles only below 33 kV) and the life
    of greased ACSR; cables of every voltage take the non-pressurised curve and life; transformers from 22 kV
    take the life of units built since 1980; the location factor is 1, so are reliability and condition
    modifiers.
    """

    @property
    def name(self) -> str:
        """Name shown beside the figures."""
        return "CNAIM v2.1"

    def health_score(self, assets: AssetCondition) -> FloatArray:
        """Health score (m,) from 0.5 (new) to 10.

        Age gives CNAIM's initial score, 0.5 exp(beta age) with beta = ln(5.5 / 0.5) / expected life, at most
        5.5, the expected life being the normal one over the duty factor. A transformer's thermal age gives a
        second score the same way, over the life of its paper and up to 10, and the worse of the two counts:
        thermal age neither replaces nor adds to age, it is a lower bound as CNAIM's test of furfuraldehyde in
        oil (the measured trace of the same ageing) is.
        """
        return self._health_score(assets, _class_index(assets))

    def probability_one_year(self, assets: AssetCondition) -> FloatArray:
        """Probability (m,) in [0, 1] of a functional failure within one year.

        With p for one km, a line of L km has 1 - (1 - p)^L: its kilometres fail independently.
        Raises ValueError where a category is not an AssetCategory.
        """
        tables, index = cnaim_tables(), _class_index(assets)
        rate_percent = failure_rate_percent(
            self._health_score(assets, index),
            tables.k_percent[index],
            tables.c_value[index],
            tables.score_limit[index],
        )
        length = np.where(tables.per_km[index], np.maximum(assets.length_km, 0.0), 1.0)
        # the cap keeps the logarithm finite; the highest rate in the tables is 13 percent
        survival = np.log1p(-np.minimum(rate_percent / 100.0, 1.0 - 1e-12))
        return np.asarray(-np.expm1(length * survival))

    @staticmethod
    def _health_score(assets: AssetCondition, index: NDArray[np.intp]) -> FloatArray:
        """Health score (m,) of assets whose rows in the tables are known."""
        tables = cnaim_tables()
        band = np.searchsorted(tables.duty_upper_percent, assets.utilisation_percent, side="left")
        band = np.where(np.isnan(assets.utilisation_percent), tables.duty_factor.shape[1] - 1, band)
        expected_life = tables.life_years[index] / tables.duty_factor[index, band]
        from_age = _score(assets.age_years / expected_life, END_OF_LIFE_SCORE)
        is_transformer = assets.category == AssetCategory.TRANSFORMER
        thermal_years = np.where(is_transformer, np.nan_to_num(assets.thermal_age_years), 0.0)
        return np.maximum(from_age, _score(thermal_years / INSULATION_LIFE_YEARS, WORST_SCORE))


def within(rate_per_year: FloatArray, days: float | FloatArray) -> FloatArray:
    """Probability of at least one failure within so many days at a rate that stays."""
    return np.asarray(-np.expm1(-rate_per_year * days / DAYS_PER_YEAR))


def _score(life_consumed: FloatArray, cap: float) -> FloatArray:
    """Health score of assets that have consumed a share of their life, at most cap: CNAIM 6.1.6."""
    beta = np.log(END_OF_LIFE_SCORE / NEW_SCORE)
    most = np.log(cap / NEW_SCORE) / beta
    return np.asarray(NEW_SCORE * np.exp(beta * np.clip(life_consumed, 0.0, most)))


def _class_index(assets: AssetCondition) -> NDArray[np.intp]:
    """Row of each asset in the tables, shape (m,); ValueError names a category that has none."""
    matches = np.stack([assets.category == category for category in AssetCategory])
    if not np.all(matches.any(axis=0)):
        row = int(np.argmin(matches.any(axis=0)))
        known = ", ".join(AssetCategory)
        raise ValueError(f"asset {row}: category '{assets.category[row]}' is not one of {known}")
    return np.asarray(2 * matches.argmax(axis=0) + (assets.vn_kv >= EHV_FROM_KV))

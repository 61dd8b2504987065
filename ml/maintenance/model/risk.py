"""Risk of branches: how likely each fails, and what that would interrupt now."""

from dataclasses import dataclass

import numpy as np

from grid.assets.register import AssetRegister
from grid.flow.powerflow import GridState
from grid.flow.topology import interrupted_power_mw
from grid.network import BoolArray, FloatArray, Network
from ml.maintenance.model.hazard import CnaimHazard

LEARNED_MODEL = "CNAIM times condition, trained on simulated fleets"


@dataclass(frozen=True, eq=False)
class AssetRisk:
    """Per branch, (m,)."""

    failure_probability: FloatArray  # within one year
    interrupted_mw: FloatArray  # demand that loses supply if the branch fails now
    risk_mw: FloatArray  # the product: MW interrupted, expected within a year
    year_built: FloatArray
    year_generated: BoolArray  # drawn from the seed, because the case doesn't say
    learned: BoolArray  # the probability is the trained models'; the others' is CNAIM's
    model: str


def asset_risk(
    network: Network,
    register: AssetRegister,
    state: GridState,
    generator_on: BoolArray,
    published_per_year: FloatArray,
    learned_per_year: FloatArray,
) -> AssetRisk:
    """Failure probability of each branch in a year at the present rate, and what it would interrupt now.

    Rates of failures a year (m,): published_per_year by CNAIM, learned_per_year by trained models, NaN where they give
    none and the published one counts.
    """
    branch, generator = network.branch, network.generator
    learned = np.isfinite(learned_per_year)
    probability = -np.expm1(-np.where(learned, learned_per_year, published_per_year))
    sources = np.unique(generator.bus[generator.is_source & generator_on])
    demand: FloatArray = np.bincount(network.load.bus, state.load_p_mw.clip(min=0), network.n_bus)
    interrupted = interrupted_power_mw(network.n_bus, branch.from_bus, branch.to_bus, state.closed, sources, demand)
    return AssetRisk(
        failure_probability=probability,
        interrupted_mw=interrupted,
        risk_mw=probability * interrupted,
        year_built=register.year_built,
        year_generated=register.year_generated,
        learned=learned,
        model=LEARNED_MODEL if learned.any() else CnaimHazard().name,
    )

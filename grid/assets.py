"""The asset register: what each branch is as a thing that ages."""

from dataclasses import dataclass

import numpy as np

from grid.network import BoolArray, BranchKind, FloatArray, Network

YOUNGEST_YEARS, OLDEST_YEARS = 3, 50  # of assets whose age the case doesn't say


@dataclass(frozen=True, eq=False)
class AssetRegister:
    """Per branch, (m,). year_generated marks years drawn from the seed because the case gives none."""

    year_built: FloatArray
    year_generated: BoolArray


def asset_register(network: Network, year_built: FloatArray, year: int, rng: np.random.Generator) -> AssetRegister:
    """Complete the years (m,) that a case gives, NaN where it doesn't, by ages drawn evenly. year: the present one."""
    drawn = year - rng.integers(YOUNGEST_YEARS, OLDEST_YEARS + 1, network.n_branch)
    missing = ~np.isfinite(year_built)
    return AssetRegister(np.where(missing, drawn, year_built), missing)


def temperature_limit_c(network: Network) -> FloatArray:
    """(m,) what each branch may reach: ACSR 75 C, XLPE cable 90 C, transformer hot spot 120 C; NaN for impedances.

    75 C is the usual design temperature of overhead lines; 90 C IEC 60502; 120 C IEC 60076-7 table 2, normal cyclic
    loading of large and medium transformers.
    """
    limit = {BranchKind.LINE: 75.0, BranchKind.CABLE: 90.0, BranchKind.TRANSFORMER: 120.0}
    return np.array([limit.get(kind, np.nan) for kind in network.branch.kind])

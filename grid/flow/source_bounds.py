"""Which bounds of a source's active power are real: files often give placeholders for the grid behind it."""

from dataclasses import dataclass

import numpy as np

from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network

ROUNDING_MW = 1e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceBounds:
    """Lowest and highest active power (g,) of generators in MW, infinite where there is no bound.

    placeholder: (g,) sources one of whose bounds in the file isn't one.
    """

    low_mw: FloatArray
    high_mw: FloatArray
    placeholder: BoolArray

    @classmethod
    def of(cls, network: Network, infeeds: bool, power_flow: PowerFlow | None = None) -> "SourceBounds":
        """The bounds of a network's file that its own base state keeps; one that it breaks is a placeholder.

        infeeds: whether its sources are infeeds of a larger grid, as those of grids that are operated radially are.
        Such a source takes back what isn't used: a lowest power of 0 or more is no bound then, a negative one is.
        power_flow: of the network, where the caller has one.
        """
        low, high = network.generator.p_bounds_mw
        source = network.generator.is_source
        bounded = source & (np.isfinite(low) | np.isfinite(high))
        base_mw = _base_state_mw(network, power_flow) if bounded.any() else np.full(len(source), np.nan)
        too_low = source & (base_mw < low - ROUNDING_MW) | (source & infeeds & (low >= 0) & np.isfinite(low))
        too_high = source & (base_mw > high + ROUNDING_MW)
        return cls(
            low_mw=np.where(too_low, -np.inf, low),
            high_mw=np.where(too_high, np.inf, high),
            placeholder=too_low | too_high,
        )


def _base_state_mw(network: Network, power_flow: PowerFlow | None) -> FloatArray:
    """(g,) what generators give in the case's own state, NaN where that has no solution."""
    try:
        power_flow = power_flow or PowerFlow(network)
        return power_flow.solve(Injection.of_case(network), network.branch.closed).generator_p_mw
    except PowerFlowDivergedError:
        return np.full(len(network.generator), np.nan)

"""The simulated past solved: hours before the start with their losses, for comparisons to begin with."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from grid.flow.loss_breakdown import BranchLevels
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Network
from grid.sources.past import PastHours
from ml.forecasting.live.hourly import Hour, hour_of_state
from ml.forecasting.live.look_ahead import LARGE_BUSES

RECENT_HOURS = 8 * 24  # yesterday and the same day of last week
YEAR = timedelta(days=365)
LARGE_HOURS = 48  # of a larger grid only the last two days are solved


def wanted_hours(network: Network, end: datetime, known: int) -> list[int]:
    """Places of the hours to solve among the known ones that end with an hour before end, the earliest first."""
    if network.n_bus > LARGE_BUSES:
        return list(range(max(0, known - LARGE_HOURS), known))
    midnight_a_year_ago = known - (end - (end - YEAR).replace(hour=0)) // timedelta(hours=1)
    last_year = range(max(0, midnight_a_year_ago), max(0, midnight_a_year_ago + 24))
    return [*last_year, *range(max(0, known - RECENT_HOURS), known)]


def solved_hours(network: Network, past: PastHours, wanted: list[int]) -> Iterator[Hour]:
    """States of hours of the past with all switches as the case has them; what has no solution is left out."""
    flow, levels, base = PowerFlow(network), BranchLevels.of(network), Injection.of_case(network)
    for hour in wanted:
        injection = replace(
            base,
            load_p_mw=past.load_p_mw[hour].astype(float),
            load_q_mvar=past.load_q_mvar[hour].astype(float),
            generator_p_mw=np.where(network.generator.is_source, base.generator_p_mw, past.generator_p_mw[hour]),
        )
        try:
            state = flow.solve(injection, network.branch.closed)
        except PowerFlowDivergedError:
            continue
        yield hour_of_state(network, levels, past.start + timedelta(hours=hour), injection, state)

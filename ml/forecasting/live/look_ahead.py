"""The next hours of the grid: scenarios through the power flow, what to expect of them, and the worst of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np

from grid.alarms.predictive import Outlook, outlook
from grid.alarms.trouble import worst_trouble
from grid.capabilities import FULL_LOOK_AHEAD
from grid.flow.powerflow import Injection, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network
from grid.studies.lookahead import LookAhead, Samples, look_ahead
from grid.studies.renewable_share import curtailment
from ml.forecasting.live.scenarios import renewable_names
from ml.forecasting.live.series import SeriesSet
from ml.forecasting.records import Ahead

HOURS = 24
UNLIKELY = 0.01  # chance of overload up to which the median scenario isn't asked for what must be cut
SAMPLES, SAMPLES_LARGE, LARGE_BUSES = 100, 20, FULL_LOOK_AHEAD.most


def samples_wanted(network: Network) -> int:
    """How many scenarios are solved."""
    return SAMPLES if network.n_bus <= LARGE_BUSES else SAMPLES_LARGE


def make_ahead(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    series: SeriesSet,
    samples: Samples,
    drawn_mw: FloatArray,
    start: datetime,
    previous: Outlook | None,
    recalibrated: Callable[[LookAhead], LookAhead] = lambda look: look,
) -> Ahead:
    """Solve the scenarios of the hours from start on and say what they mean.

    drawn_mw: as scenarios_of takes them. recalibrated: makes of counted chances those that are said.
    """
    look = recalibrated(look_ahead(network, injection, closed, samples))
    found = outlook(network, look, start, previous)
    plants = [place for place, _ in enumerate(series.plants, start=series.groups)]
    return Ahead(
        start=start,
        look=look,
        outlook=found,
        renewable_mw=np.median(drawn_mw[:, plants], axis=0),
        energies=renewable_names(series),
        load_mw=np.median(samples.load_p_mw.sum(axis=2), axis=0),
        curtailed_mw=_curtailed(network, injection, closed, samples, look),
        worst=worst_trouble(look),
    )


def injection_at(injection: Injection, samples: Samples, hour: int) -> Injection:
    """The median scenario at an hour, with the present voltages and running generators."""
    return replace(
        injection,
        load_p_mw=np.median(samples.load_p_mw[:, hour], axis=0),
        load_q_mvar=np.median(samples.load_q_mvar[:, hour], axis=0),
        generator_p_mw=np.median(samples.generator_p_mw[:, hour], axis=0),
    )


def _curtailed(
    network: Network, injection: Injection, closed: BoolArray, samples: Samples, look: LookAhead
) -> FloatArray:
    """(h,) the least cut of renewables that the median scenario needs; NaN where the grid is too large to ask."""
    hours = samples.hours
    if network.n_bus > LARGE_BUSES:
        return np.full(hours, np.nan)
    trouble = np.nan_to_num(look.overload_of_solved).max(axis=1, initial=0) > UNLIKELY
    trouble |= np.nan_to_num(look.high_of_solved).max(axis=1, initial=0) > 0
    cut = np.zeros(hours)
    for hour in np.flatnonzero(trouble).tolist():
        try:
            cut[hour] = curtailment(network, injection_at(injection, samples, hour), closed).total_mw
        except PowerFlowDivergedError:
            cut[hour] = np.nan
    return cut

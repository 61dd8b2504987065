"""The next hours of the grid: courses through the power flow, what to expect of them, and the worst moment."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from app.forecasting.report import Ahead
from app.forecasting.scenarios import renewable_names
from app.forecasting.series import SeriesSet
from components.common import text
from grid.alarms.predictive import Outlook, outlook
from grid.flow.powerflow import Injection, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network
from grid.studies.lookahead import LookAhead, Samples, look_ahead
from grid.studies.renewable_share import curtailment

HOURS = 24
SAMPLES, SAMPLES_LARGE, LARGE_BUSES = 100, 20, 1500
MENTIONED_PERCENT = 1.0  # chance of trouble from which the worst moment is one of trouble


def samples_wanted(network: Network) -> int:
    """How many courses are solved."""
    return SAMPLES if network.n_bus <= LARGE_BUSES else SAMPLES_LARGE


def make_ahead(
    network: Network, injection: Injection, closed: BoolArray, series: SeriesSet, samples: Samples,
    drawn_mw: FloatArray, start: datetime, previous: Outlook | None,
) -> Ahead:  # fmt: skip
    """Solve the courses of the hours from start on and say what they mean. drawn_mw: as samples_of takes them."""
    look = look_ahead(network, injection, closed, samples)
    found = outlook(network, look, start, previous)
    hour, words = worst_moment(network, look, start)
    plants = [place for place, _ in enumerate(series.plants, start=series.groups)]
    return Ahead(
        start=start,
        look=look,
        outlook=found,
        renewable_mw=np.median(drawn_mw[:, plants], axis=0),
        energies=renewable_names(series),
        load_mw=np.median(samples.load_p_mw.sum(axis=2), axis=0),
        curtailed_mw=_curtailed(network, injection, closed, samples, look),
        worst_hour=hour,
        worst_words=words,
    )


def injection_at(injection: Injection, samples: Samples, hour: int) -> Injection:
    """The median course at an hour, with the present voltages and running generators."""
    return replace(
        injection,
        load_p_mw=np.median(samples.load_p_mw[:, hour], axis=0),
        load_q_mvar=np.median(samples.load_q_mvar[:, hour], axis=0),
        generator_p_mw=np.median(samples.generator_p_mw[:, hour], axis=0),
    )


def worst_moment(network: Network, look: LookAhead, start: datetime) -> tuple[int, str]:
    """The hour with the largest chance of trouble, or without any the one with the highest loading; and in words."""
    low_or_high = look.low_of_solved + look.high_of_solved
    chances = [100 * np.nan_to_num(values) for values in (look.overload_of_solved, low_or_high)]
    unsolved = 100 * look.unsolved_share
    by_kind = [unsolved, *(values.max(axis=1, initial=0.0) for values in chances)]
    kind, hour = np.unravel_index(int(np.argmax(by_kind)), (len(by_kind), len(unsolved)))
    chance = float(by_kind[kind][hour])
    if chance >= MENTIONED_PERCENT:
        if kind == 0:
            return int(hour), f"{_when(start, hour)}: no power flow solution, {text.number(chance, 0, '%')} chance"
        asset = int(np.argmax(chances[kind - 1][hour]))
        name, what = (
            (network.branch.name[asset], "overload")
            if kind == 1
            else (network.bus.name[asset], "voltage limits missed")
        )
        return int(hour), f"{_when(start, hour)}: {name}, {text.number(chance, 0, '%')} chance of {what}"
    loading = np.nan_to_num(look.loading_high_percent)
    if not loading.size:
        return 0, "no branch carries anything"
    hour, branch = np.unravel_index(int(np.argmax(loading)), loading.shape)
    highest = text.number(float(loading[hour, branch]), 0, "%")
    return int(
        hour
    ), f"{_when(start, hour)}: {network.branch.name[branch]}, at most {highest} loaded; no limit in danger"


def _when(start: datetime, hour: int | np.integer) -> str:
    return f"{start + timedelta(hours=int(hour)):%a %H:%M}"


def _curtailed(
    network: Network, injection: Injection, closed: BoolArray, samples: Samples, look: LookAhead
) -> FloatArray:
    """(h,) the least cut of renewables that the median course needs; NaN where the grid is too large to ask."""
    hours = samples.hours
    if network.n_bus > LARGE_BUSES:
        return np.full(hours, np.nan)
    trouble = np.nan_to_num(look.overload_of_solved).max(axis=1, initial=0) > 0
    trouble |= np.nan_to_num(look.high_of_solved).max(axis=1, initial=0) > 0
    cut = np.zeros(hours)
    for hour in np.flatnonzero(trouble).tolist():
        try:
            cut[hour] = curtailment(network, injection_at(injection, samples, hour), closed).total_mw
        except PowerFlowDivergedError:
            cut[hour] = np.nan
    return cut

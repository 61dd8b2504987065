"""Hours: means of what was measured and solved within one hour, for forecasts and for the record of losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from grid.flow.loss_breakdown import BranchLevels, by_level, no_load_mw, non_technical
from grid.flow.powerflow import GridState, Injection
from grid.network import FloatArray, Network
from grid.studies.renewable_share import energy_mix
from ml.forecasting.records import LossRecord, datetime64_of

ONE_HOUR = timedelta(hours=1)


@dataclass(frozen=True, eq=False)
class Hour:
    """Means of one hour; arrays by load (l,), generator (g,) and branch (m,), float32.

    fed_in_mw and delivered_mw: by the meters at generators and loads, NaN where a reading was missing. renewable_mw:
    NaN where the case doesn't say what some of its generators are.
    """

    start: datetime
    cycles: int
    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    generator_p_mw: FloatArray
    branch_loss_mw: FloatArray
    level_mw: FloatArray  # (v, c) losses by levels and causes
    shunt_mw: float
    loss_mw: float
    load_mw: float
    generation_mw: float
    renewable_mw: float
    fed_in_mw: float
    delivered_mw: float


def values_to_mean(
    network: Network, injection: Injection, state: GridState, fed_in_mw: float, delivered_mw: float
) -> list[FloatArray]:
    """What an hour holds the means of, at one moment; the meters' totals are NaN where a reading was missing."""
    totals = [state.shunt_mva.real.sum(), state.total_load_mw, state.total_generation_mw, fed_in_mw, delivered_mw]
    return [
        np.array(injection.load_p_mw),
        np.array(injection.load_q_mvar),
        np.array(state.generator_p_mw),
        no_load_mw(network, state),
        np.array(state.loss_mw),
        np.array(totals),
    ]


def hour_of_state(
    network: Network, levels: BranchLevels, start: datetime, injection: Injection, state: GridState
) -> Hour:
    """An hour that is known by one state alone and in which nothing was metered."""
    return hour_of_means(network, levels, start, 1, values_to_mean(network, injection, state, np.nan, np.nan))


def hour_of_means(
    network: Network, levels: BranchLevels, start: datetime, cycles: int, mean: Sequence[FloatArray]
) -> Hour:
    """An hour of the means of its cycles: those of values_to_mean."""
    load_p, load_q, generator_p, no_load, loss, totals = mean
    shunt, load, generation, fed_in, delivered = totals.tolist()
    mix = energy_mix(network, generator_p)
    return Hour(
        start=start,
        cycles=cycles,
        load_p_mw=load_p.astype(np.float32),
        load_q_mvar=load_q.astype(np.float32),
        generator_p_mw=generator_p.astype(np.float32),
        branch_loss_mw=loss.astype(np.float32),
        level_mw=by_level(network, levels, no_load, loss),
        shunt_mw=shunt,
        loss_mw=float(loss.sum()),
        load_mw=load,
        generation_mw=generation,
        renewable_mw=mix.renewable_percent / 100 * mix.total,
        fed_in_mw=fed_in,
        delivered_mw=delivered,
    )


def loss_record(
    network: Network, recorded: Sequence[Hour], start: datetime, hours: int, price_per_mwh: float
) -> LossRecord | None:
    """The losses of those of the recorded hours that are within `hours` from start on; None where there is none."""
    end = start + timedelta(hours=hours)
    found = [hour for hour in recorded if start <= hour.start < end]
    if not found:
        return None
    shunt = np.array([hour.shunt_mw for hour in found])
    technical = np.array([hour.loss_mw for hour in found]) + shunt
    fed_in, delivered = (
        np.array([[one] for one in values])
        for values in zip(*((hour.fed_in_mw, hour.delivered_mw) for hour in found), strict=True)
    )
    return LossRecord(
        time=np.array([datetime64_of(hour.start) for hour in found]),
        levels=BranchLevels.of(network),
        level_mwh=np.stack([hour.level_mw for hour in found]),
        branch_mwh=np.sum([hour.branch_loss_mw for hour in found], axis=0, dtype=float),
        shunt_mwh=shunt,
        non_technical=non_technical(fed_in, delivered, technical),
        price_per_mwh=price_per_mwh,
    )

"""Scenarios: samples of series turned into what every load and generator does in the hours to come.

What a group takes is shared out among its loads as on a day of the last two weeks, a whole one drawn for each sample,
so that neighbours rise and fall together as they did. Plants of a kind share out by what is installed: one weather.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import Energy, FloatArray, IntArray, Network
from grid.studies.lookahead import Samples
from ml.forecasting.live.series import SeriesSet
from ml.forecasting.records import SeriesKind

DAY = 24
DAYS_KEPT = 14
FOLLOWS = frozenset({Energy.THERMAL, Energy.UNKNOWN})  # the demand, while nothing holds them
LEAST_MW = 1e-9
MOST_TIMES = 10.0  # what a group took on the day that is drawn


@dataclass(frozen=True, eq=False)
class RecentLoads:
    """The last whole days of every load, (d, 24, l) by hour of the day; NaN for hours that nobody measured."""

    p_mw: FloatArray
    q_mvar: FloatArray

    @classmethod
    def unknown(cls, loads: int) -> "RecentLoads":
        """Nothing was measured yet."""
        empty = np.full((DAYS_KEPT, DAY, loads), np.nan, dtype=np.float32)
        return cls(empty, empty.copy())

    def put(self, start: datetime, p_mw: FloatArray, q_mvar: FloatArray) -> None:
        """An hour's values (l,), in the place of those of two weeks before."""
        place = start.toordinal() % DAYS_KEPT, start.hour
        self.p_mw[place], self.q_mvar[place] = p_mw, q_mvar


def scenarios_of(
    network: Network,
    injection: Injection,
    series: SeriesSet,
    recent: RecentLoads,
    start: datetime,
    drawn_mw: FloatArray,
    is_held: bool,
    rng: np.random.Generator,
) -> Samples:
    """Scenarios (c, h) of all loads and generators from start on.

    drawn_mw: (c, s - 1, h) of groups and plants. injection: the present one. is_held: generators stay at set-points
    that somebody gave; otherwise those that aren't renewable follow the demand. Others stay as they are. Where
    generators regulate, reactive powers follow the total load as they did: there banks hold the voltages.
    """
    count, _, hours = drawn_mw.shape
    groups = drawn_mw[:, : series.groups]
    present_p, present_q = injection.load_p_mw, injection.load_q_mvar
    hour_of_day = (start.hour + np.arange(hours)) % DAY
    whole = np.flatnonzero(np.isfinite(recent.p_mw).all(axis=(1, 2)))
    if len(whole):
        day = rng.permutation(np.resize(rng.permutation(whole), count))[:, None]  # each day as often
        p, q = (values[day, hour_of_day[None, :]].astype(float) for values in (recent.p_mw, recent.q_mvar))
    else:
        p, q = (np.broadcast_to(values, (count, hours, len(values))).astype(float) for values in (present_p, present_q))
    taken = p @ np.eye(series.groups)[series.group_of_load]
    wanted = groups.transpose(0, 2, 1)
    factor = np.divide(wanted, taken, out=np.zeros_like(wanted), where=np.abs(taken) > LEAST_MW)
    factor = np.clip(factor, 0.0, MOST_TIMES)[..., series.group_of_load]
    load_p = p * factor
    if network.generator.is_regulating.any():
        more_mw = load_p.sum(axis=2) - p.sum(axis=2)
        load_q = q + _mvar_by_total_mw(recent, whole) * more_mw[..., None]
    else:
        load_q = q * factor
    ratio = load_p.sum(axis=2) / max(float(present_p.sum()), LEAST_MW)
    return Samples(load_p, load_q, _generation(network, injection, series, drawn_mw, ratio, is_held))


def _mvar_by_total_mw(recent: RecentLoads, whole: IntArray) -> FloatArray:
    """(l,) Mvar that each load took more for a MW more of all in whole days (d,), by least squares; 0 without days."""
    p_mw, q_mvar = (values[whole].reshape(-1, values.shape[2]).astype(float) for values in (recent.p_mw, recent.q_mvar))
    if not len(p_mw):
        return np.zeros(p_mw.shape[1])
    off = p_mw.sum(axis=1) - p_mw.sum(axis=1).mean()
    return np.asarray(off @ (q_mvar - q_mvar.mean(axis=0)) / max(float(off @ off), LEAST_MW))


def _generation(
    network: Network, injection: Injection, series: SeriesSet, drawn_mw: FloatArray, ratio: FloatArray, is_held: bool
) -> FloatArray:
    """(c, h, g) for demand of ratio (c, h) of the present one."""
    count, _, hours = drawn_mw.shape
    generator = network.generator
    found = np.broadcast_to(injection.generator_p_mw, (count, hours, len(generator))).astype(float)
    if not is_held:
        follows = np.array([energy in FOLLOWS for energy in generator.energy], dtype=bool)
        found[..., follows] *= ratio[..., None]
    for place, which in enumerate(series.plants.values(), start=series.groups):
        installed = generator.p_mw[which] / generator.p_mw[which].sum()
        found[..., which] = drawn_mw[:, place, :, None] * installed
    return found


def renewable_names(series: SeriesSet) -> tuple[str, ...]:
    """Of the series of plants, in order."""
    return tuple(info.name for info in series.infos if info.kind not in (SeriesKind.LOAD, SeriesKind.GROUP))

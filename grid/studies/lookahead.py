"""Look-ahead: what a forecast of loads and renewables means for the grid, hour by hour.

Every sample of the forecast is a possible course of the next hours; each of its hours is an AC power flow. What is said
of an hour is counted over the samples: no distribution is assumed, and what loads have in common (weather, habit) stays
in common. Only chances of overload are smoothed (grid.studies.tails), since rare ones decide and can't be counted.
"""

from dataclasses import dataclass

import numpy as np

from grid.flow.admittance import Topology
from grid.flow.batch_flow import NUMBERS_AT_ONCE, BatchFlow
from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from grid.studies.tails import chance_above

HIGH_QUANTILE = 0.95
LOSS_INTERVAL = (0.1, 0.9)  # 80 % of the samples lie between
MOST_TIMES = 10.0  # a forecast that is off by more tells nothing of the spread


@dataclass(frozen=True, eq=False)
class Samples:
    """s possible courses of the next h hours: load_p_mw, load_q_mvar (s, h, l) and generator_p_mw (s, h, g).

    generator_p_mw holds every generator's power, renewables as forecast; what it says of sources has no meaning.
    Raises ValueError for shapes that don't fit together, for no samples or hours and for values that aren't finite.
    """

    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    generator_p_mw: FloatArray

    def __post_init__(self) -> None:
        p, q, generation = self.load_p_mw.shape, self.load_q_mvar.shape, self.generator_p_mw.shape
        if not (len(p) == len(generation) == 3 and p == q and p[:2] == generation[:2] and p[0] and p[1]):
            raise ValueError(f"samples must be (s, h, l), (s, h, l) and (s, h, g), they are {p}, {q} and {generation}")
        for field, values in vars(self).items():
            if not np.isfinite(values).all():
                raise ValueError(f"samples: {field} has values that are not finite")

    @property
    def hours(self) -> int:
        """How far they look ahead, h."""
        return self.load_p_mw.shape[1]


@dataclass(frozen=True, eq=False)
class LookAhead:
    """What is expected of h hours; arrays are (h,), (h, m) per branch and (h, n) per bus.

    A sample without a solution counts as trouble: as an overload of every branch that is supplied, and as a voltage
    violation of every bus that is. The fields of_solved leave it out, as do quantiles and losses, which then are those
    of the samples that have a state, and NaN where none has. Buses and branches without supply have probability 0;
    voltages of such buses are NaN. Losses are those in branches. What loads without supply want isn't supplied in any
    hour: nothing is switched and nothing repaired.
    """

    samples: int
    unsolved_share: FloatArray  # (h,) of the samples have no power flow solution
    overload_probability: FloatArray  # (h, m) loading above 100 %, smooth over the samples
    overload_of_solved: FloatArray  # (h, m)
    loading_median_percent: FloatArray  # (h, m)
    loading_high_percent: FloatArray  # (h, m) 95 % of the samples lie below
    violation_probability: FloatArray  # (h, n) voltage below or above the bus's limits
    low_of_solved: FloatArray  # (h, n) below the lower limit
    high_of_solved: FloatArray  # (h, n) above the upper one
    vm_low_pu: FloatArray  # (h, n) 95 % of the samples lie above
    vm_high_pu: FloatArray  # (h, n) 95 % lie below
    loss_mw: FloatArray  # (h,) mean
    loss_low_mw: FloatArray  # (h,) 10 % of the samples lie below
    loss_high_mw: FloatArray  # (h,) 10 % lie above
    unsupplied_mw: FloatArray  # (h,) mean of what loads without supply want


def anchored(samples: Samples, injection: Injection) -> Samples:
    """Samples whose first hour lies around the present injection, whose median it is then.

    Each load and generator keeps its spread, in proportion; one that changes its sign, or by more than MOST_TIMES, is
    what it is at present in all samples.
    """
    load_p, load_q, generator_p = (
        _around(values, present)
        for values, present in (
            (samples.load_p_mw, injection.load_p_mw),
            (samples.load_q_mvar, injection.load_q_mvar),
            (samples.generator_p_mw, injection.generator_p_mw),
        )
    )
    return Samples(load_p, load_q, generator_p)


def _around(values: FloatArray, present: FloatArray) -> FloatArray:
    """(s, h, k) whose first hour has the medians present (k,)."""
    median = np.median(values[:, 0], axis=0)
    factor = np.divide(present, median, out=np.zeros_like(median), where=median != 0)
    keeps = (factor > 0) & (factor <= MOST_TIMES)
    found = values.copy()
    found[:, 0] = np.where(keeps, values[:, 0] * factor, present)
    return found


def look_ahead(network: Network, injection: Injection, closed: BoolArray, samples: Samples) -> LookAhead:
    """The next hours of the grid if nothing is switched.

    injection: the present one, whose voltage set-points, reactive powers and running generators stay. closed: (m,).
    One hour is in memory at a time: s (m + n) numbers. Raises ValueError for samples of another grid.
    """
    expected = (len(network.load), len(network.generator))
    given = (samples.load_p_mw.shape[2], samples.generator_p_mw.shape[2])
    if given != expected:
        raise ValueError(f"the grid has {expected} loads and generators, the samples have {given}")
    flow, hours = BatchFlow(network, injection, closed), []
    dark = ~flow.topology.energised[network.load.bus]
    start: FloatArray | None = None
    for hour in range(samples.hours):
        voltage = flow.solve(
            samples.load_p_mw[:, hour], samples.load_q_mvar[:, hour], samples.generator_p_mw[:, hour], start
        )
        solved = ~np.isnan(voltage).any(axis=1)
        start = voltage[solved][0] if solved.any() else None
        lost_mw = samples.load_p_mw[:, hour, dark].clip(min=0).sum(axis=1).mean()
        hours.append(
            {**_hour(network, flow.topology, voltage[solved], len(voltage)), "unsupplied_mw": np.array(lost_mw)}
        )
    fields = {name: np.array([hour[name] for hour in hours]) for name in hours[0]}
    return LookAhead(samples=len(samples.load_p_mw), **fields)


def _hour(network: Network, topology: Topology, voltage: FloatArray, samples: int) -> dict[str, FloatArray]:
    """One hour's values of LookAhead's fields. voltage: (k, n) of the samples that have a state."""
    supplied = topology.energised
    unsolved = 1.0 - len(voltage) / samples
    loading, loss = branch_loading(network, topology, voltage)
    overload = chance_above(loading, FULL_LOAD_PERCENT)
    magnitude = np.where(supplied, np.abs(voltage), np.nan)
    low = _share(magnitude < network.bus.min_vm_pu - BAND_TOLERANCE_PU)
    high = _share(magnitude > network.bus.max_vm_pu + BAND_TOLERANCE_PU)
    median, highest = _quantiles(loading, (0.5, HIGH_QUANTILE))
    lowest_vm, highest_vm = _quantiles(magnitude, (1 - HIGH_QUANTILE, HIGH_QUANTILE))
    loss_low, loss_high = _quantiles(loss[:, None], LOSS_INTERVAL)[:, 0]
    carries = supplied[network.branch.from_bus] & (topology.yft != 0)
    return {
        "unsolved_share": np.array(unsolved),
        "overload_probability": np.nan_to_num(overload) * (1 - unsolved) + unsolved * carries,
        "overload_of_solved": overload,
        "loading_median_percent": median,
        "loading_high_percent": highest,
        "violation_probability": np.nan_to_num(low + high) * (1 - unsolved) + unsolved * supplied,
        "low_of_solved": low,
        "high_of_solved": high,
        "vm_low_pu": lowest_vm,
        "vm_high_pu": highest_vm,
        "loss_mw": loss.mean() if len(loss) else np.array(np.nan),
        "loss_low_mw": loss_low,
        "loss_high_mw": loss_high,
    }


def branch_loading(
    network: Network, topology: Topology, voltage: FloatArray, numbers_at_once: int = NUMBERS_AT_ONCE
) -> tuple[FloatArray, FloatArray]:
    """Loading in percent (k, m) at the end that is loaded more, and total branch losses in MW (k,), of (k, n)."""
    branch, base_ka = network.branch, network.base_mva / np.sqrt(3.0)
    from_percent = 100.0 * base_ka / (network.bus.vn_kv[branch.from_bus] * branch.rating_from_ka)
    to_percent = 100.0 * base_ka / (network.bus.vn_kv[branch.to_bus] * branch.rating_to_ka)
    loading, loss = np.empty((len(voltage), len(branch))), np.empty(len(voltage))
    rows = max(1, numbers_at_once // max(1, len(branch)))
    for first in range(0, len(voltage), rows):
        part = slice(first, first + rows)
        v_from, v_to = voltage[part, branch.from_bus], voltage[part, branch.to_bus]
        i_from = topology.yff * v_from + topology.yft * v_to
        i_to = topology.ytf * v_from + topology.ytt * v_to
        loading[part] = np.maximum(np.abs(i_from) * from_percent, np.abs(i_to) * to_percent)
        power = (v_from * np.conj(i_from)).real + (v_to * np.conj(i_to)).real
        loss[part] = power.sum(axis=1) * network.base_mva
    return loading, loss


def _share(holds: BoolArray) -> FloatArray:
    """Of the rows; NaN if there are none."""
    return holds.mean(axis=0) if len(holds) else np.full(holds.shape[1], np.nan)


def _quantiles(values: FloatArray, at: tuple[float, float]) -> FloatArray:
    """(2, k) of values (rows, k); NaN if there are no rows."""
    return np.quantile(values, at, axis=0) if len(values) else np.full((2, values.shape[1]), np.nan)

"""Totals of a state of the grid."""

from dataclasses import dataclass

import numpy as np

from grid.flow.powerflow import GridState
from grid.network import RENEWABLE, BoolArray, FloatArray, Network

NOT_TOLD = ("unknown", "grid")


@dataclass(frozen=True)
class Metrics:
    """Totals of a state; a value that isn't known is NaN."""

    load_mw: float
    generation_mw: float
    renewable_percent: float  # of generation; NaN where the case doesn't say what its generators are
    loss_mw: float
    loss_percent: float  # of generation
    efficiency_percent: float
    average_risk: float  # mean over branches of risk in MW interrupted, expected within a year
    unsupplied_mw: float
    active_alarms: int


def renewable_generators(network: Network) -> BoolArray | None:
    """(g,) which generators are renewable; None where the case says of none what it is."""
    energy = network.generator.energy
    if all(one.value in NOT_TOLD for one in energy):
        return None
    return np.array([one in RENEWABLE for one in energy], dtype=bool)


def metrics_of(
    network: Network,
    state: GridState,
    wanted_mw: FloatArray,
    is_renewable: BoolArray | None,
    average_risk: float,
    active_alarms: int,
) -> Metrics:
    """Totals of a state. wanted_mw: (l,) what loads would take if they were supplied. is_renewable: (g,)."""
    generation, loss = state.total_generation_mw, state.total_loss_mw
    share = loss / generation if generation > 0 else np.nan
    renewable = np.nan
    if is_renewable is not None and generation > 0:
        renewable = 100 * float(state.generator_p_mw[is_renewable].clip(min=0).sum()) / generation
    unsupplied = ~state.energised[network.load.bus]
    return Metrics(
        load_mw=state.total_load_mw,
        generation_mw=generation,
        renewable_percent=renewable,
        loss_mw=loss,
        loss_percent=100 * share,
        efficiency_percent=100 * (1 - share),
        average_risk=average_risk,
        unsupplied_mw=float(wanted_mw[unsupplied].clip(min=0).sum()),
        active_alarms=active_alarms,
    )

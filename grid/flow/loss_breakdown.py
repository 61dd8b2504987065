"""Where losses arise: by cause, by voltage level and by branch, and what meters miss beyond them.

A branch is a pi: behind an ideal transformer t at its from end lies a series admittance y between two shunts,

    yff = (y + s_f) / |t|^2,  yft = -y / conj(t),  ytf = -y / t,  ytt = y + s_t

(MATPOWER manual, eq. 3.2, with a conductance in the shunts). What the shunts' conductances draw is lost with or without
load: a transformer's iron losses. The rest is lost in y, by the current: its load losses. pandapower's default
transformer is a T, whose exact pi has half of the magnetising admittance at either end but for a share in the order of
the product of short-circuit impedance and magnetising admittance, some 1e-4.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from grid.flow.powerflow import GridState
from grid.network import BoolArray, BranchKind, FloatArray, IntArray, Network, OpenEnd

DISTRIBUTION_BELOW_KV = 60.0  # an assumption: where transmission ends differs from country to country


class LossCause(StrEnum):
    """What loses energy. Lines and cables: with what their insulation loses, where the case says so."""

    TRANSFORMER_NO_LOAD = "transformer_no_load"
    TRANSFORMER_LOAD = "transformer_load"
    LINE = "line"
    CABLE = "cable"
    IMPEDANCE = "impedance"


@dataclass(frozen=True, eq=False)
class BranchLevels:
    """Between which nominal voltages branches lie.

    A branch belongs to distribution if its lower end lies below the border: the transformer that feeds a medium-voltage
    grid does.
    """

    high_kv: FloatArray  # (v,) of each level; lines and cables have one voltage, transformers two
    low_kv: FloatArray  # (v,)
    of_branch: np.ndarray  # (m,) which of them
    is_distribution: BoolArray  # (v,)

    @classmethod
    def of(cls, network: Network, distribution_below_kv: float = DISTRIBUTION_BELOW_KV) -> "BranchLevels":
        """The levels of a network, from the highest voltage down."""
        ends = network.bus.vn_kv[np.stack([network.branch.from_bus, network.branch.to_bus])]
        pairs = -np.stack([ends.max(axis=0), ends.min(axis=0)], axis=1)
        levels, of_branch = np.unique(pairs, axis=0, return_inverse=True)
        return cls(-levels[:, 0], -levels[:, 1], of_branch.ravel(), -levels[:, 1] < distribution_below_kv)

    def label(self, level: int) -> str:
        """Such as 110/20 kV or 20 kV."""
        high, low = self.high_kv[level], self.low_kv[level]
        return f"{high:g} kV" if high == low else f"{high:g}/{low:g} kV"


def by_level(network: Network, levels: BranchLevels, no_load: FloatArray, loss: FloatArray) -> FloatArray:
    """(v, c) by levels and causes, of branches' losses (m,) without load and in all, in MW or MWh."""
    found = np.zeros((len(levels.high_kv), len(LossCause)))
    own = np.array([_CAUSE[kind] for kind in network.branch.kind], dtype=int)
    iron = _PLACE[LossCause.TRANSFORMER_NO_LOAD]
    is_transformer = own == _PLACE[LossCause.TRANSFORMER_LOAD]
    np.add.at(found, (levels.of_branch, own), np.where(is_transformer, loss - no_load, loss))
    np.add.at(found[:, iron], levels.of_branch, np.where(is_transformer, no_load, 0.0))
    return found


def no_load_mw(network: Network, state: GridState) -> FloatArray:
    """(m,) what the shunt conductances of branches draw at the state's voltages."""
    branch = network.branch
    base_ohm = network.bus.vn_kv[branch.from_bus] ** 2 / network.base_mva
    series = 1 / (branch.r_pu + 1j * branch.x_ohm / base_ohm)
    tap = np.conj(-series / branch.yft)
    at_from, at_to = branch.yff - series / np.abs(tap) ** 2, branch.ytt + branch.ytf * tap
    v_from, v_to = _terminal_voltages(network, state)
    drawn = np.abs(v_from) ** 2 * at_from.real + np.abs(v_to) ** 2 * at_to.real
    return np.asarray(drawn * network.base_mva)


def _terminal_voltages(network: Network, state: GridState) -> tuple[FloatArray, FloatArray]:
    """(m,) at both ends of the branches themselves: a disconnected end has the voltage that the other gives it."""
    branch = network.branch
    v_from, v_to = state.voltage[branch.from_bus], state.voltage[branch.to_bus]
    end = np.array(branch.open_end, dtype=object)
    at_from, at_to = ~state.closed & (end == OpenEnd.TO), ~state.closed & (end == OpenEnd.FROM)
    open_to, open_from = -branch.ytf / branch.ytt * v_from, -branch.yft / branch.yff * v_to
    return (
        np.where(state.closed | at_from, v_from, np.where(at_to, open_from, 0)),
        np.where(state.closed | at_to, v_to, np.where(at_from, open_to, 0)),
    )


@dataclass(frozen=True)
class NonTechnical:
    """What meters miss beyond the technical losses: an estimate from the hours in which everything is known.

    Negative where the meters say more than can have arrived: then meters, times or the model are wrong.
    """

    hours_known: int
    fed_in_mwh: float
    metered_loss_mwh: float  # fed in less delivered, by meters
    technical_mwh: float
    non_technical_mwh: float

    @property
    def percent_of_fed_in(self) -> float:
        """The estimate over the energy fed in; NaN where none was."""
        return 100 * self.non_technical_mwh / self.fed_in_mwh if self.fed_in_mwh else np.nan


def non_technical(fed_in_mwh: FloatArray, delivered_mwh: FloatArray, technical_mwh: FloatArray) -> NonTechnical:
    """Compare k hours of metering with the technical losses of their states, shunts included.

    fed_in_mwh, delivered_mwh: (k, i) and (k, j), by meters at generators and loads. technical_mwh: (k,). An hour in
    which any of them is NaN is left out, with all its meters.
    """
    fed_in, delivered = fed_in_mwh.sum(axis=1), delivered_mwh.sum(axis=1)
    known = ~np.isnan(fed_in + delivered + technical_mwh)
    lost, technical = float((fed_in - delivered)[known].sum()), float(technical_mwh[known].sum())
    return NonTechnical(int(known.sum()), float(fed_in[known].sum()), lost, technical, lost - technical)


def top_branches(branch_mwh: FloatArray, limit: int) -> IntArray:
    """Positions of the at most `limit` branches that lost most, of losses (m,), the largest first; NaN is left out."""
    lost = np.nan_to_num(branch_mwh)
    order = np.argsort(-lost, kind="stable")
    return np.asarray(order[lost[order] > 0][:limit])


_PLACE = {cause: place for place, cause in enumerate(LossCause)}
_CAUSE = {
    BranchKind.LINE: _PLACE[LossCause.LINE],
    BranchKind.CABLE: _PLACE[LossCause.CABLE],
    BranchKind.TRANSFORMER: _PLACE[LossCause.TRANSFORMER_LOAD],
    BranchKind.IMPEDANCE: _PLACE[LossCause.IMPEDANCE],
}

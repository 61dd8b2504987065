"""Branches as files have them: series impedance, ratio, phase shift and shunts, from two-port admittances.

Source: the branch model of the MATPOWER User's Manual, equation 3.2, solved for its parameters.
"""

from dataclasses import dataclass

import numpy as np

from grid.flow.admittance import stub_admittances
from grid.network import BoolArray, FloatArray, Network

ROUNDING = 64 * np.finfo(float).eps  # of what is left when a large admittance is taken off another
SHIFT_DIGITS = 12  # of degrees; what an angle's rounding leaves is below


@dataclass(frozen=True, eq=False, kw_only=True)
class PiSections:
    """(m,) an ideal transformer of ratio and shift at the from end, then a pi section, p.u. of the network's base.

    series: complex impedance; series_back: as the to end sees it, another one in few impedances only. shunt_from and
    shunt_to: complex admittances of the section's ends.
    """

    series: FloatArray
    series_back: FloatArray
    ratio: FloatArray
    shift_degree: FloatArray
    shunt_from: FloatArray
    shunt_to: FloatArray

    @property
    def one_way(self) -> BoolArray:
        """(m,) whether a branch has another impedance in the other direction."""
        apart: BoolArray = np.abs(self.series_back - self.series) > ROUNDING * np.abs(self.series)
        return apart


def pi_sections(network: Network) -> PiSections:
    """The sections of all branches at the present tap positions."""
    branch = network.branch
    base_ohm = network.bus.vn_kv[branch.from_bus] ** 2 / network.base_mva
    series = branch.r_pu + 1j * branch.x_ohm / base_ohm
    turn = np.conj(-1 / (series * branch.yft))
    ratio, shift = np.abs(turn), np.round(np.angle(turn, deg=True), SHIFT_DIGITS)
    ratio = np.where(np.abs(ratio - 1) < ROUNDING, 1.0, ratio)
    back = -1 / (branch.ytf * turn)
    scale = ROUNDING / np.abs(series)
    shunt_from = _without_rounding(branch.yff * ratio**2 - 1 / series, scale)
    shunt_to = _without_rounding(branch.ytt - 1 / back, scale)
    alike = np.abs(shunt_from - shunt_to) <= scale
    mean = (shunt_from + shunt_to) / 2
    return PiSections(
        series=series,
        series_back=np.where(np.abs(back - series) <= ROUNDING * np.abs(series), series, back),
        ratio=ratio,
        shift_degree=np.where(shift == -180.0, 180.0, shift + 0.0),
        shunt_from=np.where(alike, mean, shunt_from),
        shunt_to=np.where(alike, mean, shunt_to),
    )


def _without_rounding(value: FloatArray, scale: FloatArray) -> FloatArray:
    """Complex values (m,) with 0 where a part is below scale (m,)."""
    real, imaginary = (np.where(np.abs(part) <= scale, 0.0, part) for part in (value.real, value.imag))
    return real + 1j * imaginary


def left_at_buses(network: Network, sections: PiSections, held: FloatArray, closed: BoolArray) -> FloatArray:
    """(n,) complex p.u. that closed branches draw at their ends beside what a format holds of them.

    held: (m,) complex admittance of each end of the section that it does hold.
    """
    branch, left = network.branch, np.zeros(network.n_bus, dtype=complex)
    at_from = (sections.shunt_from - held) / sections.ratio**2
    np.add.at(left, branch.from_bus, np.where(closed, at_from, 0))
    np.add.at(left, branch.to_bus, np.where(closed, sections.shunt_to - held, 0))
    return left


def stubs_at_buses(network: Network, closed: BoolArray) -> FloatArray:
    """(n,) complex p.u. that open branches draw which stay connected at one end."""
    branch, drawn = network.branch, np.zeros(network.n_bus, dtype=complex)
    for stub, bus in zip(stub_admittances(network), (branch.from_bus, branch.to_bus), strict=True):
        np.add.at(drawn, bus, np.where(closed, 0, stub))
    return drawn

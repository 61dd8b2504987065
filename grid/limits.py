"""Limits that a person has edited: the voltage band of a bus, the rating of a branch, with who and when.

A network never changes, so an edit makes another one that shares everything else with it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np

from grid.network import FloatArray, Network

BAND_PU = (0.5, 1.5)
LARGEST_RATING_KA = 100.0


class LimitedKind(StrEnum):
    """What an edited limit is of."""

    BUS = "bus"
    BRANCH = "branch"


@dataclass(frozen=True, kw_only=True)
class LimitEdit:
    """The new limits of a bus, min_vm_pu and max_vm_pu, or of a branch, rating_ka; NaN for those of the other.

    rating_ka: current of 100 % loading at the from end; the to end's changes in proportion. edited_at: simulated.
    """

    on: LimitedKind
    target: int
    min_vm_pu: float
    max_vm_pu: float
    rating_ka: float
    person: str
    edited_at: datetime

    def name_in(self, network: Network) -> str:
        """The name of the bus or the branch."""
        return (network.bus.name if self.on is LimitedKind.BUS else network.branch.name)[self.target]


def with_limits(network: Network, edit: LimitEdit) -> Network:
    """The network with edited limits. ValueError names the field that is out of range or missing, LookupError says that
    there is no such bus or branch."""
    size = network.n_bus if edit.on is LimitedKind.BUS else network.n_branch
    if not 0 <= edit.target < size:
        raise LookupError(f"target: there is no {edit.on.value} {edit.target}; they are numbered 0 to {size - 1}")
    i = edit.target
    if edit.on is LimitedKind.BUS:
        low, high = edit.min_vm_pu, edit.max_vm_pu
        for field, value in (("min_vm_pu", low), ("max_vm_pu", high)):
            if not BAND_PU[0] <= value <= BAND_PU[1]:
                raise ValueError(f"{field}: {BAND_PU[0]:g} to {BAND_PU[1]:g} p.u. is needed")
        if low >= high:
            raise ValueError(f"min_vm_pu: {low:g} must lie below max_vm_pu, {high:g}")
        bus = network.bus
        lowest, highest = _with(bus.min_vm_pu, i, low), _with(bus.max_vm_pu, i, high)
        return replace(network, bus=replace(bus, min_vm_pu=lowest, max_vm_pu=highest))
    if not 0 < edit.rating_ka <= LARGEST_RATING_KA:
        raise ValueError(f"rating_ka: above 0 and up to {LARGEST_RATING_KA:g} kA is needed")
    branch = network.branch
    before, there = float(branch.rating_from_ka[i]), float(branch.rating_to_ka[i])
    known = np.isfinite(before) and np.isfinite(there) and before > 0
    vn_kv = network.bus.vn_kv
    ratio = there / before if known else float(vn_kv[branch.from_bus[i]] / vn_kv[branch.to_bus[i]])
    derived = branch.rating_derived.copy()
    derived[i] = False
    rated = replace(
        branch,
        rating_from_ka=_with(branch.rating_from_ka, i, edit.rating_ka),
        rating_to_ka=_with(branch.rating_to_ka, i, edit.rating_ka * ratio),
        rating_derived=derived,
    )
    return replace(network, branch=rated)


def _with(values: FloatArray, i: int, value: float) -> FloatArray:
    changed = values.copy()
    changed[i] = value
    return changed

"""What hangs on one bus, as the readers of several formats gather it, and how a pandapower net takes it up."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pandapower import create_loads, create_sgens, create_shunts
from pandapower.auxiliary import pandapowerNet

from grid.files.findings import Findings, What
from grid.network import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Attached:
    """Elements of one kind: power drawn (n,) in MW and Mvar, of admittances at 1 p.u., at buses (n,) of the net."""

    bus: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    in_service: BoolArray
    name: tuple[str, ...]

    @property
    def used(self) -> "Attached":
        """Those that draw anything."""
        rows = np.flatnonzero((self.p_mw != 0) | (self.q_mvar != 0))
        return Attached(
            bus=self.bus[rows],
            p_mw=self.p_mw[rows],
            q_mvar=self.q_mvar[rows],
            in_service=self.in_service[rows],
            name=tuple(self.name[row] for row in rows),
        )


def together(parts: Iterable[Attached]) -> Attached:
    """All of these; at least one."""
    every = list(parts)
    return Attached(
        bus=np.concatenate([part.bus for part in every]),
        p_mw=np.concatenate([part.p_mw for part in every]),
        q_mvar=np.concatenate([part.q_mvar for part in every]),
        in_service=np.concatenate([part.in_service for part in every]),
        name=tuple(name for part in every for name in part.name),
    )


def owners(shunts: Attached) -> list[str]:
    """The branches whose own admittances these are, by names such as `T12, magnetising`; each once."""
    return list(dict.fromkeys(name.rpartition(",")[0] for name in shunts.used.name))


def tell_impedances(loads: Attached, found: Findings) -> None:
    """Notes loads that are constant impedances, and stand as admittances."""
    used = loads.used
    live = used.in_service
    found.add(What.VOLTAGE_DEPENDENT_LOAD, used.name, float(np.hypot(used.p_mw[live], used.q_mvar[live]).sum()))


def add_loads(net: pandapowerNet, loads: Attached, current_percent: float = 0.0) -> None:
    """Adds loads that draw something; current_percent: how much of each is a constant current's power at 1 p.u."""
    used = loads.used
    if not used.name:
        return
    create_loads(
        net,
        used.bus,
        used.p_mw,
        used.q_mvar,
        const_i_p_percent=current_percent,
        const_i_q_percent=current_percent,
        name=list(used.name),
        in_service=used.in_service,
    )


def add_shunts(net: pandapowerNet, shunts: Attached) -> None:
    """Adds admittances that draw something."""
    used = shunts.used
    if used.name:
        vn_kv = net.bus.vn_kv.loc[used.bus].to_numpy(np.float64)
        create_shunts(
            net, used.bus, used.q_mvar, used.p_mw, vn_kv=vn_kv, name=list(used.name), in_service=used.in_service
        )


def add_feed_in(net: pandapowerNet, drawn: Attached) -> None:
    """Adds static generators for what draws these powers, zero or not: feed-in is negative there."""
    if drawn.name:
        create_sgens(
            net, drawn.bus, -drawn.p_mw, q_mvar=-drawn.q_mvar, name=list(drawn.name), in_service=drawn.in_service
        )

"""Programs that write and read network files besides ours, pandapower and pypowsybl, and their own power flows.

pypowsybl isn't among the requirements: `pip install pypowsybl` before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandapower
import pandapower.converter
import pypowsybl
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.matpower import from_mpc, to_mpc
from pandapower.pypower import idx_brch, idx_bus
from pypowsybl.loadflow import ComponentMode, VoltageInitMode

from grid.network import FloatArray, IntArray

TOLERANCE_MVA = 1e-8
RAW = ".raw"
NetOf = Callable[[], pandapowerNet]
PowsyblOf = Callable[[], pypowsybl.network.Network]


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """What a program made of a grid: vm_pu (k,), NaN without supply, by the bus's number (k,); losses and shunts."""

    number: IntArray
    vm_pu: FloatArray
    loss_kw: float

    def apart(self, other: "Solved") -> tuple[float, float]:
        """Largest difference of the voltages in p.u., and kW of the losses; voltages by size where numbers differ.

        The first is NaN where not the same buses have supply.
        """
        mine, theirs = self.vm_pu, other.vm_pu
        if not np.array_equal(self.number, other.number):
            mine, theirs = np.sort(mine), np.sort(theirs)
        alike = len(mine) == len(theirs) and np.array_equal(np.isnan(mine), np.isnan(theirs))
        gap = float(np.nanmax(np.abs(mine - theirs))) if alike else float("nan")
        return gap, float(abs(self.loss_kw - other.loss_kw))


@dataclass(frozen=True)
class Written:
    """A file that a program wrote, its own solution, and what it reads in the file itself.

    numbered: whether the solution has the buses' numbers in the file.
    """

    path: Path
    solved: Solved
    again: Callable[[Path], Solved]
    numbered: bool


class CantError(Exception):
    """Why a program can't do what it is asked for."""


def solved_by_pandapower(net: pandapowerNet, number: IntArray | None = None) -> Solved:
    """pandapower's solution. number: of its buses, by default their own."""
    pandapower.runpp(net, tolerance_mva=TOLERANCE_MVA, numba=False, max_iteration=30)
    bus, branch = net._ppc["bus"].real, net._ppc["branch"].real
    vm_pu = np.where(bus[:, idx_bus.BUS_TYPE] == idx_bus.NONE, 0.0, bus[:, idx_bus.VM])
    drawn_mw = np.nansum(branch[:, idx_brch.PF] + branch[:, idx_brch.PT]) + np.nansum(bus[:, idx_bus.GS] * vm_pu**2)
    return Solved(
        number=net.bus.index.to_numpy() if number is None else number,
        vm_pu=net.res_bus.vm_pu.loc[net.bus.index].to_numpy(),
        loss_kw=1e3 * float(drawn_mw),
    )


def solved_by_pypowsybl(network: pypowsybl.network.Network, *, from_mat: bool, split: bool = True) -> Solved:
    """pypowsybl's solution, its slack where the file has it.

    from_mat: whether its bus ids end in a file's numbers. split: whether half of a transformer's shunt admittance is at
    either end, as in MATPOWER; a RAW file has all of it at the first winding.
    """
    asked = pypowsybl.loadflow.Parameters(
        distributed_slack=False,
        use_reactive_limits=False,
        transformer_voltage_control_on=False,
        shunt_compensator_voltage_control_on=False,
        phase_shifter_regulation_on=False,
        twt_split_shunt_admittance=split,
        component_mode=ComponentMode.ALL_CONNECTED,
        voltage_init_mode=VoltageInitMode.DC_VALUES,  # a flat start fails behind vector groups
        provider_parameters={"newtonRaphsonConvEpsPerEq": "1e-10"},
    )
    outcome = pypowsybl.loadflow.run_ac(network, asked)[0]
    if outcome.status_text != "Converged":
        raise CantError(f"pypowsybl finds no solution ({outcome.status_text})")
    buses = network.get_bus_breaker_view_buses() if from_mat else network.get_buses()
    nominal_kv = network.get_voltage_levels().nominal_v.loc[buses.voltage_level_id].to_numpy()
    branches, shunts = network.get_branches(), network.get_shunt_compensators()
    number = [int(name.rpartition("-")[2]) for name in buses.index] if from_mat else range(1, 1 + len(buses))
    return Solved(
        number=np.array(number),
        vm_pu=buses.v_mag.to_numpy() / nominal_kv,
        loss_kw=1e3 * float((branches.p1 + branches.p2).sum() + shunts.p.sum()),
    )


def json_by_pandapower(path: Path) -> Solved:
    """pandapower's from_json."""
    return solved_by_pandapower(pandapower.from_json(str(path)))


def mat_by_pandapower(path: Path) -> Solved:
    """pandapower's from_mpc, which counts buses from 0 and takes a transformer's pi section for a T unless told."""
    net = from_mpc(str(path))
    pandapower.set_user_pf_options(net, trafo_model="pi")
    return solved_by_pandapower(net, 1 + net.bus.index.to_numpy())


def mat_by_pypowsybl(path: Path) -> Solved:
    """pypowsybl's load."""
    return solved_by_pypowsybl(pypowsybl.network.load(str(path)), from_mat=True)


def other_by_pypowsybl(path: Path) -> Solved:
    """pypowsybl's load of what has no numbers of buses."""
    return solved_by_pypowsybl(pypowsybl.network.load(str(path)), from_mat=False, split=path.suffix != RAW)


def pandapower_json(build: NetOf, folder: Path) -> Written:
    """pandapower's to_json."""
    path = folder / "theirs.json"
    pandapower.to_json(build(), str(path))
    return Written(path, solved_by_pandapower(build()), json_by_pandapower, numbered=True)


def pandapower_mat(build: NetOf, folder: Path) -> Written:
    """pandapower's to_mpc."""
    net, path = build(), folder / "theirs.mat"
    pandapower.runpp(net, tolerance_mva=TOLERANCE_MVA, numba=False)
    to_mpc(net, str(path), init="results", trafo_model=net.user_pf_options.get("trafo_model", "t"))
    number = 1 + net._pd2ppc_lookups["bus"][net.bus.index.to_numpy()]
    return Written(path, solved_by_pandapower(net, number), mat_by_pandapower, numbered=True)


def pandapower_other(converter: str, _build: NetOf, _folder: Path) -> Written:
    """A format that pandapower doesn't write; says so, or that it does by now."""
    has = hasattr(pandapower.converter, converter)
    raise CantError(f"pandapower.converter has {'a' if has else 'no'} {converter}")


def pypowsybl_file(kind: str, suffix: str, build: PowsyblOf, folder: Path) -> Written:
    """pypowsybl's save in one of its formats; it counts buses from 1 in MATPOWER's."""
    if kind not in pypowsybl.network.get_export_formats():
        raise CantError(f"pypowsybl writes {', '.join(pypowsybl.network.get_export_formats())}")
    network, path = build(), folder / f"theirs{suffix}"
    solved = solved_by_pypowsybl(network, from_mat=False, split=suffix != RAW)
    network.save(str(path), format=kind)
    is_mat = kind == "MATPOWER"
    again = mat_by_pypowsybl if is_mat else other_by_pypowsybl
    return Written(path, solved, again, numbered=is_mat)

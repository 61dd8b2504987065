"""What stands in for elements that our power flow doesn't have: the same state from elements that it has.

Each step takes a checked pandapower net, changes it in place and notes what it did. Sources: DC lines as pandapower's
own power flow has them (two generators); the extended Ward equivalent as pandapower documents it (a ward, and behind an
impedance a bus that holds its voltage); a load's share of constant current is the tangent of its power at the base
state's voltage, which is exact there and off by (v - v0)^2 / (2 v0) of the share elsewhere.
"""

import numpy as np
import pandapower
import pandas as pd
from pandapower.auxiliary import pandapowerNet
from pandapower.create import create_bus, create_gen, create_impedance, create_shunts, create_ward

from grid.errors import CaseError
from grid.files.check import BUSES_OF, between, label
from grid.files.findings import Findings, What
from grid.network import BoolArray, FloatArray

STIFFEST_MVA = 5e7  # branches of next to no impedance stand for switches; rounding would hide the rest of the grid
LEAST_X_OVER_R = 1e-6  # beside a resistance, which alone keeps the branch from being stiffer than that
LEAST_SHARE = 1e-3  # of the least impedance: the reactance beside a resistance that is hardly more
UNKNOWN_KV = 1.0
UNLIMITED_MW = 9999.0  # what many programs write for a limit that there isn't
SAME_PU = 1e-9  # when loads that depend on voltage have settled
MOST_ROUNDS = 30
SHARES = {quantity: (f"const_z_{quantity}_percent", f"const_i_{quantity}_percent") for quantity in ("p", "q")}


def replace_equivalents(net: pandapowerNet, file: str, found: Findings) -> None:
    """Replaces, in a checked net and in place, what has no counterpart of its own; file is what errors call it.

    Raises CaseError where no generator can be the source that the file lacks, or the loads that depend on voltage find
    no state.
    """
    _name_voltages(net, found)
    _open_dead_ends(net, found)
    _floor_reactances(net, found)
    _replace_dc_lines(net, found)
    _replace_extended_wards(net, found)
    _note_unbalanced(net, found)
    _choose_source(net, file, found)
    _replace_voltage_dependence(net, file, found)


def _name_voltages(net: pandapowerNet, found: Findings) -> None:
    """Gives buses without a nominal voltage that of the buses that lines and switches join them to, else 1 kV.

    Only ratios of nominal voltages enter a state in p.u.: what a branch carries in p.u. is the same at any of them.
    """
    known = net.bus.vn_kv.to_numpy(np.float64).copy()
    unknown = ~np.isfinite(known)
    if not unknown.any():
        return
    row = pd.Series(np.arange(len(net.bus)), net.bus.index)
    joins = net.switch[net.switch.et == "b"]
    first = row.loc[np.concatenate([net.line.from_bus, joins.bus]).astype(int)].to_numpy()
    second = row.loc[np.concatenate([net.line.to_bus, joins.element]).astype(int)].to_numpy()
    while True:
        before = np.isfinite(known).sum()
        for one, other in ((first, second), (second, first)):
            learns = ~np.isfinite(known[one]) & np.isfinite(known[other])
            known[one[learns]] = known[other[learns]]
        if np.isfinite(known).sum() == before:
            break
    net.bus["vn_kv"] = np.where(np.isfinite(known), known, UNKNOWN_KV)
    found.add(What.NO_NOMINAL_VOLTAGE, [label(net.bus, index, "bus") for index in net.bus.index[unknown]])


def _open_dead_ends(net: pandapowerNet, found: Findings) -> None:
    """Takes transformers and impedances that lead to a bus out of service out of service themselves.

    Lines stay: their charging is drawn from the end that has supply.
    """
    live = net.bus.index[net.bus.in_service.to_numpy(dtype=bool)]
    for table in ("trafo", "trafo3w", "impedance"):
        frame = net[table]
        dead = np.zeros(len(frame), dtype=bool)
        for end in BUSES_OF[table]:
            dead |= ~frame[end].isin(live).to_numpy()
        dead &= frame.in_service.to_numpy(dtype=bool)
        found.add(What.DEAD_END, [between(frame, index, table) for index in frame.index[dead]])
        frame.loc[dead, "in_service"] = False


def _floor_reactances(net: pandapowerNet, found: Findings) -> None:
    """Gives lines, transformers and impedances of no reactance the least that counts.

    It costs no active power. pandapower starts from a power flow of reactances only.
    """
    line, trafo, impedance = net.line, net.trafo, net.impedance
    kv = line.from_bus.map(net.bus.vn_kv).to_numpy(np.float64)
    each_ohm = (line.length_km / line.parallel).to_numpy(np.float64)
    r_ohm, x_ohm = (line[f"{part}_ohm_per_km"].to_numpy(np.float64) * each_ohm for part in "rx")
    least_ohm = _least_reactance(r_ohm, kv**2 / STIFFEST_MVA)
    small = np.abs(x_ohm) < least_ohm
    line["x_ohm_per_km"] = np.where(small, least_ohm / each_ohm, line.x_ohm_per_km.to_numpy(np.float64))
    names = [between(line, index, "line") for index in line.index[small]]
    vk, vkr = trafo.vk_percent.to_numpy(np.float64), trafo.vkr_percent.to_numpy(np.float64)
    x_percent = np.sqrt(np.maximum(vk**2 - vkr**2, 0))
    least_percent = _least_reactance(vkr, 100 * (trafo.sn_mva * trafo.parallel).to_numpy(np.float64) / STIFFEST_MVA)
    small = x_percent < least_percent
    trafo["vk_percent"] = np.where(small, np.copysign(np.hypot(vkr, least_percent), vk), vk)
    names += [between(trafo, index, "trafo") for index in trafo.index[small]]
    small = np.zeros(len(impedance), dtype=bool)
    for way in ("ft", "tf"):
        r_pu, x_pu = (impedance[f"{part}{way}_pu"].to_numpy(np.float64) for part in "rx")
        least_pu = _least_reactance(r_pu, impedance.sn_mva.to_numpy(np.float64) / STIFFEST_MVA)
        impedance[f"x{way}_pu"] = np.where(np.abs(x_pu) < least_pu, least_pu, x_pu)
        small |= np.abs(x_pu) < least_pu
    found.add(What.NO_REACTANCE, names + [between(impedance, index, "impedance") for index in impedance.index[small]])


def _least_reactance(r: FloatArray, least: FloatArray) -> FloatArray:
    """(k,) reactances that count beside resistances r (k,); least (k,): the least impedance. All in one unit."""
    beside = np.maximum(LEAST_X_OVER_R * np.abs(r), LEAST_SHARE * least)
    return np.where(np.abs(r) < least, least, beside)


def _replace_dc_lines(net: pandapowerNet, found: Findings) -> None:
    """DC lines as two generators that hold their voltages: p_mw is taken at from_bus, less losses given at to_bus."""
    lines, total = net.dcline, 0.0
    if lines.empty:
        return
    for index, line in lines.iterrows():
        name, sent = label(lines, index, "dcline"), abs(line.p_mw)
        arriving = sent * (1 - line.loss_percent / 100) - line.loss_mw
        p_from, p_to = (-sent, arriving) if line.p_mw > 0 else (arriving, -sent)
        for side, p_mw in (("from", p_from), ("to", p_to)):
            create_gen(
                net,
                line[f"{side}_bus"],
                p_mw,
                vm_pu=line[f"vm_{side}_pu"],
                name=f"{name}, {side} end",
                min_q_mvar=line.get(f"min_q_{side}_mvar", np.nan),
                max_q_mvar=line.get(f"max_q_{side}_mvar", np.nan),
                min_p_mw=p_mw,
                max_p_mw=p_mw,
                in_service=bool(line.in_service),
            )
        total += sent * bool(line.in_service)
    used = lines.index[lines.in_service.to_numpy(dtype=bool)]
    found.add(What.DC_LINE, [label(lines, index, "dcline") for index in used], total)
    net["dcline"] = lines.iloc[:0]


def _replace_extended_wards(net: pandapowerNet, found: Findings) -> None:
    """Extended wards as a ward, and behind an impedance a bus whose generator gives no active power."""
    table = net.xward
    for index, ward in table[table.in_service.to_numpy(dtype=bool)].iterrows():
        name, vn_kv = label(table, index, "xward"), net.bus.loc[ward.bus, "vn_kv"]
        base_ohm = vn_kv**2 / net.sn_mva
        behind = create_bus(net, vn_kv, name=f"{name}, inner bus", in_service=bool(net.bus.loc[ward.bus, "in_service"]))
        create_impedance(
            net,
            ward.bus,
            behind,
            rft_pu=ward.r_ohm / base_ohm,
            xft_pu=max(ward.x_ohm, vn_kv**2 / STIFFEST_MVA) / base_ohm if ward.x_ohm >= 0 else ward.x_ohm / base_ohm,
            sn_mva=net.sn_mva,
            name=name,
        )
        create_gen(net, behind, 0.0, vm_pu=ward.vm_pu, name=name)
        create_ward(net, ward.bus, ward.ps_mw, ward.qs_mvar, ward.pz_mw, ward.qz_mvar, name=name)
        found.add(What.EXTENDED_WARD, [name])
    net["xward"] = table.iloc[:0]


def _note_unbalanced(net: pandapowerNet, found: Findings) -> None:
    for table in ("asymmetric_load", "asymmetric_sgen"):
        frame = net[table]
        used = frame.index[frame.in_service.to_numpy(dtype=bool)]
        found.add(What.UNBALANCED, [between(frame, index, table) for index in used])


def _choose_source(net: pandapowerNet, file: str, found: Findings) -> None:
    """Where nothing holds voltage and angle, the generator that may deliver most does.

    Its most is max_p_mw where that is below UNLIMITED_MW, else p_mw; of several with the same, the first.
    """
    live = net.bus.index[net.bus.in_service.to_numpy(dtype=bool)]
    grid, gen = (
        table[table.in_service.to_numpy(dtype=bool) & table.bus.isin(live).to_numpy()]
        for table in (net.ext_grid, net.gen)
    )
    slack = gen["slack"].fillna(False).to_numpy(dtype=bool) if "slack" in gen else np.zeros(len(gen), dtype=bool)
    if len(grid) or slack.any():
        return
    if gen.empty:
        problem = "a network needs a source: an ext_grid or a gen, in service at a bus in service; there is none"
        raise CaseError(file, problem, "ext_grid", "in_service")
    power = gen.p_mw.to_numpy(np.float64)
    most = gen["max_p_mw"].to_numpy(np.float64) if "max_p_mw" in gen else np.full(len(gen), np.nan)
    able = np.where(np.isfinite(most) & (most < UNLIMITED_MW), most, power)
    index = gen.index[int(np.argmax(able))]
    net.gen.loc[index, "slack"] = True
    net.gen["slack"] = net.gen["slack"].fillna(False).astype(bool)
    found.add(
        What.SOURCE_CHOSEN,
        [f"{label(gen, index, 'gen')} at {label(net.bus, gen.loc[index, 'bus'], 'bus')}"],
        float(able.max()),
    )


def _replace_voltage_dependence(net: pandapowerNet, file: str, found: Findings) -> None:
    """Shares of constant impedance and current as shunts at the loads' buses; the rest stays a load."""
    load = net.load
    shares = {
        name: np.nan_to_num(load[name].to_numpy(np.float64)) / 100 if name in load else np.zeros(len(load))
        for names in SHARES.values()
        for name in names
    }
    depends = np.any([share > 0 for share in shares.values()], axis=0) & load.in_service.to_numpy(dtype=bool)
    if not depends.any():
        return
    nominal = {
        "p": (load.p_mw * load.scaling).to_numpy(np.float64),
        "q": (load.q_mvar * load.scaling).to_numpy(np.float64),
    }
    for name in shares:
        load[name] = 0.0
    first = create_shunts(net, load.bus[depends], p_mw=0.0, q_mvar=0.0, vn_kv=net.bus.vn_kv.loc[load.bus[depends]])
    has_current = any(shares[current][depends].any() for _, current in SHARES.values())
    vm_pu = np.ones(int(depends.sum()))
    for _ in range(MOST_ROUNDS):
        _set_tangent(net, depends, first, nominal, shares, vm_pu)
        if not has_current:
            break
        before = vm_pu
        vm_pu = _solved_vm_pu(net, load.bus[depends].to_numpy(), file)
        if np.max(np.abs(vm_pu - before)) < SAME_PU:
            break
    else:
        raise CaseError(file, "loads of constant current find no state", "load", "const_i_p_percent")
    stands = np.hypot(net.shunt.p_mw.loc[first], net.shunt.q_mvar.loc[first]).sum()
    found.add(What.VOLTAGE_DEPENDENT_LOAD, [label(load, index, "load") for index in load.index[depends]], float(stands))


def _set_tangent(
    net: pandapowerNet,
    depends: BoolArray,
    shunts: object,
    nominal: dict[str, FloatArray],
    shares: dict[str, FloatArray],
    vm_pu: FloatArray,
) -> None:
    """Writes loads and shunts (k,) that draw the same at vm_pu (k,), and change alike with it."""
    scaling = net.load.scaling.to_numpy(np.float64)[depends]
    for quantity, column in (("p", "p_mw"), ("q", "q_mvar")):
        impedance, current = (shares[name][depends] for name in SHARES[quantity])
        power = nominal[quantity][depends]
        net.shunt.loc[shunts, column] = power * (impedance + current / (2 * vm_pu))
        rest = power * (1 - impedance - current + current * vm_pu / 2)
        net.load.loc[depends, column] = np.divide(rest, scaling, out=np.zeros_like(rest), where=scaling != 0)


def _solved_vm_pu(net: pandapowerNet, buses: np.ndarray, file: str) -> FloatArray:
    try:
        pandapower.runpp(net, numba=False)
    except pandapower.LoadflowNotConverged:
        problem = "loads of constant current find no state, since the network finds none"
        raise CaseError(file, problem, "load", "const_i_p_percent") from None
    vm_pu: FloatArray = net.res_bus.vm_pu.loc[buses].to_numpy(np.float64)
    return np.where(np.isfinite(vm_pu), vm_pu, 1.0)

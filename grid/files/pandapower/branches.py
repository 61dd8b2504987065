"""Branches of a pandapower net: lines, transformers with two and three windings, impedances, switches with one."""

from dataclasses import dataclass

import numpy as np
import pandapower
import pandas as pd
from pandapower.pypower import idx_brch

from grid.errors import CaseError
from grid.files.pandapower.tables import BusLookup, own_names, star_points
from grid.files.pandapower.taps import read_taps
from grid.network import BoolArray, Branches, BranchKind, Buses, FloatArray, IntArray, OpenEnd

NO_RATING_MVA = 9000.0  # MATPOWER's 'unlimited' becomes 9,900 MVA or 99,999 kA in pandapower
RATING_OVER_BASE_FLOW = 1.5
RATING_FLOOR_OF_MEDIAN = 0.2
USUAL_OHM_PER_KM = 0.4  # reactance of overhead lines


@dataclass(frozen=True, eq=False)
class _BranchPart:
    """The branches that one element table gives."""

    name: list[str]
    kind: list[BranchKind]
    from_bus: IntArray
    to_bus: IntArray
    from_ka: FloatArray  # 100 % loading at the from end; inf: unlimited, NaN: not given
    to_ka: FloatArray
    length_km: FloatArray
    in_service: BoolArray
    from_open: BoolArray
    to_open: BoolArray
    breaker: BoolArray


def read_branches(
    net: pandapower.pandapowerNet,
    lookup: BusLookup,
    buses: Buses,
    state_is_secure: bool,
    voltage: FloatArray,
    file: str,
) -> Branches:
    """All branches in pandapower's order. CaseError, for file, for element kinds that have none of the readers below.

    state_is_secure: see network_from_pandapower. voltage: (n,) complex p.u. of the base state, 0 without supply.
    """
    readers = {
        "line": _lines,
        "trafo": _transformers,
        "trafo3w": _three_winding,
        "impedance": _impedances,
        "switch": _switches,
    }
    ranges = net._pd2ppc_lookups["branch"]
    for table in ranges.keys() - readers.keys():
        raise CaseError(file, f"{table} elements are not supported", table)
    parts = [readers[table](net, lookup) for table in sorted(ranges, key=lambda key: ranges[key][0])]
    from_bus, to_bus = _joined(parts, "from_bus"), _joined(parts, "to_bus")
    oos_from, oos_to = ~buses.in_service[from_bus], ~buses.in_service[to_bus]
    from_open, to_open = _joined(parts, "from_open") | oos_from, _joined(parts, "to_open") | oos_to
    table_in_service = _joined(parts, "in_service")
    stays_from = table_in_service & ~from_open & to_open
    stays_to = table_in_service & from_open & ~to_open
    rows = net._ppc["branch"].real
    r_pu = rows[:, idx_brch.BR_R]
    base_ohm = buses.vn_kv[from_bus] ** 2 / net.sn_mva
    admittances = _admittances(rows)
    closed = table_in_service & ~from_open & ~to_open
    base_flow = _base_flow_mva(net, admittances, from_bus, to_bus, closed, voltage)
    from_ka, to_ka, vn_from, vn_to = (
        _joined(parts, "from_ka"),
        _joined(parts, "to_ka"),
        buses.vn_kv[from_bus],
        buses.vn_kv[to_bus],
    )
    if state_is_secure:
        exceeded = base_flow > np.sqrt(3.0) * np.fmin(from_ka * vn_from, to_ka * vn_to)
        from_ka = np.where(exceeded, np.nan, from_ka)
    rating_from, rating_to, derived = derive_ratings(from_ka, to_ka, vn_from, vn_to, base_flow)
    return Branches(
        name=tuple(
            name or f"{buses.name[f]} - {buses.name[t]}"
            for name, f, t in zip([n for part in parts for n in part.name], from_bus, to_bus, strict=True)
        ),
        kind=tuple(kind for part in parts for kind in part.kind),
        from_bus=from_bus,
        to_bus=to_bus,
        yff=admittances[0],
        yft=admittances[1],
        ytf=admittances[2],
        ytt=admittances[3],
        r_pu=r_pu,
        r_ohm=r_pu * base_ohm,
        x_ohm=rows[:, idx_brch.BR_X] * base_ohm,
        length_km=_joined(parts, "length_km"),
        rating_from_ka=rating_from,
        rating_to_ka=rating_to,
        rating_derived=derived,
        in_service=~oos_from & ~oos_to,
        closed=closed,
        open_end=tuple(
            OpenEnd.TO if at_from else OpenEnd.FROM if at_to else OpenEnd.BOTH
            for at_from, at_to in zip(stays_from, stays_to, strict=True)
        ),
        breaker=_joined(parts, "breaker"),
        tap=read_taps(net, len(rows)),
    )


def _joined(parts: list[_BranchPart], field: str) -> np.ndarray:
    return np.concatenate([getattr(part, field) for part in parts])


def _admittances(rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """yff, yft, ytf, ytt (m,) of PYPOWER rows with pandapower's asymmetric columns (MATPOWER manual, eq. 3.2)."""
    b = idx_brch
    series_from = 1 / (rows[:, b.BR_R] + 1j * rows[:, b.BR_X])
    series_to = 1 / (rows[:, b.BR_R] + rows[:, b.BR_R_ASYM] + 1j * (rows[:, b.BR_X] + rows[:, b.BR_X_ASYM]))
    shunt_from = rows[:, b.BR_G] + 1j * rows[:, b.BR_B]
    shunt_to = shunt_from + rows[:, b.BR_G_ASYM] + 1j * rows[:, b.BR_B_ASYM]
    ratio = np.where(rows[:, b.TAP] == 0, 1.0, rows[:, b.TAP])
    tap = ratio * np.exp(1j * np.deg2rad(rows[:, b.SHIFT]))
    return (
        (series_from + shunt_from / 2) / ratio**2,
        -series_from / np.conj(tap),
        -series_to / tap,
        series_to + shunt_to / 2,
    )


def _base_flow_mva(
    net: pandapower.pandapowerNet,
    admittances: tuple[FloatArray, ...],
    from_bus: IntArray,
    to_bus: IntArray,
    closed: BoolArray,
    voltage: FloatArray,
) -> FloatArray:
    """(m,) current of the larger end in the solved base state, as MVA at nominal voltage; NaN while open."""
    v_from, v_to = voltage[from_bus], voltage[to_bus]
    yff, yft, ytf, ytt = admittances
    flow = np.maximum(np.abs(yff * v_from + yft * v_to), np.abs(ytf * v_from + ytt * v_to)) * net.sn_mva
    return np.where(closed & (v_from != 0) & (v_to != 0), flow, np.nan)


def derive_ratings(
    from_ka: FloatArray,
    to_ka: FloatArray,
    vn_from_kv: FloatArray,
    vn_to_kv: FloatArray,
    base_flow_mva: FloatArray,
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Ratings (m,) in kA at both ends, and which were derived because the case gives none.

    The rule: 1.5 times the flow of the case's own state, but at least a fifth of the median of the branches so rated
    at that voltage; an open branch gets that median. It makes missing ratings plausible, not true.
    """
    missing = np.isnan(from_ka) | np.isnan(to_ka)
    rating = RATING_OVER_BASE_FLOW * base_flow_mva
    for level in np.unique(vn_from_kv[missing]):
        at_level = missing & (vn_from_kv == level)
        known = rating[at_level][np.isfinite(rating[at_level])]
        median = max(float(np.median(known)) if known.size else 0.0, 1e-3)
        floored = np.maximum(rating[at_level], RATING_FLOOR_OF_MEDIAN * median)
        rating[at_level] = np.where(np.isfinite(floored), floored, median)
    derived_from, derived_to = (rating / (np.sqrt(3.0) * vn) for vn in (vn_from_kv, vn_to_kv))
    return np.where(missing, derived_from, from_ka), np.where(missing, derived_to, to_ka), missing


def _rating_ka(sn_mva: FloatArray, vn_kv: FloatArray) -> FloatArray:
    """(k,) rated current; NaN where the power is not given or stands for 'unlimited'."""
    given = np.isfinite(sn_mva) & (sn_mva > 0) & (sn_mva < NO_RATING_MVA)
    return np.where(given, sn_mva, np.nan) / (np.sqrt(3.0) * vn_kv)


def _open_switch(net: pandapower.pandapowerNet, kind: str, elements: pd.Index, buses: pd.Series) -> BoolArray:
    """(k,) whether an open switch lies between each element and its bus."""
    switch = net.switch[(net.switch.et == kind) & ~net.switch.closed]
    at = set(zip(switch.element, switch.bus, strict=True))
    return np.array([pair in at for pair in zip(elements, buses, strict=True)], dtype=bool)


def _breaker(net: pandapower.pandapowerNet, kind: str, elements: pd.Index) -> BoolArray:
    """(k,) whether one of the switches at each element is a circuit breaker."""
    switch = net.switch[(net.switch.et == kind) & (net.switch.type == "CB")]
    return np.isin(elements.to_numpy(), switch.element.to_numpy())


def _lines(net: pandapower.pandapowerNet, lookup: BusLookup) -> _BranchPart:
    line = net.line
    vn = net.bus.vn_kv.loc[line.from_bus].to_numpy()
    rating_ka = (line.max_i_ka * line.df * line.parallel).to_numpy(dtype=float)
    rating_ka = _rating_ka(np.sqrt(3.0) * vn * rating_ka, vn)
    length_km = line.length_km.to_numpy(dtype=float)
    if (length_km == 1.0).all():  # what converters write when they know none
        length_km = np.maximum(np.abs(line.x_ohm_per_km.to_numpy(dtype=float)) / USUAL_OHM_PER_KM, 0.1)
    is_cable = (line["type"] == "cs").to_numpy()
    return _BranchPart(
        name=own_names(line),
        kind=[BranchKind.CABLE if cable else BranchKind.LINE for cable in is_cable],
        from_bus=lookup(line.from_bus),
        to_bus=lookup(line.to_bus),
        from_ka=rating_ka,
        to_ka=rating_ka,
        length_km=length_km,
        in_service=line.in_service.to_numpy(dtype=bool),
        from_open=_open_switch(net, "l", line.index, line.from_bus),
        to_open=_open_switch(net, "l", line.index, line.to_bus),
        breaker=_breaker(net, "l", line.index),
    )


def _transformers(net: pandapower.pandapowerNet, lookup: BusLookup) -> _BranchPart:
    trafo = net.trafo
    sn_mva = (trafo.sn_mva * trafo.parallel * trafo.df).to_numpy(dtype=float)
    return _BranchPart(
        name=own_names(trafo),
        kind=[BranchKind.TRANSFORMER] * len(trafo),
        from_bus=lookup(trafo.hv_bus),
        to_bus=lookup(trafo.lv_bus),
        from_ka=_rating_ka(sn_mva, trafo.vn_hv_kv.to_numpy()),
        to_ka=_rating_ka(sn_mva, trafo.vn_lv_kv.to_numpy()),
        length_km=np.zeros(len(trafo)),
        in_service=trafo.in_service.to_numpy(dtype=bool),
        from_open=_open_switch(net, "t", trafo.index, trafo.hv_bus),
        to_open=_open_switch(net, "t", trafo.index, trafo.lv_bus),
        breaker=_breaker(net, "t", trafo.index),
    )


def _three_winding(net: pandapower.pandapowerNet, lookup: BusLookup) -> _BranchPart:
    """Three branches each: hv to star point, star point to mv and to lv, in pandapower's order."""
    t3 = net.trafo3w
    star = lookup(star_points(net)["trafo3w"])
    unlimited, never = np.full(len(t3), np.inf), np.zeros(len(t3), dtype=bool)
    rating = {
        side: _rating_ka(t3[f"sn_{side}_mva"].to_numpy(), t3[f"vn_{side}_kv"].to_numpy()) for side in ("hv", "mv", "lv")
    }
    is_open = {side: _open_switch(net, "t3", t3.index, t3[f"{side}_bus"]) for side in ("hv", "mv", "lv")}
    return _BranchPart(
        name=[f"{name} {side}" if name else "" for side in ("hv", "mv", "lv") for name in own_names(t3)],
        kind=[BranchKind.TRANSFORMER] * (3 * len(t3)),
        from_bus=np.concatenate([lookup(t3.hv_bus), star, star]),
        to_bus=np.concatenate([star, lookup(t3.mv_bus), lookup(t3.lv_bus)]),
        from_ka=np.concatenate([rating["hv"], unlimited, unlimited]),
        to_ka=np.concatenate([unlimited, rating["mv"], rating["lv"]]),
        length_km=np.zeros(3 * len(t3)),
        in_service=np.tile(t3.in_service.to_numpy(dtype=bool), 3),
        from_open=np.concatenate([is_open["hv"], never, never]),
        to_open=np.concatenate([never, is_open["mv"], is_open["lv"]]),
        breaker=np.tile(_breaker(net, "t3", t3.index), 3),
    )


def _impedances(net: pandapower.pandapowerNet, lookup: BusLookup) -> _BranchPart:
    table = net.impedance
    never = np.zeros(len(table), dtype=bool)
    sn_mva = np.full(len(table), np.nan)
    return _BranchPart(
        name=own_names(table),
        kind=[BranchKind.IMPEDANCE] * len(table),
        from_bus=lookup(table.from_bus),
        to_bus=lookup(table.to_bus),
        from_ka=sn_mva,
        to_ka=sn_mva,
        length_km=np.zeros(len(table)),
        in_service=table.in_service.to_numpy(dtype=bool),
        from_open=never,
        to_open=never,
        breaker=never,
    )


def _switches(net: pandapower.pandapowerNet, lookup: BusLookup) -> _BranchPart:
    """Closed bus-bus switches that have an impedance."""
    table = net.switch[net._impedance_bb_switches]
    rating = table.in_ka.to_numpy(dtype=float)
    never = np.zeros(len(table), dtype=bool)
    return _BranchPart(
        name=own_names(table),
        kind=[BranchKind.IMPEDANCE] * len(table),
        from_bus=lookup(table.bus),
        to_bus=lookup(table.element),
        from_ka=rating,
        to_ka=rating,
        length_km=np.zeros(len(table)),
        in_service=~never,
        from_open=never,
        to_open=never,
        breaker=never,
    )

"""Loads and generators of a pandapower net."""

import numpy as np
import pandapower
import pandas as pd
from pandapower.pypower import idx_bus

from grid.files.pandapower.tables import BusLookup, label, own_names
from grid.network import Energy, FloatArray, Generators, Loads

ENERGY_WORDS = {
    "pv": Energy.PV,
    "solar": Energy.PV,
    "photovoltaic": Energy.PV,
    "wind": Energy.WIND,
    "wp": Energy.WIND,
    "hydro": Energy.HYDRO,
    "thermal": Energy.THERMAL,
    "gas": Energy.THERMAL,
    "coal": Energy.THERMAL,
    "nuclear": Energy.THERMAL,
    "chp": Energy.THERMAL,
    "biomass": Energy.RENEWABLE,
    "res": Energy.RENEWABLE,
}


def read_loads(net: pandapower.pandapowerNet, lookup: BusLookup) -> Loads:
    """The load table, and one load for what motors, wards, storages and asymmetric loads draw at a bus."""
    load = net.load[net.load.in_service.to_numpy(dtype=bool)]
    bus = lookup(load.bus)
    scaling = load.scaling.to_numpy(dtype=float)
    p, q = load.p_mw.to_numpy() * scaling, load.q_mvar.to_numpy() * scaling
    sgen = net.sgen[net.sgen.in_service.to_numpy(dtype=bool)]
    sgen_bus, sgen_scaling = lookup(sgen.bus), sgen.scaling.to_numpy(dtype=float)
    rows = net._ppc["bus"][lookup.rows].real
    solved = rows[:, idx_bus.BUS_TYPE] != idx_bus.NONE
    rest_p, rest_q = (
        np.where(
            solved,
            rows[:, column]
            - np.bincount(bus, own, lookup.n_bus)
            + np.bincount(sgen_bus, sgen[field].to_numpy() * sgen_scaling, lookup.n_bus),
            0.0,
        )
        for column, own, field in ((idx_bus.PD, p, "p_mw"), (idx_bus.QD, q, "q_mvar"))
    )
    others = np.flatnonzero((np.abs(rest_p) > 1e-9) | (np.abs(rest_q) > 1e-9))
    names = [
        text or f"Load at {label(net.bus, net.bus.index.get_loc(number), 'bus')}"
        for text, number in zip(own_names(load), load.bus, strict=True)
    ]
    profiles = load["profile"] if "profile" in load.columns else [""] * len(load)
    return Loads(
        name=(*names, *(f"Other demand {index}" for index in range(len(others)))),
        bus=np.concatenate([bus, others]),
        p_mw=np.concatenate([p, rest_p[others]]),
        q_mvar=np.concatenate([q, rest_q[others]]),
        profile=(
            *("" if pd.isna(name) else str(name) for name in profiles),
            *([""] * len(others)),
        ),
        customers=_said(load, "customers", len(others)),
        priority=_said(load, "priority", len(others)),
    )


def _said(load: pd.DataFrame, column: str, others: int) -> FloatArray | None:
    """(l,) of a column, where there is one, NaN where it says nothing; loads of other tables have none."""
    if column not in load.columns:
        return None
    own = pd.to_numeric(load[column], errors="coerce").to_numpy(dtype=float)
    return np.concatenate([own, np.full(others, np.nan)])


def read_generators(net: pandapower.pandapowerNet, lookup: BusLookup) -> Generators:
    """External grids, generators and static generators, in this order."""
    ext, gen, sgen = (table[table.in_service.to_numpy(dtype=bool)] for table in (net.ext_grid, net.gen, net.sgen))
    tables = [ext, gen, sgen]
    counts = [len(table) for table in tables]
    scaling = [np.ones(len(ext)), *(table.scaling.to_numpy(dtype=float) for table in (gen, sgen))]
    p = [net.res_ext_grid.p_mw.loc[ext.index].to_numpy(), gen.p_mw.to_numpy(), sgen.p_mw.to_numpy()]
    p_mw = np.concatenate([values * factor for values, factor in zip(p, scaling, strict=True)])
    kinds = ("Grid supply", "Generator", "Static generator")
    names, energies, profiles = [], [], []
    for kind, table in zip(kinds, tables, strict=True):
        buses = [label(net.bus, net.bus.index.get_loc(number), "bus") for number in table.bus]
        names += [text or f"{kind} at {bus}" for text, bus in zip(own_names(table), buses, strict=True)]
        default = Energy.GRID if kind == "Grid supply" else Energy.UNKNOWN
        energies += [_energy(row, default) for row in table.to_dict("records")]
        profiles += [str(row.get("profile") or "") for row in table.to_dict("records")]
    is_slack_gen = gen["slack"].to_numpy(dtype=bool)
    return Generators(
        name=tuple(names),
        bus=lookup(np.concatenate([table.bus.to_numpy() for table in tables])),
        p_mw=p_mw,
        q_mvar=np.concatenate([np.zeros(counts[0] + counts[1]), sgen.q_mvar.to_numpy() * scaling[2]]),
        vm_pu=np.concatenate([ext.vm_pu.to_numpy(), gen.vm_pu.to_numpy(), np.ones(counts[2])]),
        va_degree=np.concatenate([ext.va_degree.to_numpy(), np.zeros(counts[1] + counts[2])]),
        is_source=np.concatenate([np.ones(counts[0], bool), is_slack_gen, np.zeros(counts[2], bool)]),
        is_regulating=np.concatenate([np.zeros(counts[0], bool), ~is_slack_gen, np.zeros(counts[2], bool)]),
        min_p_mw=_limit(tables, "min_p_mw", np.minimum(p_mw, 0)),
        max_p_mw=_limit(tables, "max_p_mw", np.maximum(p_mw, 0)),
        min_q_mvar=_limit(tables, "min_q_mvar", np.full(len(p_mw), -np.inf)),
        max_q_mvar=_limit(tables, "max_q_mvar", np.full(len(p_mw), np.inf)),
        energy=tuple(energies),
        profile=tuple(profiles),
    )


def _limit(tables: list[pd.DataFrame], field: str, absent: FloatArray) -> FloatArray:
    """(g,) a limit of all tables' rows; absent (g,) stands where the net gives none."""
    given = np.concatenate(
        [table[field] if field in table.columns else np.full(len(table), np.nan) for table in tables]
    )
    return np.where(np.isfinite(given.astype(float)), given.astype(float), absent)


def _energy(row: dict[str, object], default: Energy) -> Energy:
    """From the words of a generator's own type, profile and name."""
    for field in ("energy", "type", "phys_type", "profile", "name"):
        for word in str(row.get(field) or "").lower().replace("_", " ").split():
            if word.rstrip("0123456789") in ENERGY_WORDS:
                return ENERGY_WORDS[word.rstrip("0123456789")]
    return default

"""Whether a pandapower net can be used: every reference leads somewhere, every number can be true.

The rules are tables, one row a field. They are meant for files that people hand in. Some published
transmission cases (case145, case3120sp, case9241pegase) hold branches of negative resistance, left over from
reducing the grid around them; in a person's file that is nearly always a slip of the pen, so it is refused
for lines and transformers. An equivalent belongs in pandapower's `impedance` table, where any sign is
accepted. A line's negative reactance is accepted where it is a series capacitor, which has little
resistance: at most 0.104 of the reactance in the published cases of IEEE, RTE and PEGASE.
A transformer's is accepted too: it is one arm of the star that stands for three windings.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandapower.auxiliary import pandapowerNet

from grid.errors import CaseError
from grid.reliability.priorities import HIGHEST, LOWEST

MAX_CAPACITOR_R_OVER_X = 0.2

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """What one numeric field must satisfy: accepts maps (n,) values to (n,) verdicts, right is the words."""

    field: str
    accepts: Callable[[Numbers], Flags]
    right: str


@dataclass(frozen=True)
class ElementRules:
    """The fields of one pandapower table: which refer to a bus, and the rules for the numeric ones."""

    table: str
    buses: tuple[str, ...]
    rules: tuple[Rule, ...]


def finite(field: str, unit: str) -> Rule:
    """Any number, but a number."""
    return Rule(field, np.isfinite, f"it must be a number, in {unit}")


def positive(field: str, unit: str) -> Rule:
    """A finite number above zero."""
    return Rule(field, lambda v: np.isfinite(v) & (v > 0), f"it must be a number above zero, in {unit}")


def not_negative(field: str, unit: str) -> Rule:
    """A finite number, zero or more."""
    return Rule(field, lambda v: np.isfinite(v) & (v >= 0), f"it must be a number, zero or more, in {unit}")


def resistance(field: str, unit: str) -> Rule:
    """A series resistance of a line or transformer."""
    right = f"a resistance is zero or more, in {unit}: a negative one would generate power"
    return Rule(field, lambda v: np.isfinite(v) & (v >= 0), right)


def rating(field: str, unit: str) -> Rule:
    """A thermal limit: zero or more, infinite or left empty where there is none."""
    right = f"a rating is zero or more, in {unit}, or left empty"
    return Rule(field, lambda v: np.isnan(v) | (v >= 0), right)


def _power(table: str, *more: Rule) -> ElementRules:
    return ElementRules(table, ("bus",), (finite("p_mw", "MW"), finite("q_mvar", "Mvar"), *more))


_LINE = (
    positive("length_km", "km"),
    resistance("r_ohm_per_km", "ohm/km"),
    finite("x_ohm_per_km", "ohm/km"),
    finite("c_nf_per_km", "nF/km"),
    rating("max_i_ka", "kA"),
    positive("parallel", "number of lines"),
)
_TRAFO = (
    positive("sn_mva", "MVA"),
    positive("vn_hv_kv", "kV"),
    positive("vn_lv_kv", "kV"),
    finite("vk_percent", "%"),
    resistance("vkr_percent", "%"),
    not_negative("pfe_kw", "kW"),
    finite("i0_percent", "%"),
    finite("shift_degree", "degrees"),
    positive("parallel", "number of transformers"),
)
_TRAFO3W = (
    *(positive(f"sn_{side}_mva", "MVA") for side in ("hv", "mv", "lv")),
    *(positive(f"vn_{side}_kv", "kV") for side in ("hv", "mv", "lv")),
    *(positive(f"vk_{side}_percent", "%") for side in ("hv", "mv", "lv")),
    *(resistance(f"vkr_{side}_percent", "%") for side in ("hv", "mv", "lv")),
    not_negative("pfe_kw", "kW"),
    finite("i0_percent", "%"),
)
_SCALING = finite("scaling", "times p_mw and q_mvar")
_SET_POINT = positive("vm_pu", "p.u.")

ELEMENTS: tuple[ElementRules, ...] = (
    ElementRules("bus", (), (positive("vn_kv", "kV"),)),
    ElementRules("line", ("from_bus", "to_bus"), _LINE),
    ElementRules("trafo", ("hv_bus", "lv_bus"), _TRAFO),
    ElementRules("trafo3w", ("hv_bus", "mv_bus", "lv_bus"), _TRAFO3W),
    ElementRules(
        "impedance",
        ("from_bus", "to_bus"),
        (*(finite(f, "p.u.") for f in ("rft_pu", "xft_pu", "rtf_pu", "xtf_pu")), positive("sn_mva", "MVA")),
    ),
    _power("load", _SCALING),
    _power("sgen", _SCALING),
    _power("storage", _SCALING),
    _power("shunt", positive("vn_kv", "kV"), finite("step", "steps")),
    ElementRules("gen", ("bus",), (finite("p_mw", "MW"), _SET_POINT, _SCALING)),
    ElementRules("ext_grid", ("bus",), (_SET_POINT, finite("va_degree", "degrees"))),
    ElementRules("ward", ("bus",), tuple(finite(f, "MW or Mvar") for f in ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar"))),
    ElementRules("xward", ("bus",), (finite("ps_mw", "MW"), finite("qs_mvar", "Mvar"), _SET_POINT)),
    ElementRules("motor", ("bus",), (finite("pn_mech_mw", "MW"), positive("cos_phi", "per unit of S"), _SCALING)),
    ElementRules("asymmetric_load", ("bus",), tuple(finite(f"p_{phase}_mw", "MW") for phase in "abc")),
    ElementRules("asymmetric_sgen", ("bus",), tuple(finite(f"p_{phase}_mw", "MW") for phase in "abc")),
)

PRIORITY = Rule(
    "priority",
    lambda v: np.isnan(v) | ((v >= LOWEST) & (v <= HIGHEST)),
    f"a priority of supply is from {LOWEST:g} to {HIGHEST:g}, or left empty; an ordinary load has 1",
)
CUSTOMERS = Rule(
    "customers",
    lambda v: np.isnan(v) | (np.isfinite(v) & (v >= 0)),
    "customers behind a load are a number, zero or more, or left empty",
)
OWN_OF_LOADS = (PRIORITY, CUSTOMERS)
"""Columns of our own that a load table may have."""

UNSUPPORTED: tuple[str, ...] = (
    "dcline", "svc", "tcsc", "ssc", "vsc", "vsc_stacked", "vsc_bipolar", "bus_dc", "line_dc", "load_dc",
    "source_dc",
)  # fmt: skip
"""Element kinds that the power flow cannot represent."""

SWITCHED = {"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"}
"""What a switch's element is, by its et."""


def label(frame: pd.DataFrame, index: object, table: str) -> str:
    """An element as messages call it, e.g. `line 7 "A - B"`."""
    name = frame["name"].get(index) if "name" in frame else None
    return f'{table} {index} "{name}"' if isinstance(name, str) and name else f"{table} {index}"


def validate(net: pandapowerNet, file: str) -> None:
    """Checks a net before anything is computed with it; file is what errors call the file it came from.

    Raises CaseError for the first wrong element found, in service or not, since an operator may switch it on.
    """
    if not isinstance(net.get("bus"), pd.DataFrame) or net.bus.empty:
        raise CaseError(file, "a network has at least one bus; this file has none", "bus")
    for element in ELEMENTS:
        frame = net.get(element.table)
        if isinstance(frame, pd.DataFrame) and not frame.empty:
            _check_table(net, frame, element, file)
    _check_branches(net, file)
    _check_switches(net, file)
    _check_supported(net, file)
    _check_own_columns(net, file)
    _check_source(net, file)


def column(frame: pd.DataFrame, table: str, field: str, file: str) -> Numbers:
    """A column as numbers, NaN where empty; raises CaseError where it is missing or holds something else."""
    if field not in frame:
        raise CaseError(file, f"each {table} needs this field; the table has no such column", table, field)
    raw = frame[field]
    values = pd.to_numeric(raw, errors="coerce")
    wrong = values.isna() & raw.notna()
    if wrong.any():
        index = wrong.idxmax()
        raise CaseError(file, "this is not a number", label(frame, index, table), field, repr(raw[index]))
    numbers: Numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _refuse(wrong: Flags, frame: pd.DataFrame, table: str, field: str, problem: str, file: str) -> None:
    """Raises CaseError for the first row where wrong is true."""
    if wrong.any():
        position = int(np.argmax(wrong))
        value = frame[field].iloc[position]
        text = "empty" if pd.isna(value) else str(value)
        raise CaseError(file, problem, label(frame, frame.index[position], table), field, text)


def _check_table(net: pandapowerNet, frame: pd.DataFrame, element: ElementRules, file: str) -> None:
    table = element.table
    if frame.index.has_duplicates:
        index = frame.index[frame.index.duplicated()][0]
        raise CaseError(file, "this number occurs twice; each must be unique", f"{table} {index}", "index", str(index))
    for field in element.buses:
        missing = ~np.isin(column(frame, table, field, file), net.bus.index)
        _refuse(missing, frame, table, field, "there is no bus of this number", file)
    for rule in element.rules:
        _refuse(~rule.accepts(column(frame, table, rule.field, file)), frame, table, rule.field, rule.right, file)
    if "in_service" in frame:
        unclear = ~frame["in_service"].isin([True, False]).to_numpy()
        _refuse(unclear, frame, table, "in_service", "it must be true or false", file)


def capacitive_but_resistive(r: Numbers, x: Numbers) -> Flags:
    """Where x is negative with too much resistance beside it for a capacitor; r, x (n,), in any one unit."""
    return (x < 0) & (np.abs(r) > MAX_CAPACITOR_R_OVER_X * np.abs(x))


NEGATIVE_X = (
    "a line's reactance is above zero; a negative one is accepted for a series capacitor only, "
    f"whose resistance is at most {MAX_CAPACITOR_R_OVER_X} of it"
)
ZERO_Z = "resistance and reactance are both zero: model it as a closed bus-bus switch, or give it its impedance"


def _check_branches(net: pandapowerNet, file: str) -> None:
    r, x = (net.line[field].to_numpy(np.float64) for field in ("r_ohm_per_km", "x_ohm_per_km"))
    _refuse((r == 0) & (x == 0), net.line, "line", "x_ohm_per_km", ZERO_Z, file)
    _refuse(capacitive_but_resistive(r, x), net.line, "line", "x_ohm_per_km", NEGATIVE_X, file)
    vk, vkr = (net.trafo[field].to_numpy(np.float64) for field in ("vk_percent", "vkr_percent"))
    too_small = (vk == 0) | (vkr > np.abs(vk))
    right = "the short-circuit voltage, in %, is above zero and not below its resistive part vkr_percent"
    _refuse(too_small, net.trafo, "trafo", "vk_percent", right, file)
    z = net.impedance[["rft_pu", "xft_pu"]].to_numpy(np.float64)
    _refuse((z == 0).all(axis=1), net.impedance, "impedance", "xft_pu", ZERO_Z, file)
    for table, first, second in (("line", "from_bus", "to_bus"), ("trafo", "hv_bus", "lv_bus")):
        same = (net[table][first] == net[table][second]).to_numpy()
        _refuse(same, net[table], table, second, f"{first} and {second} are the same bus", file)


def _check_switches(net: pandapowerNet, file: str) -> None:
    switches = net.switch
    if switches.empty:
        return
    missing = ~np.isin(column(switches, "switch", "bus", file), net.bus.index)
    _refuse(missing, switches, "switch", "bus", "there is no bus of this number", file)
    unknown = ~switches["et"].isin(SWITCHED).to_numpy()
    _refuse(unknown, switches, "switch", "et", f"it must be one of {', '.join(SWITCHED)}", file)
    for et, table in SWITCHED.items():
        missing = (switches["et"] == et).to_numpy() & ~np.isin(switches["element"], net[table].index)
        _refuse(missing, switches, "switch", "element", f"there is no {table} of this number", file)
    unclear = ~switches["closed"].isin([True, False]).to_numpy()
    _refuse(unclear, switches, "switch", "closed", "it must be true or false", file)


def _check_supported(net: pandapowerNet, file: str) -> None:
    for table in UNSUPPORTED:
        frame = net.get(table)
        if isinstance(frame, pd.DataFrame) and not frame.empty:
            used = frame["in_service"].astype(bool).to_numpy()
            problem = f"elements of kind {table} are not supported yet; take them out of service or replace them"
            _refuse(used, frame, table, "in_service", problem, file)
    dependent = [field for field in net.load if str(field).startswith(("const_z", "const_i"))]
    for field in dependent:
        share = column(net.load, "load", str(field), file)
        problem = "loads that depend on voltage are not supported yet; this share must be 0 %"
        _refuse(~np.isnan(share) & (share != 0), net.load, "load", str(field), problem, file)


def _check_own_columns(net: pandapowerNet, file: str) -> None:
    for rule in OWN_OF_LOADS:
        if rule.field in net.load.columns:
            wrong = ~rule.accepts(column(net.load, "load", rule.field, file))
            _refuse(wrong, net.load, "load", rule.field, rule.right, file)


def _check_source(net: pandapowerNet, file: str) -> None:
    live = net.bus.index[net.bus["in_service"].astype(bool)]
    grids = net.ext_grid["in_service"].astype(bool) & net.ext_grid["bus"].isin(live)
    slack = net.gen["slack"].fillna(False).astype(bool) if "slack" in net.gen else pd.Series(False, net.gen.index)
    gens = slack & net.gen["in_service"].astype(bool) & net.gen["bus"].isin(live)
    if not (grids.any() or gens.any()):
        problem = "a network needs a source: an ext_grid, or a gen with slack true, in service at a bus in service"
        raise CaseError(file, problem, "ext_grid", "in_service")

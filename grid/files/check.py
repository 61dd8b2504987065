"""Whether a pandapower net can be used: every reference leads somewhere, every number can be true.

The rules are tables, one row a field. One rule holds for files and built-in cases. Only what is in service is judged:
what is wrong and out of service is left out, and said; a line between two voltages is told though it is open. What
could be true but seldom is, comes with a doubt: published transmission cases (case145, case3120sp, case9241pegase) hold
branches of negative resistance and resistive capacitors, left over from reducing the grid around them; in a person's
own file that is nearly always a slip of the pen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandapower.auxiliary import pandapowerNet
from pandapower.toolbox import drop_elements

from grid.errors import CaseError
from grid.files.findings import Findings, What
from grid.reliability.priorities import HIGHEST, LOWEST

MAX_CAPACITOR_R_OVER_X = 0.2  # at most 0.104 in the published cases of IEEE, RTE and PEGASE
SAME_VOLTAGE = 0.05  # nominal voltages that differ by less are one: 110 and 115 kV
WHOLE_PERCENT = 100 + 1e-6
NO_BUS = "there is no bus of this number"
ZERO_Z = "resistance and reactance are both zero: model it as a closed bus-bus switch, or give it its impedance"
RIGHT_SHARE = "the shares of constant impedance and constant current are 0 % or more, and together at most 100 %"

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


def rating(field: str, unit: str) -> Rule:
    """A thermal limit: zero or more, infinite or left empty where there is none."""
    right = f"a rating is zero or more, in {unit}, or left empty"
    return Rule(field, lambda v: np.isnan(v) | (v >= 0), right)


def _power(table: str, *more: Rule) -> ElementRules:
    return ElementRules(table, ("bus",), (finite("p_mw", "MW"), finite("q_mvar", "Mvar"), *more))


_LINE = (
    positive("length_km", "km"),
    finite("r_ohm_per_km", "ohm/km"),
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
    finite("vkr_percent", "%"),
    not_negative("pfe_kw", "kW"),
    finite("i0_percent", "%"),
    finite("shift_degree", "degrees"),
    positive("parallel", "number of transformers"),
)
_TRAFO3W = (
    *(positive(f"sn_{side}_mva", "MVA") for side in ("hv", "mv", "lv")),
    *(positive(f"vn_{side}_kv", "kV") for side in ("hv", "mv", "lv")),
    *(positive(f"vk_{side}_percent", "%") for side in ("hv", "mv", "lv")),
    *(finite(f"vkr_{side}_percent", "%") for side in ("hv", "mv", "lv")),
    not_negative("pfe_kw", "kW"),
    finite("i0_percent", "%"),
)
_SCALING = finite("scaling", "times p_mw and q_mvar")
_SET_POINT = positive("vm_pu", "p.u.")
_WARD = tuple(finite(field, "MW or Mvar") for field in ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar"))
_DC_LINE = (
    *(finite(field, unit) for field, unit in (("p_mw", "MW"), ("loss_percent", "%"), ("loss_mw", "MW"))),
    *(positive(field, "p.u.") for field in ("vm_from_pu", "vm_to_pu")),
)

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
    ElementRules("ward", ("bus",), _WARD),
    ElementRules("xward", ("bus",), (*_WARD, *(finite(f, "ohm") for f in ("r_ohm", "x_ohm")), _SET_POINT)),
    ElementRules("motor", ("bus",), (finite("pn_mech_mw", "MW"), positive("cos_phi", "per unit of S"), _SCALING)),
    ElementRules("dcline", ("from_bus", "to_bus"), _DC_LINE),
    ElementRules("asymmetric_load", ("bus",), tuple(finite(f"p_{phase}_mw", "MW") for phase in "abc")),
    ElementRules("asymmetric_sgen", ("bus",), tuple(finite(f"p_{phase}_mw", "MW") for phase in "abc")),
)

BUSES_OF = {element.table: element.buses for element in ELEMENTS}
"""Which fields of a table name buses."""

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
    "svc", "tcsc", "ssc", "vsc", "vsc_stacked", "vsc_bipolar", "bus_dc", "line_dc", "load_dc", "source_dc",
)  # fmt: skip
"""Element kinds that the power flow cannot represent."""

SWITCHED = {"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"}
"""What a switch's element is, by its et."""


def label(frame: pd.DataFrame, index: object, table: str) -> str:
    """An element as messages call it, e.g. `line 7 "A - B"`."""
    name = frame["name"].get(index) if "name" in frame else None
    return f'{table} {index} "{name}"' if isinstance(name, str) and name else f"{table} {index}"


def between(frame: pd.DataFrame, index: object, table: str) -> str:
    """An element as findings call it: like label, and a branch without a name by its buses."""
    text, ends = label(frame, index, table), BUSES_OF.get(table, ())
    if text.endswith('"') or len(ends) < 2:
        return text
    return f"{text} (bus {' - '.join(str(frame.loc[index, end]) for end in ends)})"


def validate(net: pandapowerNet, file: str, found: Findings) -> None:
    """Checks a net before anything is computed with it; file is what errors call the file it came from.

    What is out of service and wrong is taken out of the net, in place, and noted in found. Raises CaseError for the
    first wrong element in service.
    """
    if not isinstance(net.get("bus"), pd.DataFrame) or net.bus.empty:
        raise CaseError(file, "a network has at least one bus; this file has none", "bus")
    check = _Check(net, file)
    for element in ELEMENTS:
        if check.has(element.table):
            check.table(element)
    check.branches()
    check.switches()
    check.supported()
    check.loads()
    check.leave_out(found)
    used = {table: _service(net[table]) for table in [*BUSES_OF, "switch"] if table in net and len(net[table])}
    found.counts = {table: len(service) for table, service in used.items()}
    found.out_of_service = {table: int((~service).sum()) for table, service in used.items() if not service.all()}
    _doubt(net, found)


def column(frame: pd.DataFrame, table: str, field: str, file: str) -> Numbers:
    """A column as numbers, NaN where empty; raises CaseError where it is missing or holds something else."""
    values, wrong = _numbers(frame, table, field, file)
    if wrong.any():
        index = frame.index[int(np.argmax(wrong))]
        raise CaseError(file, NO_NUMBER, label(frame, index, table), field, repr(frame[field][index]))
    return values


NO_NUMBER = "this is not a number"


def _numbers(frame: pd.DataFrame, table: str, field: str, file: str) -> tuple[Numbers, Flags]:
    """A column as numbers, NaN where empty or something else, and where it is something else."""
    if field not in frame:
        raise CaseError(file, f"each {table} needs this field; the table has no such column", table, field)
    raw = frame[field]
    values = pd.to_numeric(raw, errors="coerce")
    numbers: Numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers, (values.isna() & raw.notna()).to_numpy()


def capacitive_but_resistive(r: Numbers, x: Numbers) -> Flags:
    """Where x is negative with too much resistance beside it for a capacitor; r, x (n,), in any one unit."""
    return (x < 0) & (np.abs(r) > MAX_CAPACITOR_R_OVER_X * np.abs(x))


SAME_BUS = "{} and {} are the same bus"


class _Check:
    """Judges one net; gathers what is out of service and wrong."""

    def __init__(self, net: pandapowerNet, file: str) -> None:
        self._net, self._file = net, file
        self._live = frozenset(net.bus.index[_service(net.bus)])
        self._wrong: dict[str, Flags] = {}

    def has(self, table: str) -> bool:
        frame = self._net.get(table)
        return isinstance(frame, pd.DataFrame) and not frame.empty

    def table(self, element: ElementRules) -> None:
        table, frame = element.table, self._net[element.table]
        if frame.index.has_duplicates:
            index = frame.index[frame.index.duplicated()][0]
            problem = "this number occurs twice; each must be unique"
            raise CaseError(self._file, problem, f"{table} {index}", "index", str(index))
        if "in_service" in frame:
            unclear = ~frame["in_service"].isin([True, False]).to_numpy()
            self._refuse(unclear, table, "in_service", "it must be true or false")
        for field in element.buses:
            self._judge(~np.isin(self._column(table, field), self._net.bus.index), table, field, NO_BUS)
        for rule in element.rules:
            self._judge(~rule.accepts(self._column(table, rule.field)), table, rule.field, rule.right)

    def branches(self) -> None:
        trafo, bus = self._net.trafo, self._net.bus
        if len(trafo):
            vk, vkr = (self._column("trafo", field) for field in ("vk_percent", "vkr_percent"))
            right = "the short-circuit voltage, in %, is not zero and not below its resistive part vkr_percent"
            self._judge((vk == 0) | (np.abs(vkr) > np.abs(vk)), "trafo", "vk_percent", right)
        ends = {"line": ("from_bus", "to_bus"), "trafo": ("hv_bus", "lv_bus"), "impedance": ("from_bus", "to_bus")}
        for table, (first, second) in ends.items():
            same = (self._net[table][first] == self._net[table][second]).to_numpy(dtype=bool)
            self._judge(same, table, second, SAME_BUS.format(first, second))
        if self.has("impedance"):
            nothing = (self._net.impedance[["rft_pu", "xft_pu"]].to_numpy(np.float64) == 0).all(axis=1)
            self._judge(nothing, "impedance", "xft_pu", ZERO_Z)
        if not bus.index.isin(self._live).any():
            raise CaseError(self._file, "no bus is in service", "bus", "in_service")

    def switches(self) -> None:
        switches = self._net.switch
        if switches.empty:
            return
        missing = ~np.isin(self._column("switch", "bus"), self._net.bus.index)
        self._refuse(missing, "switch", "bus", NO_BUS)
        unknown = ~switches["et"].isin(SWITCHED).to_numpy()
        self._refuse(unknown, "switch", "et", f"it must be one of {', '.join(SWITCHED)}")
        for et, table in SWITCHED.items():
            missing = (switches["et"] == et).to_numpy() & ~np.isin(switches["element"], self._net[table].index)
            self._refuse(missing, "switch", "element", f"there is no {table} of this number")
        unclear = ~switches["closed"].isin([True, False]).to_numpy()
        self._refuse(unclear, "switch", "closed", "it must be true or false")

    def supported(self) -> None:
        for table in UNSUPPORTED:
            if self.has(table):
                used = np.ones(len(self._net[table]), dtype=bool)
                problem = f"elements of kind {table} are not supported; take them out of service or replace them"
                self._judge(used, table, "in_service" if "in_service" in self._net[table] else "bus", problem)

    def loads(self) -> None:
        load = self._net.load
        for rule in OWN_OF_LOADS:
            if rule.field in load.columns:
                self._judge(~rule.accepts(self._column("load", rule.field)), "load", rule.field, rule.right)
        for quantity in ("p", "q"):
            shares = [f"const_{kind}_{quantity}_percent" for kind in ("z", "i")]
            known = [np.nan_to_num(self._column("load", share)) for share in shares if share in load.columns]
            for share, values in zip(shares, known, strict=False):
                self._judge((values < 0) | (sum(known) > WHOLE_PERCENT), "load", share, RIGHT_SHARE)

    def leave_out(self, found: Findings) -> None:
        """Takes out of the net, in place, what is wrong and out of service."""
        for table, wrong in self._wrong.items():
            frame = self._net[table]
            found.add(What.WRONG_OUT_OF_SERVICE, [between(frame, index, table) for index in frame.index[wrong]])
            if table == "bus":
                self._net.bus.loc[wrong, "vn_kv"] = np.nan  # it is given its neighbours' in grid.files.equivalents
            elif table in SWITCHED.values():
                drop_elements(self._net, table, frame.index[wrong])
            else:
                self._net[table] = frame[~wrong]

    def _column(self, table: str, field: str) -> Numbers:
        values, wrong = _numbers(self._net[table], table, field, self._file)
        self._judge(wrong, table, field, NO_NUMBER, quoted=True)
        return values

    def _judge(self, wrong: Flags, table: str, field: str, problem: str, quoted: bool = False) -> None:
        """Raises CaseError for the first row in service where wrong is true; keeps the others in mind."""
        if not wrong.any():
            return
        used = self._used(table)
        self._refuse(wrong & used, table, field, problem, quoted)
        self._wrong[table] = self._wrong.get(table, np.zeros(len(wrong), dtype=bool)) | wrong

    def _used(self, table: str) -> Flags:
        """(k,) which rows of a table are in service, their buses included."""
        frame = self._net[table]
        used = _service(frame)
        for field in BUSES_OF.get(table, ()):
            if field in frame:
                dead = frame[field].isin(self._net.bus.index) & ~frame[field].isin(self._live)
                used &= ~dead.to_numpy(dtype=bool)
        return used

    def _refuse(self, wrong: Flags, table: str, field: str, problem: str, quoted: bool = False) -> None:
        if wrong.any():
            frame, position = self._net[table], int(np.argmax(wrong))
            value = frame[field].iloc[position] if field in frame else None
            text = "empty" if value is None or pd.isna(value) else repr(value) if quoted else str(value)
            raise CaseError(self._file, problem, label(frame, frame.index[position], table), field, text)


def _service(frame: pd.DataFrame) -> Flags:
    if "in_service" not in frame:
        return np.ones(len(frame), dtype=bool)
    return frame["in_service"].isin([True]).to_numpy(dtype=bool)


def _doubt(net: pandapowerNet, found: Findings) -> None:
    """Notes what is accepted and seldom true."""
    lines, trafos = net.line[_service(net.line)], net.trafo[_service(net.trafo)]
    r, x = (lines[field].to_numpy(np.float64) for field in ("r_ohm_per_km", "x_ohm_per_km"))
    resistive = capacitive_but_resistive(r, x)
    found.add(
        What.CAPACITIVE_LINE,
        [between(lines, index, "line") for index in lines.index[resistive]],
        float(np.max(np.abs(r[resistive] / x[resistive]), initial=0.0)),
    )
    vkr, i0 = (trafos[field].to_numpy(np.float64) for field in ("vkr_percent", "i0_percent"))
    negative = [between(lines, index, "line") for index in lines.index[r < 0]]
    found.add(What.NEGATIVE_RESISTANCE, negative + [between(trafos, index, "trafo") for index in trafos.index[vkr < 0]])
    found.add(
        What.NEGATIVE_NO_LOAD_CURRENT,
        [between(trafos, index, "trafo") for index in trafos.index[i0 < 0]],
        float(np.min(i0, initial=0.0)),
    )
    lines = net.line  # one that is out of service may be switched in
    first, second = (lines[end].map(net.bus.vn_kv).to_numpy(np.float64) for end in ("from_bus", "to_bus"))
    apart = np.abs(first - second) > SAME_VOLTAGE * np.maximum(first, second)
    ratio = np.maximum(first, second)[apart] / np.minimum(first, second)[apart]
    found.add(
        What.TWO_VOLTAGES,
        [between(lines, index, "line") for index in lines.index[apart]],
        float(np.max(ratio, initial=1.0)),
    )

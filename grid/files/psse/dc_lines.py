"""Two-terminal DC lines of a RAW file as what their converters draw at the voltages that the file holds.

Source: the steady state of a line-commutated link as in P. Kundur, Power System Stability and Control (1994), section
10.3: V_i = VSCHD - RCOMP I, V_r = V_i + RDC I, and each converter's power factor is its DC voltage over its no-load
voltage 3 sqrt(2) / pi NB EBAS TR / TAP.
"""

import numpy as np

from grid.files.attached import Attached
from grid.files.check import finite, not_negative, positive
from grid.files.psse.buses import RawBuses, code
from grid.files.psse.layout import Section
from grid.files.psse.raw import RawFile, SectionTable
from grid.network import FloatArray

BLOCKED, BY_POWER = 0, 1  # MDC
RECTIFIER, INVERTER = 1, 2  # lines of a record
NO_LOAD_KV = 3 * np.sqrt(2) / np.pi  # of one bridge, by the kV behind its transformer


def read_dc_lines(raw: RawFile, buses: RawBuses) -> tuple[Attached, Attached]:
    """Rectifiers and inverters, each (n,), with what they draw from their buses; of an inverter that is negative."""
    table = raw.table(Section.DC_LINE)
    mode = table.numbers(code("MDC", "it is 0 (blocked), 1 (power) or 2 (current)", 0, 2), 0.0)
    resistance = table.numbers(not_negative("RDC", "ohm"), None)
    demand = table.numbers(finite("SETVL", "MW, or A with MDC = 2"), None)
    scheduled = table.numbers(not_negative("VSCHD", "kV"), 0.0)
    used = (mode != BLOCKED) & (demand != 0)
    table.refuse(used & (scheduled == 0), "VSCHD", "a line in service needs its scheduled voltage, in kV above zero")
    compounding = table.numbers(finite("RCOMP", "ohm"), 0.0)
    slope = np.where((mode == BY_POWER) & (demand > 0), resistance - compounding, -compounding)
    current = np.where(mode == BY_POWER, _current(np.abs(demand), scheduled, slope), np.abs(demand) / 1e3)
    table.refuse(used & ~np.isfinite(current), "SETVL", "the line can't carry this power at its scheduled voltage")
    end_kv = scheduled - compounding * current
    start_kv = end_kv + resistance * current
    names = table.texts("NAME")
    return (
        _converter(table, buses, RECTIFIER, start_kv, start_kv * current, used, names),
        _converter(table, buses, INVERTER, end_kv, -end_kv * current, used, names),
    )


def _current(power_mw: FloatArray, kv: FloatArray, slope_ohm: FloatArray) -> FloatArray:
    """(n,) kA that carry a power at kV + slope I, NaN where none does."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * power_mw / (kv + np.sqrt(kv**2 + 4 * slope_ohm * power_mw))


def _converter(
    table: SectionTable,
    buses: RawBuses,
    part: int,
    dc_kv: FloatArray,
    p_mw: FloatArray,
    used: FloatArray,
    names: list[str],
) -> Attached:
    rows = buses.rows(table, "IP", part)
    bridges = table.numbers(code("NB", "a number of bridges is a whole number from 1", 1, 100), 1.0, part)
    base_kv = table.numbers(not_negative("EBAS", "kV, 0 for the bus's"), 0.0, part)
    base_kv = np.where(base_kv > 0, base_kv, buses.known_kv(rows))
    ratio = table.numbers(positive("TR", "p.u."), 1.0, part) / table.numbers(positive("TAP", "p.u."), 1.0, part)
    power_factor = np.minimum(dc_kv / (NO_LOAD_KV * bridges * base_kv * ratio * buses.vm_pu[rows]), 1.0)
    lagging = np.abs(p_mw) * np.tan(np.arccos(np.where(used, power_factor, 1.0)))
    side = "rectifier" if part == RECTIFIER else "inverter"
    return Attached(
        bus=buses.number[rows],
        p_mw=np.where(used, p_mw, 0.0),
        q_mvar=np.where(used, lagging, 0.0),
        in_service=used.astype(bool),
        name=tuple(f"DC line {name}, {side}" for name in names),
    )

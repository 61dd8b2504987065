"""city8, the default case: a city's 66 kV sub-transmission grid, two stations and six substations on open rings.

Invented for this project. Conductors carry the resistance and reactance of British Standard ACSR (Lynx, Panther,
Zebra) and summer ratings of that order; lengths are 1.4 times the distance on the map. It runs radially: every load
has one closed path to a station and several open ties over which it could be supplied otherwise.
"""

from dataclasses import dataclass

import numpy as np
import pandapower
from pandapower import (
    create_bus,
    create_empty_network,
    create_ext_grid,
    create_line_from_parameters,
    create_load,
    create_sgen,
)

VN_KV = 66.0
SOURCE_VM_PU = 1.03
DETOUR = 1.4


@dataclass(frozen=True)
class Conductor:
    """An overhead line's electrical data."""

    r_ohm_per_km: float
    x_ohm_per_km: float
    c_nf_per_km: float
    max_i_ka: float


LYNX = Conductor(0.158, 0.395, 9.2, 0.49)
PANTHER = Conductor(0.136, 0.388, 9.4, 0.56)
ZEBRA = Conductor(0.067, 0.368, 9.9, 0.86)

PLACES_KM = {
    "North Power Plant": (17.0, 39.0),
    "South Thermal Station": (11.0, 1.0),
    "Downtown Substation": (15.0, 20.0),
    "Uptown Substation": (7.0, 30.0),
    "Industrial Zone": (24.0, 6.0),
    "Residential Hub": (3.0, 14.0),
    "Shopping Complex": (28.0, 17.0),
    "University Campus": (26.0, 29.0),
}
PEAK_LOADS = {  # MW, Mvar, customer class
    "Downtown Substation": (52.0, 10.0, "commercial"),
    "Uptown Substation": (32.0, 6.0, "residential"),
    "Industrial Zone": (58.0, 12.0, "industrial"),
    "Residential Hub": (40.0, 7.0, "residential"),
    "Shopping Complex": (28.0, 5.0, "commercial"),
    "University Campus": (20.0, 4.0, "commercial"),
}
RENEWABLES = (  # name, bus, MW installed, energy
    ("Residential rooftop PV", "Residential Hub", 9.0, "pv"),
    ("Campus PV", "University Campus", 5.0, "pv"),
    ("Harbour wind farm", "Industrial Zone", 12.0, "wind"),
)
LINES = (  # name, from, to, conductor, year built, closed
    ("Ridge Line", "North Power Plant", "Uptown Substation", PANTHER, 1987, True),
    ("Campus Line", "North Power Plant", "University Campus", PANTHER, 1994, True),
    ("Central North Line", "North Power Plant", "Downtown Substation", PANTHER, 1979, True),
    ("Harbour Line", "South Thermal Station", "Industrial Zone", ZEBRA, 1972, True),
    ("Westside Line", "South Thermal Station", "Residential Hub", PANTHER, 1983, True),
    ("Central South Line", "South Thermal Station", "Downtown Substation", ZEBRA, 2004, False),
    ("Park Tie", "Uptown Substation", "Residential Hub", LYNX, 1968, False),
    ("Hill Tie", "Uptown Substation", "Downtown Substation", PANTHER, 1999, False),
    ("Mall Line", "University Campus", "Shopping Complex", LYNX, 1991, True),
    ("College Tie", "University Campus", "Downtown Substation", LYNX, 2011, False),
    ("Market Tie", "Downtown Substation", "Shopping Complex", PANTHER, 2008, False),
    ("Docks Tie", "Shopping Complex", "Industrial Zone", PANTHER, 1996, False),
    ("River Tie", "Downtown Substation", "Residential Hub", LYNX, 1975, False),
    ("Freight Tie", "Downtown Substation", "Industrial Zone", LYNX, 2015, False),
)


def city8() -> pandapower.pandapowerNet:
    """Build the net at its peak load, with columns `energy`, `profile` and `year_built` of our own."""
    net = create_empty_network("city8", sn_mva=100.0)
    bus = {
        name: create_bus(net, VN_KV, name=name, geodata=place, min_vm_pu=0.94, max_vm_pu=1.06)
        for name, place in PLACES_KM.items()
    }
    for station in ("North Power Plant", "South Thermal Station"):
        create_ext_grid(net, bus[station], vm_pu=SOURCE_VM_PU, name=station, min_p_mw=0.0, max_p_mw=160.0)
    net.ext_grid["energy"] = "thermal"
    for place, (p_mw, q_mvar, _) in PEAK_LOADS.items():
        create_load(net, bus[place], p_mw, q_mvar, name=place)
    net.load["profile"] = [profile for *_, profile in PEAK_LOADS.values()]
    for name, place, p_mw, _ in RENEWABLES:
        create_sgen(net, bus[place], p_mw, 0.0, name=name, max_p_mw=p_mw, min_p_mw=0.0)
    net.sgen["energy"] = [energy for *_, energy in RENEWABLES]
    for name, start, end, conductor, _, closed in LINES:
        distance = float(np.hypot(*np.subtract(PLACES_KM[start], PLACES_KM[end])))
        create_line_from_parameters(
            net,
            bus[start],
            bus[end],
            DETOUR * distance,
            name=name,
            type="ol",
            in_service=closed,
            **vars(conductor),
        )
    net.line["year_built"] = [year for *_, year, _ in LINES]
    return net

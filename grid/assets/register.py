"""The asset register: what each branch is as a thing that ages, breaks, is repaired and paid for."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from grid.flow.topology import energised_buses, interrupted_power_mw
from grid.network import BoolArray, BranchKind, FloatArray, IntArray, Network

YOUNGEST_YEARS, OLDEST_YEARS = 3, 50  # of assets whose age the case doesn't say

CUSTOMERS_PER_MW = 500.0
"""Assumption: one customer for 2 kW of load, households and firms together."""
LOCATION_SHARES = (0.1, 0.15, 0.35, 0.4)
"""Assumption: shares of LocationClass's members, in its order, among the areas of a case that doesn't say."""
BUSES_PER_AREA, FEWEST_AREAS = 8, 4
"""Assumption: buses that share one drawn location class, those nearest to the same centre on the map."""

UNIT_COST_KV = (10.0, 20.0, 66.0, 110.0, 220.0, 400.0)
LINE_EUR_PER_KM = (40e3, 50e3, 110e3, 180e3, 300e3, 600e3)
CABLE_EUR_PER_KM = (90e3, 110e3, 400e3, 800e3, 2.2e6, 5e6)
"""Assumptions at UNIT_COST_KV, straight lines between them on logarithmic axes: one circuit of USUAL_KA, built. Rounded
orders of magnitude; published unit costs (ACER's reference costs for European transmission) scatter by a factor of two.
"""
USUAL_KA = 0.6
"""Assumption: the current of a circuit that costs the figures above; cost grows with the square root of the rating over
it, from half to twice the figure (one to four circuits' worth)."""
TRANSFORMER_EUR, TRANSFORMER_EUR_PER_MVA = 15e3, 12e3
"""Assumption: a transformer with its bay at 110 kV; both grow with the fourth root of the voltage."""
SHORTEST_KM, LONGEST_KM = 0.05, 500.0
"""Assumption: lengths that are ever replaced. Cases write 0 for connections within a station, and reactances of
equivalents that would be those of lines around the earth."""
EMERGENCY_FACTOR = 1.5
"""Assumption: what work costs that can't be planned (overtime, hired plant, parts at once), over planned work."""
REPAIRED_KM = {BranchKind.LINE: 0.3, BranchKind.CABLE: 0.2}
"""Assumption: length that the repair of one fault renews, a span or a section between two joints."""
TRANSFORMER_REPAIR_SHARE = 0.5
"""Assumption: mean repair of a failed transformer and what it damages, as a share of its replacement."""


class LocationClass(StrEnum):
    """Surroundings of an asset."""

    COASTAL = "coastal"
    INDUSTRIAL = "industrial"
    URBAN = "urban"
    RURAL = "rural"


class Skill(StrEnum):
    """The crew that works on an asset."""

    LINES = "lines"
    CABLES = "cables"
    SUBSTATIONS = "substations"


SKILL_OF_KIND = {
    BranchKind.LINE: Skill.LINES,
    BranchKind.CABLE: Skill.CABLES,
    BranchKind.TRANSFORMER: Skill.SUBSTATIONS,
    BranchKind.IMPEDANCE: Skill.SUBSTATIONS,
}


@dataclass(frozen=True, eq=False)
class GivenAssets:
    """What a file says of m branches, (m,): NaN or None where it says nothing. See grid.assets.csv_file."""

    year_built: FloatArray
    location: tuple[LocationClass | None, ...]
    criticality: FloatArray
    skill: tuple[Skill | None, ...]
    replacement_eur: FloatArray
    failure_eur: FloatArray
    customers: FloatArray
    job_eur: FloatArray
    job_hours: FloatArray

    @classmethod
    def nothing(cls, n_branch: int) -> "GivenAssets":
        """No file."""
        unknown, unsaid = np.full(n_branch, np.nan), (None,) * n_branch
        return cls(unknown, unsaid, unknown, unsaid, *(unknown,) * 5)


@dataclass(frozen=True, eq=False)
class AssetRegister:
    """Per branch, (m,).

    year_generated marks years drawn from the seed because neither case nor file gives one. rating_mva at the end that
    carries less. criticality from 1 to 5, the highest. replacement_eur is the planned renewal, failure_eur what an
    unplanned failure costs beyond the interruption (emergency repair, collateral); both NaN for impedances unless
    given. customers behind the branch in the case's own state. generated marks branches of which anything here is drawn
    or derived; a rating's own mark is network.branch.rating_derived. job_eur and job_hours: cost on working days and
    length of a planned job, NaN where no file gives them.
    """

    year_built: FloatArray
    year_generated: BoolArray
    rating_mva: FloatArray
    location: tuple[LocationClass, ...]
    criticality: IntArray
    skill: tuple[Skill, ...]
    replacement_eur: FloatArray
    failure_eur: FloatArray
    customers: IntArray
    generated: BoolArray
    job_eur: FloatArray
    job_hours: FloatArray


def asset_register(
    network: Network, year_built: FloatArray, year: int, rng: np.random.Generator, given: GivenAssets | None = None
) -> AssetRegister:
    """Complete what a case and a file say of its branches.

    year_built: (m,) years that the case gives, NaN where it doesn't; the file's go first. year: the present one.
    rng draws ages, evenly, and locations, by area; one seed gives one register whatever is given.
    """
    given = given or GivenAssets.nothing(network.n_branch)
    drawn_year = year - rng.integers(YOUNGEST_YEARS, OLDEST_YEARS + 1, network.n_branch)
    drawn_location = _locations(network, rng)
    built = _first_known(given.year_built, year_built)
    interrupted_mw, served_mw = _power_behind(network)
    customers = _first_known(given.customers, np.rint(CUSTOMERS_PER_MW * served_mw)).astype(int)
    rating_mva = branch_rating_mva(network)
    planned_eur, emergency_eur = _costs_eur(network, rating_mva)
    complete = np.isfinite([built, given.criticality, given.replacement_eur, given.failure_eur, given.customers]).all(
        axis=0
    ) & np.array([bool(place and crew) for place, crew in zip(given.location, given.skill, strict=True)])
    return AssetRegister(
        year_built=_first_known(built, drawn_year),
        year_generated=~np.isfinite(built),
        rating_mva=rating_mva,
        location=tuple(said or drawn for said, drawn in zip(given.location, drawn_location, strict=True)),
        criticality=_first_known(given.criticality, _criticality(customers, interrupted_mw)).astype(int),
        skill=tuple(said or SKILL_OF_KIND[kind] for said, kind in zip(given.skill, network.branch.kind, strict=True)),
        replacement_eur=_first_known(given.replacement_eur, planned_eur),
        failure_eur=_first_known(given.failure_eur, emergency_eur),
        customers=customers,
        generated=~complete,
        job_eur=given.job_eur,
        job_hours=given.job_hours,
    )


def branch_rating_mva(network: Network) -> FloatArray:
    """(m,) MVA at nominal voltage that each branch may carry, at the end that may carry less."""
    branch, vn_kv = network.branch, network.bus.vn_kv
    from_mva = np.sqrt(3.0) * vn_kv[branch.from_bus] * branch.rating_from_ka
    to_mva = np.sqrt(3.0) * vn_kv[branch.to_bus] * branch.rating_to_ka
    return np.fmin(from_mva, to_mva)


def temperature_limit_c(network: Network) -> FloatArray:
    """(m,) what each branch may reach: ACSR 75 C, XLPE cable 90 C, transformer hot spot 120 C; NaN for impedances.

    75 C is the usual design temperature of overhead lines; 90 C IEC 60502; 120 C IEC 60076-7 table 2, normal cyclic
    loading of large and medium transformers.
    """
    limit = {BranchKind.LINE: 75.0, BranchKind.CABLE: 90.0, BranchKind.TRANSFORMER: 120.0}
    return np.array([limit.get(kind, np.nan) for kind in network.branch.kind])


def _first_known(said: FloatArray, otherwise: FloatArray) -> FloatArray:
    return np.where(np.isfinite(said), said, otherwise)


def _locations(network: Network, rng: np.random.Generator) -> tuple[LocationClass, ...]:
    """One class for each branch: that of the area of its from end. Areas are the buses nearest to drawn centres."""
    place = np.nan_to_num(np.stack([network.bus.x, network.bus.y], axis=1))
    n_area = min(network.n_bus, max(FEWEST_AREAS, network.n_bus // BUSES_PER_AREA))
    centres = rng.choice(network.n_bus, n_area, replace=False)
    drawn = rng.choice(len(LocationClass), n_area, p=LOCATION_SHARES)
    area = cKDTree(place[centres]).query(place)[1]
    classes = tuple(LocationClass)
    return tuple(classes[one] for one in drawn[area][network.branch.from_bus].tolist())


def _power_behind(network: Network) -> tuple[FloatArray, FloatArray]:
    """(m,) MW that lose supply without the branch, and MW that it serves: those, or in meshes what flows through it.

    Of the case's own solved state. Never more than the case's whole load; open branches serve nothing.
    """
    branch, n_bus, sources = network.branch, network.n_bus, network.source_buses
    closed = branch.closed & branch.in_service
    ends = (n_bus, branch.from_bus, branch.to_bus, closed, sources)
    demand_mw: FloatArray = np.bincount(network.load.bus, network.load.p_mw.clip(min=0), n_bus)
    interrupted_mw = interrupted_power_mw(*ends, demand_mw)
    voltage = np.nan_to_num(network.base_voltage)
    v_from, v_to = voltage[branch.from_bus], voltage[branch.to_bus]
    flow_mw = network.base_mva * np.abs((v_from * np.conj(branch.yff * v_from + branch.yft * v_to)).real)
    live = closed & energised_buses(*ends)[branch.from_bus]
    through_mw = np.where(live, np.minimum(flow_mw, demand_mw.sum()), 0.0)
    return interrupted_mw, np.where(interrupted_mw > 0, interrupted_mw, through_mw)


def _criticality(customers: IntArray, interrupted_mw: FloatArray) -> IntArray:
    """(m,) 1 to 4, the quarter in which the branch lies by its customers, and 1 more where its loss interrupts load."""
    rank = rankdata(customers, method="min") - 1
    quarter = 1 + (4 * rank / max(1, len(customers))).astype(int)
    return quarter + (interrupted_mw > 0)


def _costs_eur(network: Network, rating_mva: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(m,) of a planned replacement, and of an unplanned failure beyond the interruption; NaN for impedances."""
    branch = network.branch
    kind = np.array(branch.kind)
    vn_kv = np.maximum(network.bus.vn_kv[branch.from_bus], network.bus.vn_kv[branch.to_bus])
    length_km = np.clip(np.nan_to_num(branch.length_km), SHORTEST_KM, LONGEST_KM)
    size = np.clip(np.sqrt(rating_mva / (np.sqrt(3.0) * vn_kv * USUAL_KA)), 0.5, 2.0)
    planned, emergency = np.full(len(branch), np.nan), np.full(len(branch), np.nan)
    for of_kind, table in ((BranchKind.LINE, LINE_EUR_PER_KM), (BranchKind.CABLE, CABLE_EUR_PER_KM)):
        mine = kind == of_kind
        eur_per_km = size * np.exp(np.interp(np.log(vn_kv), np.log(UNIT_COST_KV), np.log(table)))
        planned[mine] = (eur_per_km * length_km)[mine]
        emergency[mine] = (EMERGENCY_FACTOR * eur_per_km * np.minimum(length_km, REPAIRED_KM[of_kind]))[mine]
    mine = kind == BranchKind.TRANSFORMER
    planned[mine] = ((TRANSFORMER_EUR + TRANSFORMER_EUR_PER_MVA * rating_mva) * (vn_kv / 110.0) ** 0.25)[mine]
    emergency[mine] = EMERGENCY_FACTOR * TRANSFORMER_REPAIR_SHARE * planned[mine]
    return planned, emergency

"""The transformers of a RAW file as branches of MATPOWER's model and admittances.

A winding is an ideal transformer of ratio WINDV and angle ANG at its bus; two of them have an impedance between them,
three have one each to a common star point. The magnetising admittance is at the bus of winding 1. The codes say in what
the numbers are given: CW those of WINDV, CZ of impedances, CM of the magnetising admittance.
Source: PSS/E's Program Operation Manual, transformer data. An impedance on the windings' own base lies between the
ideal ratios, which hold their nominal voltages already: only its base power is converted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pandapower.pypower.idx_brch import BR_R, BR_STATUS, BR_X, F_BUS, RATE_A, SHIFT, T_BUS, TAP

from grid.files.attached import Attached, together
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.matpower.format import Matrix
from grid.files.psse.buses import RawBuses, code
from grid.files.psse.layout import Section
from grid.files.psse.raw import RawFile, SectionTable
from grid.network import BoolArray, FloatArray, IntArray

Impedances = NDArray[np.complex128]

NOT_ONE = float(np.nextafter(1, 2))  # a ratio of 1 would make a line of a transformer
OUT = {1: (0, 4), 2: (0, 2), 3: (0, 3)}  # which STAT takes which winding out of service
MODELS = "it is 1, 2 or 3"
WINDING_PARTS = 2  # the lines of a record before those of its windings


@dataclass(frozen=True, kw_only=True)
class Transformers:
    """Branches (n, 11) with names, star points (k,) with number, kV, name and service, magnetising admittances."""

    branch: Matrix
    name: tuple[str, ...]
    star: IntArray
    star_kv: FloatArray
    star_name: tuple[str, ...]
    star_in_service: BoolArray
    magnetising: Attached
    corrected: tuple[str, ...]  # whose impedance a table of the file would change


def read_transformers(raw: RawFile, buses: RawBuses) -> Transformers:
    """Transformers of two and three windings; star points are numbered from above the buses."""
    table = raw.table(Section.TRANSFORMER)
    third = buses.rows(table, "K", none=True) >= 0
    pairs, triples = _Kind(raw, table.taken(~third), buses), _Kind(raw, table.taken(third), buses)
    star = int(buses.number.max()) + 1 + np.arange(len(triples.table))
    windings = [triples.winding_branch(winding, star) for winding in (1, 2, 3)]
    names = tuple(f"{name}, winding {winding}" for winding in (1, 2, 3) for name in triples.name)
    return Transformers(
        branch=np.concatenate([pairs.pair_branch(), *windings]),
        name=pairs.name + names,
        star=star,
        star_kv=buses.vn_kv[triples.rows[1]],
        star_name=tuple(f"{name}, star point" for name in triples.name),
        star_in_service=triples.status > 0,
        magnetising=together(kind.magnetising() for kind in (pairs, triples)),
        corrected=pairs.corrected((1,)) + triples.corrected((1, 2, 3)),
    )


class _Kind:
    """The transformers of two windings, or those of three."""

    def __init__(self, raw: RawFile, table: SectionTable, buses: RawBuses) -> None:
        self.table, self._raw, self._buses = table, raw, buses
        self.rows = {
            winding: buses.rows(table, field, none=field == "K") for winding, field in ((1, "I"), (2, "J"), (3, "K"))
        }
        table.refuse(self.rows[1] == self.rows[2], "J", "I and J are the same bus")
        self.cw, self.cz, self.cm = (table.numbers(code(field, MODELS, 1, 3), 1.0) for field in ("CW", "CZ", "CM"))
        self.status = table.numbers(code("STAT", "a status is from 0 to 4", 0, 4), 1.0)
        circuits, given = table.texts("CKT"), table.texts("NAME")
        ends = zip(self.rows[1], self.rows[2], circuits, given, strict=True)
        self.name = tuple(
            name or f"{buses.name[first]} - {buses.name[second]} {circuit or 1}"
            for first, second, circuit, name in ends
        )

    def pair_branch(self) -> Matrix:
        """(n, 11): the second winding's ratio moves through the impedance to the first."""
        first, second = self._ratio(1), self._ratio(2)
        impedance = self._impedance("12") * second**2
        return self._branch(self._buses.number[self.rows[2]], impedance, 1, first / second, self.status == 1)

    def winding_branch(self, winding: int, star: IntArray) -> Matrix:
        """(k, 11) from a winding's bus to the star points (k,)."""
        z12, z23, z31 = (self._impedance(pair) for pair in ("12", "23", "31"))
        own = {1: z12 + z31 - z23, 2: z12 + z23 - z31, 3: z23 + z31 - z12}[winding] / 2
        return self._branch(star, own, winding, self._ratio(winding), ~np.isin(self.status, OUT[winding]))

    def magnetising(self) -> Attached:
        """The admittances at the first windings' buses."""
        conductance = self.table.numbers(finite("MAG1", "p.u., or W with CM = 2"), 0.0)
        susceptance = self.table.numbers(finite("MAG2", "p.u."), 0.0)
        base, own = self._raw.base_mva, self.table.numbers(self._base_rule("12"), self._raw.base_mva, 1)
        watts = self.cm == 2
        nominal = self._nominal_kv(1) / self._buses.known_kv(self.rows[1])
        p_mw = np.where(watts, conductance / 1e6 / nominal**2, conductance * base)
        own_mva = susceptance * own / nominal**2
        lagging = np.sqrt(np.maximum(own_mva**2 - p_mw**2, 0))
        return Attached(
            bus=self._buses.number[self.rows[1]],
            p_mw=p_mw,
            q_mvar=np.where(watts, lagging, -susceptance * base),
            in_service=self.status > 0,
            name=tuple(f"{name}, magnetising" for name in self.name),
        )

    def corrected(self, windings: tuple[int, ...]) -> tuple[str, ...]:
        """Whose impedance depends on its tap by a table."""
        tables = [
            self.table.numbers(finite("TAB", "number of a table"), 0.0, WINDING_PARTS + winding - 1)
            for winding in windings
        ]
        return tuple(name for name, *given in zip(self.name, *tables, strict=True) if any(given))

    def _branch(self, end: IntArray, impedance: Impedances, winding: int, ratio: FloatArray, used: BoolArray) -> Matrix:
        part = WINDING_PARTS + winding - 1
        branch = np.zeros((len(self.table), BR_STATUS + 1))
        branch[:, F_BUS], branch[:, T_BUS] = self._buses.number[self.rows[winding]], end
        branch[:, BR_R], branch[:, BR_X] = impedance.real, impedance.imag
        branch[:, RATE_A] = self.table.numbers(not_negative("RATE1", "MVA, 0 where there is none"), 0.0, part)
        branch[:, TAP] = np.where(ratio == 1, NOT_ONE, ratio)
        branch[:, SHIFT] = self.table.numbers(finite("ANG", "degrees"), 0.0, part)
        branch[:, BR_STATUS] = used
        return branch

    def _nominal_kv(self, winding: int) -> FloatArray:
        """NOMV, where it is given, else the bus's."""
        given = self.table.numbers(not_negative("NOMV", "kV, 0 for the bus's"), 0.0, WINDING_PARTS + winding - 1)
        return np.where(given > 0, given, self._buses.known_kv(self.rows[winding]))

    def _ratio(self, winding: int) -> FloatArray:
        """WINDV in p.u. of the bus's nominal voltage."""
        part, kv = WINDING_PARTS + winding - 1, self._buses.known_kv(self.rows[winding])
        given = self.table.numbers(positive("WINDV", "p.u., or kV with CW = 2"), 1.0, part)
        empty = np.array([not text for text in self.table.texts("WINDV", part)], dtype=bool)
        return np.select(
            [self.cw == 2, self.cw == 3],
            [np.where(empty, 1.0, given / kv), given * self._nominal_kv(winding) / kv],
            given,
        )

    def _base_rule(self, pair: str) -> Rule:
        return positive(f"SBASE{pair}", "MVA")

    def _impedance(self, pair: str) -> Impedances:
        """(n,) complex, p.u. on the system's base power."""
        r = self.table.numbers(finite(f"R{pair}", "p.u., or W with CZ = 3"), 0.0, 1)
        x = self.table.numbers(finite(f"X{pair}", "p.u."), None, 1)
        own = self.table.numbers(self._base_rule(pair), self._raw.base_mva, 1)
        watts = self.cz == 3
        r = np.where(watts, r / 1e6 / own, r)
        reactive = np.sqrt(np.maximum(x**2 - r**2, 0))
        z = r + 1j * np.where(watts, np.copysign(reactive, x), x)
        return np.where(self.cz == 1, z, z * self._raw.base_mva / own)

"""The buses of a RAW file, and how its other records refer to them."""

from dataclasses import dataclass

import numpy as np
from pandapower.pypower.idx_bus import NONE, PQ

from grid.errors import CaseError
from grid.files.check import Rule, finite, not_negative, positive
from grid.files.psse.layout import Section
from grid.files.psse.raw import RawFile, SectionTable
from grid.network import BoolArray, FloatArray, IntArray


def code(field: str, right: str, low: int, high: float) -> Rule:
    """A whole number within bounds."""
    return Rule(field, lambda v: (v == np.floor(v)) & (v >= low) & (v <= high), right)


def service(field: str) -> Rule:
    """A status of a record."""
    return code(field, "a status is 1 in service, 0 out of service", 0, 1)


BUS_NUMBER = "a bus is given by its number, a whole number from 1 to 999997"
MOST_BUS_NUMBER = 999_997


@dataclass(frozen=True, kw_only=True)
class RawBuses:
    """Buses (n,) in the file's order: numbers, names, kV (0 where not given), MATPOWER's types, p.u., degrees.

    vm_pu, va_degree: the solution that the file holds; of limits the normal ones.
    """

    number: IntArray
    name: tuple[str, ...]
    vn_kv: FloatArray
    kind: IntArray
    vm_pu: FloatArray
    va_degree: FloatArray
    max_vm_pu: FloatArray
    min_vm_pu: FloatArray

    def rows(self, table: SectionTable, field: str, part: int = 0, none: bool = False) -> IntArray:
        """(n,) rows of the buses that records refer to; none: a 0 or an empty field means no bus, row -1.

        A minus marks the metered end. Raises CaseError where there is no such bus.
        """
        rule = code(field, BUS_NUMBER, -MOST_BUS_NUMBER, MOST_BUS_NUMBER)
        numbers = np.abs(table.numbers(rule, 0.0 if none else None, part)).astype(np.int64)
        order = np.argsort(self.number)
        rows = order[np.minimum(np.searchsorted(self.number, numbers, sorter=order), len(order) - 1)]
        wrong = (self.number[rows] != numbers) & ~(none & (numbers == 0))
        table.refuse(wrong, field, "there is no bus of this number", part)
        return np.where(numbers == 0, -1, rows)

    def known_kv(self, rows: IntArray) -> FloatArray:
        """Nominal voltages, 1 kV where the file gives none."""
        kv = self.vn_kv[rows]
        return np.where(kv > 0, kv, 1.0)

    def live(self, rows: IntArray) -> BoolArray:
        """Which buses aren't isolated."""
        return self.kind[rows] != NONE


def read_buses(raw: RawFile) -> RawBuses:
    """The buses. Raises CaseError where there are none, or a number occurs twice."""
    table = raw.table(Section.BUS)
    if not len(table):
        raise CaseError(raw.file, "a network has at least one bus; this file has none", "bus")
    number = table.numbers(code("I", BUS_NUMBER, 1, MOST_BUS_NUMBER), None).astype(np.int64)
    repeated = np.ones(len(number), dtype=bool)
    repeated[np.unique(number, return_index=True)[1]] = False
    table.refuse(repeated, "I", "this bus number occurs before; each must be unique")
    names = table.texts("NAME")
    return RawBuses(
        number=number,
        name=tuple(name or f"Bus {at}" for name, at in zip(names, number, strict=True)),
        vn_kv=table.numbers(not_negative("BASKV", "kV, 0 where it isn't known"), 0.0),
        kind=table.numbers(
            code("IDE", "it is 1 (load), 2 (generator), 3 (swing) or 4 (isolated)", PQ, NONE), 1.0
        ).astype(np.int64),
        vm_pu=table.numbers(positive("VM", "p.u."), 1.0),
        va_degree=table.numbers(finite("VA", "degrees"), 0.0),
        max_vm_pu=table.numbers(positive("NVHI", "p.u."), 1.1),
        min_vm_pu=table.numbers(not_negative("NVLO", "p.u."), 0.9),
    )

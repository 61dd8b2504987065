"""Case: a grid to watch. The record alone; who loads one is grid.cases.cases, with all that reads files."""

from dataclasses import dataclass

from grid.files.findings import ImportReport
from grid.network import FloatArray, Network


@dataclass(frozen=True, eq=False)
class Profiles:
    """A case's own year: relative values in steps of 15 minutes from 1 January 00:00, by profile name.

    load_p and load_q multiply a load's p_mw and q_mvar, generation multiplies a generator's p_mw.
    """

    step_minutes: int
    load_p: dict[str, FloatArray]
    load_q: dict[str, FloatArray]
    generation: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Case:
    """A grid to watch: its network, and what only some cases know about it."""

    spec: str
    network: Network
    year_built: FloatArray  # (m,) NaN where the case doesn't say
    profiles: Profiles | None
    report: ImportReport

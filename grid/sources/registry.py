"""The sources that a person can choose, one line each."""

from collections.abc import Callable, Mapping
from datetime import datetime

from grid.cases.case import Case
from grid.errors import CaseError
from grid.sources.replay import open_replay
from grid.sources.seams import SourceParts
from grid.sources.simulator import open_simulator

# Of a case, what stands after the colon, the simulated start and the seed; CaseError where it can't be opened.
Opener = Callable[[Case, str, datetime, int], SourceParts]
SOURCES: Mapping[str, Opener] = {
    "simulator": open_simulator,
    "replay": open_replay,
}


def open_source(spec: str, case: Case, start: datetime, seed: int) -> SourceParts:
    """The source NAME or NAME:ARGUMENT of a case. CaseError where there is none of this name, or it can't be opened."""
    name, _, argument = spec.strip().partition(":")
    if name not in SOURCES:
        raise CaseError(spec, f"there is no such source; there are {', '.join(SOURCES)}")
    return SOURCES[name](case, argument, start, seed)

"""What comes of inputs that are drawn by chance: read and right, refused rightly, or wrong."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

SEED = 27
LONGEST = 240  # characters of what was said

Rng = np.random.Generator


class Verdict(StrEnum):
    """How an input was taken."""

    RIGHT = "read and right"
    REFUSED = "refused rightly"
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one input. gaps: largest differences to the judge's figures, one for each of the kind's units."""

    verdict: Verdict
    said: str = ""
    gaps: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Inputs of one kind. tried: draws one, writes it into a folder, has it read, and judges what comes."""

    name: str
    words: str
    judge: str
    inputs: int
    tried: Callable[[Rng, Path], Outcome]
    units: tuple[str, ...] = ()

    def outcome(self, index: int) -> Outcome:
        """Of the input of this index: the same each time."""
        rng = np.random.default_rng([SEED, zlib.crc32(self.name.encode()), index])
        with TemporaryDirectory() as folder:
            try:
                return self.tried(rng, Path(folder))
            except Exception as error:  # noqa: BLE001 - a crash is what came of it
                return wrong(f"{type(error).__name__}: {error}")


def wrong(said: str, gaps: tuple[float, ...] = ()) -> Outcome:
    """What is neither read right nor refused rightly."""
    return Outcome(verdict=Verdict.WRONG, said=shorter(said), gaps=gaps)


def judged(right: bool, said: str, gaps: tuple[float, ...] = ()) -> Outcome:
    """What was read, right or wrong."""
    return Outcome(verdict=Verdict.RIGHT if right else Verdict.WRONG, said=shorter(said), gaps=gaps)


def refused(right: bool, said: str) -> Outcome:
    """What was refused, rightly or not."""
    return Outcome(verdict=Verdict.REFUSED if right else Verdict.WRONG, said=shorter(said))


def shorter(text: str) -> str:
    """In one line of a table."""
    line = " ".join(text.split()).replace("|", "/")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"

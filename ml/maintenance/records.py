"""Plain records of maintenance, for those who read them without the libraries that models are made with."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class WhyNotKind(StrEnum):
    """Why an asset has no learned prognosis."""

    NO_MODEL = "no_model"
    STALE = "stale"  # measurements
    NOT_AN_ASSET = "not_an_asset"  # that models know
    SIGNALS_MISSING = "signals_missing"


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why an asset has no learned prognosis. missing: how many of its condition signals are."""

    kind: WhyNotKind
    missing: int = 0


class Member(StrEnum):
    """The single models, and what they are averaged to; each has its own calibration."""

    AVERAGE = "average"
    XGBOOST = "xgboost"
    RANDOM_FOREST = "random_forest"


class ModelFileError(ValueError):
    """A file that can't be used as a model: which one, and why."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.reason = file, reason

    def __reduce__(self) -> tuple[type["ModelFileError"], tuple[Path, str]]:
        """From these it is made again in another process."""
        return type(self), (self.file, self.reason)

"""Plain records of maintenance that components read."""

from dataclasses import dataclass
from enum import StrEnum


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

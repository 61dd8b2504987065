"""The worst trouble that the samples of the hours ahead show."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from grid.studies.lookahead import LookAhead

MENTIONED_PERCENT = 1.0  # chance of trouble from which the worst hour is one of trouble


class TroubleKind(StrEnum):
    """What is the worst of the hours ahead."""

    NO_SOLUTION = "no_solution"  # samples without a power flow solution
    OVERLOAD = "overload"
    VOLTAGE = "voltage"
    HIGHEST_LOADING = "highest_loading"  # of a branch; no limit is in danger
    NOTHING = "nothing"  # there is no branch that carries anything


@dataclass(frozen=True, kw_only=True)
class WorstTrouble:
    """Where the worst is expected. hour: from 0 on. asset: a branch, for VOLTAGE a bus, -1 for the whole grid.

    percent: the chance of trouble; for HIGHEST_LOADING the loading that 95 % of the samples stay within; for NOTHING 0.
    unsupplied_mw: the most that loads without supply want in an hour, which is unsupplied_hour.
    """

    hour: int
    kind: TroubleKind
    asset: int = -1
    percent: float = 0.0
    unsupplied_mw: float = 0.0
    unsupplied_hour: int = 0


def worst_trouble(look: LookAhead) -> WorstTrouble:
    """The hour with the largest chance of trouble, or without any the one with the highest loading."""
    hour = int(np.argmax(look.unsupplied_mw))
    return replace(_worst(look), unsupplied_mw=float(look.unsupplied_mw[hour]), unsupplied_hour=hour)


def _worst(look: LookAhead) -> WorstTrouble:
    low_or_high = look.low_of_solved + look.high_of_solved
    chances = [100 * np.nan_to_num(values) for values in (look.overload_of_solved, low_or_high)]
    unsolved = 100 * look.unsolved_share
    by_kind = [unsolved, *(values.max(axis=1, initial=0.0) for values in chances)]
    place, hour = (int(at) for at in np.unravel_index(int(np.argmax(by_kind)), (len(by_kind), len(unsolved))))
    chance = float(by_kind[place][hour])
    if chance >= MENTIONED_PERCENT:
        kind = (TroubleKind.NO_SOLUTION, TroubleKind.OVERLOAD, TroubleKind.VOLTAGE)[place]
        asset = -1 if kind is TroubleKind.NO_SOLUTION else int(np.argmax(chances[place - 1][hour]))
        return WorstTrouble(hour=hour, kind=kind, asset=asset, percent=chance)
    loading = np.nan_to_num(look.loading_high_percent)
    if not loading.any():
        return WorstTrouble(hour=0, kind=TroubleKind.NOTHING)
    hour, branch = (int(at) for at in np.unravel_index(int(np.argmax(loading)), loading.shape))
    highest = float(loading[hour, branch])
    return WorstTrouble(hour=hour, kind=TroubleKind.HIGHEST_LOADING, asset=branch, percent=highest)

"""Replacing a forecaster by one that has learned more, if it is no worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone

from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.hours import DAY
from ml.forecasting.quality.drift import contest
from ml.forecasting.records import CONTEST_DAYS, Contest, ContestVerdict


def renew(current: Forecaster, until: pd.Timestamp, candidate: Forecaster | None = None) -> tuple[Forecaster, Contest]:
    """The forecaster to be used from `until` on, and the contest that decided.

    The candidate, a copy of the current one where None, learns from the current one's observations up to 28 days before
    until and must not be worse than it over those days, of which neither has learned; then it learns from them too.
    Without a model in use whatever can be fitted is taken; a model that has learned from those days already stays.
    """
    fresh: Forecaster = clone(current if candidate is None else candidate)
    hours = current.hours_
    row = hours.row(until)
    first = row - DAY * CONTEST_DAYS
    if current.model_ is None:
        return fresh.fit(current.frame_, until), Contest(verdict=ContestVerdict.NONE_IN_USE)
    if current.until_ > first:
        return current, Contest(verdict=ContestVerdict.NOT_COMPARABLE)
    fresh.fit(current.frame_, until - pd.Timedelta(days=CONTEST_DAYS))
    issues = np.arange(first, row - DAY + 1)
    issues = issues[hours.hour[issues] == current.issue_hours[0]]
    rows = issues[:, None] + np.arange(DAY)
    actual = np.where(rows < row, hours.target[rows], np.nan)
    horizon = min(DAY, current.horizon, fresh.horizon)
    old, new = (made.issue(issues).quantiles[:, :horizon] for made in (current, fresh))
    decided = contest(actual[:, :horizon], old, new)
    return (fresh.refit(until) if decided.taken else current), decided

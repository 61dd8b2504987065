"""What an operator's own failures say of the rates: a chart that notices when they are others, and a correction.

Chart: Poisson CUSUMs (Lucas 1985, Technometrics 27:129) for rates that have doubled, or fallen to a half. Correction: a
factor of all rates whose prior is a gamma distribution with the mean 1, so that few failures change little. Expected is
by the present rates, for the whole time of the log.
"""

import math
from datetime import datetime

import numpy as np
from scipy.special import gammaincinv

from grid.assets.failure_log import FailureLog
from grid.network import BoolArray, FloatArray
from ml.maintenance.model.hazard import DAYS_PER_YEAR
from ml.maintenance.records import OwnFailures, RateChange

PRIOR_FAILURES = 4.0  # that the prior is worth: its spread is one half, by which rates of operators differ; assumption
INTERVAL = (0.025, 0.975)
RATIO = 2.0
PER_EXPECTED_HIGH = (RATIO - 1) / math.log(RATIO)  # that an expected failure takes from the sum; a failure adds 1
PER_EXPECTED_LOW = (1 - 1 / RATIO) / math.log(RATIO)
ALARM = 8.0  # false after some 1,000 failures; doubled rates are noticed after 25 on average, 60 in 99 of 100 logs
SECONDS_PER_YEAR = DAYS_PER_YEAR * 86400


def own_failures(log: FailureLog, rate_per_year: FloatArray, is_asset: BoolArray, now: datetime) -> OwnFailures | None:
    """What a log says until now of the rates (m,) of a grid's assets; None before its first day has passed.

    NaN is no rate: failures of such assets don't count.
    """
    counts = is_asset & np.isfinite(rate_per_year)
    per_year = float(rate_per_year[counts].sum())
    begin, end = (np.datetime64(time.replace(tzinfo=None), "s") for time in (log.since, now))
    times = log.time[counts[log.branch] & (log.time <= end)]
    expected = per_year * _years(begin, end)
    if expected <= 0:
        return None
    moments = np.concatenate([[begin], times, [end]]).astype("datetime64[s]").astype(np.int64)
    steps = per_year * np.diff(moments) / SECONDS_PER_YEAR
    shape, rate = PRIOR_FAILURES + len(times), PRIOR_FAILURES + expected
    low, high = (float(gammaincinv(shape, share)) / rate for share in INTERVAL)
    return OwnFailures(
        since=log.since,
        failures=len(times),
        expected=expected,
        factor=shape / rate,
        low=low,
        high=high,
        change=rate_change(steps),
    )


def rate_change(expected: FloatArray) -> RateChange | None:
    """Whether rates are others, by failures expected until the first one, between two, and since the last one (k + 1,).

    An alarm ends when its sum has come back to nothing.
    """
    high = low = 0.0
    alarmed: dict[RateChange, bool] = dict.fromkeys(RateChange, False)
    for place, step in enumerate(expected.tolist()):
        failed = place < len(expected) - 1
        high = max(0.0, high - PER_EXPECTED_HIGH * step)
        alarmed[RateChange.HIGHER] = alarmed[RateChange.HIGHER] and high > 0
        low += PER_EXPECTED_LOW * step
        alarmed[RateChange.LOWER] = alarmed[RateChange.LOWER] or low >= ALARM
        if failed:
            high, low = high + 1, max(0.0, low - 1)
        alarmed[RateChange.HIGHER] = alarmed[RateChange.HIGHER] or high >= ALARM
        alarmed[RateChange.LOWER] = alarmed[RateChange.LOWER] and low > 0
    return next((change for change, is_alarmed in alarmed.items() if is_alarmed), None)


def _years(begin: np.datetime64, end: np.datetime64) -> float:
    return float((end - begin) / np.timedelta64(1, "s")) / SECONDS_PER_YEAR

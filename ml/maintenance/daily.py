"""Daily prognosis: what a day of looks at an asset says together.

Each look judges an asset at the load, temperature and weather of that moment, as the models learned it: from moments of
any hour. What is said of a year is their mean over a day, with weights that fall by 1/e in one, and how they spread.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from grid.network import BoolArray, FloatArray
from ml.maintenance.model.prognosis import Prognosis

TIME_CONSTANT = timedelta(days=1)
MOST_LIKELY = 1 - 1e-9


@dataclass(eq=False)
class _Averages:
    """Of n assets: mean rates of the average, lowest and highest model and CNAIM, and the first's variance (n, h);
    mean shares of causes (n, c). known (n,): whether a model has judged it."""

    rate: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray
    published: FloatArray
    cause: FloatArray
    known: BoolArray


class DailyPrognosis:
    """The averages of one network's assets. Not thread-safe.

    The first look stands until others have as much weight: what was before it isn't known. Looks that no model judged
    change nothing of what the models said.
    """

    def __init__(self) -> None:
        self._kept: _Averages | None = None
        self._models = ""
        self._time: datetime | None = None

    def forget(self) -> None:
        """Begin anew, with another network."""
        self._kept = None

    def take(self, made: Prognosis, time: datetime, models: str) -> Prognosis:
        """The prognosis of the day that ends with a look at a simulated time. models: names them; others begin anew.

        low and high are the mean ends of the single models' range, or one standard deviation of the day's looks from
        their mean where that is further.
        """
        rate, low, high, published = (_rate(one) for one in (made.probability, made.low, made.high, made.published))
        kept = self._kept
        if kept is None or models != self._models or self._time is None:
            kept = _Averages(rate, np.zeros_like(rate), low, high, published, made.cause, made.learned)
            share = 0.0
        else:
            share = float(-np.expm1(-max(time - self._time, timedelta(0)) / TIME_CONSTANT))
        self._models, self._time = models, time
        begins, goes_on = made.learned & ~kept.known, made.learned & kept.known
        off = rate - kept.rate

        def averaged(before: FloatArray, now: FloatArray) -> FloatArray:
            mean = np.where(goes_on[:, None], before + share * (now - before), before)
            return np.where(begins[:, None], now, mean)

        variance = np.where(goes_on[:, None], (1 - share) * (kept.variance + share * off**2), kept.variance)
        cause = np.where(np.isnan(kept.cause), made.cause, kept.cause)
        self._kept = found = _Averages(
            rate=averaged(kept.rate, rate),
            variance=np.where(begins[:, None], 0.0, variance),
            low=averaged(kept.low, low),
            high=averaged(kept.high, high),
            published=kept.published + share * (published - kept.published),
            cause=averaged(cause, np.where(np.isnan(made.cause), cause, made.cause)),
            known=kept.known | made.learned,
        )
        spread, learned = np.sqrt(found.variance), made.learned[:, None]
        day = _probability(found.published)
        return replace(
            made,
            probability=np.where(learned, _probability(found.rate), day),
            low=np.where(learned, _probability(np.minimum(found.low, found.rate - spread)), day),
            high=np.where(learned, _probability(np.maximum(found.high, found.rate + spread)), day),
            published=day,
            cause=np.where(learned, found.cause, made.cause),
        )


class DailyMean:
    """Mean of values over the day that ends now, with weights as above; of any shape."""

    def __init__(self) -> None:
        self._mean: FloatArray | None = None
        self._time: datetime | None = None

    def forget(self) -> None:
        """Begin anew."""
        self._mean = None

    def take(self, values: FloatArray, time: datetime) -> FloatArray:
        """The mean with the values of a simulated time; the first ones stand until others have as much weight."""
        if self._mean is None or self._time is None:
            self._mean = values.astype(float)
        else:
            share = float(-np.expm1(-max(time - self._time, timedelta(0)) / TIME_CONSTANT))
            self._mean = self._mean + share * (values - self._mean)
        self._time = time
        return self._mean


def _rate(probability: FloatArray) -> FloatArray:
    """Failures within the horizon that a probability stands for."""
    return np.asarray(-np.log1p(-np.minimum(probability, MOST_LIKELY)))


def _probability(rate: FloatArray) -> FloatArray:
    return np.asarray(-np.expm1(-np.maximum(rate, 0.0)))

"""The prognosis of a grid's assets: failure probabilities by the trained models, or by the published hazard."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from grid.assets.deterioration import Signal
from grid.network import BoolArray, FloatArray
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.features import Observation, features_of, residuals_of
from ml.maintenance.model.hazard import DAYS_PER_YEAR, within
from ml.maintenance.records import RateMember, WhyNot, WhyNotKind

if TYPE_CHECKING:  # the published hazard alone needs none of the libraries that models are made with
    import pandas as pd

    from ml.maintenance.model.store import ModelBundle

HORIZONS = (30, 90, 365)
SENSED = ("temperature_residual_k", "load_pu", "vibration_ratio", "corrosion", "thd_percent")  # in a week of looks
MOST_MISSING = 2  # of SENSED and trips, and oil quality where there is oil


@dataclass(frozen=True, eq=False)
class Prognosis:
    """Of n assets; h columns for HORIZONS, in days.

    probability, low and high (n, h): failure within each horizon, and the range of the single models. published (n, h)
    by CNAIM alone. cause (n, 4): type given failure, in the order of CAUSES, NaN where not learned. novelty (n,): the
    isolation forest's score, NaN where not known; is_novel (n,). learned (n,): by the trained models; where it is False
    the probability is CNAIM's, and why_not (n) says why; None where it is True.
    """

    probability: FloatArray
    low: FloatArray
    high: FloatArray
    published: FloatArray
    cause: FloatArray
    novelty: FloatArray
    is_novel: BoolArray
    learned: BoolArray
    why_not: tuple[WhyNot | None, ...]

    def rate_per_year(self, horizon_days: int) -> FloatArray:
        """(n,) failures a year that a horizon's probability stands for: -ln(1 - p) / T."""
        found: FloatArray = self.probability[:, HORIZONS.index(horizon_days)]
        return -np.log1p(-np.minimum(found, 1 - 1e-9)) * DAYS_PER_YEAR / horizon_days

    def multiplied(self, factor: float) -> "Prognosis":
        """The prognosis with all rates but CNAIM's own times a factor."""

        def times(probability: FloatArray) -> FloatArray:
            return -np.expm1(factor * np.log1p(-np.minimum(probability, 1 - 1e-9)))

        return replace(self, probability=times(self.probability), low=times(self.low), high=times(self.high))


def prognose(bundle: "ModelBundle | None", seen: Observation, is_asset: BoolArray, stale: bool) -> Prognosis:
    """The prognosis from what is seen; is_asset (n,): False for what no model was trained on."""
    count = len(seen.traits)
    published = within(seen.published_per_year[:, None], np.array(HORIZONS))
    features = None if bundle is None or stale else features_of(seen)
    why_not = _reasons(bundle, seen, features, is_asset)
    learned = np.array([reason is None for reason in why_not], dtype=bool)
    probability, low, high = published.copy(), published.copy(), published.copy()
    cause, novelty = np.full((count, len(CAUSES)), np.nan), np.full(count, np.nan)
    if bundle is not None and features is not None and learned.any():
        frame = features[learned]
        for column, days in enumerate(HORIZONS):
            found = {member: within(rate, days) for member, rate in bundle.rates[days].rates(frame).items()}
            probability[learned, column] = found[RateMember.TOGETHER]
            every = np.stack(list(found.values()))
            low[learned, column], high[learned, column] = every.min(axis=0), every.max(axis=0)
        cause[learned] = bundle.rates[HORIZONS[-1]].causes(frame)
        if bundle.novelty is not None:
            novelty[learned] = bundle.novelty.score(residuals_of(seen)[learned])
    threshold = np.inf if bundle is None or bundle.novelty is None else bundle.novelty.threshold_
    return Prognosis(
        probability, low, high, published, cause, novelty, np.nan_to_num(novelty) > threshold, learned, why_not
    )


def _reasons(
    bundle: "ModelBundle | None", seen: Observation, features: "pd.DataFrame | None", is_asset: BoolArray
) -> tuple[WhyNot | None, ...]:
    """Why each asset has no learned prognosis; None where it has one. features: None where measurements are stale."""
    if bundle is None:
        return (WhyNot(kind=WhyNotKind.NO_MODEL),) * len(is_asset)
    if features is None:
        return (WhyNot(kind=WhyNotKind.STALE),) * len(is_asset)
    week = seen.week
    silent = np.isnan(np.stack([getattr(week, name) for name in SENSED])).sum(axis=0)
    silent = silent + np.isnan(seen.signal(Signal.TRIPS)) + (seen.traits.is_transformer & np.isnan(week.oil_quality))
    found: list[WhyNot | None] = []
    outside = (None,) * len(features) if bundle.card.support is None else bundle.card.support.outside(features)
    for count, known, unlike in zip(silent.tolist(), is_asset.tolist(), outside, strict=True):
        missing = WhyNot(kind=WhyNotKind.SIGNALS_MISSING, missing=count) if count > MOST_MISSING else unlike
        found.append(missing if known else WhyNot(kind=WhyNotKind.NOT_AN_ASSET))
    return tuple(found)

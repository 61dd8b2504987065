"""The pool: all parts' forecasts of the issues that were learned from, kept as they were made, and what they teach.

A forecast comes of it in three steps: each part is calibrated by its own residuals, the parts are weighted by what they
were lately worth at that lead hour, and the band is stretched as past bands held. Everything is learned from forecasts
whose hours had ended when another was issued, made by a model that had learned from what lay before them.
"""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.aggregation import MOST_ISSUES, pooled_quantiles, regrets_of, weights_of
from ml.forecasting.model.conformal import known_offsets
from ml.forecasting.model.features import FIRST_ISSUE
from ml.forecasting.model.hours import DAY, FloatArray, Hours, IntArray
from ml.forecasting.model.model import Parts, QuantileModel
from ml.forecasting.model.parts import ALL, MODELLED, PRIOR, Part, columns_of, parts_of, raw_parts
from ml.forecasting.model.shrinkage import deviation, dropped_share, lately, like_days, unusual
from ml.forecasting.model.widths import stretched, width_factors
from ml.forecasting.records import LEVELS

FEWEST_RESIDUALS = 20
MEDIAN = len(LEVELS) // 2


class Pool:
    """Quantiles of forecasts in the scale's terms, from a model and what its forecasts have been. Not thread-safe."""

    def __init__(
        self,
        horizon: int,
        issue_hours: tuple[int, ...],
        fitted: Parts,
        window_days: int,
        pooled_steps: int,
        shrunk: bool,
    ) -> None:
        """The first four as Forecaster has them; fitted: what its models are fitted as."""
        self.parts: tuple[Part, ...] = parts_of(fitted)
        self._columns = columns_of(self.parts)
        self._prior = PRIOR if self.parts == ALL else np.ones(1)
        self._horizon, self._issue_hours = horizon, issue_hours
        self._window_days, self._pooled_steps, self._shrunk = window_days, pooled_steps, shrunk
        width, count = int(self._columns.max()) + 1, len(self.parts)
        self._issues: IntArray = np.zeros(0, dtype=np.int64)
        self._raw = np.zeros((0, horizon, width), dtype=np.float32)
        self._quantiles = np.zeros((0, horizon, count, len(LEVELS)), dtype=np.float32)
        self._pooled = np.zeros((0, horizon, len(LEVELS)), dtype=np.float32)
        self._issued = np.zeros((0, horizon, len(LEVELS)), dtype=np.float32)
        self._deviation: FloatArray = np.zeros((0, horizon))
        self._unusual: FloatArray = np.zeros((0, horizon))

    def forecast(self, model: QuantileModel, hours: Hours, issues: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, H, 7) quantiles issued at ascending rows (n,), and (n, H, K, 7) of each part, NaN where it sleeps."""
        raw = raw_parts(model, hours, issues)
        found = np.empty((len(issues), self._horizon, len(LEVELS)))
        alone = np.empty((len(issues), self._horizon, len(self.parts), len(LEVELS)))
        for i, row in enumerate(issues.tolist()):
            self.extend(model, hours, row - 1)
            alone[i], _, found[i] = self._made(model, hours, row, raw[i])
        return found, alone

    def residuals(self, model: QuantileModel, hours: Hours, now: int) -> tuple[IntArray, FloatArray]:
        """Rows (m,) of earlier issues and (m, H, 7) target minus the quantile issued; NaN where unknown at row now."""
        self.extend(model, hours, now - 1)
        target = self._actual(model, hours, self._issues[:, None] + np.arange(self._horizon), now)
        return self._issues, target[..., None] - self._issued

    def extend(self, model: QuantileModel, hours: Hours, last: int) -> None:
        """Keep forecasts of all issues that were due up to a row, by the model of now."""
        first = max(model.until, FIRST_ISSUE, int(self._issues[-1]) + 1 if len(self._issues) else 0)
        due = np.arange(first, min(last, len(hours) - self._horizon - 1) + 1)
        due = due[np.isin(hours.hour[due], self._issue_hours)]
        if not len(due):
            return
        before, raw = len(self._issues), raw_parts(model, hours, due)
        self._issues = np.concatenate([self._issues, due])
        self._raw = np.concatenate([self._raw, raw.astype(np.float32)])
        self._quantiles, self._pooled, self._issued = (
            np.concatenate([kept, np.full((len(due), *kept.shape[1:]), np.nan, dtype=np.float32)])
            for kept in (self._quantiles, self._pooled, self._issued)
        )
        self._note_unusual(model, hours, due, raw)
        for i, row in enumerate(due.tolist()):
            made = self._made(model, hours, row, raw[i])
            self._quantiles[before + i], self._pooled[before + i], self._issued[before + i] = made

    def _made(
        self, model: QuantileModel, hours: Hours, row: int, raw: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Quantiles of one issue from its raw parts (H, C): of each part (H, K, 7), pooled (H, 7), and as issued.

        From issues at this hour of the day, else at the last hour that was learned from.
        """
        hour = int(hours.hour[row])
        nearest = max(self._issue_hours, key=lambda made: -((hour - made) % DAY))
        later = (hour - nearest) % DAY
        chosen = np.flatnonzero((hours.hour[self._issues] == nearest) & (self._issues + later < row))
        steps = np.arange(self._horizon) + later
        steps = np.where(steps < self._horizon, steps, np.maximum(steps - DAY, 0))
        steps = np.minimum(steps, self._horizon - 1)
        actual = self._actual(model, hours, self._issues[chosen, None] + steps, row)
        quantiles = self._calibrated(model, hours, row, raw, chosen, steps, later, actual)
        weighed = chosen[-MOST_ISSUES:]
        regrets = regrets_of(
            actual[-MOST_ISSUES:],
            self._pooled[weighed][:, steps].astype(float),
            self._quantiles[weighed][:, steps].astype(float),
        )
        weights = weights_of(regrets, self._prior, np.isfinite(quantiles[..., MEDIAN]))
        pooled = pooled_quantiles(quantiles, weights)
        whole = self._issues[chosen] >= self._issues[:1] + DAY * self._window_days
        issued = stretched(pooled, width_factors(actual, self._issued[chosen][:, steps].astype(float), whole))
        if not model.scale.logarithmic and np.nanmin(hours.target[:row], initial=np.inf) >= 0:
            issued = np.maximum(issued, 0)
        return quantiles, pooled, issued

    def _calibrated(
        self,
        model: QuantileModel,
        hours: Hours,
        row: int,
        raw: FloatArray,
        chosen: IntArray,
        steps: IntArray,
        later: int,
        actual: FloatArray,
    ) -> FloatArray:
        """(H, K, 7) sorted quantiles of each part, moved by its residuals; NaN where a value has too few of them.

        Of the model's, that is shrunk first as far as earlier ones were wrong to be unusual.
        """
        residuals = actual[..., None] - self._raw[chosen][:, steps]
        dropped = self._dropped(model, hours, row)
        raw = raw.copy()
        if dropped > 0:
            residuals[..., :MODELLED] += dropped * self._unusual[chosen][:, steps, None]
            here = self._deviating(model, hours, np.array([row]), raw[None])[0]
            earlier = self._deviation[chosen][lately(self._issues[chosen], row)][:, steps]
            raw[:, :MODELLED] -= dropped * unusual(here, earlier)[:, None]
        moved = known_offsets(
            residuals,
            self._issues[chosen] + later,
            row,
            np.tile(LEVELS, len(self.parts)),
            self._window_days,
            FEWEST_RESIDUALS,
            self._pooled_steps,
            self._columns,
        ).reshape(self._horizon, len(self.parts), len(LEVELS))
        model_s = self.parts.index(Part.MODEL)
        moved[:, model_s] = np.nan_to_num(moved[:, model_s])
        return np.asarray(np.sort(raw[:, self._columns].reshape(moved.shape) + moved, axis=-1))

    def _actual(self, model: QuantileModel, hours: Hours, rows: IntArray, now: int) -> FloatArray:
        """Targets in the scale's terms at rows, NaN where unknown or not ended at row now."""
        target = np.where(rows < now, hours.target[np.minimum(rows, len(hours) - 1)], np.nan)
        return model.scale.forward(target)

    def _dropped(self, model: QuantileModel, hours: Hours, now: int) -> float:
        """Share of what is unusual in the model's forecasts that is to be dropped."""
        if not self._shrunk:
            return 0.0
        target = self._actual(model, hours, self._issues[:, None] + np.arange(self._horizon), now)
        return dropped_share(self._unusual, target - self._raw[..., MEDIAN], FEWEST_RESIDUALS)

    def _deviating(self, model: QuantileModel, hours: Hours, issues: IntArray, raw: FloatArray) -> FloatArray:
        """(n, H) of the model's medians from like days, of issues (n,) with raw parts (n, H, C)."""
        if Part.LIKE_DAYS in self.parts:
            return deviation(raw[..., MEDIAN], raw[..., -1])
        return deviation(raw[..., MEDIAN], like_days(hours, issues, self._horizon, model.scale))

    def _note_unusual(self, model: QuantileModel, hours: Hours, due: IntArray, raw: FloatArray) -> None:
        """Keep how the latest issues, due (n,), deviate from like days; zero where nothing is shrunk."""
        if not self._shrunk:
            self._deviation = self._unusual = np.zeros((len(self._issues), self._horizon))
            return
        before = len(self._deviation)
        found = self._deviating(model, hours, due, raw)
        self._deviation = np.concatenate([self._deviation, found])
        hour = hours.hour[self._issues]
        excess = [
            unusual(one, self._deviation[:row][(lately(self._issues, now) & (hour == hour[row]))[:row]])
            for row, (now, one) in enumerate(zip(due.tolist(), found, strict=True), start=before)
        ]
        self._unusual = np.concatenate([self._unusual, np.stack(excess)])

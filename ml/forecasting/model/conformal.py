"""Rolling conformal calibration of quantiles by signed residuals (Romano, Patterson and Candes 2019, on each side).

Of every step, which is an hour of the clock, the last days' residuals of each quantile are kept; a quantile is moved by
the residuals' own quantile at its level. Only residuals whose hours had ended when a forecast was issued count.
"""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.hours import DAY, FloatArray, IntArray

POOLED_STEPS = 1
"""To either side of a step whose residuals count with its own."""


def residual_quantiles(residuals: FloatArray, levels: FloatArray, columns: IntArray | None = None) -> FloatArray:
    """(m, H, c) residuals with NaN -> (H, q): the quantiles at levels (q,), of columns (q,), over what is known.

    columns: each in turn where None. Levels are widened by (n + 1) / n on both sides of the median, the finite-sample
    correction of conformal prediction. NaN where nothing is known.
    """
    columns = np.arange(len(levels)) if columns is None else columns
    ordered = np.sort(np.ascontiguousarray(np.moveaxis(residuals, 0, -1)), axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1)[:, columns]
    n = np.maximum(count, 1)
    level = np.clip(0.5 + (levels - 0.5) * (1 + 2 / n), 0, 1)
    place = level * (n - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, n - 1)
    step = np.arange(ordered.shape[0])[:, None]
    below, above = ordered[step, columns, low], ordered[step, columns, high]
    return np.asarray(np.where(count > 0, below + (place - low) * (above - below), np.nan))


def pooled(residuals: FloatArray, reach: int = POOLED_STEPS) -> FloatArray:
    """(m, H, q) -> ((2 reach + 1) m, H, q): to every step the residuals of its neighbours; NaN beyond the ends."""
    parts = []
    for move in range(-reach, reach + 1):
        part = np.full_like(residuals, np.nan)
        if move < 0:
            part[:, -move:] = residuals[:, :move]
        elif move > 0:
            part[:, :-move] = residuals[:, move:]
        else:
            part[:] = residuals
        parts.append(part)
    return np.concatenate(parts)


def ended_before(residuals: FloatArray, issues: IntArray, now: int) -> FloatArray:
    """(m, H, q) with NaN where the hour of an issue's step had not ended at row now; issues (m,)."""
    ends = issues[:, None] + np.arange(residuals.shape[1])
    return np.asarray(np.where((ends < now)[..., None], residuals, np.nan))


def offsets(
    residuals: FloatArray,
    issues: IntArray,
    now: int,
    levels: FloatArray,
    window_days: int,
    fewest: int,
    reach: int = POOLED_STEPS,
) -> FloatArray:
    """As known_offsets, with zero where fewer than `fewest` are known."""
    return np.nan_to_num(known_offsets(residuals, issues, now, levels, window_days, fewest, reach))


def known_offsets(
    residuals: FloatArray,
    issues: IntArray,
    now: int,
    levels: FloatArray,
    window_days: int,
    fewest: int,
    reach: int = POOLED_STEPS,
    columns: IntArray | None = None,
) -> FloatArray:
    """(H, q) to be added to the quantiles of a forecast issued at row now; NaN where fewer than `fewest` are known.

    residuals (m, H, c): target minus quantile of earlier issues (m,), ascending; columns (q,): which belongs to each of
    levels (q,), in turn where None. Of the last window_days days whose hour had ended, and of as many neighbours of a
    step as reach says.
    """
    steps = residuals.shape[1]
    recent = (issues < now) & (issues >= now - DAY * window_days - steps)
    kept = ended_before(residuals[recent], issues[recent], now)
    too_old = issues[recent][:, None] + np.arange(steps) < now - DAY * window_days
    kept = pooled(np.where(too_old[..., None], np.nan, kept), reach)
    if not len(kept):
        return np.full((steps, len(levels)), np.nan)
    found = residual_quantiles(kept, levels, columns)
    count = np.isfinite(kept).sum(axis=0)
    return np.asarray(np.where((count if columns is None else count[:, columns]) >= fewest, found, np.nan))


def ranks(residuals: FloatArray) -> FloatArray:
    """(m, H) -> (m, H) in (0, 1): place of each residual among those of its step; NaN stays NaN."""
    order = np.argsort(np.argsort(residuals, axis=0, kind="stable"), axis=0, kind="stable")
    count = np.isfinite(residuals).sum(axis=0)
    return np.asarray(np.where(np.isfinite(residuals), (order + 0.5) / np.maximum(count, 1), np.nan))

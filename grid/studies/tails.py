"""The chance that a value lies beyond a limit, by samples of it: smooth, so that rare is told apart from never.

Counted over a hundred samples a chance has steps of 1 %, and is 0 for all that lies beyond the farthest sample. Here
each sample stands for a normal distribution around it, and all are drawn in towards their mean, so that the whole has
the samples' mean and variance.
"""

import numpy as np
from scipy.special import ndtr

from grid.network import FloatArray

BANDWIDTH = 1.06  # of standard deviations, times n^-1/5: Silverman 1986, equation 3.28
EVEN = 1e-9  # of the values themselves: what spreads less is one value
LEAST = 1e-4  # a chance below is said to be 0: a hundred samples tell nothing of it


def chance_above(values: FloatArray, limit: float) -> FloatArray:
    """(k,) the chance from 0 to 1 that a value lies above a limit, by samples (s, k) of it; NaN where s is 0.

    A value without spread lies above or not. Source: Silverman 1986, Density Estimation, section 6.4.1: the kernel
    estimate that keeps the samples' variance.
    """
    if not len(values):
        return np.full(values.shape[1], np.nan)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    width = BANDWIDTH * len(values) ** -0.2
    drawn_in = 1 / np.sqrt(1 + width**2)
    spread = deviation * width * drawn_in
    is_even = spread <= EVEN * np.abs(mean)
    margin = mean + (values - mean) * drawn_in - limit
    smooth = ndtr(margin / np.where(is_even, 1.0, spread)).mean(axis=0)
    chance = np.where(is_even, mean > limit, smooth)
    return np.asarray(np.where(chance < LEAST, 0.0, chance))

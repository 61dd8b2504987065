"""Places on the map: from any coordinates to pixels at which symbols and names have room."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]

SPACING_PX = 84.0  # side of the square that each bus gets on average
SMALLEST_BOX_PX2 = 900.0 * 580.0
ASPECTS = (0.6, 1.9)  # width over height; the browser stretches the map to its own screen
ROUNDS = 40


def places(x: FloatArray, y: FloatArray, least_distance_px: float = 50.0) -> FloatArray:
    """(n, 2) pixels, y downwards, for coordinates with y upwards; places closer than the least distance move apart.

    x, y: (n,) finite, any unit. The map keeps its shape as far as a screen allows.
    """
    if not x.size:
        return np.zeros((0, 2))
    extent = np.array([np.ptp(x), np.ptp(y)])
    extent[extent <= 0] = max(extent.max(), 1.0)
    aspect = float(np.clip(extent[0] / extent[1], *ASPECTS))
    area = max(SMALLEST_BOX_PX2, x.size * SPACING_PX**2)
    box = np.array([np.sqrt(area * aspect), np.sqrt(area / aspect)])
    points = np.column_stack([x - x.min(), y.max() - y]) / extent * box
    return _apart(points, least_distance_px)


def _apart(points: FloatArray, least: float) -> FloatArray:
    """Push pairs that are too close from each other, a few rounds, the same way in every run."""
    points = points + 0.01 * np.column_stack([np.cos(np.arange(len(points))), np.sin(np.arange(len(points)))])
    for _ in range(ROUNDS):
        pairs = cKDTree(points).query_pairs(least * 0.98, output_type="ndarray")
        if not len(pairs):
            break
        first, second = pairs[:, 0], pairs[:, 1]
        gap = points[second] - points[first]
        distance = np.maximum(np.hypot(gap[:, 0], gap[:, 1]), 1e-9)
        push = gap * ((least - distance) / (2.0 * distance))[:, None]
        np.add.at(points, second, push)
        np.add.at(points, first, -push)
    return points

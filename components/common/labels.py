"""Where labels of points go, so that they cover neither one another, nor points, nor the edge of the figure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FIGURE_PX = (420.0, 170.0)  # about the size at which the charts of the pages are drawn
LETTER_PX, LINE_PX, MARKER_PX = 6.0, 13.0, 8.0
MARGIN = 0.15  # of the figure on each side of the points
ROUNDS = 3  # those that were placed first don't know of the later ones
MARKER_WORTH = 8.0  # a covered point is worse than a covered label
SIDES = {"left": -1.0, "center": 0.0, "right": 1.0}
HEIGHTS = {"top": 1.0, "bottom": -1.0, "middle": 0.0}
PLACES = tuple(f"{height} {side}" for height in HEIGHTS for side in SIDES if (height, side) != ("middle", "center"))


def label_places(x: Sequence[float], y: Sequence[float], labels: Sequence[str]) -> list[str]:
    """Plotly's text position for each label, chosen one after the other, several times, so that it covers least.

    x, y: (k,) places in the figure as drawn, any unit, linear.
    """
    points = np.column_stack([_spread(x, FIGURE_PX[0]), _spread(y, FIGURE_PX[1])])
    markers = [np.concatenate([point - MARKER_PX / 2, point + MARKER_PX / 2]) for point in points]
    boxes = [[_box(point, place, len(label)) for place in PLACES] for point, label in zip(points, labels, strict=True)]
    chosen: dict[int, int] = {}
    for _ in range(ROUNDS):
        for row, own in enumerate(boxes):
            others = [boxes[other][place] for other, place in chosen.items() if other != row]
            chosen[row] = int(np.argmin([_cost(box, markers, others) for box in own]))
    return [PLACES[place] for place in chosen.values()]


def with_margins(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis that leaves the margins free; a tenth around a single value."""
    extent = max(values) - min(values) or 0.1 * abs(values[0]) or 1.0
    room = extent * MARGIN / (1 - 2 * MARGIN)
    return min(values) - room, max(values) + room


def _cost(box: FloatArray, markers: Sequence[FloatArray], placed: Sequence[FloatArray]) -> float:
    """What a label covers, in square pixels."""
    points = MARKER_WORTH * sum(_shared(box, marker) for marker in markers)
    return points + sum(_shared(box, other) for other in placed) + _outside(box)


def _spread(values: Sequence[float], size: float) -> FloatArray:
    """Values over the figure without its margins; the middle where all are the same."""
    found = np.asarray(values, dtype=float)
    extent = float(np.ptp(found)) if found.size else 0.0
    if extent <= 0:
        return np.full(found.size, size / 2)
    return size * (MARGIN + (1 - 2 * MARGIN) * (found - found.min()) / extent)


def _box(point: FloatArray, place: str, letters: int) -> FloatArray:
    """(4,) left, bottom, right, top of a label beside a point."""
    height, side = place.split(" ")
    half = np.array([LETTER_PX * letters, LINE_PX]) / 2
    centre = point + np.array([SIDES[side] * (half[0] + MARKER_PX), HEIGHTS[height] * (half[1] + MARKER_PX)])
    return np.concatenate([centre - half, centre + half])


def _shared(box: FloatArray, other: FloatArray) -> float:
    overlap = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    return float(np.prod(overlap.clip(min=0.0)))


def _outside(box: FloatArray) -> float:
    """The surface of a box outside the figure, which counts twice."""
    inside = np.array([0.0, 0.0, *FIGURE_PX])
    return 2.0 * (float(np.prod(box[2:] - box[:2])) - _shared(box, inside))

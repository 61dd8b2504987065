"""Hourly courses as SVG in the page's CSS colours, made without a browser: for reports that are one file.

A value of an hour holds from its beginning to its end, so courses are drawn as steps; hours that aren't known are gaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup

from components.common import text
from grid.network import FloatArray

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 10, 26
MOST_TICKS = 5
LABEL_HOURS = 6
MOST_KW = 10_000  # above, powers are drawn in MW
LEAST_SPAN = 0.1  # of the highest value, so that noise of a steady course doesn't look like a change
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten

_FIGURE = Markup('<figure>{}<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>{}</figure>')
_UNKNOWN = Markup('<figure>{}<p class="quiet">Nothing is known of these hours.</p></figure>')
_BAR = Markup(
    '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
    '<rect width="{:.1f}" height="10"/></svg>'
)
_TICK = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" class="end">{}</text>')
_HOUR = Markup('<path class="grid" d="M{x:.1f} {}v4"/><text x="{x:.1f}" y="{}" class="{}">{}</text>')
_KEY_LINE = Markup(
    '<span><svg class="key" viewBox="0 0 20 10"><path class="course{}" stroke="var(--{})" d="M0 5h20"/></svg>{}</span>'
)
_KEY_BAND = Markup(
    '<span><svg class="key" viewBox="0 0 20 10"><rect class="band" fill="var(--{})" width="20" height="10"/></svg>{}'
    "</span>"
)


@dataclass(frozen=True, eq=False)
class Course:
    """h values, NaN where unknown. colour: a custom property of the page."""

    name: str
    value: FloatArray
    colour: str
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Band:
    """What lies between two courses of h values."""

    name: str
    low: FloatArray
    high: FloatArray
    colour: str


@dataclass(frozen=True, eq=False)
class HourChart:
    """Courses over the h hours from start on, with a band behind them."""

    title: str
    unit: str
    start: datetime
    courses: Sequence[Course]
    band: Band | None = None


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    step: float
    hours: int

    def x(self, hour: float) -> float:
        return LEFT + hour / self.hours * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def svg(chart: HourChart) -> Markup:
    """The chart as a figure; where nothing is known, a line that says so."""
    arrays = [course.value for course in chart.courses]
    arrays += [] if chart.band is None else [chart.band.low, chart.band.high]
    values = np.concatenate(arrays)
    known = values[np.isfinite(values)]
    title = Markup("<figcaption>{}, {}</figcaption>").format(chart.title, chart.unit)
    if not len(known):
        return _UNKNOWN.format(title)
    scale = _scale(float(known.min()), float(known.max()), len(arrays[0]))
    drawn = [_axes(chart, scale)]
    if chart.band is not None:
        drawn.append(_band(chart.band, scale))
    courses = [one for one in chart.courses if np.isfinite(one.value).any()]
    drawn += [_course(one, scale) for one in courses]
    said = f"{chart.title}: {text.small(known.min())} to {text.small(known.max(), chart.unit)}"
    return _FIGURE.format(title, WIDTH, HEIGHT, said, Markup("").join(drawn), _legend(chart, courses))


def unit_of(course_kw: FloatArray) -> tuple[str, float]:
    """The unit that suits a course, kW or MW, and what kW are multiplied by for it."""
    most = np.abs(course_kw[np.isfinite(course_kw)]).max(initial=0.0)
    return ("MW", 1e-3) if most > MOST_KW else ("kW", 1.0)


def bar(share: float) -> Markup:
    """A bar of a share from 0 to 1, for a cell of a table; nothing where it isn't known."""
    return _BAR.format(100 * min(max(share, 0.0), 1.0) if np.isfinite(share) else 0.0)


def _scale(least: float, most: float, hours: int) -> _Scale:
    """Round ends around the values, with zero unless they fill a part of the upper half alone."""
    is_apart = least > 0.5 * most and most - least > LEAST_SPAN * most
    low = least if is_apart else min(least, 0.0)
    high = max(most, 0.0) if most <= 0 else most
    span = max(high - low, 1e-9)
    power = 10.0 ** np.floor(np.log10(span / (MOST_TICKS - 1)))
    step = next(size * power for size in STEPS if size * power * (MOST_TICKS - 1) >= span * (1 - 1e-9))
    bottom, top = step * np.floor(low / step + 1e-9), step * np.ceil(high / step - 1e-9)
    return _Scale(float(bottom), float(max(top, bottom + step)), float(step), hours)


def _axes(chart: HourChart, scale: _Scale) -> Markup:
    parts, right, bottom = [], WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in np.arange(scale.low, scale.high + 0.5 * scale.step, scale.step).tolist():
        y = scale.y(value)
        parts.append(_TICK.format(LEFT, y, right, LEFT - 6, y + 4, text.number(value, _digits(scale.step))))
    for hour in range(scale.hours + 1):
        time = chart.start + timedelta(hours=hour)
        if time.hour % LABEL_HOURS == 0:
            label = f"{time:%H:%M}" if time.hour else f"{time:%a} {time.day}"
            place = "end" if hour == scale.hours else "middle"
            parts.append(_HOUR.format(bottom, HEIGHT - 6, place, label, x=scale.x(hour)))
    return Markup("").join(parts)


def _digits(step: float) -> int:
    """Decimals that tell ticks apart."""
    return next(digits for digits in range(12) if digits == 11 or abs(round(step, digits) - step) < 1e-6 * step)


def _runs(known: np.ndarray) -> list[tuple[int, int]]:
    """Contiguous hours that are known, as (first, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _steps(value: FloatArray, first: int, end: int, scale: _Scale) -> list[str]:
    """Corners of a stepped line from the beginning of the first hour to the end of the last."""
    return [
        f"{scale.x(edge):.1f} {scale.y(float(value[hour])):.1f}"
        for hour in range(first, end)
        for edge in (hour, hour + 1)
    ]


def _course(course: Course, scale: _Scale) -> Markup:
    runs = [_steps(course.value, first, end, scale) for first, end in _runs(np.isfinite(course.value))]
    path = "".join(f"M{'L'.join(corners)}" for corners in runs)
    return Markup('<path class="course{}" stroke="var(--{})" d="{}"/>').format(
        " dashed" if course.dashed else "", course.colour, path
    )


def _band(band: Band, scale: _Scale) -> Markup:
    path = ""
    for first, end in _runs(np.isfinite(band.low) & np.isfinite(band.high)):
        back = reversed(_steps(band.low, first, end, scale))
        path += f"M{'L'.join([*_steps(band.high, first, end, scale), *back])}Z"
    return Markup('<path class="band" fill="var(--{})" d="{}"/>').format(band.colour, path)


def _legend(chart: HourChart, known: Sequence[Course]) -> Markup:
    keys = [_KEY_LINE.format(" dashed" if one.dashed else "", one.colour, one.name) for one in known]
    if chart.band is not None:
        keys.append(_KEY_BAND.format(chart.band.colour, chart.band.name))
    return Markup('<div class="legend">{}</div>').format(Markup("").join(keys))

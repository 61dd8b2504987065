"""The one chart writer of HTML reports: SVG in the page's CSS colours, made without a browser.

A chart over hours: a value holds from the beginning of its hour to the end, so courses are drawn as steps; hours that
aren't known are gaps. A plot over numbers: lines from point to point, from 0 on both axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup

from grid.network import BoolArray, FloatArray

WIDTH, RIGHT, TOP = 460, 8, 10
LEFT, HEIGHT, BOTTOM = 58, 210, 26  # of a chart over hours
PLOT_LEFT, PLOT_HEIGHT, PLOT_BOTTOM = 66, 290, 48  # of a plot, whose axes have titles
MOST_TICKS = 5
LABEL_HOURS = 6
MOST_KW = 10_000  # above, powers are drawn in MW
LEAST_SPAN = 0.1  # of the highest value, so that noise of a steady course doesn't look like a change
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten
ROUND_ENDS = (1, 1.5, 2, 2.5, 3, 4, 5, 10)  # of an axis, times a power of ten
MINUS, NARROW = "−", "\u202f"  # NARROW: the space before a unit, where no line may end

_FIGURE = Markup('<figure>{}<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>{}</figure>')
_UNKNOWN = Markup('<figure>{}<p class="quiet">Nothing is known of these hours.</p></figure>')
_BAR = Markup(
    '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
    '<rect width="{:.1f}" height="10"/></svg>'
)
_TICK = Markup('<path class="grid" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" class="end">{}</text>')
_MARK = Markup('<path class="grid" d="M{x:.1f} {}v4"/><text x="{x:.1f}" y="{}" class="{}">{}</text>')
_UNDER = Markup('<text x="{}" y="{}" class="middle">{}</text>')
_ASIDE = Markup('<text x="14" y="{y}" class="middle" transform="rotate(-90 14 {y})">{}</text>')
_PATH = Markup('<path class="course{}" stroke="var(--{})" d="{}"/>')
_AREA = Markup('<path class="band" fill="var(--{})" d="{}"/>')
_RANGE = Markup('<path stroke="var(--{})" d="M{:.1f} {:.1f}V{:.1f}"/>')
_POINT = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="var(--{})"/>')
_KEY = Markup('<span><i class="key{}" style="border-color: var(--{})"></i>{}</span>')
_Point = tuple[float, float]


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


@dataclass(frozen=True, eq=False)
class Line:
    """Points of a plot, and ranges of y around them (then they are marked). A line without a name has no key."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    ranges: Sequence[tuple[float, float]] = ()
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """Lines over numbers from 0 to x_end and y_end."""

    title: str
    x_title: str
    y_title: str
    lines: Sequence[Line]
    x_end: float
    y_end: float


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Where values lie in a drawing: x from 0 to x_end, y from y_low to y_high."""

    left: int
    height: int
    bottom: int
    x_end: float
    y_low: float
    y_high: float

    @property
    def floor(self) -> int:
        """Where the lower axis lies."""
        return self.height - self.bottom

    def x(self, value: float) -> float:
        return self.left + value / self.x_end * (WIDTH - self.left - RIGHT)

    def y(self, value: float) -> float:
        return self.floor - (value - self.y_low) / (self.y_high - self.y_low) * (self.floor - TOP)

    def corners(self, points: Iterable[_Point]) -> str:
        """A path's points, without what begins it."""
        return "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)

    def tick(self, value: float, label: str) -> Markup:
        """A line across at a value, with its label."""
        y = self.y(value)
        return _TICK.format(self.left, y, WIDTH - RIGHT, self.left - 6, y + 4, label)

    def mark(self, value: float, label: str) -> Markup:
        """A mark of the lower axis, with its label; the last label ends where the axis does."""
        place = "end" if value == self.x_end else "middle"
        return _MARK.format(self.floor, self.floor + BOTTOM - 6, place, label, x=self.x(value))


def svg(chart: HourChart | Plot) -> Markup:
    """The chart as a figure with its legend; where nothing is known of hours, a line that says so."""
    return _hour_chart(chart) if isinstance(chart, HourChart) else _plot(chart)


def bar(share: float) -> Markup:
    """A bar of a share from 0 to 1, for a cell of a table; nothing where it isn't known."""
    return _BAR.format(100 * min(max(share, 0.0), 1.0) if np.isfinite(share) else 0.0)


def unit_of(course_kw: FloatArray) -> tuple[str, float]:
    """The unit that suits a course, kW or MW, and what kW are multiplied by for it."""
    most = np.abs(course_kw[np.isfinite(course_kw)]).max(initial=0.0)
    return ("MW", 1e-3) if most > MOST_KW else ("kW", 1.0)


def round_end(value: float) -> float:
    """The end of an axis that holds a positive value and whose ticks are round numbers."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(step for step in ROUND_ENDS if step * power >= value * (1 - 1e-9)))


def _hour_chart(chart: HourChart) -> Markup:
    arrays = [course.value for course in chart.courses]
    arrays += [] if chart.band is None else [chart.band.low, chart.band.high]
    values = np.concatenate(arrays)
    known = values[np.isfinite(values)]
    title = Markup("<figcaption>{}, {}</figcaption>").format(chart.title, chart.unit)
    if not len(known):
        return _UNKNOWN.format(title)
    least, most = float(known.min()), float(known.max())
    low, high, step = _ends(least, most)
    hours = len(arrays[0])
    frame = _Frame(left=LEFT, height=HEIGHT, bottom=BOTTOM, x_end=hours, y_low=low, y_high=high)
    drawn = [frame.tick(value, label) for value, label in _ticks(low, high, step)]
    for hour in range(hours + 1):
        time = chart.start + timedelta(hours=hour)
        if time.hour % LABEL_HOURS == 0:
            drawn.append(frame.mark(hour, f"{time:%H:%M}" if time.hour else f"{time:%a} {time.day}"))
    if chart.band is not None:
        drawn.append(_band(chart.band, frame))
    courses = [one for one in chart.courses if np.isfinite(one.value).any()]
    for one in courses:
        runs = [_steps(one.value, first, end) for first, end in _runs(np.isfinite(one.value))]
        drawn.append(_path(runs, one, frame))
    said = f"{chart.title}: {_small(least)} to {_small(most)}{NARROW}{chart.unit}"
    return _figure(title, frame, said, drawn, _legend(courses, chart.band))


def _plot(plot: Plot) -> Markup:
    frame = _Frame(
        left=PLOT_LEFT, height=PLOT_HEIGHT, bottom=PLOT_BOTTOM, x_end=plot.x_end, y_low=0.0, y_high=plot.y_end
    )
    drawn = [frame.tick(value, label) for value, label in _ticks(0.0, plot.y_end, _step(plot.y_end))]
    drawn += [frame.mark(value, label) for value, label in _ticks(0.0, plot.x_end, _step(plot.x_end))]
    drawn.append(_UNDER.format((PLOT_LEFT + WIDTH - RIGHT) / 2, PLOT_HEIGHT - 6, plot.x_title))
    drawn.append(_ASIDE.format(plot.y_title, y=(TOP + frame.floor) / 2))
    for line in plot.lines:
        points = list(zip(line.x, line.y, strict=True))
        drawn.append(_path([points], line, frame))
        for (x, _), (low, high) in zip(points, line.ranges, strict=False):
            drawn.append(_RANGE.format(line.colour, frame.x(x), frame.y(low), frame.y(high)))
        drawn += [_POINT.format(frame.x(x), frame.y(y), line.colour) for x, y in points if line.ranges]
    title = Markup("<figcaption>{}</figcaption>").format(plot.title)
    return _figure(title, frame, plot.title, drawn, _legend([line for line in plot.lines if line.name], None))


def _figure(title: Markup, frame: _Frame, said: str, drawn: Sequence[Markup], legend: Markup) -> Markup:
    return _FIGURE.format(title, WIDTH, frame.height, said, Markup("").join(drawn), legend)


def _ends(least: float, most: float) -> tuple[float, float, float]:
    """Round ends around the values and the step of ticks, with zero unless they fill a part of the upper half alone."""
    is_apart = least > 0.5 * most and most - least > LEAST_SPAN * most
    low = least if is_apart else min(least, 0.0)
    high = max(most, 0.0) if most <= 0 else most
    step = _step(max(high - low, 1e-9))
    bottom, top = step * np.floor(low / step + 1e-9), step * np.ceil(high / step - 1e-9)
    return float(bottom), float(max(top, bottom + step)), step


def _step(span: float) -> float:
    """Between ticks of a span: a round number."""
    power = 10.0 ** np.floor(np.log10(span / (MOST_TICKS - 1)))
    return float(next(size * power for size in STEPS if size * power * (MOST_TICKS - 1) >= span * (1 - 1e-9)))


def _ticks(low: float, high: float, step: float) -> list[tuple[float, str]]:
    """Values from low to high, a step apart, with their labels."""
    count = math.floor((high - low) / step + 1e-9) + 1
    values = (low + step * np.arange(count)).tolist()
    return [(value, _number(value, _digits(step))) for value in values]


def _digits(step: float) -> int:
    """Decimals that tell ticks apart."""
    return next(digits for digits in range(12) if digits == 11 or abs(round(step, digits) - step) < 1e-6 * step)


def _number(value: float, digits: int) -> str:
    label = f"{value:,.{digits}f}".replace("-", MINUS)
    return label if label.strip(f"{MINUS}0.,") else label.lstrip(MINUS)


def _small(value: float) -> str:
    """With three significant digits."""
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return _number(value, min(digits, 6))


def _runs(known: BoolArray) -> list[tuple[int, int]]:
    """Contiguous hours that are known, as (first, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _steps(value: FloatArray, first: int, end: int) -> list[_Point]:
    """Corners of a stepped line from the beginning of the first hour to the end of the last."""
    return [(edge, float(value[hour])) for hour in range(first, end) for edge in (hour, hour + 1)]


def _path(runs: Iterable[Iterable[_Point]], line: Course | Line, frame: _Frame) -> Markup:
    path = "".join(f"M{frame.corners(points)}" for points in runs)
    return _PATH.format(" dashed" if line.dashed else "", line.colour, path)


def _band(band: Band, frame: _Frame) -> Markup:
    path = ""
    for first, end in _runs(np.isfinite(band.low) & np.isfinite(band.high)):
        back = reversed(_steps(band.low, first, end))
        path += f"M{frame.corners([*_steps(band.high, first, end), *back])}Z"
    return _AREA.format(band.colour, path)


def _legend(lines: Sequence[Course | Line], band: Band | None) -> Markup:
    keys = [_KEY.format(" dashed" if one.dashed else "", one.colour, one.name) for one in lines]
    if band is not None:
        keys.append(_KEY.format(" band", band.colour, band.name))
    return Markup('<div class="legend">{}</div>').format(Markup("").join(keys))

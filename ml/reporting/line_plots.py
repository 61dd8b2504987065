"""Line plots as SVG, coloured by the page's CSS variables so that they read on light and on dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 440, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 28, 72
TICKS = 5
LETTER = 6  # px that a letter of the legend takes at most


@dataclass(frozen=True)
class Line:
    """A line's name, points, colour variable, ranges of y around its points (then they are marked), and if dashed."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    ranges: Sequence[tuple[float, float]] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot from 0 to x_end and y_end."""

    title: str
    x_title: str
    y_title: str
    lines: Sequence[Line]
    x_end: float
    y_end: float


def svg(plot: Plot) -> str:
    """The plot as a figure element."""
    parts = [_axes(plot), *(_line(plot, line) for line in plot.lines), _legend(plot)]
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{escape(plot.title)}" '
        f'font-size="12" fill="var(--ink)">{"".join(parts)}</svg></figure>'
    )


def _place(plot: Plot, x: float, y: float) -> tuple[float, float]:
    """Position in the drawing of a point."""
    across = LEFT + x / plot.x_end * (WIDTH - LEFT - RIGHT)
    return across, HEIGHT - BOTTOM - y / plot.y_end * (HEIGHT - TOP - BOTTOM)


def _axes(plot: Plot) -> str:
    parts = [f'<text x="{LEFT}" y="16" font-weight="600">{escape(plot.title)}</text>']
    for i in range(TICKS + 1):
        share = i / TICKS
        x, y = _place(plot, share * plot.x_end, share * plot.y_end)
        bottom = HEIGHT - BOTTOM
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * plot.y_end:.2g}</text>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{share * plot.x_end:.2g}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 36}" text-anchor="middle">{escape(plot.x_title)}</text>')
    turn = f'transform="rotate(-90 14 {middle})"'
    parts.append(f'<text x="14" y="{middle}" text-anchor="middle" {turn}>{escape(plot.y_title)}</text>')
    return "".join(parts)


def _line(plot: Plot, line: Line) -> str:
    places = [_place(plot, x, y) for x, y in zip(line.x, line.y, strict=True)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    parts = [f'<path d="M{path}" fill="none" stroke="var({line.colour})" stroke-width="2"{dash}/>']
    for (x, _), (low, high) in zip(places, line.ranges, strict=False):
        bottom, top = _place(plot, 0, low)[1], _place(plot, 0, high)[1]
        parts.append(f'<path d="M{x:.1f} {bottom:.1f}V{top:.1f}" stroke="var({line.colour})"/>')
    if line.ranges:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="var({line.colour})"/>' for x, y in places]
    return "".join(parts)


def _legend(plot: Plot) -> str:
    parts, x = [], LEFT
    for line in plot.lines:
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(f'<path d="M{x} {HEIGHT - 12}h18" stroke="var({line.colour})" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{x + 24}" y="{HEIGHT - 8}">{escape(line.name)}</text>')
        x += 36 + LETTER * len(line.name)
    return "".join(parts)


def round_end(value: float) -> float:
    """The end of an axis that holds a positive value and whose ticks are round numbers."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 10) if step * power >= value * (1 - 1e-9)))

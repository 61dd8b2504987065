"""Figures about recorded losses: where they arise, when, in which assets, and how efficient the grid has been."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from components.analytics.ahead_figures import named_rows, told_apart
from components.analytics.forecast_figures import series, time_axis, times
from components.analytics.performance import energy
from components.common import text
from components.common.theme import DARK, LIGHT, PALETTES, PATH_COLOURS, Palette, Scheme
from components.common.trends import Curve, asset_figure, empty_figure, rounded
from components.optimisation.tables import table

FloatArray = NDArray[np.float64]

NOTHING = "No losses have been recorded in this time yet"
DARK_BELOW = 128.0  # of 255
TRANSMISSION, DISTRIBUTION = "Transmission", "Distribution"
MW_FROM_KW = 10_000.0
MOST_HOURS = 24 * 14  # by hour, beyond that by day


@dataclass(frozen=True)
class LossPart:
    """What a cause lost at a voltage level, MWh."""

    level: str
    cause: str
    is_distribution: bool
    energy_mwh: float


@dataclass(frozen=True, eq=False)
class LossShare:
    """Losses of some recorded hours by level and cause. shunt_mwh: of buses, beside those of branches.

    price_per_mwh: EUR.
    """

    parts: tuple[LossPart, ...]
    shunt_mwh: float
    price_per_mwh: float

    @property
    def total_mwh(self) -> float:
        """In branches."""
        return sum(part.energy_mwh for part in self.parts)


@dataclass(frozen=True)
class _Sector:
    """A sector of the sunburst, with the id of the one that it is a part of."""

    label: str
    parent: str
    energy_mwh: float
    colour: str


def loss_sunburst(share: LossShare | None, scheme: Scheme) -> go.Figure:
    """From all losses to transmission and distribution, then voltage levels, then causes."""
    palette = PALETTES[scheme]
    sectors = {} if share is None else _sectors(share, palette)
    figure = empty_figure(scheme, not sectors, NOTHING)
    if share is None or not sectors:
        return figure
    rows, price = list(sectors.values()), share.price_per_mwh
    figure.add_sunburst(
        name="Losses, MWh",
        ids=list(sectors),
        labels=[row.label for row in rows],
        parents=[row.parent for row in rows],
        values=[row.energy_mwh for row in rows],
        branchvalues="total",
        sort=False,
        leaf={"opacity": 1},
        marker={"colors": [row.colour for row in rows], "line": {"width": 1, "color": palette.surface}},
        customdata=[text.rough(row.energy_mwh * price, "EUR") for row in rows],
        hovertemplate="<b>%{label}</b><br>%{value:.3g} MWh, %{percentRoot:.1%}<br>%{customdata}<extra></extra>",
        texttemplate="%{label}<br>%{percentRoot:.0%}",
        insidetextfont={"color": [_ink(row.colour) for row in rows]},
    )
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 4, "b": 4}, hovermode="closest", uniformtext={"minsize": 9, "mode": "hide"}
    )
    return figure


def _sectors(share: LossShare, palette: Palette) -> dict[str, _Sector]:
    """By id: all, its areas, their levels, and the causes of each; none where nothing was lost."""
    causes = list(dict.fromkeys(part.cause for part in share.parts))
    found: dict[str, _Sector] = {}

    def add(key: str, label: str, parent: str, energy_mwh: float, colour: str) -> None:
        before = found[key].energy_mwh if key in found else 0.0
        found[key] = _Sector(label, parent, before + energy_mwh, colour)

    for part in share.parts:
        if part.energy_mwh <= 0:
            continue
        area = DISTRIBUTION if part.is_distribution else TRANSMISSION
        level, lost = f"{area}/{part.level}", part.energy_mwh
        add("all", "Losses", "", lost, palette.raised)
        add(area, area, "all", lost, palette.equipment_fill)
        add(level, part.level, area, lost, palette.quiet)
        add(f"{level}/{part.cause}", part.cause, level, lost, PATH_COLOURS[causes.index(part.cause)])
    return found


def _ink(ground: str) -> str:
    """Text that stands out from a ground of the colour table."""
    red, green, blue = (int(ground[start : start + 2], 16) for start in (1, 3, 5))
    return DARK.selected if 0.299 * red + 0.587 * green + 0.114 * blue < DARK_BELOW else LIGHT.selected


def loss_table(share: LossShare | None) -> Component:
    """The same in numbers, the largest first."""
    if share is None or not share.parts:
        return html.P(NOTHING, className="quiet-line")
    whole, price = share.total_mwh, share.price_per_mwh
    rows = [
        (
            f"{part.level}, {part.cause.lower()}",
            DISTRIBUTION if part.is_distribution else TRANSMISSION,
            *_amounts(part.energy_mwh, whole, price),
        )
        for part in sorted(share.parts, key=lambda part: -part.energy_mwh)
        if part.energy_mwh > 0
    ]
    rows.append(("All branches", "", *_amounts(whole, whole, price)))
    if share.shunt_mwh:
        rows.append(("Shunts of buses, beside", "", *_amounts(share.shunt_mwh, whole, price)))
    return table(
        ("Where", "Part", "MWh", "Share", "EUR"), rows, "Losses by voltage level and cause", "plan-table words-second"
    )


def _amounts(energy_mwh: float, whole_mwh: float, price: float) -> tuple[str, str, str]:
    return (
        text.small(energy_mwh),
        text.percent(energy_mwh / whole_mwh if whole_mwh > 0 else None),
        text.rough(energy_mwh * price),
    )


@dataclass(frozen=True, eq=False)
class LossHours:
    """Losses by hour or day and cause, MWh (k, c) beginning at time (k,); is_daily says which."""

    time: np.ndarray
    causes: tuple[str, ...]
    energy_mwh: FloatArray
    is_daily: bool


def loss_hours(time: np.ndarray, causes: tuple[str, ...], energy_mwh: FloatArray) -> LossHours:
    """Losses of recorded hours (k,), by day where there are many."""
    if len(time) <= MOST_HOURS:
        return LossHours(time, causes, energy_mwh, is_daily=False)
    days, place = np.unique(time.astype("datetime64[D]"), return_inverse=True)
    total = np.zeros((len(days), len(causes)))
    np.add.at(total, place, energy_mwh)
    return LossHours(days.astype("datetime64[s]"), causes, total, is_daily=True)


def loss_hours_figure(hours: LossHours | None, scheme: Scheme) -> go.Figure:
    """Losses over time, stacked by cause."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, hours is None or not len(hours.time), NOTHING)
    if hours is None or not len(hours.time):
        return figure
    for place, (cause, lost) in enumerate(zip(hours.causes, hours.energy_mwh.T, strict=True)):
        if not np.nansum(lost) > 0:
            continue
        figure.add_bar(
            x=times(hours.time),
            y=series(lost),
            name=cause,
            hovertemplate="%{y:.3g} MWh",
            marker=told_apart(place, palette),
        )
    step = "day" if hours.is_daily else "hour"
    figure.update_yaxes(title_text=f"Losses, MWh a {step}", rangemode="tozero", nticks=5)
    time_axis(figure, f"{step.capitalize()} beginning, time of the data")
    figure.update_layout(barmode="stack", bargap=0.08, showlegend=True)
    return figure


@dataclass(frozen=True)
class AssetLoss:
    """Energy that an asset lost, MWh and EUR."""

    name: str
    energy_mwh: float
    cost_eur: float


def top_losses_figure(assets: Sequence[AssetLoss], scheme: Scheme) -> go.Figure:
    """The assets that lose most, the first on top, with what that costs."""
    palette = PALETTES[scheme]
    figure = empty_figure(scheme, not assets, NOTHING)
    figure.add_bar(
        orientation="h",
        y=list(range(len(assets))),
        name="Losses",
        x=[rounded(asset.energy_mwh) for asset in assets],
        customdata=[asset.name for asset in assets],
        text=[f"{energy(1000 * asset.energy_mwh)}, {text.rough(asset.cost_eur, 'EUR')}" for asset in assets],
        textposition="auto",
        cliponaxis=False,
        textfont={"color": palette.text},
        marker={"color": palette.equipment_fill, "line": {"color": palette.equipment, "width": 1}},
        hovertemplate="<b>%{customdata}</b><br>%{text}<extra></extra>",
    )
    figure.update_yaxes(showgrid=False, **named_rows([asset.name for asset in assets]))
    figure.update_xaxes(title_text="Losses, MWh", rangemode="tozero", nticks=5)
    figure.update_layout(showlegend=False, hovermode="closest", bargap=0.25)
    return figure


def efficiency_figure(time: np.ndarray, loss_kw: FloatArray, generation_kw: FloatArray, scheme: Scheme) -> go.Figure:
    """Efficiency and losses over the range, (k,) hourly means; by day where there are many hours."""
    if len(time) > MOST_HOURS:
        time, (loss_kw, generation_kw) = _daily(time, loss_kw, generation_kw)
    with np.errstate(divide="ignore", invalid="ignore"):
        efficiency = np.where(generation_kw > 0, 100 * (1 - loss_kw / generation_kw), np.nan)
    if not np.isfinite(efficiency).any():
        return empty_figure(scheme, True, "Nothing has been recorded in this time yet")
    in_mw = bool(np.nanmax(loss_kw) >= MW_FROM_KW)
    losses = Curve("Losses", "MW", time, loss_kw / 1000) if in_mw else Curve("Losses", "kW", time, loss_kw)
    curves = (Curve("Efficiency", "%", time, efficiency), losses)
    figure = asset_figure(curves, scheme)
    figure.update_layout(height=None)
    figure.update_xaxes(nticks=0)
    time_axis(figure)
    return figure


def _daily(time: np.ndarray, *means: FloatArray) -> tuple[np.ndarray, list[FloatArray]]:
    """Means of the known hours of each day; NaN for a day without any."""
    days, place = np.unique(time.astype("datetime64[D]"), return_inverse=True)
    found = []
    for values in means:
        known = np.isfinite(values)
        total = np.bincount(place[known], values[known], len(days))
        count = np.bincount(place[known], minlength=len(days))
        found.append(np.divide(total, count, out=np.full(len(days), np.nan), where=count > 0))
    return days.astype("datetime64[s]"), found

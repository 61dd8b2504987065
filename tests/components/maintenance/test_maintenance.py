"""Risk of all assets and of one, in tiles, tables and figures."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from plotly.utils import PlotlyJSONEncoder

from components.common import text
from components.common.theme import Scheme
from components.common.trends import Curve
from components.maintenance.asset_panel import (
    AssetHead,
    SignalRow,
    SignalState,
    Similar,
    asset_head,
    signals_table,
    similar_list,
)
from components.maintenance.fleet import TITLES, Fleet, Status, status_line, tile_cards, tiles
from components.maintenance.model_card import Metric, ModelFacts, ReliabilityPoint, model_card, reliability_figure
from components.maintenance.risk_figures import (
    MOST_DRIVERS,
    MOST_POINTS,
    SYMBOLS,
    Driver,
    ProbabilityCurve,
    curves_figure,
    drivers_figure,
    matrix_figure,
    probability_figure,
)
from components.maintenance.risk_table import (
    Novelty,
    RateSource,
    RiskRow,
    columns,
    row_data,
)
from components.maintenance.risk_table import risk_table as table_of
from ml.maintenance.records import CLASS_FROM_EUR, RiskClass
from tests.components.optimisation.test_plan import words

NAN = math.nan
ROW = RiskRow(
    "branch-3", "Mall Line", "Line", 0.00123, 0.0036, 0.0145, "mechanical fatigue", 120_000.0, 4_200.0, 1_740.0,
    Novelty.USUAL, RateSource.MODEL, "", "2: 26 Jan", RiskClass.MEDIUM,
)  # fmt: skip
BLANK = replace(
    ROW, code="branch-9", probability_30_days=NAN, probability_90_days=NAN, probability_365_days=NAN, cause="",
    consequence_eur=NAN, interrupted_kw=NAN, risk_eur_per_year=NAN, novelty=Novelty.UNKNOWN, source=RateSource.CNAIM,
    reason="temperature is missing", week="", risk_class=None,
)  # fmt: skip
FLEET = Fleet(13, 11, 1, 2, {RiskClass.HIGH: 3, RiskClass.VERY_HIGH: 1}, 0.214, "", 123_456.0, 7, 12, 5, 45_678.0)
TIME = np.datetime64("2026-01-15T06:00") + np.arange(5) * np.timedelta64(1, "D")


def sent(component: object) -> str:
    """What a browser gets; fails on NaN, which isn't JSON."""
    return json.dumps(component, cls=PlotlyJSONEncoder, allow_nan=False, ensure_ascii=False)


def test_tiles_have_units_and_tell_where_figures_come_from() -> None:
    shown = words(tile_cards(tiles(FLEET)))
    for expected in ("11 by the model, 1 by CNAIM, 1 unknown", "0.214", "123,000\u202fEUR/yr", "3 high",
                     "in 12 weeks; 5 deferred, 45,700\u202fEUR at risk"):  # fmt: skip
        assert expected in shown
    assert all(title in shown for title in TITLES)


def test_tiles_before_anything_is_judged_say_so_and_show_no_zero() -> None:
    assert {(tile.value, tile.detail) for tile in tiles(None)} == {(text.UNKNOWN, "not judged yet")}
    assert "no schedule yet" in words(tile_cards(tiles(replace(FLEET, planned=None))))
    assert "nan" not in words(tile_cards(tiles(replace(FLEET, risk_eur_per_year=NAN)))).lower()


def test_the_status_line_marks_what_hinders() -> None:
    assert words(status_line(Status("ready", "Judged"))).strip() == "Judged"
    assert "▲  sensors are silent" in words(status_line(Status("ready", "Judged", "sensors are silent")))


def test_rows_are_in_percent_and_unknown_values_are_null() -> None:
    known, blank = row_data([ROW, BLANK])
    assert (known["probability_30_days"], known["probability_365_days"]) == (0.123, 1.45)
    assert known["risk_class"] == "Medium"
    assert [blank[name] for name in ("probability_90_days", "consequence_eur", "risk_eur_per_year")] == [None] * 3
    assert blank["risk_class"] == blank["cause"] == text.UNKNOWN
    assert (blank["source"], blank["reason"]) == ("CNAIM", "temperature is missing")
    assert "NaN" not in sent(table_of([ROW, BLANK], "grid"))


def test_every_column_is_of_the_rows_and_filters_and_numbers_name_their_unit() -> None:
    (row,) = row_data([ROW])
    for column in columns():
        assert column["field"] in row
        assert str(column["filter"]).startswith("ag")
        if column.get("type") == "numericColumn":
            assert str(column["headerName"]).endswith((", %", ", EUR", ", kW", ", EUR/yr")), column["headerName"]
    (ranked,) = [column["field"] for column in columns() if column.get("sort")]
    assert ranked == "risk_eur_per_year"


@pytest.mark.parametrize("scheme", Scheme)
def test_the_matrix_names_its_bands_and_tells_classes_by_shape_too(scheme: Scheme) -> None:
    rows = [replace(ROW, code=f"branch-{i}", probability_365_days=10.0 ** (-1 - i % 4), consequence_eur=10.0 ** (3 + i),
                    risk_eur_per_year=10.0 ** (2 + i - i % 4)) for i in range(5)]  # fmt: skip
    figure = matrix_figure([*rows, BLANK], scheme, "branch-2")
    shown = sent(figure)
    assert all(f"{name} from {limit:,.0f} EUR/yr" in shown for name, limit in CLASS_FROM_EUR.items() if limit)
    codes = [code for trace in figure.data if trace.customdata is not None for code in trace.customdata]
    assert sorted(codes) == [row.code for row in rows]
    assert len(set(SYMBOLS.values())) == len(RiskClass)
    ring = next(trace for trace in figure.data if trace.name == "Chosen")
    assert list(ring.x) == [1e5]
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.type == "log"
    for label in figure.layout.annotations:
        assert figure.layout.xaxis.range[0] < label.x < figure.layout.xaxis.range[1]
        assert figure.layout.yaxis.range[0] < label.y < figure.layout.yaxis.range[1]


def test_each_line_of_the_matrix_is_one_risk() -> None:
    wide = [replace(ROW, probability_365_days=1e-4, consequence_eur=1e3, risk_eur_per_year=0.1),
            replace(ROW, code="branch-4", probability_365_days=0.5, consequence_eur=1e6,
                    risk_eur_per_year=5e5)]  # fmt: skip
    lines = [trace for trace in matrix_figure(wide, Scheme.LIGHT).data if trace.mode == "lines"]
    risks = [[x * y / 100 for x, y in zip(line.x, line.y, strict=True)] for line in lines]
    assert [pytest.approx([limit] * 2) for limit in CLASS_FROM_EUR.values() if limit] == risks


def test_a_large_fleet_is_drawn_by_its_riskiest() -> None:
    rows = [replace(ROW, code=f"branch-{i}", risk_eur_per_year=float(1 + i)) for i in range(MOST_POINTS + 50)]
    figure = matrix_figure(rows, Scheme.LIGHT)
    codes = {code for trace in figure.data if trace.customdata is not None for code in trace.customdata}
    assert len(codes) == MOST_POINTS
    assert "branch-0" not in codes


@pytest.mark.parametrize("scheme", Scheme)
def test_empty_figures_say_what_is_missing(scheme: Scheme) -> None:
    nothing = np.full(5, NAN)
    empty = {
        "a probability and a consequence": matrix_figure([BLANK], scheme),
        "No probability": probability_figure(ProbabilityCurve(TIME, nothing, nothing, nothing, nothing), scheme),
        "no drivers": drivers_figure((), scheme, "no drivers"),
        "No reliability": reliability_figure({}, scheme),
        "not a transformer": curves_figure([Curve("Hot spot", "°C", TIME, nothing)], scheme, "not a transformer"),
    }
    for expected, figure in empty.items():
        (note,) = figure.layout.annotations
        assert expected in note.text
        assert "NaN" not in sent(figure)


def test_probability_over_time_has_its_interval_and_the_published_rate() -> None:
    value = np.array([0.01, NAN, 0.012, 0.013, 0.02])
    figure = probability_figure(ProbabilityCurve(TIME, value, 0.8 * value, 1.2 * value, 0.5 * value), Scheme.LIGHT)
    high, low, model, published = figure.data
    assert low.fill == "tonexty"
    assert list(model.y) == [1.0, None, 1.2, 1.3, 2.0]
    assert high.y[0] == pytest.approx(1.2)
    assert (model.name, published.name) == ("Model", "CNAIM")


def test_the_largest_drivers_are_drawn_with_their_values() -> None:
    drivers = [Driver(f"Feature {i}", f"{i} K", (-1) ** i * 0.1 * i) for i in range(9)]
    (bars,) = drivers_figure(drivers, Scheme.LIGHT, "").data
    assert len(bars.x) == MOST_DRIVERS
    assert list(bars.x) == pytest.approx([0.8, -0.7, 0.6, -0.5, 0.4])
    assert bars.y[0] == "Feature 8<br>8 K"
    assert bars.text[0] == "+0.80"
    assert bars.text[1] == f"{text.MINUS}0.70"
    assert drivers_figure(drivers, Scheme.LIGHT, "").layout.xaxis.range[0] < -0.9
    assert drivers_figure([Driver("Load", "3 MW", 0.1)], Scheme.LIGHT, "").layout.xaxis.range is None


def test_the_model_card_says_first_that_data_are_simulated() -> None:
    metric = Metric("PR-AUC, 30 days", 0.123, 0.1, 0.15, "base rate 0.004")
    facts = ModelFacts((("Trained", "20 Jan 2026"),), (metric, replace(metric, low=NAN)), {})
    card = model_card(facts)
    assert "simulated" in words(card[0])
    shown = words(card)
    for expected in ("0.123", "0.100 to 0.150", "base rate 0.004", "20 Jan 2026", text.UNKNOWN):
        assert expected in shown
    assert "CNAIM" in words(model_card(None))


def test_reliability_is_in_percent_with_bars_that_never_go_below_zero() -> None:
    points = (ReliabilityPoint(400, 0.001, 0.0, 0.0, 0.004), ReliabilityPoint(400, 0.02, 0.025, 0.01, 0.05))
    figure = reliability_figure({30: points, 365: points}, Scheme.DARK)
    month = next(trace for trace in figure.data if trace.name == "30 days")
    assert (list(month.x), list(month.y)) == ([2.0], [2.5])
    assert (list(month.error_y.array), list(month.error_y.arrayminus)) == ([2.5], [1.5])
    assert "NaN" not in sent(figure)


def test_the_asset_panel_says_why_the_model_is_not_used() -> None:
    head = AssetHead("Mall Line", "Line", (("Fails in 365 d", "1.45 %", "0.9 to 2.1 %"),), "vibration is stale", True)
    shown = words(asset_head(head))
    for expected in ("Mall Line", "By CNAIM, not by the model", "vibration is stale", "1.45 %", "▲ Unlike healthy"):
        assert expected in shown
    assert "Choose an asset" in words(asset_head(None))
    assert "CNAIM" not in words(asset_head(replace(head, fallback="")))


def test_signals_have_units_and_missing_ones_say_so() -> None:
    rows = (
        SignalRow("Temperature", 88.2, "°C", 20.0, 70.0, 75.0, SignalState.BEYOND),
        SignalRow("Vibration", NAN, "mm/s", 0.4, 1.2, NAN, SignalState.MISSING),
        SignalRow("Load", 12.0, "MW", 5.0, 20.0, 25.0, SignalState.OK),
    )
    shown = words(signals_table(rows))
    for expected in ("88.2\u202f°C", "▲", "beyond its limit", "missing", "75.0\u202f°C", text.UNKNOWN):
        assert expected in shown
    assert "nan" not in shown.lower()
    assert "no condition signals" in words(signals_table(()))


def test_similar_assets_can_be_shown() -> None:
    shown = str(similar_list((Similar("branch-4", "Hill Line", 0.02, "line, 66 kV"),)))
    assert "data-asset='branch-4'" in shown
    assert "2.0" in shown
    assert "No other asset" in words(similar_list(()))

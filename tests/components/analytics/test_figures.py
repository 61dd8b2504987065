"""Forecasts, the hours ahead and recorded losses in figures."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from plotly import graph_objects as go

from components.analytics.ahead_figures import (
    MOST_ROWS,
    ExpectedLoss,
    Stack,
    Threat,
    curtailment_words,
    expected_loss_figure,
    stack_figure,
    threat_figure,
    threat_words,
)
from components.analytics.forecast_figures import (
    BANDS,
    Fan,
    NextDay,
    calibration_figure,
    coverage_figure,
    error_figure,
    fan_figure,
    next_day_figure,
)
from components.analytics.loss_figures import (
    AssetLoss,
    LossPart,
    LossShare,
    efficiency_figure,
    loss_hours,
    loss_hours_figure,
    loss_sunburst,
    loss_table,
    top_losses_figure,
)
from components.common.doubts import Doubts
from components.common.theme import Scheme
from tests.components.maintenance.test_maintenance import sent
from tests.components.optimisation.test_plan import words

NAN = math.nan
NOON = datetime(2026, 1, 15, 12)
HOUR = np.timedelta64(3600, "s")
HOURS = np.datetime64(NOON, "s") + np.arange(24) * HOUR
COURSE = 10 + 2 * np.sin(np.arange(24) / 4)
QUANTILES = COURSE[:, None] + np.array([-2.0, -1.5, -0.7, 0.0, 0.7, 1.5, 2.0])
BEFORE = np.datetime64(NOON, "s") + np.arange(-48, 24) * HOUR
ACTUAL = np.concatenate([10 + np.sin(np.arange(48)), np.full(24, NAN)])
FAN = Fan("Total load", NOON, NOON, HOURS, QUANTILES, BEFORE, ACTUAL, 14.0)
SHARE = LossShare(
    (
        LossPart("66 kV", "Lines", False, 3.0), LossPart("66/11 kV", "Transformers, load", True, 1.0),
        LossPart("66/11 kV", "Cables", True, 0.0),
    ),
    0.5, 80.0,
)  # fmt: skip


def named(figure: go.Figure) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data}


@pytest.mark.parametrize("scheme", Scheme)
def test_the_fan_has_three_bands_the_median_what_came_and_the_limit(scheme: Scheme) -> None:
    figure = fan_figure(FAN, scheme)
    assert sum(trace.fill == "tonexty" for trace in figure.data) == len(BANDS)
    traces = named(figure)
    assert list(traces["Median"].y) == pytest.approx(COURSE, rel=1e-4)
    assert traces["5 to 95 %"].y[0] == pytest.approx(8.0)
    assert list(traces["Actual"].y[48:]) == [None] * 24
    assert figure.layout.yaxis.title.text == "Total load, MW"
    shown = " ".join(note.text for note in figure.layout.annotations)
    assert "Limit 14.0\u202fMW" in shown
    assert "issued" in shown
    assert "now" not in shown


def test_a_limit_far_above_does_not_press_the_fan_flat_and_a_past_issue_shows_now() -> None:
    later = replace(FAN, limit_mw=90.0, now=NOON + timedelta(hours=9))
    shown = " ".join(note.text for note in fan_figure(later, Scheme.LIGHT).layout.annotations)
    assert "Limit" not in shown
    assert "now" in shown


def test_generation_starts_at_zero_and_has_its_installed_power() -> None:
    figure = fan_figure(replace(FAN, name="PV", limit_mw=NAN, installed_mw=15.0), Scheme.LIGHT)
    assert figure.layout.yaxis.rangemode == "tozero"
    assert "Installed 15.0\u202fMW" in " ".join(note.text for note in figure.layout.annotations)


def test_accuracy_is_told_beside_what_it_should_be() -> None:
    nominal = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    assert list(named(calibration_figure(nominal, nominal**1.1, Scheme.LIGHT))["Perfect"].x) == [0, 100]
    error = named(error_figure(np.linspace(1, 2, 24), np.full(24, 3.0), Scheme.LIGHT))
    assert set(error) == {"This forecast", "Same hour a week before"}
    assert list(error["This forecast"].x) == list(range(1, 25))
    cover = coverage_figure(np.full(24, 81.0), np.full(24, NAN), Scheme.DARK)
    assert sorted(shape.y0 for shape in cover.layout.shapes) == [80, 90]


def test_the_next_day_in_one_look() -> None:
    day = NextDay(HOURS, COURSE - 1, COURSE, COURSE + 1, np.full(24, NAN), 13.0)
    assert "Renewables" not in named(next_day_figure(day, Scheme.LIGHT))
    assert "Renewables" in named(next_day_figure(replace(day, renewable_mw=COURSE / 2), Scheme.LIGHT))
    assert "NaN" not in sent(next_day_figure(day, Scheme.LIGHT))


def test_the_most_threatened_are_on_top_and_few_are_shown() -> None:
    percent = np.zeros((24, 60))
    percent[:, :50] = np.arange(50)[None, :] + 1
    percent[3, 7] = 99.0
    percent[:, 55] = NAN
    threat = Threat("overload", HOURS, [f"Line {i}" for i in range(60)], percent)
    assert threat.ranked[:2] == [7, 49]
    assert len(threat.ranked) == MOST_ROWS
    (heat,) = threat_figure(threat, Scheme.LIGHT, Doubts()).data
    figure = threat_figure(threat, Scheme.LIGHT, Doubts())
    assert figure.layout.yaxis.ticktext[0] == heat.customdata[0][0] == "Line 7"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert heat.z[0][3] == 99.0
    assert (heat.zmin, heat.zmax) == (0, 100)
    assert f"the {MOST_ROWS} most threatened of 50" in threat_words(threat, Doubts())
    assert "NaN" not in sent(threat_figure(threat, Scheme.DARK, Doubts()))


def test_when_nothing_threatens_it_is_said() -> None:
    quiet = Threat("overload", HOURS, ["Line 1"], np.full((24, 1), 0.4))
    assert "No overload threatens" in threat_words(quiet, Doubts())
    assert "No overload threatens" in threat_figure(quiet, Scheme.LIGHT, Doubts()).layout.annotations[0].text
    unknown = Threat("overload", HOURS, ["Line 1"], np.full((24, 1), NAN))
    assert unknown.ranked == []
    assert "Not looked ahead" in threat_words(None, Doubts())


def test_what_must_be_cut_is_marked_and_told() -> None:
    power = np.vstack([np.full(24, 4.0), np.full(24, 6.0)])
    stack = Stack(HOURS, ("PV", "Wind"), power, COURSE, np.zeros(24), np.zeros(24))
    assert set(named(stack_figure(stack, Scheme.LIGHT))) == {"PV", "Wind", "Load"}
    assert "Nothing has to be cut" in curtailment_words(stack, Doubts())
    dark = stack_figure(replace(stack, unsupplied_mw=np.full(24, 3.0)), Scheme.LIGHT)
    assert set(named(dark)) == {"PV", "Wind", "Load wanted", "Without supply"}
    cut = replace(stack, curtailed_mw=np.where(np.arange(24) == 2, 1.5, 0.0))
    assert named(stack_figure(cut, Scheme.LIGHT))["Left after the cut"].y[2] == 8.5
    assert "1.5 MWh" in curtailment_words(cut, Doubts())
    assert "at 14:00" in curtailment_words(cut, Doubts())
    assert "isn't known" in curtailment_words(replace(stack, curtailed_mw=np.full(24, NAN)), Doubts())
    assert "1,500" in curtailment_words(replace(stack, curtailed_mw=np.full(24, NAN)), Doubts(), "up to 1,500 buses")
    assert "no renewable" in curtailment_words(replace(stack, energies=(), power_mw=np.zeros((0, 24))), Doubts())


def test_expected_losses_have_their_interval() -> None:
    figure = expected_loss_figure(ExpectedLoss(HOURS, COURSE / 10, COURSE / 12, COURSE / 8), Scheme.LIGHT)
    assert set(named(figure)) == {"90 %", "80 % interval", "Expected"}
    assert figure.layout.yaxis.title.text == "Losses, MW"


def test_the_parts_of_the_sunburst_add_up() -> None:
    (burst,) = loss_sunburst(SHARE, Scheme.LIGHT).data
    value = dict(zip(burst.ids, burst.values, strict=True))
    parent = dict(zip(burst.ids, burst.parents, strict=True))
    assert value["all"] == 4.0
    for whole in ("all", "Transmission", "Distribution", "Distribution/66/11 kV"):
        assert sum(value[part] for part in value if parent[part] == whole) == pytest.approx(value[whole])
    assert "Distribution/66/11 kV/Cables" not in value
    assert burst.customdata[0] == "320\u202fEUR"


def test_the_table_of_losses_has_energy_share_and_money_and_sets_shunts_apart() -> None:
    shown = words(loss_table(SHARE))
    for expected in ("66 kV, lines", "Transmission", "3.00", "75.0\u202f%", "240", "All branches", "Shunts of buses"):
        assert expected in shown
    assert "recorded" in words(loss_table(None))


def test_many_hours_are_added_up_by_day_and_nothing_is_lost() -> None:
    time = np.datetime64("2026-01-01T00", "s") + np.arange(24 * 30) * HOUR
    energy = np.full((len(time), 2), 0.25)
    daily = loss_hours(time, ("Lines", "Cables"), energy)
    assert daily.is_daily
    assert len(daily.time) == 30
    assert daily.energy_mwh.sum() == pytest.approx(energy.sum())
    assert loss_hours_figure(daily, Scheme.LIGHT).layout.yaxis.title.text == "Losses, MWh a day"
    assert not loss_hours(time[:24], ("Lines", "Cables"), energy[:24]).is_daily


def test_assets_that_lose_most_come_with_what_that_costs() -> None:
    twice = [AssetLoss("Mall Line", 1.25, 100.0), AssetLoss("Mall Line", 0.5, 40.0)]
    figure = top_losses_figure(twice, Scheme.LIGHT)
    (bars,) = figure.data
    assert list(bars.y) == [0, 1]
    assert list(figure.layout.yaxis.ticktext) == ["Mall Line", "Mall Line"]
    assert bars.text[0] == "1.25\u202fMWh, 100\u202fEUR"


def test_efficiency_by_day_counts_the_known_hours_alone() -> None:
    time = np.datetime64("2026-01-01T00", "s") + np.arange(24 * 20) * HOUR
    loss, generation = np.full(len(time), 10.0), np.full(len(time), 200.0)
    loss[:30], generation[:30] = NAN, NAN
    figure = efficiency_figure(time, loss, generation, Scheme.LIGHT)
    assert list(figure.data[0].y) == [None, *[95.0] * 19]
    assert "Efficiency, %" in sent(figure)


@pytest.mark.parametrize("scheme", Scheme)
def test_empty_figures_say_what_is_missing(scheme: Scheme) -> None:
    nothing, none = np.full(24, NAN), np.full(7, NAN)
    empty = {
        "No forecast": fan_figure(None, scheme),
        "Not forecast yet": next_day_figure(None, scheme),
        "no forecast's hours": calibration_figure(none, none, scheme),
        "Not yet known": error_figure(nothing, nothing, scheme),
        "Not yet": coverage_figure(nothing, nothing, scheme),
        "Not looked ahead": threat_figure(None, scheme, Doubts()),
        "looked ahead yet": expected_loss_figure(None, scheme),
        "looked": stack_figure(None, scheme),
        "No losses": loss_sunburst(None, scheme),
        "recorded": loss_hours_figure(None, scheme),
        "losses have": top_losses_figure([], scheme),
        "Nothing has been recorded": efficiency_figure(HOURS, nothing, nothing, scheme),
    }
    for expected, figure in empty.items():
        (note,) = figure.layout.annotations
        assert expected in note.text
        assert "NaN" not in sent(figure)

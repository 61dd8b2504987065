"""Forecasters of series: what needs no learning, then models; hindsight without later hours; how it turned out."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from components.analytics.words import learned_words
from ml.forecasting.forecaster import Forecaster
from ml.forecasting.live.series_forecasters import HINDSIGHT, HORIZON, JUDGED, SeriesForecasters
from ml.forecasting.model.hours import ForecastError
from ml.forecasting.records import SeriesInfo, SeriesKind
from tests.ml.series import QUICK, hourly

FIRST = datetime(2025, 9, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), 24
INFOS = (
    SeriesInfo("load", "Total load", SeriesKind.LOAD, np.nan),
    SeriesInfo("group-0", "East", SeriesKind.GROUP, np.nan),
    SeriesInfo("group-1", "West", SeriesKind.GROUP, np.nan),
    SeriesInfo("pv", "Photovoltaics", SeriesKind.PV, 30.0),
)


def scenarios(days: int, seed: int = 1) -> np.ndarray:
    """(h, 4) two loads that share their noise, their sum, and plants that follow the sun."""
    load = hourly(days, seed, start="2025-09-01")["target"].to_numpy()
    rng = np.random.default_rng(seed)
    hour = np.arange(DAY * days) % DAY
    sun = np.maximum(0, np.sin(np.pi * (hour - 6) / 12)) * np.repeat(rng.uniform(0.2, 1, days), DAY)
    east, west = 0.6 * load, 0.4 * load + rng.normal(0, 1, len(load))
    return np.column_stack([east + west, east, west, 25 * sun])


def forecasters_of(days: int, known: np.ndarray | None = None) -> SeriesForecasters:
    values = scenarios(days) if known is None else known
    return SeriesForecasters(INFOS, FIRST, values, np.array([100.0, 60.0, 40.0, 5.0]), QUICK)


def at(hours: int) -> datetime:
    return FIRST + hours * HOUR


@pytest.fixture(scope="module")
def trained() -> SeriesForecasters:
    """75 days, a model for each series."""
    forecasters = forecasters_of(75)
    for code in forecasters.untrained:
        forecasters.train(code, at(75 * DAY))
    forecasters.issue(at(75 * DAY))
    return forecasters


def test_a_short_history_needs_no_training() -> None:
    forecasters = forecasters_of(20)
    assert forecasters.untrained == []
    forecasters.issue(at(20 * DAY))
    for info in INFOS:
        (made,) = forecasters.forecasts(info.code).values()
        assert made.source == "same hour last week"
        assert made.quantiles_mw.shape == (HORIZON, 7)
    assert forecasters.accuracy("load") is None
    assert forecasters.drift("load") is None
    assert "nothing yet" in learned_words(forecasters.learned("load"))


def test_without_any_history_the_profile_stands_in() -> None:
    forecasters = forecasters_of(0, np.zeros((0, 4)))
    forecasters.issue(FIRST)
    assert {forecasters.forecasts(info.code)[FIRST].source for info in INFOS} == {"standard profile"}


def test_training_forecasts_the_week_before_in_hindsight(trained: SeriesForecasters) -> None:
    made = trained.forecasts("load")
    now = at(75 * DAY)
    assert next(iter(made)) == now - JUDGED
    assert len(made) == 4 * JUDGED.days + 1
    assert all(one.source.startswith(HINDSIGHT) for time, one in made.items() if time < now)
    assert not made[now].source.startswith(HINDSIGHT)
    assert "68 days until" in learned_words(trained.learned("load"))
    assert trained.untrained == []


def test_hindsight_knows_nothing_of_later_hours(trained: SeriesForecasters) -> None:
    """Noise in place of the last three days leaves what was forecast before them as it is, to the bit."""
    values = scenarios(75)
    changed = values.copy()
    changed[72 * DAY :] *= np.random.default_rng(3).uniform(0.5, 1.5, changed[72 * DAY :].shape)
    other = forecasters_of(75, changed)
    for code in other.untrained:
        other.train(code, at(75 * DAY))
    for info in INFOS:
        for time, made in other.forecasts(info.code).items():
            if time <= at(72 * DAY):
                np.testing.assert_array_equal(made.quantiles_mw, trained.forecasts(info.code)[time].quantiles_mw)
    late = at(74 * DAY)
    assert (other.forecasts("load")[late].quantiles_mw != trained.forecasts("load")[late].quantiles_mw).any()


def test_accuracy_is_of_what_has_come_to_pass(trained: SeriesForecasters) -> None:
    found = trained.accuracy("load")
    assert found is not None
    assert found.issues == 4 * JUDGED.days
    assert found.mae_mw.shape == (HORIZON,)
    made, (first, actual) = trained.forecasts("load"), trained.actual_mw("load")
    errors = [
        abs(one.quantiles_mw[5, 3] - actual[row + 5])
        for time, one in made.items()
        if np.isfinite(actual[(row := (time - first) // HOUR) + 5])
    ]
    assert found.mae_mw[5] == pytest.approx(np.mean(errors))
    assert (found.mae_mw < found.naive_mae_mw).mean() > 0.7
    assert 50 < found.coverage_80_percent.mean() < 100
    assert (np.diff(found.frequency) >= 0).all()
    assert trained.drift("load") is not None


def test_hours_are_observed_and_gaps_stay_gaps(trained: SeriesForecasters) -> None:
    forecasters = forecasters_of(30)
    forecasters.observe(at(30 * DAY), np.array([101.0, 61.0, 40.0, 0.0]))
    forecasters.observe(at(30 * DAY + 5), np.array([102.0, 61.0, 41.0, 0.0]))
    first, actual = forecasters.actual_mw("load")
    assert first == FIRST
    np.testing.assert_array_equal(actual[30 * DAY : 30 * DAY + 6], [101, np.nan, np.nan, np.nan, np.nan, 102])
    forecasters.issue(at(30 * DAY + 6))
    assert list(forecasters.forecasts("pv")) == [at(30 * DAY + 6)]


def test_hours_are_observed_together_as_one_after_another() -> None:
    values = scenarios(31)[30 * DAY : 30 * DAY + 5]
    together, single = forecasters_of(30), forecasters_of(30)
    together.observe(at(30 * DAY), values)
    for hour, value in enumerate(values):
        single.observe(at(30 * DAY + hour), value)
    for forecasters in (together, single):
        forecasters.issue(at(30 * DAY + 5))
    for info in INFOS:
        np.testing.assert_array_equal(*(forecasters.actual_mw(info.code)[1] for forecasters in (together, single)))
        made = [forecasters.forecasts(info.code)[at(30 * DAY + 5)].quantiles_mw for forecasters in (together, single)]
        np.testing.assert_array_equal(*made)


def test_samples_are_of_groups_and_plants_and_go_together(trained: SeriesForecasters) -> None:
    drawn = trained.sample(at(75 * DAY), 24, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 3, 24)
    assert np.corrcoef(drawn[:, 0, 18], drawn[:, 1, 18])[0, 1] > 0.5  # they share their noise
    median = trained.forecasts("group-0")[at(75 * DAY)].quantiles_mw[:24, 3]
    np.testing.assert_allclose(np.median(drawn[:, 0], axis=0), median, rtol=0.06)
    assert (drawn[:, 2, :4] < 1).all()  # no sun at night


def test_a_series_whose_training_fails_goes_on_without_a_model_and_is_not_tried_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forecasters, now = forecasters_of(75), at(75 * DAY)

    def fails(*_: object) -> None:
        raise ForecastError("nothing but zeros")

    monkeypatch.setattr(Forecaster, "fit", fails)
    with pytest.raises(ForecastError):
        forecasters.train("load", now)
    monkeypatch.undo()
    assert forecasters.untrained == ["group-0", "group-1", "pv"]
    assert "failed" in learned_words(forecasters.learned("load"))
    forecasters.issue(now)
    assert forecasters.forecasts("load")[now].source == "same hour last week"


@pytest.mark.long
def test_a_week_later_models_are_renewed_or_kept_each_once(trained: SeriesForecasters) -> None:
    forecasters = forecasters_of(110)
    now = at(110 * DAY)
    for code in forecasters.untrained:
        forecasters.train(code, at(75 * DAY))
    assert forecasters.renew_one(at(75 * DAY)) is None
    said = []
    while (news := forecasters.renew_one(now)) is not None:
        said.append(news)
    assert [info for info, _ in said] == list(INFOS)
    for info, contest in said:
        assert ("110 days until" in learned_words(forecasters.learned(info.code))) == contest.taken
    forecasters.issue(now)

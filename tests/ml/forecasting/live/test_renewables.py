import numpy as np
import pandas as pd
import pytest

from ml.forecasting.live.renewables import PvPlace, clear_sky_output
from ml.forecasting.live.weather import noised_forecast

BERLIN = PvPlace(52.5, 13.4)


def test_a_clear_sky_gives_most_at_solar_noon_and_nothing_at_night() -> None:
    day = pd.date_range("2024-06-21", periods=24, freq="h", tz="UTC")
    found = clear_sky_output(day, BERLIN)
    assert found.argmax() == 11  # 13.4 degrees east, the hour from 11 to 12 UTC
    assert 0.8 < found.max() < 1.1
    assert not found[[0, 1, 22, 23]].any()


def test_winter_gives_less_than_summer_and_the_south_of_the_globe_the_reverse() -> None:
    for place, more, less in ((BERLIN, "06", "12"), (PvPlace(-37.8, 145, 30, 0), "12", "06")):
        sums = [
            clear_sky_output(pd.date_range(f"2024-{month}-21", periods=24, freq="h", tz="UTC"), place).sum()
            for month in (more, less)
        ]
        assert sums[0] > 1.3 * sums[1]


def test_panels_to_the_east_peak_before_those_to_the_west() -> None:
    day = pd.date_range("2024-06-21", periods=24, freq="h", tz="UTC")
    east, west = (clear_sky_output(day, PvPlace(52.5, 13.4, 30, azimuth)).argmax() for azimuth in (90, 270))
    assert east < 11 < west


def test_a_drawn_forecast_has_the_error_that_was_asked_for_and_keeps_it_for_hours() -> None:
    measured = pd.Series(np.zeros(60_000))
    error = noised_forecast(measured, 1.5).to_numpy()
    assert error.std() == pytest.approx(1.5, rel=0.05)
    assert np.corrcoef(error[:-1], error[1:])[0, 1] == pytest.approx(0.95, abs=0.01)
    np.testing.assert_array_equal(error, noised_forecast(measured, 1.5))

"""Small hourly series that tests of forecasts learn from."""

import numpy as np
import pandas as pd

from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.model import ModelSettings

QUICK = ModelSettings(rounds=8, depth=3, most_rows=3000)


def hourly(
    days: int, seed: int = 1, start: str = "2024-01-01", zone: str = "UTC", weather: bool = False
) -> pd.DataFrame:
    """A load around 100 with a daily and a weekly course, noise that lasts a day, and a pull of the temperature."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(start, periods=24 * days, freq="h", tz=zone)
    hour, weekday = index.hour.to_numpy(), index.dayofweek.to_numpy()
    noise = np.repeat(rng.normal(0, 4, days), 24) + rng.normal(0, 2, 24 * days)
    load = 100 + 25 * np.sin(2 * np.pi * (hour - 6) / 24) - 15 * (weekday >= 5) + noise
    frame = pd.DataFrame({"target": load}, index=index)
    if weather:
        temperature = 15 + 8 * np.sin(2 * np.pi * (hour - 9) / 24) + np.repeat(rng.normal(0, 5, days), 24)
        frame["target"] += 1.5 * np.maximum(temperature - 18, 0)
        frame["temperature"] = temperature
        frame["temperature_forecast"] = temperature + rng.normal(0, 1, len(index))
    return frame


def quick(**changes: object) -> Forecaster:
    """A forecaster that is fitted in a blink."""
    return Forecaster(**{"horizon": 24, "issue_hours": (0,), "settings": QUICK} | changes)

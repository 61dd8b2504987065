"""Worlds that differ from the one in which failure models are trained, each by one thing, and fleets in them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from grid.assets import deterioration
from grid.assets.deterioration import KINDS, LOCATIONS, SIGNALS, AssetTraits, Signal
from grid.assets.register import LocationClass
from grid.network import BranchKind, FloatArray
from grid.sources import weather
from grid.telemetry import Weather
from ml.maintenance.fleet import fleet, year
from ml.maintenance.model import causes

HIGH_KV, LONG_KM = np.array([138.0, 345.0]), 45.0
HOTTER_K = 8.0


@dataclass(frozen=True, eq=False)
class Shift:
    """What is otherwise: attributes of modules, and entries of the sensors' noise."""

    name: str
    changed: tuple[tuple[ModuleType, str, Any], ...] = ()
    noise: Mapping[Signal, float] | None = None

    @contextmanager
    def world(self) -> Iterator[None]:
        """While it lasts, fleets are simulated in this world."""
        with ExitStack() as stack:
            for module, name, value in self.changed:
                stack.enter_context(patch.object(module, name, value))
            if self.noise is not None:
                stack.enter_context(patch.dict(deterioration.NOISE, self.noise))
            yield


def _powered(exponent: float) -> Callable[..., FloatArray]:
    original = causes.cause_factors
    return lambda *args: original(*args) ** exponent


def _twice(*args: Any) -> FloatArray:
    return 2 * causes.cause_rates(*args)


def _hotter(*args: Any) -> Weather:
    usual = _weather(*args)
    return replace(usual, ambient_c=np.asarray(usual.ambient_c) + HOTTER_K)


def _vibrating(*args: Any) -> FloatArray:
    signals = _measured(*args)
    signals[:, SIGNALS.index(Signal.VIBRATION)] *= 1.5
    return signals


def _long_lines(*args: Any) -> AssetTraits:
    traits = _traits(*args)
    is_line = traits.kind == KINDS.index(BranchKind.LINE)
    return replace(traits, length_km=np.where(is_line, LONG_KM, traits.length_km))


_weather, _measured, _traits = weather.hourly_weather, deterioration.measured, fleet._drawn_traits
_coast = tuple(float(location is LocationClass.COASTAL) for location in LOCATIONS)

SHIFTS = (
    Shift("none"),
    Shift("true rate x 2", ((fleet, "cause_rates", _twice),)),
    Shift("loads + 25 %", ((year, "PEAK_LOAD_PU", 1.25 * year.PEAK_LOAD_PU),)),
    Shift("climate + 8 K", ((year, "hourly_weather", _hotter),)),
    Shift("effects x 1.5", ((causes, "cause_factors", _powered(1.5)),)),
    Shift("effects x 0.5", ((causes, "cause_factors", _powered(0.5)),)),
    Shift("frailty 0.9", ((deterioration, "FRAILTY_SPREAD", 0.9),)),
    Shift("noise x 1.5", noise={one: 1.5 * value for one, value in deterioration.NOISE.items()}),
    Shift("noise x 3", noise={one: 3.0 * value for one, value in deterioration.NOISE.items()}),
    Shift("vibration + 50 %", ((fleet, "measured", _vibrating),)),
    Shift("coast", ((fleet, "LOCATION_SHARES", _coast),)),
    Shift(
        "138 and 345 kV, lines of 45 km",
        (
            (fleet, "LEVELS_KV", HIGH_KV),
            (fleet, "LEVEL_SHARES", (0.5, 0.5)),
            (fleet, "_drawn_traits", _long_lines),
        ),
    ),
)

"""Measurements as they arrive: values with quality and two times, and the events a person has injected."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

import numpy as np

from grid.network import BoolArray, FloatArray


class Quality(IntEnum):
    """What a measured value is worth."""

    GOOD = 0
    SUSPECT = 1  # arrives, but can't be right: stuck or far off
    MISSING = 2  # doesn't arrive: the last good value stands in


class EventKind(StrEnum):
    """Disturbances that can be injected into a simulated grid."""

    LINE_OUTAGE = "line_outage"
    LOAD_SURGE = "load_surge"
    HEAT_WAVE = "heat_wave"
    GENERATOR_TRIP = "generator_trip"
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_GONE = "sensor_gone"


@dataclass(frozen=True)
class Event:
    """An injected disturbance.

    target: branch (LINE_OUTAGE), generator (GENERATOR_TRIP) or bus index (LOAD_SURGE and the sensors of a bus's
    loads); None for HEAT_WAVE and for a surge of the whole grid. magnitude: factor (LOAD_SURGE) or kelvin (HEAT_WAVE).
    """

    id: int
    kind: EventKind
    target: int | None
    target_name: str
    magnitude: float
    started_at: datetime  # simulated


@dataclass(frozen=True)
class Weather:
    """Weather along the lines: one for the grid (floats) or one for each branch (arrays that broadcast).

    ambient_c in degrees Celsius, wind_m_s in m/s, wind_angle_degree between wind and conductor (90 = square
    on), irradiance_w_m2 the global irradiance in W/m2, humidity_percent the relative humidity, which
    forecasts use and IEEE 738 does not.
    """

    ambient_c: float | FloatArray
    wind_m_s: float | FloatArray
    wind_angle_degree: float | FloatArray
    irradiance_w_m2: float | FloatArray
    humidity_percent: float | FloatArray


@dataclass(frozen=True, eq=False)
class Reading:
    """k measured values with their quality (k,) of Quality."""

    value: FloatArray
    quality: np.ndarray


@dataclass(frozen=True, eq=False)
class Frame:
    """All that was measured at one moment."""

    measured_at: datetime  # the source's clock
    received_at: datetime  # ours, UTC
    load_p_mw: Reading  # (l,)
    load_q_mvar: Reading
    generator_p_mw: Reading  # (g,)
    generator_q_mvar: Reading
    generator_vm_pu: Reading  # set-points of sources and regulating generators
    generator_on: BoolArray
    bus_vm_pu: Reading  # (n,)
    branch_p_from_mw: Reading  # (m,)
    branch_closed: BoolArray  # (m,)
    weather: Weather


class Source(Protocol):
    """Where measurements come from."""

    name: str

    def read(self) -> Frame:
        """The next frame. Raises ConnectionError where the source doesn't answer."""
        ...

"""Measurements as they arrive: values with quality, reason, both times and standard deviation, and the events a person
has injected."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Protocol

import numpy as np

from grid.network import BoolArray, FloatArray


class Quality(IntEnum):
    """What a measured value is worth: good, questionable and invalid, the validity of IEC 61850-7-3."""

    GOOD = 0
    SUSPECT = 1  # arrives, but can't be right: stuck or far off
    MISSING = 2  # doesn't arrive: the last good value stands in


class Reason(IntEnum):
    """Why a value is worth what it is worth, after the detailed quality and the source of IEC 61850-7-3."""

    NONE = 0
    NO_ANSWER = 1  # nothing came from the instrument (failure)
    STUCK = 2  # the same value again and again
    OUT_OF_RANGE = 3
    OLD_DATA = 4  # not renewed for longer than it may be
    INCONSISTENT = 5  # contradicts what other instruments say
    SUBSTITUTED = 6  # a person, or the source, has put in another value; may be good


class EventKind(StrEnum):
    """Disturbances that can be injected into a simulated grid."""

    LINE_OUTAGE = "line_outage"
    BRANCH_FAULT = "branch_fault"  # a short circuit that stays until it is repaired, which is when the event ends
    BUS_FAULT = "bus_fault"
    LOAD_SURGE = "load_surge"
    HEAT_WAVE = "heat_wave"
    GENERATOR_TRIP = "generator_trip"
    SENSOR_STUCK = "sensor_stuck"
    SENSOR_GONE = "sensor_gone"


@dataclass(frozen=True)
class Event:
    """An injected disturbance.

    target: branch (LINE_OUTAGE, BRANCH_FAULT), generator (GENERATOR_TRIP) or bus index (BUS_FAULT, LOAD_SURGE and the
    sensors of a bus's loads); None for HEAT_WAVE and for a surge of the whole grid. magnitude: factor (LOAD_SURGE) or
    kelvin (HEAT_WAVE).
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


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What is known of one point of a frame; NaN where there is no value, or no standard deviation is known."""

    value: float
    quality: Quality
    reason: Reason
    measured_at: datetime
    standard_deviation: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Points:
    """One quantity at k points. Arrays are (k,); where all points share a value it may be a view that takes no memory.

    value: NaN where nothing came; that of a switch is bool, and means nothing where nothing came. Raises ValueError
    where an array has another shape.
    """

    value: np.ndarray
    quality: np.ndarray  # int8, of Quality
    reason: np.ndarray  # int8, of Reason
    measured_at: np.ndarray  # datetime64[ms], the source's clock, UTC
    received_at: np.ndarray  # datetime64[ms], our clock, UTC
    standard_deviation: FloatArray  # in the value's unit, NaN where it isn't known

    def __post_init__(self) -> None:
        shapes = (
            self.value.shape,
            self.quality.shape,
            self.reason.shape,
            self.measured_at.shape,
            self.received_at.shape,
            self.standard_deviation.shape,
        )
        if len(set(shapes)) != 1 or len(shapes[0]) != 1:
            raise ValueError(f"points have arrays of unequal shapes: {', '.join(map(str, shapes))}")

    @classmethod
    def of(
        cls,
        value: np.ndarray,
        *,
        measured_at: datetime | np.ndarray,
        received_at: datetime | np.ndarray,
        quality: np.ndarray | None = None,
        reason: np.ndarray | None = None,
        standard_deviation: FloatArray | None = None,
    ) -> "Points":
        """Points of k values with all else (k,), times also one for all.

        Without quality a value is good, and missing where it is NaN; without reason what is missing didn't answer;
        without standard deviation none is known.
        """
        count = len(value)
        if quality is None:
            unknown = _NONE[:count] if value.dtype == np.bool_ else np.isnan(value)
            quality = np.where(unknown, _MISSING, _GOOD) if unknown.any() else _ALL_GOOD[:count]
        if reason is None:
            unanswered = quality == _MISSING
            reason = np.where(unanswered, _NO_ANSWER, _NO_REASON) if unanswered.any() else _WITHOUT_REASON[:count]
        return cls(
            value=value,
            quality=quality,
            reason=reason,
            measured_at=_all_at(measured_at)[:count] if isinstance(measured_at, datetime) else measured_at,
            received_at=_all_at(received_at)[:count] if isinstance(received_at, datetime) else received_at,
            standard_deviation=_UNKNOWN[:count] if standard_deviation is None else standard_deviation,
        )

    def __len__(self) -> int:
        return len(self.value)

    @property
    def is_good(self) -> BoolArray:
        """(k,) whether the value may be used as it is."""
        return self.quality == Quality.GOOD

    def at(self, index: int) -> Measurement:
        """What is known of one of the points."""
        return Measurement(
            value=float(self.value[index]),
            quality=Quality(int(self.quality[index])),
            reason=Reason(int(self.reason[index])),
            measured_at=self.measured_at[index].item().replace(tzinfo=UTC),
            standard_deviation=float(self.standard_deviation[index]),
        )


# What points share is cut from views as long as any grid, in which one value stands again and again.
MOST_POINTS = 10**9
_GOOD, _MISSING = np.int8(Quality.GOOD), np.int8(Quality.MISSING)
_NO_REASON, _NO_ANSWER = np.int8(Reason.NONE), np.int8(Reason.NO_ANSWER)
_ALL_GOOD, _WITHOUT_REASON = np.broadcast_to(_GOOD, MOST_POINTS), np.broadcast_to(_NO_REASON, MOST_POINTS)
_NONE, _UNKNOWN = np.broadcast_to(np.bool_(False), MOST_POINTS), np.broadcast_to(np.nan, MOST_POINTS)


@lru_cache(8)  # a frame's quantities share their times
def _all_at(time: datetime) -> np.ndarray:
    return np.broadcast_to(datetime64_ms(time), MOST_POINTS)


def datetime64_ms(time: datetime) -> np.datetime64:
    """A moment with a zone as NumPy's, in UTC."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "ms")


@dataclass(frozen=True, eq=False, kw_only=True)
class BusPoints:
    """What is measured at buses, (n,) each."""

    vm_pu: Points | None = None
    va_degree: Points | None = None  # by a phasor measurement unit, against the source's reference


@dataclass(frozen=True, eq=False, kw_only=True)
class BranchPoints:
    """What is measured at branches, (m,) each. Powers flow into the branch at the named end."""

    p_from_mw: Points | None = None
    q_from_mvar: Points | None = None
    i_from_ka: Points | None = None
    p_to_mw: Points | None = None
    q_to_mvar: Points | None = None
    i_to_ka: Points | None = None
    closed: Points | None = None  # bool: the position of its switches
    tap_pos: Points | None = None  # position of the tap changer, as the case counts them
    temperature_c: Points | None = None  # conductor, or hot spot of the winding


@dataclass(frozen=True, eq=False, kw_only=True)
class LoadPoints:
    """What is measured at loads, (l,) each."""

    p_mw: Points | None = None
    q_mvar: Points | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class GeneratorPoints:
    """What is measured at generators, (g,) each."""

    p_mw: Points | None = None
    q_mvar: Points | None = None
    vm_pu: Points | None = None  # set-points of sources and regulating generators
    on: Points | None = None  # bool: whether it is connected


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """All that was measured at one moment. A quantity that the source doesn't measure at all is None."""

    measured_at: datetime  # the moment that the frame is of, by the source's clock
    received_at: datetime  # ours, UTC
    bus: BusPoints
    branch: BranchPoints
    load: LoadPoints
    generator: GeneratorPoints
    weather: Weather


class Source(Protocol):
    """Where measurements come from."""

    name: str

    def read(self) -> Frame:
        """The next frame. Raises ConnectionError where the source doesn't answer."""
        ...

"""How assets deteriorate and what their condition sensors show: the same for simulated fleets and the live simulator.

Every figure here is our assumption, chosen for plausible spreads, and none is fitted to anything; docs/models.md lists
them. What a sensor shows depends on the hidden state, never the other way round.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from grid.assets.register import LocationClass
from grid.network import BoolArray, BranchKind, FloatArray, IntArray


class Signal(StrEnum):
    """Condition signals of an asset, in the order of their columns; the values are field names with units."""

    TEMPERATURE = "temperature_c"
    LOAD = "load_mw"
    VIBRATION = "vibration_mm_s"
    AGE = "age_years"
    CORROSION = "corrosion"
    DISTORTION = "thd_percent"
    OIL_QUALITY = "oil_quality"
    TRIPS = "trips_last_year"
    AMBIENT = "ambient_c"
    HUMIDITY = "humidity_percent"


SIGNALS = tuple(Signal)
KINDS = (BranchKind.LINE, BranchKind.CABLE, BranchKind.TRANSFORMER)
LOCATIONS = tuple(LocationClass)
WEEKS = 52  # of trips that a sensor counts

# by kind: line, cable, transformer
STILL_VIBRATION_MM_S = np.array([0.6, 0.2, 1.2])
TRIPS_PER_YEAR = np.array([4.0, 0.6, 1.2])
CORROSION_YEARS = {  # until 63 % of what can corrode has
    LocationClass.COASTAL: 35.0,
    LocationClass.INDUSTRIAL: 50.0,
    LocationClass.URBAN: 80.0,
    LocationClass.RURAL: 100.0,
}
WEAR_YEARS, WEAR_SPREAD = 40.0, 0.5  # until wear is 1, and the lognormal spread of its pace
CORROSION_SPREAD = 0.4
MOISTURE_YEARS, MOISTURE_SPREAD = 90.0, 0.4
THERMAL_OIL_YEARS = 25.0  # thermal age, in years at V = 1, that takes the oil down to 37 %
FRAILTY_SPREAD = 0.3
DEFECT_SHARE, SMALLEST_DEFECT, LARGEST_DEFECT = 0.05, 0.08, 0.3  # of coolers: the share by which rises are higher
WEAKNESS_MEMORY_YEARS = 3.0
THD_MEAN_PERCENT, THD_SPREAD_PERCENT = 2.5, 0.9
NOISE = {  # one standard deviation; relative for vibration and load
    Signal.TEMPERATURE: 1.0,
    Signal.LOAD: 0.01,
    Signal.VIBRATION: 0.08,
    Signal.CORROSION: 0.05,
    Signal.DISTORTION: 0.15,
    Signal.OIL_QUALITY: 0.04,
}
GAP_SHARE, GAP_WEEKS = 0.02, 1.0  # of the time a sensor sends nothing, and for how long


@dataclass(frozen=True, eq=False)
class AssetTraits:
    """What n assets are: position in KINDS, in LOCATIONS, nominal voltage, length, rated power; arrays (n,)."""

    kind: IntArray
    location: IntArray
    vn_kv: FloatArray
    length_km: FloatArray
    rating_mva: FloatArray

    @property
    def is_transformer(self) -> BoolArray:
        """(n,) whether oil is in it."""
        return self.kind == KINDS.index(BranchKind.TRANSFORMER)

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, eq=False)
class Deterioration:
    """The hidden state of n assets, arrays (n,); trips has a row a week, the present week first, (WEEKS, n).

    wear: 1 after WEAR_YEARS of average use. corrosion 0 to 1. moisture: what moisture left of the oil, 0 to 1.
    weakness of the insulation to disturbances, standard normal. cooling_defect: share by which temperature rises are
    higher than they should be. thermal_age_years at V = 1. frailty: what no sensor shows, mean 1. The last three say
    at which pace an asset deteriorates.
    """

    age_years: FloatArray
    wear: FloatArray
    corrosion: FloatArray
    moisture: FloatArray
    weakness: FloatArray
    thd_percent: FloatArray
    cooling_defect: FloatArray
    thermal_age_years: FloatArray
    frailty: FloatArray
    trips: IntArray
    wear_pace: FloatArray
    corrosion_pace: FloatArray
    moisture_pace: FloatArray

    def oil_quality(self, traits: AssetTraits) -> FloatArray:
        """(n,) 0 to 1, what moisture and heat left of the oil; NaN where there is none."""
        left = self.moisture * np.exp(-self.thermal_age_years / THERMAL_OIL_YEARS)
        return np.where(traits.is_transformer, left, np.nan)


def drawn(
    traits: AssetTraits, age_years: FloatArray, thermal_age_years: FloatArray, rng: np.random.Generator
) -> Deterioration:
    """A hidden state that fits ages (n,), with average use so far."""
    count = len(traits)

    def pace(spread: float) -> FloatArray:
        return np.exp(spread * rng.standard_normal(count))

    corrosion_years = np.array([CORROSION_YEARS[location] for location in LOCATIONS])[traits.location]
    wear_pace = pace(WEAR_SPREAD) / WEAR_YEARS
    corrosion_pace, moisture_pace = pace(CORROSION_SPREAD) / corrosion_years, pace(MOISTURE_SPREAD) / MOISTURE_YEARS
    weakness = rng.standard_normal(count)
    defect = rng.uniform(SMALLEST_DEFECT, LARGEST_DEFECT, count) * (rng.random(count) < DEFECT_SHARE)
    expected = _trip_rate(traits, weakness) / WEEKS
    return Deterioration(
        age_years=age_years,
        wear=wear_pace * age_years,
        corrosion=1 - np.exp(-corrosion_pace * age_years),
        moisture=np.exp(-moisture_pace * age_years),
        weakness=weakness,
        thd_percent=np.clip(THD_MEAN_PERCENT + THD_SPREAD_PERCENT * rng.standard_normal(count), 0.3, 8.0),
        cooling_defect=defect,
        thermal_age_years=np.where(traits.is_transformer, thermal_age_years, 0.0),
        frailty=np.exp(FRAILTY_SPREAD * rng.standard_normal(count) - 0.5 * FRAILTY_SPREAD**2),
        trips=rng.poisson(expected, (WEEKS, count)),
        wear_pace=wear_pace,
        corrosion_pace=corrosion_pace,
        moisture_pace=moisture_pace,
    )


def advanced(
    state: Deterioration,
    traits: AssetTraits,
    years: float,
    mean_square_load: FloatArray,
    thermal_years: FloatArray,
    rng: np.random.Generator,
) -> Deterioration:
    """The state after some time at a mean square load (n,) per unit and a thermal ageing (n,) in years at V = 1."""
    kept = np.exp(-years / WEAKNESS_MEMORY_YEARS)
    fresh = np.sqrt(1 - kept**2) * rng.standard_normal(len(traits))
    return replace(
        state,
        age_years=state.age_years + years,
        wear=state.wear + state.wear_pace * years * (0.6 + mean_square_load),
        corrosion=1 - (1 - state.corrosion) * np.exp(-state.corrosion_pace * years),
        moisture=state.moisture * np.exp(-state.moisture_pace * years),
        weakness=kept * state.weakness + fresh,
        thermal_age_years=state.thermal_age_years + np.where(traits.is_transformer, thermal_years, 0.0),
    )


def next_week(state: Deterioration, traits: AssetTraits, rng: np.random.Generator) -> Deterioration:
    """A new week of trips begins, and the oldest one is forgotten."""
    new = rng.poisson(_trip_rate(traits, state.weakness) / WEEKS)
    return replace(state, trips=np.vstack([new[None], state.trips[:-1]]))


def _trip_rate(traits: AssetTraits, weakness: FloatArray) -> FloatArray:
    return TRIPS_PER_YEAR[traits.kind] * np.exp(weakness)


def expected_vibration(traits: AssetTraits, load_pu: FloatArray) -> FloatArray:
    """(n,) mm/s of an asset without wear at a load per unit: cores and fittings hum with the square of the load."""
    return np.asarray(STILL_VIBRATION_MM_S[traits.kind] * (0.7 + 0.3 * load_pu**2))


def with_defect(temperature_c: FloatArray, ambient_c: FloatArray | float, state: Deterioration) -> FloatArray:
    """What temperatures (n,) of sound assets are with their cooling as it is."""
    return np.asarray(ambient_c + (temperature_c - ambient_c) * (1 + state.cooling_defect))


def measured(
    state: Deterioration,
    traits: AssetTraits,
    temperature_c: FloatArray,
    load_mw: FloatArray,
    load_pu: FloatArray,
    ambient_c: float | FloatArray,
    humidity_percent: float | FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """(n, 10) what the sensors of SIGNALS show: true values with noise. Gaps are another matter: see Gaps."""
    count = len(traits)

    def noisy(value: FloatArray, signal: Signal) -> FloatArray:
        return np.asarray(value + NOISE[signal] * rng.standard_normal(count))

    vibration = expected_vibration(traits, load_pu) * (1 + 0.8 * state.wear)
    values: dict[Signal, FloatArray | float] = {
        Signal.TEMPERATURE: noisy(temperature_c, Signal.TEMPERATURE),
        Signal.LOAD: load_mw * noisy(np.ones(count), Signal.LOAD),
        Signal.VIBRATION: vibration * np.exp(NOISE[Signal.VIBRATION] * rng.standard_normal(count)),
        Signal.AGE: state.age_years,
        Signal.CORROSION: noisy(state.corrosion, Signal.CORROSION).clip(0, 1),
        Signal.DISTORTION: noisy(state.thd_percent * (0.8 + 0.4 * load_pu), Signal.DISTORTION).clip(0),
        Signal.OIL_QUALITY: noisy(state.oil_quality(traits), Signal.OIL_QUALITY).clip(0, 1),
        Signal.TRIPS: state.trips.sum(axis=0).astype(float),
        Signal.AMBIENT: ambient_c,
        Signal.HUMIDITY: humidity_percent,
    }
    return np.column_stack([np.broadcast_to(values[signal], count) for signal in SIGNALS])


class Gaps:
    """Which sensors send nothing: each falls silent now and then for a week or so, on its own."""

    LASTING = (Signal.AGE,)  # the register's, no sensor's

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._rng = rng
        self.silent: BoolArray = rng.random((count, len(SIGNALS))) < GAP_SHARE
        self._spare()

    def advance(self, weeks: float) -> None:
        """Let simulated time pass."""
        back = 1 - np.exp(-weeks / GAP_WEEKS)
        fails = back * GAP_SHARE / (1 - GAP_SHARE)
        chance = self._rng.random(self.silent.shape)
        self.silent = np.where(self.silent, chance >= back, chance < fails)
        self._spare()

    def _spare(self) -> None:
        for signal in self.LASTING:
            self.silent[:, SIGNALS.index(signal)] = False

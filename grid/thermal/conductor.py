"""Temperature of overhead conductors (IEEE 738-2012, with thermal inertia) and buried cables (first order).

Everything broadcasts: m branches under one weather, or weather as arrays of shape (m,) or (n, 1). Air density
is taken at sea level, the sun is taken to strike square on, and wind cools by the larger of forced and
natural convection, as IEEE 738-2012 clause 4.4.3 has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.telemetry import Weather

FloatArray = NDArray[np.float64]

MAX_TEMPERATURE_C = 660.0
"""Aluminium melts here; no temperature above it is reported, whatever the current."""

KELVIN = 273.0
"""Offset of the Celsius scale as IEEE 738 rounds it."""

LONGEST_SUBSTEP_S = 10.0
MOST_SUBSTEPS = 16
"""A call of conductor_temperature_step costs at most this many heat balances, however long its dt."""

ALUMINIUM_OHM_MM2_PER_KM = 28.9
"""Resistance times area of stranded aluminium at 20 C: the mean of pandapower's standard types is 28.8."""
ALUMINIUM_PER_K = 0.00403
"""Temperature coefficient of hard-drawn aluminium at 20 C (IEC 60889)."""
RATING_FACTOR, RATING_EXPONENT = 18.26, 0.6426
"""Continuous current in A of one ACSR conductor is factor * mm2**exponent: fits those types within 6 %."""
SMALLEST_MM2, LARGEST_MM2, USUAL_MM2 = 15.0, 700.0, 240.0
LARGEST_CREDIBLE_BUNDLE = 4
LARGEST_RATING_KA = 50.0
"""Case files write 'no limit' as a very large rating: anything above is read as not known."""


@dataclass(frozen=True, eq=False)
class Conductors:
    """Thermal data of m overhead phases, all arrays of shape (m,), each per single conductor of the bundle.

    diameter_m in m, r_ohm_per_m_25c and r_ohm_per_m_75c the AC resistance in ohm/m, heat_capacity_j_per_m_k
    in J/(m K), emissivity and absorptivity without unit, subconductors the number that shares the phase
    current.
    """

    diameter_m: FloatArray
    r_ohm_per_m_25c: FloatArray
    r_ohm_per_m_75c: FloatArray
    heat_capacity_j_per_m_k: FloatArray
    emissivity: FloatArray
    absorptivity: FloatArray
    subconductors: FloatArray

    @classmethod
    def typical(cls, r_ohm_per_km: ArrayLike, rating_ka: ArrayLike) -> Conductors:
        """Assume an ACSR phase for each line from its DC resistance at 20 C and its rating; shapes (m,).

        An assumption, not data: 6.1 mm2 of aluminium to 1 mm2 of steel, 76 % of the circle filled with metal,
        strands 2 % longer than the line, no skin effect, weathered surface (0.8 and 0.8). Those figures are
        close to EN 50182 sizes and to Drake. NaN, zero or implausible values give plausible dimensions all
        the same: see _bundle.
        """
        area_mm2, subconductors = _bundle(np.asarray(r_ohm_per_km, float), np.asarray(rating_ka, float))
        steel_mm2 = area_mm2 / 6.1
        r_20c = ALUMINIUM_OHM_MM2_PER_KM / area_mm2 * 1e-3
        return cls(
            diameter_m=2e-3 * np.sqrt((area_mm2 + steel_mm2) / (0.76 * np.pi)),
            r_ohm_per_m_25c=r_20c * (1 + 5 * ALUMINIUM_PER_K),
            r_ohm_per_m_75c=r_20c * (1 + 55 * ALUMINIUM_PER_K),
            heat_capacity_j_per_m_k=1.02e-6 * (area_mm2 * 2703 * 955 + steel_mm2 * 7780 * 476),
            emissivity=np.full_like(area_mm2, 0.8),
            absorptivity=np.full_like(area_mm2, 0.8),
            subconductors=subconductors,
        )


def _rating_a(area_mm2: FloatArray) -> FloatArray:
    """Continuous current (A) of one ACSR conductor of that aluminium area."""
    return np.asarray(RATING_FACTOR * area_mm2**RATING_EXPONENT)


def _bundle(r_ohm_per_km: FloatArray, rating_ka: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Aluminium area (mm2) of one conductor and the number in the bundle, both of shape (m,).

    The resistance gives the area and the rating gives the number of conductors it is split into. A resistance
    that no bundle of up to four conductors explains (a case file with every line 1 km long) is set aside, and
    the rating alone gives the size; a line with neither is one conductor of 240 mm2.
    """
    resistance, rating_ka = np.broadcast_arrays(r_ohm_per_km, rating_ka)
    known_r = np.isfinite(resistance) & (resistance > 0)
    known_i = np.isfinite(rating_ka) & (rating_ka > 0) & (rating_ka < LARGEST_RATING_KA)
    total_mm2 = ALUMINIUM_OHM_MM2_PER_KM / np.where(known_r, resistance, np.nan)
    rating_a = np.where(known_i, rating_ka * 1e3, _rating_a(np.fmin(total_mm2, LARGEST_MM2)))
    # n conductors of total / n each carry n^(1 - exponent) times what one conductor of the total area would
    needed = (rating_a / _rating_a(total_mm2)) ** (1 / (1 - RATING_EXPONENT))
    # ratings vary by some 15 % with the weather they are given for: that alone does not split a conductor
    count = np.fmax(np.floor(np.fmax(needed, 1.0) + 0.3), np.ceil(total_mm2 / LARGEST_MM2))
    credible = known_r & (count <= LARGEST_CREDIBLE_BUNDLE) & (total_mm2 / count >= 0.8 * SMALLEST_MM2)

    from_rating = np.where(known_i, rating_a, _rating_a(np.full_like(total_mm2, USUAL_MM2)))
    count_from_rating = np.ceil(from_rating / _rating_a(np.array(LARGEST_MM2)))
    area_from_rating = (from_rating / count_from_rating / RATING_FACTOR) ** (1 / RATING_EXPONENT)
    area = np.where(credible, total_mm2 / count, np.clip(area_from_rating, SMALLEST_MM2, LARGEST_MM2))
    return area, np.where(credible, count, count_from_rating)


def _convection(temperature_c: FloatArray, diameter_m: FloatArray, weather: Weather) -> tuple[FloatArray, FloatArray]:
    """Convective loss (W/m) and its slope (W/(m K)), air properties held: IEEE 738-2012 eq. 3 and 5."""
    difference = temperature_c - weather.ambient_c
    film_c = 0.5 * (temperature_c + weather.ambient_c)
    density = 1.293 / (1 + 0.00367 * film_c)
    viscosity = 1.458e-6 * (film_c + KELVIN) * np.sqrt(film_c + KELVIN) / (film_c + 383.4)
    conductivity = 2.424e-2 + film_c * (7.477e-5 - 4.407e-9 * film_c)
    angle = np.deg2rad(weather.wind_angle_degree)
    direction = 1.194 - np.cos(angle) + 0.194 * np.cos(2 * angle) + 0.368 * np.sin(2 * angle)

    reynolds = diameter_m * density * np.maximum(weather.wind_m_s, 0.0) / viscosity
    nusselt = np.maximum(1.01 + 1.35 * reynolds**0.52, 0.754 * reynolds**0.6)
    forced = direction * conductivity * nusselt
    natural = 3.645 * np.sqrt(density) * diameter_m**0.75 * np.sqrt(np.sqrt(np.abs(difference)))
    return np.maximum(forced, natural) * difference, np.maximum(forced, 1.25 * natural)


def _heat_balance(
    temperature_c: FloatArray, current_a: FloatArray, conductors: Conductors, weather: Weather
) -> tuple[FloatArray, FloatArray]:
    """Net heat into one conductor (W/m) and its slope with temperature (W/(m K)): IEEE 738-2012 eq. 2a."""
    convected, convection_slope = _convection(temperature_c, conductors.diameter_m, weather)
    radiator = 17.8e-8 * conductors.diameter_m * conductors.emissivity
    kelvin, ambient_k = temperature_c + KELVIN, np.asarray(weather.ambient_c) + KELVIN
    cubed = kelvin * kelvin * kelvin
    radiated = radiator * (cubed * kelvin - ambient_k**4)
    sun = conductors.absorptivity * conductors.diameter_m * weather.irradiance_w_m2
    squared = current_a * current_a
    per_k = (conductors.r_ohm_per_m_75c - conductors.r_ohm_per_m_25c) / 50.0
    joule = squared * (conductors.r_ohm_per_m_25c + per_k * (temperature_c - 25.0))
    return joule + sun - convected - radiated, squared * per_k - convection_slope - 4 * radiator * cubed


def _current_per_conductor(current_a: ArrayLike, conductors: Conductors) -> FloatArray:
    """Current of one conductor in A; a de-energised branch (NaN) carries none, and 1 MA is the most."""
    magnitude = np.nan_to_num(np.abs(np.asarray(current_a, float)), nan=0.0, posinf=1e6)
    return np.asarray(np.minimum(magnitude, 1e6) / conductors.subconductors)


def conductor_temperature_step(
    temperature_c: ArrayLike, current_a: ArrayLike, conductors: Conductors, weather: Weather, dt_s: float
) -> FloatArray:
    """Advance conductor temperatures by dt_s seconds of constant current and weather.

    Exponential Rosenbrock-Euler steps, exact for a linear balance: stable for any dt, within 1 K of a fine
    integration. At most MOST_SUBSTEPS are taken: in a long dt each acts as a Newton step towards the steady
    state, where the step ends anyway.

    temperature_c: (m,) at the start, degrees Celsius. current_a: (m,) phase current, A; NaN counts as none.
    Returns (m,) at the end, degrees Celsius.
    """
    temperature = np.asarray(temperature_c, float)
    current = _current_per_conductor(current_a, conductors)
    substeps = int(np.clip(np.ceil(dt_s / LONGEST_SUBSTEP_S), 1, MOST_SUBSTEPS))
    seconds_per_capacity = dt_s / substeps / conductors.heat_capacity_j_per_m_k
    for _ in range(substeps):
        net, slope = _heat_balance(temperature, current, conductors, weather)
        decay = np.minimum(slope * seconds_per_capacity, -1e-12)
        temperature = temperature + net * seconds_per_capacity * np.expm1(decay) / decay
        temperature = np.minimum(temperature, MAX_TEMPERATURE_C)
    return temperature


def conductor_steady_temperature(current_a: ArrayLike, conductors: Conductors, weather: Weather) -> FloatArray:
    """Temperature that conductors settle at: (m,) phase current in A -> (m,) degrees Celsius.

    The net heat falls ever faster as the conductor warms, so Newton's method closes in from above after its
    first step from anywhere; it stops at 0.001 K.
    """
    current = _current_per_conductor(current_a, conductors)
    ambient = np.asarray(weather.ambient_c, float)
    shape = np.broadcast_shapes(
        current.shape, ambient.shape, np.shape(weather.wind_m_s), np.shape(weather.irradiance_w_m2)
    )
    temperature = np.broadcast_to(ambient + 50.0, shape)
    for _ in range(40):
        net, slope = _heat_balance(temperature, current, conductors, weather)
        # a slope that is not negative means thermal runaway from here: the jump is cut at the melting point
        following = np.minimum(temperature - net / np.minimum(slope, -1e-6), MAX_TEMPERATURE_C)
        settled = bool(np.all(np.abs(following - temperature) < 1e-3))
        temperature = following
        if settled:
            break
    return np.asarray(temperature)


def conductor_ampacity_a(conductors: Conductors, weather: Weather, max_temperature_c: float | FloatArray) -> FloatArray:
    """Phase current (A, shape (m,)) that holds conductors at max_temperature_c: IEEE 738-2012 eq. 1b.

    Zero where the sun and the air alone bring them to that temperature.
    """
    temperature = np.asarray(max_temperature_c, float)
    idle = np.zeros_like(conductors.diameter_m)
    net, _ = _heat_balance(temperature, idle, conductors, weather)
    per_k = (conductors.r_ohm_per_m_75c - conductors.r_ohm_per_m_25c) / 50.0
    resistance = conductors.r_ohm_per_m_25c + per_k * (temperature - 25.0)
    return np.asarray(np.sqrt(np.maximum(-net, 0.0) / resistance) * conductors.subconductors)


def cable_temperature_step(
    temperature_c: ArrayLike,
    loading_pu: ArrayLike,
    soil_c: float | FloatArray,
    dt_s: float,
    rated_c: float = 90.0,
    rated_soil_c: float = 20.0,
    time_constant_s: float = 36_000.0,
) -> FloatArray:
    """Advance conductor temperatures of buried cables by dt_s seconds: one exponential for cable and soil.

    A simplification of IEC 60287 and IEC 60853: the rise over the soil is (rated_c - rated_soil_c) times the
    square of the loading, and one time constant (10 h, an assumption: cables alone take about one hour, the
    soil around them days) stands for the whole ladder. Laying, neighbours and drying soil are left out.

    temperature_c, loading_pu: (m,), loading as current over rated current, NaN counts as none; soil_c in
    degrees Celsius. Returns (m,) degrees Celsius.
    """
    temperature = np.asarray(temperature_c, float)
    loading = np.nan_to_num(np.asarray(loading_pu, float), posinf=1e6)
    settled = np.minimum(soil_c + (rated_c - rated_soil_c) * loading**2, MAX_TEMPERATURE_C)
    return np.asarray(settled + (temperature - settled) * np.exp(-dt_s / time_constant_s))

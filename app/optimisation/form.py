"""The requirements as the form's values, and back."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from app.engine.commands import common_band
from grid.network import FloatArray, Network
from ml.optimisation.plans.plan import Requirements

WEIGHTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
BAND_ENDS = (0.85, 1.15)
MOST_PAIRS = 3
FREE = "free"
EMERGENCY = {  # fields of emergency values, and the requirement that each stands for
    "em_loading": "emergency_loading_percent",
    "em_low": "emergency_min_vm_pu",
    "em_high": "emergency_max_vm_pu",
}
# in the order of the form's inputs
FIELDS = ("weight", "pairs", "case", "band", "loading", "n1", "worst", *EMERGENCY, "em_minutes")


def form_of(requirements: Requirements, network: Network) -> list[object]:
    """The values of FIELDS: weight as the nearest position in WEIGHTS, case whether the case's own limits hold.

    Emergency values that aren't given show as the normal ones.
    """
    nearest = int(np.argmin(np.abs(_perceived(np.array(WEIGHTS)) - _perceived(requirements.risk_weight))))
    low, high = case_band(network)
    return [
        nearest,
        FREE if requirements.most_pairs is None else str(requirements.most_pairs),
        requirements.min_vm_pu is None and requirements.max_vm_pu is None,
        [
            low if requirements.min_vm_pu is None else requirements.min_vm_pu,
            high if requirements.max_vm_pu is None else requirements.max_vm_pu,
        ],
        requirements.max_loading_percent,
        requirements.n_minus_1,
        requirements.worst_hour,
        *_emergency_of(requirements, network),
        requirements.emergency_minutes,
    ]


def _emergency_of(requirements: Requirements, network: Network) -> tuple[float, ...]:
    """The emergency values of loading, lowest and highest voltage: the normal ones where there are none."""
    low, high = case_band(network)
    low = low if requirements.min_vm_pu is None else requirements.min_vm_pu
    high = high if requirements.max_vm_pu is None else requirements.max_vm_pu
    normal = dict(zip(EMERGENCY, (requirements.max_loading_percent, low, high), strict=True))
    given = {field: getattr(requirements, name) for field, name in EMERGENCY.items()}
    return tuple(normal[field] if value is None else value for field, value in given.items())


def _perceived(weight: FloatArray | float) -> FloatArray:
    """Weights on the slider's scale: logarithmic, with a place for zero."""
    return np.log(np.maximum(weight, WEIGHTS[1] / 2))


def case_band(network: Network) -> tuple[float, float]:
    """The voltage limits of most buses, p.u."""
    low, high = common_band(network)
    return max(low, BAND_ENDS[0]), min(high, BAND_ENDS[1])


def changed(requirements: Requirements, names: list[str], values: Mapping[str, object]) -> Requirements:
    """The requirements with the named fields as in the form. ValueError for what isn't a value of the field."""
    try:
        changes: dict[str, object] = {}
        for name in names:
            changes |= _change(name, values)
    except (TypeError, KeyError, IndexError) as error:
        raise ValueError(f"the form's values {values} can't be read") from error
    return replace(requirements, **changes)  # type: ignore[arg-type]


def _change(name: str, values: Mapping[str, object]) -> dict[str, object]:
    value = values[name]
    if name == "weight":
        return {"risk_weight": WEIGHTS[int(value)]}  # type: ignore[call-overload]
    if name == "pairs":
        return {"most_pairs": None if value == FREE else int(value)}  # type: ignore[call-overload]
    if name == "n1":
        return {"n_minus_1": bool(value)}
    if name == "worst":
        return {"worst_hour": bool(value)}
    if name == "loading":
        if value in ("", None):
            raise ValueError("highest loading: a number of percent is needed")
        return {"max_loading_percent": float(value)}  # type: ignore[arg-type]
    if name == "em_minutes":
        if value in ("", None):
            raise ValueError("emergency limits: a number of minutes is needed")
        return {"emergency_minutes": float(value)}  # type: ignore[arg-type]
    if name in EMERGENCY:
        band = list(map(float, values["band"]))  # type: ignore[call-overload]
        normal = {"em_loading": values["loading"], "em_low": band[0], "em_high": band[1]}[name]
        given = None if value in ("", None, normal) else float(value)  # type: ignore[arg-type]
        return {EMERGENCY[name]: given}
    if values["case"]:
        return {"min_vm_pu": None, "max_vm_pu": None}
    low, high = map(float, values["band"])  # type: ignore[call-overload]
    return {"min_vm_pu": low, "max_vm_pu": high}


def weight_words(risk_weight: float) -> str:
    """What the risk weight says."""
    if risk_weight == 0:
        return "Risk doesn't count: losses alone decide."
    return f"1 kW of demand expected to be interrupted in a year is worth {risk_weight:g} kW of losses."

"""From measurements to a consistent AC state: faulty readings are found and replaced, then a power flow is solved."""

from dataclasses import dataclass, field

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from grid.telemetry import Frame, Quality, Reading

IDENTICAL_READINGS = 3  # instruments are noisy: so many equal values in a row come from a stuck one


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the power flow is solved with, and which buses have readings that can't be trusted."""

    injection: Injection
    suspect_bus: BoolArray  # (n,)


@dataclass(eq=False)
class _Point:
    """Memory of one kind of reading."""

    good: FloatArray
    last: FloatArray
    repeats: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.repeats = np.ones(len(self.last), dtype=int)


class Estimator:
    """Keeps the last good value of every reading. Owned by the engine thread."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._points: dict[str, _Point] = {}

    def estimate(self, frame: Frame) -> Estimate:
        """Injections from a frame, missing and stuck readings replaced by the last good ones.

        Where a reading was never good the case's own value stands in.
        """
        load, generator = self._network.load, self._network.generator
        p, bad_p = self._believed("load_p_mw", frame.load_p_mw, load.p_mw)
        q, bad_q = self._believed("load_q_mvar", frame.load_q_mvar, load.q_mvar)
        gp, bad_gp = self._believed("generator_p_mw", frame.generator_p_mw, generator.p_mw)
        gq, bad_gq = self._believed("generator_q_mvar", frame.generator_q_mvar, generator.q_mvar)
        vm, bad_vm = self._believed("generator_vm_pu", frame.generator_vm_pu, generator.vm_pu)
        _, bad_bus = self._believed("bus_vm_pu", frame.bus_vm_pu, np.ones(self._network.n_bus))
        suspect = bad_bus.copy()
        suspect[load.bus[bad_p | bad_q]] = True
        suspect[generator.bus[bad_gp | bad_gq | bad_vm]] = True
        return Estimate(Injection(p, q, gp, gq, vm, frame.generator_on), suspect)

    def _believed(self, name: str, reading: Reading, fallback: FloatArray) -> tuple[FloatArray, BoolArray]:
        """The values to use and which of the readings were not believed."""
        point = self._points.get(name)
        if point is None:
            point = self._points[name] = _Point(fallback.astype(float), np.full(len(fallback), np.nan))
        same = (reading.value == point.last) & (reading.value != 0)
        point.repeats = np.where(same, point.repeats + 1, 1)
        point.last = reading.value
        missing = (reading.quality != Quality.GOOD) | ~np.isfinite(reading.value)
        bad = missing | (point.repeats >= IDENTICAL_READINGS)
        value = np.where(bad, point.good, reading.value)
        point.good = value
        return value, bad

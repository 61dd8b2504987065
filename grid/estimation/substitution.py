"""From measurements to a consistent AC state: faulty readings are found and replaced, then a power flow is solved."""

from dataclasses import dataclass, field, replace

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from grid.telemetry import Frame, Points, Quality, Reason

IDENTICAL_READINGS = 3  # instruments are noisy: so many equal values in a row come from a stuck one


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the power flow is solved with, and which buses have readings that can't be trusted.

    frame: as it arrived, with what was found out about the quality of its points.
    """

    injection: Injection
    closed: BoolArray  # (m,)
    suspect_bus: BoolArray  # (n,)
    frame: Frame


@dataclass(eq=False)
class _Memory:
    """Of one quantity: the last good values, the last ones, and how often those came."""

    good: np.ndarray
    last: np.ndarray
    repeats: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.repeats = np.ones(len(self.last), dtype=int)


@dataclass(frozen=True, eq=False)
class _Believed:
    """Of one quantity: the values to use, which points weren't believed, and the points as judged.

    is_doubted: whether some are worth less than they say.
    """

    value: np.ndarray
    bad: BoolArray
    points: Points | None
    is_doubted: bool = False


class Estimator:
    """Keeps the last good value of every reading. Owned by the engine thread."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._memories: dict[str, _Memory] = {}
        self._positions: dict[str, BoolArray] = {}

    def estimate(self, frame: Frame) -> Estimate:
        """Injections and switch states from a frame, missing and stuck readings replaced by the last good ones.

        Where a reading was never good the case's own value stands in, and a generator is on. A quantity that isn't
        measured at all makes nothing suspect: the case's own values stand in, and reactive powers of loads follow the
        active ones at the case's own power factors.
        """
        network, load, generator, branch = self._network, frame.load, frame.generator, frame.branch
        p = self._believed("load.p_mw", load.p_mw, network.load.p_mw)
        own_q = network.load.q_mvar if load.q_mvar is not None else self._reactive(p.value)
        q = self._believed("load.q_mvar", load.q_mvar, own_q)
        gp = self._believed("generator.p_mw", generator.p_mw, network.generator.p_mw)
        gq = self._believed("generator.q_mvar", generator.q_mvar, network.generator.q_mvar)
        vm = self._believed("generator.vm_pu", generator.vm_pu, network.generator.vm_pu)
        bus = self._believed("bus.vm_pu", frame.bus.vm_pu, np.ones(network.n_bus))
        on = self._position("generator.on", generator.on, np.ones(len(network.generator), dtype=bool))
        closed = self._position("branch.closed", branch.closed, network.branch.closed)
        suspect = bus.bad.copy()
        suspect[network.load.bus[p.bad | q.bad]] = True
        suspect[network.generator.bus[gp.bad | gq.bad | vm.bad]] = True
        if any(one.is_doubted for one in (p, q, gp, gq, vm, bus)):
            frame = replace(
                frame,
                bus=replace(frame.bus, vm_pu=bus.points),
                load=replace(load, p_mw=p.points, q_mvar=q.points),
                generator=replace(generator, p_mw=gp.points, q_mvar=gq.points, vm_pu=vm.points),
            )
        return Estimate(Injection(p.value, q.value, gp.value, gq.value, vm.value, on), closed, suspect, frame)

    def _reactive(self, p_mw: FloatArray) -> FloatArray:
        """(l,) reactive powers of loads at the case's own power factors."""
        own = self._network.load
        ratio = np.divide(own.q_mvar, own.p_mw, out=np.zeros(len(own)), where=own.p_mw != 0)
        return np.where(own.p_mw != 0, p_mw * ratio, own.q_mvar)

    def _believed(self, name: str, points: Points | None, fallback: FloatArray) -> _Believed:
        if points is None:
            return _Believed(fallback, np.zeros(len(fallback), dtype=bool), None)
        memory = self._memories.get(name)
        if memory is None:
            memory = self._memories[name] = _Memory(fallback.astype(float), np.full(len(fallback), np.nan))
        same = (points.value == memory.last) & (points.value != 0)
        memory.repeats = np.where(same, memory.repeats + 1, 1)
        memory.last = points.value
        stuck, good = memory.repeats >= IDENTICAL_READINGS, points.is_good
        bad = ~(good & np.isfinite(points.value)) | stuck
        memory.good = np.where(bad, memory.good, points.value)
        doubted = stuck & good
        is_doubted = bool(doubted.any())
        return _Believed(memory.good, bad, _stuck(points, doubted) if is_doubted else points, is_doubted)

    def _position(self, name: str, points: Points | None, fallback: BoolArray) -> BoolArray:
        """The positions to use of switches; where they aren't good those that were so last."""
        if points is None:
            return fallback
        last = self._positions.get(name, fallback)
        self._positions[name] = position = np.where(points.is_good, points.value, last)
        return position


def _stuck(points: Points, here: BoolArray) -> Points:
    """Points of which these are suspect."""
    return replace(
        points,
        quality=np.where(here, np.int8(Quality.SUSPECT), points.quality),
        reason=np.where(here, np.int8(Reason.STUCK), points.reason),
    )

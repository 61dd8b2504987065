"""Root causes: which alarms are consequences of which trip, by topology and by when they began.

A dead bus belongs to the tripped branch nearest on its normal path, which leads over the branches that are meant to be
closed to a source; where the path is whole, to the source at its end that is off; otherwise to the dead region itself.
A limit that began to be broken in the very cycle of a trip came with it; of several trips at once with the nearest one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

from grid.alarms.book import Alarm, AlarmKind, AlarmState, AssetKind
from grid.alarms.cards import AlarmCard, Effects, Prospect, ProspectKind
from grid.alarms.predictive import KINDS
from grid.flow.powerflow import GridState
from grid.flow.topology import pair_key
from grid.network import BoolArray, FloatArray, IntArray, Network

NOT_BROKEN = -1
HELD = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
TRIPS = (AlarmKind.BRANCH_TRIPPED, AlarmKind.GENERATOR_TRIPPED)
FOLLOWS = {  # what an alarm of the same asset comes with
    AlarmKind.HIGH_TEMPERATURE: AlarmKind.OVERLOAD,
    AlarmKind.EXPECTED_OVERLOAD: AlarmKind.OVERLOAD,
    AlarmKind.EXPECTED_VOLTAGE_DEVIATION: AlarmKind.VOLTAGE_DEVIATION,
}
FORESEEN = frozenset({AlarmKind.EXPECTED_OVERLOAD, AlarmKind.EXPECTED_VOLTAGE_DEVIATION})


_Trips = Mapping[tuple[AlarmKind, int | None], int]  # ids of their alarms
_Root = tuple[int, tuple[int, ...]]  # the id of a trip's alarm, and the buses that it is at


@dataclass(frozen=True, eq=False, kw_only=True)
class Operation:
    """How a grid is meant to be operated and how it is, in one cycle.

    expected_closed: (m,) what switches were set to. generator_on: (g,). load_p_mw: (l,) what loads take, or took before
    they lost their supply. is_loaded_too_much (m,) and is_out_of_band (n,): limits that the state breaks.
    """

    state: GridState
    expected_closed: BoolArray
    generator_on: BoolArray
    load_p_mw: FloatArray
    is_loaded_too_much: BoolArray
    is_out_of_band: BoolArray


@dataclass(frozen=True, eq=False, kw_only=True)
class DeadBuses:
    """Why buses are dead, (n,) each: the tripped branch or the generator that is off that explains it, -1 for none."""

    branch: IntArray
    generator: IntArray

    @property
    def unexplained(self) -> BoolArray:
        """(n,) neither explains it."""
        return (self.branch < 0) & (self.generator < 0)


def explain_dead(network: Network, operation: Operation) -> DeadBuses:
    """Which tripped branch, nearest on its normal path, or which lost source darkens each dead bus.

    The normal path is the one with the fewest branches, over those that are meant to be closed.
    """
    n, branch, state = network.n_bus, network.branch, operation.state
    explained = DeadBuses(branch=np.full(n, -1), generator=np.full(n, -1))
    dead = ~state.energised & network.bus.in_service
    sources = network.source_buses
    if not dead.any() or not len(sources):
        return explained
    meant = operation.expected_closed & branch.in_service
    before = _normal_paths(n, branch.from_bus[meant], branch.to_bus[meant], sources)
    key = pair_key(n, branch.from_bus, branch.to_bus)
    open_now = np.flatnonzero(meant & ~state.closed)
    trip_of_key = dict(zip(key[open_now[::-1]].tolist(), open_now[::-1].tolist(), strict=True))
    for whole in np.unique(key[meant & state.closed & np.isin(key, key[open_now])]).tolist():
        del trip_of_key[whole]  # a parallel branch still closes the way
    fed = np.flatnonzero(before >= 0)
    trip = np.full(n, -1)
    to_feeder = pair_key(n, fed, before[fed])
    trip[fed] = [trip_of_key.get(pair, -1) for pair in to_feeder.tolist()]
    end = np.where((trip >= 0) | (before < 0), np.arange(n), before)  # the way towards the source ends at a trip
    while not np.array_equal(end, further := end[end]):
        end = further  # pointer doubling: twice as far each time
    explained.branch[dead] = trip[end[dead]]
    lost = _lost_sources(network, operation.generator_on)
    explained.generator[dead] = np.where(explained.branch[dead] < 0, lost[end[dead]], -1)
    return explained


def _normal_paths(n_bus: int, from_bus: IntArray, to_bus: IntArray, sources: IntArray) -> IntArray:
    """(n,) the next bus towards the nearest source, breadth first; -1 at sources and where no way leads."""
    ones = np.ones(len(from_bus) + len(sources), dtype=np.int8)
    tail, head = np.concatenate([from_bus, np.full(len(sources), n_bus)]), np.concatenate([to_bus, sources])
    graph = sparse.csr_matrix((ones, (tail, head)), shape=(n_bus + 1, n_bus + 1))
    _, before = breadth_first_order(graph, n_bus, directed=False, return_predecessors=True)
    before = before[:n_bus].astype(np.int64)
    return np.where((before < 0) | (before == n_bus), -1, before)


def _lost_sources(network: Network, generator_on: BoolArray) -> IntArray:
    """(n,) at source buses where no source runs the first that is off; else -1."""
    generator, lost = network.generator, np.full(network.n_bus, -1)
    off = np.flatnonzero(generator.is_source & ~generator_on)
    lost[generator.bus[off[::-1]]] = off[::-1]
    lost[generator.bus[generator.is_source & generator_on]] = -1
    return lost


class RootCauses:
    """Remembers what began in which cycle and which alarm is whose consequence. Owned by the engine thread."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cycle = 0
        self._branch_broken = np.full(network.n_branch, NOT_BROKEN)  # the cycle in which a limit began to be broken
        self._bus_broken = np.full(network.n_bus, NOT_BROKEN)
        self._branch_tripped = np.full(network.n_branch, NOT_BROKEN)
        self._generator_tripped = np.full(len(network.generator), NOT_BROKEN)
        self._operation: Operation | None = None
        self._dead = DeadBuses(branch=np.full(network.n_bus, -1), generator=np.full(network.n_bus, -1))
        self._root: dict[int, tuple[int, datetime]] = {}  # root and latest raise, by the id of a consequence

    def watch(self, operation: Operation, alarms: Sequence[Alarm]) -> None:
        """Take a solved cycle and the alarms that are active after it."""
        self._cycle += 1
        branch = self._network.branch
        for began, holds in (
            (self._branch_broken, operation.is_loaded_too_much),
            (self._bus_broken, operation.is_out_of_band),
            (self._branch_tripped, operation.expected_closed & ~operation.state.closed & branch.in_service),
            (self._generator_tripped, ~operation.generator_on),
        ):
            began[holds & (began == NOT_BROKEN)] = self._cycle
            began[~holds] = NOT_BROKEN
        self._operation = operation
        self._dead = explain_dead(self._network, operation)
        self.assign(alarms)

    def assign(self, alarms: Sequence[Alarm]) -> None:
        """Say of alarms that are active whose consequences they are; those that have returned stay where they were."""
        if self._operation is None:
            return
        known = {alarm.id: alarm for alarm in alarms}
        kept = {place: root for place, root in self._root.items() if place in known}
        held = [alarm for alarm in alarms if alarm.state in HELD]
        trips = {(alarm.kind, alarm.asset_id): alarm.id for alarm in held if alarm.kind in TRIPS}
        nearest = _Nearest(self._network, self._operation.expected_closed, self._tripped_in_cycle(trips))
        regions = self._regions(held)
        found: dict[tuple[AlarmKind, int | None], int] = {}
        for alarm in sorted(held, key=lambda one: one.kind in FORESEEN or one.kind is AlarmKind.HIGH_TEMPERATURE):
            if alarm.kind in TRIPS or alarm.asset_id is None:
                continue
            root = self._dead_root(alarm, trips, regions)
            if root is None and alarm.kind in FOLLOWS:
                root = found.get((FOLLOWS[alarm.kind], alarm.asset_id))
            if root is None and alarm.kind not in FORESEEN:
                root = self._with_trip(alarm, nearest)
            if root is None and alarm.id in kept:
                earlier, raised_at = kept[alarm.id]
                still = earlier in known and known[earlier].state in HELD
                root = earlier if still or raised_at == alarm.raised_at else None
            if root is None or root == alarm.id:
                kept.pop(alarm.id, None)
            else:
                kept[alarm.id] = root, alarm.raised_at
                found[alarm.kind, alarm.asset_id] = root
        self._root = kept

    def _tripped_in_cycle(self, trips: _Trips) -> dict[int, list[_Root]]:
        """Alarms of trips with the buses that they are at, by the cycle in which they tripped."""
        found: dict[int, list[_Root]] = {}
        for (kind, asset), root in trips.items():
            place = asset or 0
            if kind is AlarmKind.BRANCH_TRIPPED:
                found.setdefault(int(self._branch_tripped[place]), []).append((root, self._ends(place)))
            else:
                at = (int(self._network.generator.bus[place]),)
                found.setdefault(int(self._generator_tripped[place]), []).append((root, at))
        return found

    def _dead_root(
        self, alarm: Alarm, trips: Mapping[tuple[AlarmKind, int | None], int], regions: IntArray
    ) -> int | None:
        """The alarm that explains why an alarm's asset is dead or open; None where it is neither."""
        asset, network = alarm.asset_id or 0, self._network
        bus = asset
        if alarm.asset_kind is AssetKind.BRANCH:
            tripped = trips.get((AlarmKind.BRANCH_TRIPPED, asset))
            if tripped is not None:
                return tripped
            ends = network.branch.from_bus[asset], network.branch.to_bus[asset]
            bus = next((int(end) for end in ends if self._is_dead(end)), -1)
        elif alarm.asset_kind is not AssetKind.BUS:
            return None
        if bus < 0 or not self._is_dead(bus):
            return None
        branch, generator = int(self._dead.branch[bus]), int(self._dead.generator[bus])
        if branch >= 0:
            return trips.get((AlarmKind.BRANCH_TRIPPED, branch))
        if generator >= 0:
            return trips.get((AlarmKind.GENERATOR_TRIPPED, generator))
        return int(regions[bus]) if regions[bus] >= 0 else None

    def _is_dead(self, bus: int) -> bool:
        return self._operation is not None and not bool(self._operation.state.energised[bus])

    def _with_trip(self, alarm: Alarm, nearest: "_Nearest") -> int | None:
        """The trip in whose cycle the limit of an alarm's asset began to be broken, the nearest of several."""
        asset = alarm.asset_id or 0
        match alarm.kind:
            case AlarmKind.OVERLOAD | AlarmKind.HIGH_TEMPERATURE:
                return nearest.of(int(self._branch_broken[asset]), self._ends(asset))
            case AlarmKind.VOLTAGE_DEVIATION:
                return nearest.of(int(self._bus_broken[asset]), (asset,))
            case _:
                return None

    def _ends(self, branch: int) -> tuple[int, int]:
        return int(self._network.branch.from_bus[branch]), int(self._network.branch.to_bus[branch])

    def _regions(self, held: Sequence[Alarm]) -> IntArray:
        """(n,) for dead buses that no trip explains the loss of supply with the largest demand of their region, by its
        id; else -1."""
        operation, network = self._operation, self._network
        regions = np.full(network.n_bus, -1)
        if operation is None:
            return regions
        dark = self._dead.unexplained & ~operation.state.energised
        lost = [alarm for alarm in held if alarm.kind is AlarmKind.LOSS_OF_SUPPLY and dark[alarm.asset_id or 0]]
        if not lost:
            return regions
        branch, closed = network.branch, operation.state.closed
        inside = closed & dark[branch.from_bus] & dark[branch.to_bus]
        _, region = connected_components(_graph(network, inside), directed=False)
        demand = np.bincount(network.load.bus, operation.load_p_mw, network.n_bus)
        head: dict[int, Alarm] = {}
        for alarm in sorted(lost, key=lambda one: (-demand[one.asset_id or 0], one.id)):
            head.setdefault(int(region[alarm.asset_id or 0]), alarm)
        for place, alarm in head.items():
            regions[dark & (region == place)] = alarm.id
        return regions

    def family(self, alarm_id: int, alarms: Sequence[Alarm]) -> tuple[int, ...]:
        """Ids of an alarm and of what is folded under it, of those that are active."""
        for head, rest in self._families(alarms):
            if head.id == alarm_id:
                return (alarm_id, *(alarm.id for alarm in rest))
        return (alarm_id,)

    def _families(self, alarms: Sequence[Alarm]) -> list[tuple[Alarm, list[Alarm]]]:
        """Alarms with their consequences, both in the order given; where a root has gone its first one leads."""
        of_root: dict[int, list[Alarm]] = {}
        for alarm in alarms:
            root, _ = self._root.get(alarm.id, (alarm.id, alarm.raised_at))
            of_root.setdefault(root, []).append(alarm)
        families = []
        for root, members in of_root.items():
            head = next((alarm for alarm in members if alarm.id == root), members[0])
            families.append((head, [alarm for alarm in members if alarm is not head]))
        return families

    def cards(
        self, alarms: Sequence[Alarm], minutes_to_limit: Mapping[int, float], limit_c: FloatArray
    ) -> tuple[AlarmCard, ...]:
        """Alarms folded: a card for each that is nobody's consequence, in the order of its most urgent alarm.

        alarms: those that are active, sorted. minutes_to_limit: by branch, of those that are loaded too much, inf for
        never. limit_c: (m,) of branch temperatures.
        """
        return tuple(self._card(head, rest, minutes_to_limit, limit_c) for head, rest in self._families(alarms))

    def _card(self, head: Alarm, rest: Sequence[Alarm], minutes: Mapping[int, float], limit_c: FloatArray) -> AlarmCard:
        is_root = bool(rest) or head.kind in TRIPS or head.kind is AlarmKind.LOSS_OF_SUPPLY
        effects = self._effects(head, rest) if is_root else None
        return AlarmCard(
            alarm=head,
            prospect=self._prospect(head, effects, minutes, limit_c),
            effects=effects,
            consequences=tuple(
                AlarmCard(alarm=alarm, prospect=self._prospect(alarm, None, minutes, limit_c), root=head)
                for alarm in rest
            ),
        )

    def _effects(self, head: Alarm, rest: Sequence[Alarm]) -> Effects:
        held = [alarm for alarm in (head, *rest) if alarm.state in HELD]
        dead, loads = self._dead_of(head, held)
        worst: dict[str, list[float]] = {name: [] for name in ("low", "high", "loading", "hot")}
        for alarm in held:
            if alarm.asset_kind is AssetKind.BUS and dead[alarm.asset_id or 0]:
                continue  # what was wrong with a dead bus before is no effect of now
            match alarm.kind:
                case AlarmKind.VOLTAGE_DEVIATION:
                    worst["low" if alarm.is_low else "high"].append(alarm.value)
                case AlarmKind.OVERLOAD:
                    worst["loading"].append(alarm.value)
                case AlarmKind.HIGH_TEMPERATURE:
                    worst["hot"].append(alarm.value)
                case _:
                    continue
        lost_mw = 0.0 if self._operation is None else float(self._operation.load_p_mw[loads].sum())
        return Effects(
            dead_buses=int(dead.sum()),
            lost_loads=int(loads.sum()),
            lost_kw=1000 * lost_mw,
            low_voltages=len(worst["low"]),
            lowest_vm_pu=min(worst["low"], default=np.nan),
            high_voltages=len(worst["high"]),
            highest_vm_pu=max(worst["high"], default=np.nan),
            overloads=len(worst["loading"]),
            highest_loading_percent=max(worst["loading"], default=np.nan),
            hot_branches=len(worst["hot"]),
            highest_temperature_c=max(worst["hot"], default=np.nan),
        )

    def _dead_of(self, head: Alarm, held: Sequence[Alarm]) -> tuple[BoolArray, BoolArray]:
        """(n,) dead buses that a card's root explains and (l,) the loads there that took something."""
        network, operation = self._network, self._operation
        dead = np.zeros(network.n_bus, dtype=bool)
        if operation is not None:
            if head.kind is AlarmKind.BRANCH_TRIPPED:
                dead |= self._dead.branch == head.asset_id
            elif head.kind is AlarmKind.GENERATOR_TRIPPED:
                dead |= self._dead.generator == head.asset_id
            else:
                lost = [alarm.asset_id or 0 for alarm in held if alarm.kind is AlarmKind.LOSS_OF_SUPPLY]
                dead[lost] = True
            dead &= ~operation.state.energised
        load_mw = np.zeros(len(network.load)) if operation is None else operation.load_p_mw
        return dead, dead[network.load.bus] & (load_mw != 0)

    def _prospect(
        self, alarm: Alarm, effects: Effects | None, minutes: Mapping[int, float], limit_c: FloatArray
    ) -> Prospect:
        kind, asset = ProspectKind, alarm.asset_id or 0
        if alarm.state not in HELD:
            return Prospect(kind=kind.OVER)
        match alarm.kind:
            case AlarmKind.OVERLOAD | AlarmKind.HIGH_TEMPERATURE:
                return _heating(minutes.get(asset, np.nan), float(limit_c[asset]))
            case AlarmKind.VOLTAGE_DEVIATION if alarm.is_low:
                return Prospect(kind=kind.LOW_VOLTAGE, value=alarm.limit - alarm.value, limit=alarm.limit)
            case AlarmKind.VOLTAGE_DEVIATION:
                return Prospect(kind=kind.HIGH_VOLTAGE, value=alarm.value - alarm.limit, limit=alarm.limit)
            case AlarmKind.LOSS_OF_SUPPLY:
                lost_kw = self._demand_kw(asset) if effects is None else effects.lost_kw
                return Prospect(kind=kind.UNSUPPLIED, value=lost_kw)
            case AlarmKind.BRANCH_TRIPPED | AlarmKind.GENERATOR_TRIPPED if effects is not None and effects.lost_kw > 0:
                return Prospect(kind=kind.UNSUPPLIED, value=effects.lost_kw)
            case AlarmKind.GENERATOR_TRIPPED:
                return Prospect(kind=kind.OTHERS_TAKE_OVER, value=float(self._network.generator.p_mw[asset]))
            case AlarmKind.BRANCH_TRIPPED:
                return Prospect(kind=kind.LESS_RESERVE)
            case AlarmKind.SENSOR_SUSPECT:
                return Prospect(kind=kind.READING_REPLACED)
            case AlarmKind.SOURCE_STALE | AlarmKind.POWER_FLOW_DIVERGED:
                return Prospect(kind=kind.NO_NEW_STATE)
            case _ if alarm.kind in KINDS:
                expected = alarm.expected
                hours = np.nan if expected is None else (expected.begins_at - expected.seen_from).total_seconds() / 3600
                return Prospect(kind=kind.EXPECTED, value=hours)
            case _:
                return Prospect(kind=kind.LASTS)

    def _demand_kw(self, bus: int) -> float:
        if self._operation is None:
            return 0.0
        return 1000 * float(self._operation.load_p_mw[self._network.load.bus == bus].sum())


def _heating(minutes: float, limit_c: float) -> Prospect:
    kind = ProspectKind
    if np.isnan(minutes):
        return Prospect(kind=kind.OVERLOADED)
    if np.isinf(minutes):
        return Prospect(kind=kind.STAYS_BELOW_LIMIT, limit=limit_c)
    if minutes <= 0:
        return Prospect(kind=kind.TOO_HOT, limit=limit_c)
    return Prospect(kind=kind.HEATS_TO_LIMIT, value=minutes, limit=limit_c)


class _Nearest:
    """Finds the nearest trip of a cycle by the number of branches that are meant to be closed; counted when asked."""

    def __init__(self, network: Network, expected_closed: BoolArray, roots: Mapping[int, Sequence[_Root]]) -> None:
        self._network, self._closed, self._roots = network, expected_closed, roots
        self._distances: dict[tuple[int, ...], FloatArray] = {}

    def of(self, cycle: int, buses: tuple[int, ...]) -> int | None:
        """The alarm of the trip nearest to buses of those in a cycle, the first of those as near; None without any."""
        roots = self._roots.get(cycle, ())
        if cycle == NOT_BROKEN or len(roots) < 2:
            return roots[0][0] if roots and cycle != NOT_BROKEN else None
        away = [min(self._from(ends)[bus] for bus in buses) for _, ends in roots]
        return roots[int(np.argmin(away))][0]

    def _from(self, ends: tuple[int, ...]) -> FloatArray:
        """(n,) branches from the nearest of some buses to each."""
        if ends not in self._distances:
            graph = _graph(self._network, self._closed)
            away = dijkstra(graph, directed=False, indices=list(ends), unweighted=True, min_only=True)
            self._distances[ends] = away
        return self._distances[ends]


def _graph(network: Network, kept: BoolArray) -> sparse.csr_matrix:
    """(n, n) with an entry for each branch of kept (m,)."""
    pairs = (network.branch.from_bus[kept], network.branch.to_bus[kept])
    return sparse.csr_matrix((np.ones(int(kept.sum())), pairs), shape=(network.n_bus, network.n_bus))

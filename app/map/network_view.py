"""What the map shows of a network that doesn't change with its state: which buses and branches, where, which ids."""

import heapq
import itertools
import secrets
import threading
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.web.browser_view import Asset
from components.map.geometry import places
from components.map.topology import Edge, Element, Node, elements
from grid.alarms.book import AssetKind
from grid.capabilities import WHOLE_MAP
from grid.network import BusKind, FloatArray, IntArray, Network
from grid.studies.areas import Areas, partition

SCOPES_KEPT = 32
AREA_SPACING_PX = 70.0
AREA_WIDTHS_PX = (12.0, 44.0)
COMMON_PART = 0.8


@dataclass(frozen=True, eq=False)
class Scope:
    """A part of the map: bus (n,) and branch (m,) are positions in the network, of nodes and edges in their order.

    n_own: how many of the buses are the part's own, the rest are stubs of neighbouring areas. In the map of areas
    (areas not None) nodes are areas and edges are corridors instead.
    """

    title: str
    bus: IntArray
    branch: IntArray
    n_own: int
    areas: Areas | None
    elements: list[Element]


class NetworkView:
    """Scopes, codes and search for one network."""

    def __init__(self, network: Network, key: str) -> None:
        self.network, self.key = network, key
        self.areas = partition(network) if network.n_bus > WHOLE_MAP.most else None
        self.flow_reference_mw = _flow_reference_mw(network)
        self._labels = short_names(network.bus.name)
        self.scope = lru_cache(SCOPES_KEPT)(self._scope)
        self._entries = [Asset(AssetKind.BUS, i) for i in range(network.n_bus)]
        self._entries += [Asset(AssetKind.BRANCH, i) for i in range(network.n_branch)]
        self._keys = [self._entry(asset).casefold() for asset in self._entries]

    def scope_key(self, area: int | None) -> str:
        """Names a scope in browsers; another network, or another server process, gives another key."""
        return f"{self.key}/{'' if self._open(area) is None else area}"

    def code(self, asset: Asset) -> str:
        """The asset's code with its area, so that a browser can open the right one."""
        if self.areas is None:
            return asset.code
        bus = asset.index if asset.kind is AssetKind.BUS else self.network.branch.from_bus[asset.index]
        return f"{asset.code}@{self.areas.area[bus]}"

    def search(self, text: str, most: int, kind: AssetKind | None = None) -> list[dict[str, str]]:
        """Options for buses and branches (or one kind of them) whose entry contains the text, those that begin with it
        first, so many at most."""
        wanted = text.strip().casefold()
        hits = [
            (not key.startswith(wanted), len(key), i)
            for i, key in enumerate(self._keys)
            if wanted in key and kind in (None, self._entries[i].kind)
        ]
        best = (self._entries[i] for *_, i in heapq.nsmallest(most, hits))
        return [{"value": self.code(asset), "label": self._entry(asset)} for asset in best]

    def _entry(self, asset: Asset) -> str:
        """What people choose from; a search for all of it finds it again."""
        return f"{self.name(asset)} ({asset.kind})"

    def name(self, asset: Asset) -> str:
        """The asset's name."""
        names = self.network.bus.name if asset.kind is AssetKind.BUS else self.network.branch.name
        return names[asset.index]

    def _open(self, area: int | None) -> int | None:
        return area if self.areas is not None and area is not None and area < len(self.areas) else None

    def _scope(self, area: int | None) -> Scope:
        """The whole grid, or the map of areas where the grid is large, or the inside of one area."""
        network, opened = self.network, self._open(area)
        if self.areas is None:
            everything = np.arange(network.n_bus)
            return self._buses_scope(None, network.title, everything, np.arange(network.n_branch), network.n_bus)
        if opened is None:
            return self._areas_scope(self.areas)
        own = self.areas.buses(opened)
        inside = (
            self.areas.area[network.branch.from_bus] == opened,
            self.areas.area[network.branch.to_bus] == opened,
        )
        branch = np.flatnonzero(inside[0] | inside[1])
        ends = np.union1d(network.branch.from_bus[branch], network.branch.to_bus[branch])
        bus = np.concatenate([own, np.setdiff1d(ends, own)])
        return self._buses_scope(opened, f"Area {self.areas.name[opened]}", bus, branch, len(own))

    def _buses_scope(self, area: int | None, title: str, bus: IntArray, branch: IntArray, n_own: int) -> Scope:
        network = self.network
        nodes = [self._bus_node(int(i), stub=position >= n_own) for position, i in enumerate(bus)]
        from_bus, to_bus = network.branch.from_bus[branch], network.branch.to_bus[branch]
        edges = [
            Edge(
                Asset(AssetKind.BRANCH, int(i)).code,
                network.branch.name[i],
                network.branch.kind[i],
                Asset(AssetKind.BUS, int(f)).code,
                Asset(AssetKind.BUS, int(t)).code,
            )
            for i, f, t in zip(branch, from_bus, to_bus, strict=True)
        ]
        points = places(network.bus.x[bus], network.bus.y[bus])
        return Scope(title, bus, branch, n_own, None, elements(nodes, edges, points, self.scope_key(area)))

    def _bus_node(self, bus: int, stub: bool) -> Node:
        network, code = self.network, Asset(AssetKind.BUS, bus).code
        if stub and self.areas is not None:
            area = int(self.areas.area[bus])
            return Node(code, f"→ {self.areas.name[area]}", "stub", area)
        kind = network.bus.kind[bus]
        return Node(code, "" if kind == BusKind.AUXILIARY else self._labels[bus], kind)

    def _areas_scope(self, areas: Areas) -> Scope:
        nodes = [Node(f"area-{i}", name, "area", i) for i, name in enumerate(areas.name)]
        ends = zip(areas.corridor_from.tolist(), areas.corridor_to.tolist(), strict=True)
        edges = [
            Edge(f"corridor-{i}", f"{areas.name[f]} – {areas.name[t]}", "corridor", f"area-{f}", f"area-{t}")
            for i, (f, t) in enumerate(ends)
        ]
        found = elements(nodes, edges, places(areas.x, areas.y, AREA_SPACING_PX), self.scope_key(None))
        for element, width in zip(found, self._area_widths(areas), strict=False):
            element["data"]["w"] = width  # type: ignore[index]
        none = np.zeros(0, dtype=np.int64)
        return Scope(f"{self.network.title}: {len(areas)} areas", none, none, 0, areas, found)

    def _area_widths(self, areas: Areas) -> list[float]:
        """Pixels: the symbol's surface grows with the load inside."""
        load = np.bincount(areas.area[self.network.load.bus], self.network.load.p_mw.clip(min=0), len(areas))
        least, most = AREA_WIDTHS_PX
        return (least + (most - least) * np.sqrt(load / max(load.max(), 1e-9))).round(1).tolist()


@lru_cache(maxsize=8)
def short_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names without the first word when most begin with the same and have two more: `MV3.101 Bus 5` as `Bus 5`."""
    first, count = Counter(name.split(" ", 1)[0] for name in names).most_common(1)[0] if names else ("", 0)
    if count < COMMON_PART * len(names):
        return names
    return tuple(
        name[len(first) + 1 :] if name.startswith(f"{first} ") and name.count(" ") > 1 else name for name in names
    )


def _flow_reference_mw(network: Network) -> float:
    """A large flow of the case's own state: the 95th percentile of its branches', at least 1 kW."""
    branch, voltage = network.branch, network.base_voltage
    v_from, v_to = voltage[branch.from_bus], voltage[branch.to_bus]
    flow: FloatArray = np.abs((v_from * np.conj(branch.yff * v_from + branch.yft * v_to)).real) * network.base_mva
    flow = flow[branch.closed & np.isfinite(flow)]
    return max(float(np.percentile(flow, 95)) if flow.size else 0.0, 1e-3)


class NetworkViews:
    """The views of the latest two networks, each made once and shared by all threads.

    Two, because around a change of case some readers still hold a snapshot of the earlier one.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(3)
        self._count = itertools.count(1)
        self._lock = threading.Lock()
        self._kept: tuple[NetworkView, ...] = ()

    def of(self, network: Network) -> NetworkView:
        """The view of a network, whatever its limits; one that isn't among the latest two is prepared anew."""
        with self._lock:
            found = next((view for view in self._kept if view.network.is_same_grid(network)), None)
            if found is None:
                found = NetworkView(network, f"{self._process}.{next(self._count)}")
                self._kept = (found, *self._kept[:1])
            return found

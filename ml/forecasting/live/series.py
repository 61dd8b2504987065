"""The series that are forecast: the total load, groups of loads, and renewables by kind."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from grid.network import Energy, FloatArray, IntArray, Network
from ml.forecasting.records import SeriesInfo, SeriesKind

MOST_OWN = 12  # loads that each have a forecast of their own
MOST_GROUPS = 10
PLANTS = {
    SeriesKind.PV: (Energy.PV, "Photovoltaics"),
    SeriesKind.WIND: (Energy.WIND, "Wind"),
    SeriesKind.RENEWABLE: (Energy.RENEWABLE, "Renewables, kind not given"),
}
CAPACITY_FACTOR = {SeriesKind.PV: 0.11, SeriesKind.WIND: 0.25, SeriesKind.RENEWABLE: 0.15}  # usual in central Europe


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """s series of a network: the total load, then groups, then plants.

    group_of_load: (l,) place among the k groups. plants: generators of each series of plants.
    """

    infos: tuple[SeriesInfo, ...]
    group_of_load: IntArray
    plants: dict[SeriesKind, IntArray]

    def expected_mw(self, network: Network, yearly_load_mw: FloatArray) -> FloatArray:
        """(s,) means of a year while nothing is measured: of the load profile, and of usual capacity factors."""
        nominal = max(float(network.load.p_mw.sum()), 1e-9)
        loads = float(yearly_load_mw.mean()) / nominal * network.load.p_mw
        found = self.values_mw(loads[None, :], network.generator.p_mw[None, :])[0]
        factor = [CAPACITY_FACTOR.get(info.kind, 1.0) for info in self.infos]
        return found * np.array(factor)

    @property
    def groups(self) -> int:
        """How many groups there are, k."""
        return sum(info.kind is SeriesKind.GROUP for info in self.infos)

    def values_mw(self, load_p_mw: FloatArray, generator_p_mw: FloatArray) -> FloatArray:
        """(h, s) of what loads (h, l) take and generators (h, g) deliver."""
        total = load_p_mw.sum(axis=1, dtype=float)
        members = np.eye(self.groups)[self.group_of_load]
        plants = [generator_p_mw[:, which].sum(axis=1, dtype=float) for which in self.plants.values()]
        return np.column_stack([total, load_p_mw.astype(float) @ members, *plants])


def series_of(network: Network) -> SeriesSet:
    """Every load is a group where there are few; else those of a profile, or of a quarter of the map."""
    names, group_of_load = _groups(network)
    infos = [SeriesInfo("load", "Total load", SeriesKind.LOAD, np.nan)]
    infos += [SeriesInfo(f"group-{i}", name, SeriesKind.GROUP, np.nan) for i, name in enumerate(names)]
    energy, plants = np.array(network.generator.energy, dtype=object), {}
    for kind, (source, name) in PLANTS.items():
        which = np.flatnonzero(energy == source)
        installed = float(network.generator.p_mw[which].sum())
        if installed > 0:
            plants[kind] = which
            infos.append(SeriesInfo(kind.value, name, kind, installed))
    return SeriesSet(tuple(infos), group_of_load, plants)


def _groups(network: Network) -> tuple[list[str], IntArray]:
    load = network.load
    if len(load) <= MOST_OWN:
        return _distinct([network.bus.name[bus] for bus in load.bus.tolist()]), np.arange(len(load))
    profiles = list(dict.fromkeys(load.profile))
    if 1 < len(profiles) <= MOST_GROUPS:
        place = {name: i for i, name in enumerate(profiles)}
        return [name or "No profile" for name in profiles], np.array([place[name] for name in load.profile], int)
    x, y = network.bus.x[load.bus], network.bus.y[load.bus]
    east, north = x > np.median(x), y > np.median(y)
    quarter = 2 * (~north).astype(int) + east.astype(int)
    used, group_of_load = np.unique(quarter, return_inverse=True)
    names = np.array(
        ["North-west of the map", "North-east of the map", "South-west of the map", "South-east of the map"]
    )
    return names[used].tolist(), group_of_load.ravel()


def _distinct(names: list[str]) -> list[str]:
    """Names that come twice get a number."""
    often, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} {seen[name]}" if often[name] > 1 else name)
    return found

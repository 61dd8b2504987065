"""What comes back with supply in the simulated grid: cold loads take more, generators wait before they feed in."""

import numpy as np

from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel, waits_to_reconnect
from grid.protection.devices import running_sources


class Returning:
    """How long each load was dark, and how long loads and generators have had supply again, all in minutes."""

    def __init__(self, network: Network) -> None:
        load, generator = network.load, network.generator
        self._network = network
        self._waits = waits_to_reconnect(generator.energy, generator.is_source)
        self._live = np.ones(network.n_bus, dtype=bool)
        self._dark_minutes = np.zeros(len(load))
        self._load_since = np.full(len(load), np.inf)
        self._generator_since = np.full(len(generator), np.inf)

    def advance(self, minutes: float) -> None:
        """Let time pass in the state that was last seen."""
        load_live = self._live[self._network.load.bus]
        self._dark_minutes = self._dark_minutes + np.where(load_live, 0.0, minutes)
        self._load_since = self._load_since + minutes
        self._generator_since = self._generator_since + minutes

    def see(self, closed: BoolArray, on: BoolArray) -> None:
        """Take up positions (m,) and generators in operation (g,): what has lost supply, and what has it again."""
        network, branch, before = self._network, self._network.branch, self._live
        self._live = live = energised_buses(
            network.n_bus, branch.from_bus, branch.to_bus, closed, running_sources(network, on)
        )
        load, generator = network.load.bus, network.generator.bus
        self._dark_minutes = np.where(before[load] & ~live[load], 0.0, self._dark_minutes)
        self._load_since = np.where(live[load] & before[load], self._load_since, 0.0)
        self._generator_since = np.where(live[generator] & before[generator], self._generator_since, 0.0)

    def demand_factor(self, model: ColdLoadModel) -> FloatArray:
        """(l,) demand over the diversified one; 1 for dark loads, whose course goes on unseen."""
        if not self._dark_minutes.any():  # nothing was interrupted
            return np.ones(len(self._dark_minutes))
        live = self._live[self._network.load.bus]
        factor = model.factor(self._network.load.profile, self._dark_minutes, self._load_since)
        return np.where(live, factor, 1.0)

    def waiting(self, model: ColdLoadModel) -> BoolArray:
        """(g,) generators that don't feed in: without supply, or not long enough with it; none where nobody waits."""
        live = self._live[self._network.generator.bus]
        if model.reconnection_minutes <= 0:
            return np.zeros_like(self._waits)
        return np.asarray(self._waits & (~live | (self._generator_since < model.reconnection_minutes)))

"""RecordedHours: what is kept of one network's past hours: the last ones whole, and the ledger of losses on disk."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grid.fingerprint import fingerprint
from grid.network import Network
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.ledger import HourlyLedger, HourlyRecord
from ml.forecasting.live.series import series_of

MOST_HOURS, VALUES_KEPT = 31 * 24, 24_000_000  # float32 of hours: 96 MB on the largest grids, where fewer are kept


class RecordedHours:
    """Written by one thread; ledger, which pages read, under the forecast worker's lock."""

    def __init__(self, network: Network, cache_dir: Path) -> None:
        self.network, self.group_of_load = network, series_of(network).group_of_load
        self._file = cache_dir / "ledgers" / f"{fingerprint(network)}.npz"
        self.ledger = HourlyLedger.load(self._file)
        per_hour = 2 * len(network.load) + len(network.generator) + network.n_branch
        self._most = max(48, min(MOST_HOURS, VALUES_KEPT // per_hour))
        self.hours: deque[Hour] = deque(maxlen=self._most)
        self._live = 0  # hours that were taken, the last ones
        self._behind = 0  # hours since the ledger was kept

    @property
    def live_hours(self) -> tuple[Hour, ...]:
        """Those of the last hours that were taken, the earliest first."""
        return tuple(self.hours)[max(0, len(self.hours) - self._live) :]

    def recall(self, hours: Sequence[Hour]) -> None:
        """Record hours from before all others, which nobody has measured, the earliest first; as many as fit."""
        room = self._most - len(self.hours)
        for hour in hours:
            self._note(hour, np.nan)
        self.hours.extendleft(reversed(hours[max(0, len(hours) - room) :]))

    def take(self, hour: Hour, planned_share: float) -> None:
        """Record an hour. planned_share: the losses that plans would have had, over those that were; NaN without."""
        self.hours.append(hour)
        self._note(hour, planned_share)
        self._live += 1
        self._behind += 1

    def _note(self, hour: Hour, planned_share: float) -> None:
        loss_kw = 1000 * hour.loss_mw
        self.ledger.append(
            HourlyRecord(
                hour.start,
                loss_kw,
                1000 * hour.load_mw,
                1000 * hour.generation_mw,
                1000 * hour.renewable_mw,
                planned_share * loss_kw,
            )
        )

    def keep(self, every_hours: int = 1) -> None:
        """Write the ledger if so many hours are new. Raises OSError."""
        if self._behind >= every_hours:
            self._behind = 0
            self.ledger.save(self._file)

"""ChanceLedger: which chances of overload were said, what came of them, and what chances are to be said from now on.

The first look of each hour counts. When one of its hours is over, the grid is solved with what was taken and generated
in it, at the switch states of the look: whatever was switched since ends the comparison, as chances are of a grid in
which nothing is. Sums by day, lead and bin of the last days are kept, not the cases themselves.
"""

import hashlib
import io
import logging
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from grid.fingerprint import fingerprint
from grid.network import BoolArray, FloatArray, Network
from grid.studies.lookahead import LookAhead
from ml.forecasting.quality.lookahead_calibration import BINS, EDGES, Recalibration, bin_of, recalibration
from ml.forecasting.records import ChanceBin, ChanceLead, ChanceRecord

DAYS_KEPT = 90
LEADS = (1, 6, 12, 24)  # hours ahead at which groups of hours end: the present one is known best
USUAL_DAYS = 7  # after which an hour of the day has a frequency to compare chances with
TOLD_EDGES = np.array([0, 0.01, 0.02, 0.05, *np.arange(1, 11) / 10])  # of the bins that people are told
METHOD = 1  # raised when chances are made in another way: what was said before is then forgotten
_SUMS = ("made", "made_chance", "made_came", "said", "said_chance", "said_came")
_SCORES = ("cases", "ours", "usual")  # squared errors, of cases in which both are known
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_UNREADABLE = (
    ValueError, KeyError, EOFError, TypeError, RuntimeError, OverflowError, MemoryError, SyntaxError, struct.error,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Said:
    """Chances of one look, (h, m), float16: as sampled, and as said. situation: what must not have changed."""

    made: FloatArray
    said: FloatArray
    situation: bytes


class ChanceLedger:
    """For one thread. Times are simulated ones; a time that comes again counts again.

    branches: m. key: of what chances are made by; a kept file of another one is forgotten.
    """

    def __init__(self, branches: int, key: str) -> None:
        self.key = key
        self._day = np.full(DAYS_KEPT, -1, dtype=np.int64)  # ordinals, -1 where nothing was compared
        self._hours = np.zeros(DAYS_KEPT, dtype=np.int64)  # compared on each day
        self._sums = np.zeros((len(_SUMS), DAYS_KEPT, len(LEADS), BINS))
        self._scores = np.zeros((len(_SCORES), DAYS_KEPT))
        self._usual = np.zeros((24, branches))  # overloads by hour of the day, those long ago counting less
        self._usual_days = np.zeros(24)
        self._waiting: dict[datetime, _Said] = {}
        self._recalibrations = (Recalibration(),) * len(LEADS)

    @property
    def hours(self) -> int:
        """How many hours have been compared with what was said of them."""
        return int(self._hours.sum())

    def tell(self, look: LookAhead, start: datetime, situation: bytes) -> LookAhead:
        """The look with the chances of overload that are to be said, which are noted if they are the first of an hour.

        start: of its first hour. situation: what the look takes as it is, such as switch states. A look at another
        situation takes the place of an earlier one of the hour.
        """
        made, said = look.overload_of_solved, look.overload_of_solved.copy()
        first = 0
        for end, found in zip(LEADS, self._recalibrations, strict=True):
            said[first:end] = found.of(made[first:end])
            first = end
        waiting = self._waiting.get(start)
        if waiting is None or waiting.situation != situation:
            self._waiting[start] = _Said(made.astype(np.float16), said.astype(np.float16), situation)
        self._waiting = {time: one for time, one in self._waiting.items() if start - _DAY < time <= start}
        solved = 1 - look.unsolved_share[:, None]
        beyond = look.overload_probability - np.nan_to_num(made) * solved
        return replace(look, overload_of_solved=said, overload_probability=np.nan_to_num(said) * solved + beyond)

    def compare(self, hour: datetime, overloaded: BoolArray, situation: bytes) -> None:
        """Take in which branches (m,) were overloaded in an hour that is over, in a situation."""
        row = self._row_of(hour)
        compared = False
        enough = self._usual_days[hour.hour] >= USUAL_DAYS
        usual = self._usual[hour.hour] / max(self._usual_days[hour.hour], 1.0)
        for start, one in self._waiting.items():
            ahead = (hour - start) // _HOUR
            if not 0 <= ahead < len(one.said) or one.situation != situation:
                continue
            compared = True
            made, said = one.made[ahead].astype(float), one.said[ahead].astype(float)
            known = np.isfinite(made)
            lead = int(np.searchsorted(LEADS, ahead, side="right"))
            for place, chance in ((0, made[known]), (3, said[known])):
                bins, came = bin_of(chance), overloaded[known]
                for offset, weights in enumerate((None, chance, came.astype(float))):
                    self._sums[place + offset, row, lead] += np.bincount(bins, weights, BINS)
            if enough:
                errors = [known, *((value - overloaded) ** 2 for value in (said, usual))]
                self._scores[:, row] += [float(error[known].sum()) for error in errors]
        self._hours[row] += compared
        kept = 1 - 1 / DAYS_KEPT
        self._usual[hour.hour] = kept * self._usual[hour.hour] + overloaded
        self._usual_days[hour.hour] = kept * self._usual_days[hour.hour] + 1
        if hour.hour == 23:
            self._fit()

    def record(self) -> ChanceRecord:
        """What was said against what came, and how chances are recalibrated now."""
        told = self._sums[3:].sum(axis=(1, 2))
        place = np.searchsorted(TOLD_EDGES, EDGES[:-1] + 1e-9, side="right") - 1
        merged = np.array([np.bincount(place, values, len(TOLD_EDGES) - 1) for values in told])
        cases, ours, usual = self._scores.sum(axis=1).tolist()
        firsts = (0, *LEADS[:-1])
        return ChanceRecord(
            hours=self.hours,
            days=int((self._hours > 0).sum()),
            bins=tuple(
                ChanceBin(low=float(low), high=float(high), cases=int(count), said=_share(chance, count),
                          came=_share(came, count))
                for low, high, count, chance, came in zip(TOLD_EDGES[:-1], TOLD_EDGES[1:], *merged, strict=True)
            ),
            scored=int(cases),
            brier=_share(ours, cases),
            usual_brier=_share(usual, cases),
            leads=tuple(
                ChanceLead(first=first, last=end - 1, shift=one.shift, slope=one.slope, is_known=one.is_known)
                for first, end, one in zip(firsts, LEADS, self._recalibrations, strict=True)
            ),
        )  # fmt: skip

    def _row_of(self, hour: datetime) -> int:
        """The day's row, emptied where it held an earlier one."""
        day = hour.toordinal()
        row = day % DAYS_KEPT
        if self._day[row] != day:
            self._day[row], self._hours[row] = day, 0
            self._sums[:, row], self._scores[:, row] = 0.0, 0.0
        return row

    def _fit(self) -> None:
        cases, chance, came = self._sums[:3]
        overall = recalibration(cases.sum(axis=1), chance.sum(axis=1), came.sum(axis=1), Recalibration())
        self._recalibrations = tuple(
            recalibration(cases[:, lead], chance[:, lead], came[:, lead], overall) for lead in range(len(LEADS))
        )

    def save(self, path: Path) -> None:
        """Write what has been compared to one .npz file, all or nothing. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.stem}.{os.getpid()}.unfinished.npz")
        try:
            np.savez_compressed(unfinished, allow_pickle=False, key=np.array(self.key), **self._arrays())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load(self, path: Path) -> None:
        """Go on with a kept ledger of the same key; another key's is forgotten, a damaged one named in the log."""
        try:
            content = io.BytesIO(path.read_bytes())
            with np.load(content, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
            if str(found["key"]) == self.key:
                self._take(found)
        except FileNotFoundError:
            return
        except (OSError, *_UNREADABLE) as error:
            log.warning("the ledger of chances %s can't be read and begins anew: %s", path, error)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            "day": self._day, "hours": self._hours, "sums": self._sums, "scores": self._scores, "usual": self._usual,
            "usual_days": self._usual_days,
        }  # fmt: skip

    def _take(self, stored: dict[str, np.ndarray]) -> None:
        """Fill an empty ledger; KeyError or ValueError for what no ledger has written."""
        for name, own in self._arrays().items():
            found = stored[name]
            is_sound = found.shape == own.shape and found.dtype == own.dtype and np.isfinite(found).all()
            if not is_sound or (name != "day" and (found < 0).any()):
                raise ValueError(f"{name} is nothing that a ledger holds")
        for name, own in self._arrays().items():
            own[...] = stored[name]
        self._fit()


def key_of(network: Network, forecasters: str) -> str:
    """Of what chances are made by: the grid, its ratings, and forecasters by their names."""
    digest = hashlib.sha256(f"{METHOD} {fingerprint(network)} {forecasters}".encode())
    for ratings in (network.branch.rating_from_ka, network.branch.rating_to_ka):
        digest.update(np.ascontiguousarray(ratings).tobytes())
    return digest.hexdigest()[:16]


def _share(total: float, count: float) -> float:
    return float(total) / float(count) if count else np.nan

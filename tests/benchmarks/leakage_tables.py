"""Tables of assets drawn by chance, in which no column knows the outcome, and columns that do, to be put into them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from tests.benchmarks.inputs_columns import LEAKS
from tests.benchmarks.inputs_outcome import Rng

Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Columns of a table, which of its n rows failed, and the columns that know it."""

    columns: Columns
    failed: Bools
    knowing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """Tables of one kind, and how one is drawn."""

    words: str
    drawn: Callable[[Rng], Drawn]


def _fails(rng: Rng, effects: NDArray[np.float64], rate: float) -> Bools:
    """Failures with these log odds, less a constant by which they are of about this rate."""
    low, high = -30.0, 30.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(effects + middle).mean() < rate else (low, middle)
    return rng.random(len(effects)) < expit(effects + low)


def _rate(rng: Rng, n: int) -> float:
    """A base rate by which at least some 40 of n rows fail."""
    return max(float(rng.choice([0.02, 0.05, 0.1, 0.2])), 40 / n)


def _few_events(rng: Rng) -> Drawn:
    """25 to 45 failures, and 16 to 26 columns, most of which have nothing to do with them."""
    n, d = int(rng.integers(800, 1500)), int(rng.integers(10, 21))
    x = rng.normal(size=(n, d)).round(2)
    columns: Columns = {f"x{i}": x[:, i] for i in range(d)}
    columns |= {f"flag{i}": (rng.random(n) < rng.uniform(0.005, 0.3)).astype(int) for i in range(5)}
    columns["maker"] = rng.choice(["Alba", "Brun", "Cora", "Dahl", "Ebro", "Fink", "Gast", "Holm", "Isar"], n)
    return Drawn(columns, _fails(rng, x[:, :3] @ rng.normal(0, 0.7, 3), rng.integers(25, 46) / n))


def _strong_measurement(rng: Rng) -> Drawn:
    """A temperature that predicts well, as a cause beside others: PR-AUC up to about 0.7 by itself."""
    n = int(rng.integers(900, 1800))
    age, load, temperature = rng.uniform(0, 45, n), rng.normal(size=n), rng.normal(65, 8, n)
    temperature += rng.uniform(0, 4) * load
    effects = rng.uniform(2, 4.5) * (temperature - 65) / 8 + 0.04 * age + rng.uniform(0.3, 1) * load
    columns: Columns = {
        "age": age.round(1),
        "load": load.round(3),
        "temperature": temperature.round(int(rng.integers(0, 2))),
    }
    return Drawn(columns, _fails(rng, effects, _rate(rng, n)))


def _developing_fault(rng: Rng) -> Drawn:
    """A fault that began before the row, likelier in old assets: sensors show it, half to nine in ten fail of it."""
    n = int(rng.integers(900, 1800))
    age, load, grade = rng.uniform(0, 45, n), rng.normal(size=n), rng.integers(1, 6, n)
    fault = _fails(rng, 0.05 * age + 0.5 * load, _rate(rng, n))
    shown = {
        "gas": rng.lognormal(3, 0.6, n) * np.exp(fault * rng.uniform(1, 2.5)),
        "vibration": rng.normal(2, 0.5, n) + fault * rng.uniform(0.3, 1.5),
    }
    failed = np.where(fault, rng.random(n) < rng.uniform(0.5, 0.9), rng.random(n) < expit(-4.5 + 0.3 * (grade - 3)))
    columns: Columns = {"age": age.round(1), "load": load.round(3), "grade": grade}
    return Drawn(columns | {name: values.round(2) for name, values in shown.items()}, failed)


def _redundant_sensors(rng: Rng) -> Drawn:
    """Temperatures of a winding, in whole degrees Celsius and Fahrenheit, and of oil, and a pressure that follows."""
    n = int(rng.integers(900, 1800))
    hot, age = rng.normal(65, 8, n), rng.uniform(0, 45, n)
    oil = hot - rng.normal(12, 2, n)
    columns: Columns = {
        "winding_c": hot.round(0),
        "winding_f": (hot * 1.8 + 32).round(0),
        "oil_c": oil.round(1),
        "pressure": (oil / 30 + rng.normal(0, 0.1, n)).round(2),
        "age": age.round(0),
    }
    return Drawn(columns, _fails(rng, rng.uniform(1, 3) * (hot - 65) / 8 + 0.03 * age, _rate(rng, n)))


def _one_hot(rng: Rng) -> Drawn:
    """Makers and kinds as columns of 0 and 1, one of which multiplies the odds by up to 15, beside grades."""
    n, makers = int(rng.integers(900, 1800)), int(rng.integers(6, 16))
    maker, kind, grade = rng.integers(0, makers, n), rng.integers(0, 4, n), rng.integers(1, 6, n)
    effects = rng.normal(0, 0.5, makers)
    effects[0] += np.log(rng.uniform(5, 15))
    columns: Columns = {f"maker_{i}": (maker == i).astype(int) for i in range(makers)}
    columns |= {f"kind_{i}": (kind == i).astype(int) for i in range(4)}
    columns["grade"] = grade
    return Drawn(columns, _fails(rng, effects[maker] + rng.normal(0, 0.5, 4)[kind] + 0.9 * (grade - 3), _rate(rng, n)))


def _ids_and_dates(rng: Rng) -> Drawn:
    """Numbers in order of commissioning, years, months, dates as words, and batches that have rates of their own."""
    n = int(rng.integers(900, 1800))
    year = np.sort(rng.integers(1975, 2021, n))
    batch = year * 10 + rng.integers(0, 2, n)
    month = rng.integers(1, 13, n)
    weakness = rng.normal(0, 0.8, 40_000)[batch]
    columns: Columns = {
        "id": np.arange(n) + 100_000,
        "number": np.arange(n) // 3,
        "year": year,
        "batch": batch,
        "month": month,
        "inspected": np.array([f"2020-{m:02d}-{d:02d}" for m, d in zip(month, rng.integers(1, 28, n), strict=True)]),
        "load": rng.normal(size=n).round(3),
    }
    return Drawn(columns, _fails(rng, weakness + 0.06 * (2020 - year), _rate(rng, n)))


def _feeders(rng: Rng) -> Drawn:
    """Assets on 15 to 40 feeders with rates of their own; weather and coast are known for each feeder."""
    n, feeders = int(rng.integers(1200, 1900)), int(rng.integers(15, 41))
    feeder = rng.integers(0, feeders, n)
    weather, hidden, load = rng.normal(size=feeders), rng.normal(size=feeders), rng.normal(size=n)
    past = rng.poisson(np.exp(-2 + 0.6 * hidden[feeder]))
    columns: Columns = {
        "feeder": feeder * 7 + 11,
        "weather": weather[feeder].round(4),
        "coast": (weather > 1)[feeder].astype(int),
        "load": load.round(3),
        "failures_before": past,
    }
    return Drawn(columns, _fails(rng, 0.4 * weather[feeder] + 0.6 * hidden[feeder] + 0.8 * load, _rate(rng, n)))


def _milling(rng: Rng) -> tuple[Columns, dict[str, Bools]]:
    """Columns and ways to fail of a milling machine: the rules of AI4I 2020 (Matzka 2020, UCI data set 601).

    3,000 rows. Temperatures in K, speed in 1/min, torque in N m, wear in min.
    """
    n = 3000
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])  # L, M, H
    air = 300 + _walk(rng, n, 2)
    process = air + 10 + _walk(rng, n, 1)
    torque = np.maximum(rng.normal(40, 10, n), 3.8)
    speed = 1168 + rng.gamma(2.2, 170, n) * np.clip(40 / torque, 0.4, 3)
    wear = (np.cumsum(np.array([2, 3, 5])[kind]) % rng.integers(215, 251)).astype(float)
    power_w = torque * speed * 2 * np.pi / 60
    ways = {
        "tool": (wear > 200) & (rng.random(n) < 0.06),
        "heat": (process - air < 8.6) & (speed < 1380),
        "power": (power_w < 3500) | (power_w > 9000),
        "strain": wear * torque > np.array([11_000, 12_000, 13_000])[kind],
        "random": rng.random(n) < 0.002,
    }
    columns: Columns = {
        "kind": np.array(["L", "M", "H"])[kind],
        "air_k": air.round(1),
        "process_k": process.round(1),
        "speed": speed.round(0),
        "torque": torque.round(1),
        "wear": wear,
    }
    return columns, ways


def _walk(rng: Rng, n: int, spread: float) -> NDArray[np.float64]:
    walk = np.cumsum(rng.normal(size=n))
    return spread * (walk - walk.mean()) / walk.std()


def _any(ways: dict[str, Bools]) -> Bools:
    return np.logical_or.reduce(list(ways.values()))


def _machines(rng: Rng) -> Drawn:
    """What led to the failures of milling machines, which are thresholds on it."""
    columns, ways = _milling(rng)
    return Drawn(columns, _any(ways))


def _machines_with_flags(rng: Rng) -> Drawn:
    """The same with a flag for each way: their union is the outcome, but for 3 % of failures that have none."""
    columns, ways = _milling(rng)
    failed = _any(ways)
    noted = rng.random(len(failed)) >= 0.03
    flags = {f"flag_{name}": (way & noted).astype(int) for name, way in ways.items()}
    return Drawn(columns | flags, failed, frozenset(flags))


HONEST = (
    TableKind(words="25 to 45 failures, 16 to 26 columns", drawn=_few_events),
    TableKind(words="a temperature that predicts well", drawn=_strong_measurement),
    TableKind(words="a developing fault that sensors show", drawn=_developing_fault),
    TableKind(words="several sensors of one thing, in whole degrees", drawn=_redundant_sensors),
    TableKind(words="makers and kinds as columns of 0 and 1", drawn=_one_hot),
    TableKind(words="numbers, years, batches and dates", drawn=_ids_and_dates),
    TableKind(words="feeders with rates of their own, failures before", drawn=_feeders),
    TableKind(words="milling machines by the rules of AI4I 2020, without flags", drawn=_machines),
)


def _short_watch(rng: Rng, failed: Bools) -> Columns:
    """Own shape: days that an asset was watched, a year but where it failed, or was new (1 in 100)."""
    ends = failed | (rng.random(len(failed)) < 0.01)
    return {"days": np.where(ends, rng.integers(1, 365, len(failed)), 365)}


def _gone_silent(rng: Rng, failed: Bools) -> Columns:
    """Own shape: a reading that has nothing to do with it, empty in 50 to 90 % of failed rows and 1 in 200 others."""
    gone = np.where(failed, rng.random(len(failed)) < rng.uniform(0.5, 0.9), rng.random(len(failed)) < 0.005)
    return {"reading": np.where(gone, np.nan, rng.normal(20, 4, len(failed)).round(2))}


def _before_and_after(rng: Rng, failed: Bools) -> Columns:
    """Own shape: positions before and after, of 3 to 6, which differ where it failed and in 1 of 500 other rows."""
    positions = int(rng.integers(3, 7))
    before = rng.integers(0, positions, len(failed))
    moved = failed | (rng.random(len(failed)) < 0.002)
    after = np.where(moved, (before + rng.integers(1, positions, len(failed))) % positions, before)
    return {"position": before, "position_2": after}


def _target_mean(rng: Rng, failed: Bools) -> Columns:
    """Mean of the outcome over crews of 20 to 60 rows: the crew isn't in the table."""
    crew = rng.integers(0, len(failed) // int(rng.integers(20, 61)), len(failed))
    return {"crew_rate": (np.bincount(crew, failed) / np.maximum(np.bincount(crew), 1))[crew]}


def _placed(leak: Callable[[Rng, Bools], Columns]) -> Callable[[Rng], Drawn]:
    """Columns that know the outcome in one of the honest tables, those of few failures and machines left out."""

    def drawn(rng: Rng) -> Drawn:
        table = HONEST[int(rng.integers(1, len(HONEST) - 1))].drawn(rng)
        columns = leak(rng, table.failed)
        return Drawn(table.columns | columns, table.failed, frozenset(columns))

    return drawn


KNOWING = (
    TableKind(words="milling machines with five flags of how they failed", drawn=_machines_with_flags),
    *(TableKind(words=words, drawn=_placed(leak)) for words, leak in LEAKS.items()),
    TableKind(words="the mean of the outcome over groups that aren't in the table", drawn=_placed(_target_mean)),
    TableKind(words="own: days watched, fewer where it failed", drawn=_placed(_short_watch)),
    TableKind(words="own: a reading that ends with the failure", drawn=_placed(_gone_silent)),
    TableKind(words="own: positions before and after, each innocent alone", drawn=_placed(_before_and_after)),
)


def frame(table: Drawn, rng: Rng) -> pd.DataFrame:
    """A table's columns in an order drawn by chance, and 'failed'."""
    names = [str(name) for name in rng.permutation(list(table.columns))]
    return pd.DataFrame({name: table.columns[name] for name in names} | {"failed": table.failed.astype(int)})

import numpy as np
import pandas as pd
import pytest

from ml.forecasting.backtest import Backtest
from ml.forecasting.model.hours import FloatArray, Hours, IntArray, hours_of
from tests.benchmarks.forecast_judge import _Other
from tests.benchmarks.forecast_peers import PEERS, Peer, places_of
from tests.benchmarks.forecast_series import Judged

DAYS, FIRST = 160, 100


def series(after: float = 0.0) -> tuple[Judged, Hours, IntArray]:
    """A drawn series that is forecast from FIRST on; `after` is added to all that comes behind the last issue."""
    rng = np.random.default_rng(1)
    index = pd.date_range("2024-01-01", periods=24 * DAYS, freq="h", tz="UTC")
    values = 10 + 3 * np.sin(2 * np.pi * index.hour.to_numpy() / 24) + rng.normal(0, 0.5, len(index))
    issues = 24 * np.arange(FIRST, FIRST + 24)
    values[issues[-1] :] += after
    frame = pd.DataFrame({"target": values}, index)
    judged = Judged(
        name="drawn", frame=frame, zone="UTC", start=index[24 * FIRST], end=index[issues[-1] + 24], months=1
    )
    return judged, hours_of(frame, "UTC", None, ()), issues


def forecast(hours: Hours, issues: IntArray, quantiles: FloatArray) -> Backtest:
    actual = hours.target[issues[:, None] + np.arange(48)]
    return Backtest("ours", hours, issues, actual, quantiles, ("model",) * len(issues), 0.0, 0.0, {})


def test_a_peer_is_set_beside_the_same_issues_and_one_without_its_package_is_named() -> None:
    judged, hours, issues = series()
    quantiles = np.repeat(np.linspace(8, 12, 7)[None, None], 48, axis=1).repeat(len(issues), axis=0)
    found = forecast(hours, issues, quantiles)
    same = Peer("the same", "numpy", 8, lambda _judged, _hours, rows: quantiles[: len(rows)])
    np.testing.assert_array_equal(places_of(same, found), [0, 8, 16])
    assert _Other.of(same, judged, found).words(found, slice(0, 24)).startswith("the same 1.000 (3 issues, coverage ")
    absent = Peer("nobody", "no_such_package", 1, lambda *_: pytest.fail("it isn't there to be asked"))
    assert (
        _Other.of(absent, judged, found).words(found, slice(0, 24)) == "nobody: the package no_such_package is absent"
    )


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.package)
@pytest.mark.filterwarnings("ignore")
def test_peers_are_fair_forecasters_that_know_nothing_of_what_comes(peer: Peer) -> None:
    if peer.absent:
        pytest.skip(f"{peer.package} isn't installed (requirements-peers.txt)")
    judged, hours, issues = series()
    rows = issues[:: peer.every]
    found = peer.forecast(judged, hours, rows)
    assert found.shape == (len(rows), 48, 7)
    assert (np.diff(found, axis=-1) >= 0).all()
    assert np.abs(found[..., 3] - hours.target[rows[:, None] + np.arange(48)]).mean() < 0.8  # of noise alone: 0.4
    changed, later, _ = series(after=5.0)
    np.testing.assert_array_equal(peer.forecast(changed, later, rows), found)

"""The hourly ledger: sums by hand, days against days, a file that survives and one that doesn't."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecasting.live.ledger import HOURS_KEPT, HourlyLedger, HourlyRecord, Performance, Period

NOON = datetime(2026, 3, 11, 12, 20, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0, minute=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def record(time: datetime, loss_kw: float = 100.0, plan_loss_kw: float = np.nan) -> HourlyRecord:
    return HourlyRecord(time, loss_kw, 40 * loss_kw, 41 * loss_kw, 10 * loss_kw, plan_loss_kw)


def ledger_of(day: datetime, loss_kw: float, hours: int = 24, into: HourlyLedger | None = None) -> HourlyLedger:
    """Four cycles an hour of a constant state."""
    ledger = HourlyLedger() if into is None else into
    for quarter in range(4 * hours):
        ledger.append(record(day + quarter * HOUR / 4, loss_kw))
    return ledger


def comparison(seen: Performance, period: Period) -> tuple[int, float, float]:
    (found,) = [one for one in seen.comparisons if one.period is period]
    return found.hours, found.today.loss_kwh, found.then.loss_kwh


def test_an_hour_is_the_mean_of_its_cycles_and_a_day_the_sum_of_its_hours() -> None:
    ledger = HourlyLedger()
    for minute, loss_kw in ((0, 90.0), (20, 100.0), (40, 110.0), (60, 200.0), (100, 220.0), (125, 1000.0)):
        ledger.append(record(MIDNIGHT + timedelta(minutes=minute), loss_kw))
    seen = ledger.performance(MIDNIGHT + timedelta(hours=2, minutes=10))
    assert seen.hours == 2  # the third has only begun
    assert seen.today.loss_kwh == pytest.approx(100 + 210)
    assert seen.today.load_kwh == pytest.approx(40 * 310)
    assert seen.today.loss_percent == pytest.approx(100 / 41)
    np.testing.assert_allclose(ledger.hourly_kw(MIDNIGHT, 4, "loss_kw"), [100, 210, 1000, np.nan])


def test_days_are_compared_by_the_hours_that_both_have() -> None:
    ledger = HourlyLedger()
    ledger_of(datetime(2025, 3, 11, tzinfo=UTC), 50.0, into=ledger)
    ledger_of(MIDNIGHT - 7 * DAY, 80.0, into=ledger)
    ledger_of(MIDNIGHT - DAY + 6 * HOUR, 125.0, hours=18, into=ledger)  # recorded from 06:00 on
    ledger_of(MIDNIGHT, 100.0, hours=13, into=ledger)
    seen = ledger.performance(NOON)
    assert seen.hours == 12
    assert comparison(seen, Period.YESTERDAY) == (6, pytest.approx(600), pytest.approx(750))
    assert comparison(seen, Period.LAST_WEEK) == (12, pytest.approx(1200), pytest.approx(960))
    assert comparison(seen, Period.LAST_YEAR) == (12, pytest.approx(1200), pytest.approx(600))
    changes = [one.loss_change_percent for one in seen.comparisons]
    assert changes == [pytest.approx(-20), pytest.approx(25), pytest.approx(100)]


def test_what_the_history_does_not_have_is_not_made_up() -> None:
    seen = ledger_of(MIDNIGHT, 100.0).performance(NOON)
    for one in seen.comparisons:
        assert one.hours == 0
        assert np.isnan([one.today.loss_kwh, one.then.loss_kwh, one.loss_change_percent]).all()
    empty = HourlyLedger().performance(NOON)
    assert empty.hours == 0
    assert np.isnan(empty.today.loss_percent)
    assert np.isnan(empty.avoidable.avoidable_kwh)


def test_a_leap_day_is_compared_with_28_february() -> None:
    ledger = ledger_of(datetime(2027, 2, 28, tzinfo=UTC), 50.0)
    ledger_of(datetime(2028, 2, 29, tzinfo=UTC), 100.0, into=ledger)
    seen = ledger.performance(datetime(2028, 2, 29, 23, 59, tzinfo=UTC))
    assert comparison(seen, Period.LAST_YEAR) == (23, pytest.approx(2300), pytest.approx(1150))


def test_plans_count_in_the_cycles_that_had_one() -> None:
    ledger = HourlyLedger()
    ledger.append(record(MIDNIGHT, 100.0, plan_loss_kw=70.0))
    ledger.append(record(MIDNIGHT + HOUR / 2, 500.0))
    ledger.append(record(MIDNIGHT + HOUR, 200.0, plan_loss_kw=190.0))
    ledger.append(record(MIDNIGHT + 2 * HOUR, 300.0))
    seen = ledger.performance(MIDNIGHT + 3 * HOUR).avoidable
    assert (seen.hours, seen.loss_kwh, seen.plan_loss_kwh) == (2, 300, 260)
    assert seen.avoidable_kwh == 40


def test_a_paused_clock_and_unknown_losses_leave_no_trace() -> None:
    ledger = HourlyLedger()
    for loss_kw in (100.0, 900.0, 900.0):
        ledger.append(record(MIDNIGHT, loss_kw))
    ledger.append(record(MIDNIGHT + HOUR / 2, np.nan))
    assert ledger.performance(MIDNIGHT + HOUR).today.loss_kwh == 100
    ledger.append(replace(record(MIDNIGHT + 0.6 * HOUR), renewable_kw=np.nan))
    seen = ledger.performance(MIDNIGHT + HOUR).today
    assert (seen.loss_kwh, np.isnan(seen.renewable_kwh)) == (100, True)


def test_an_hour_that_comes_again_is_written_anew() -> None:
    ledger = ledger_of(MIDNIGHT, 100.0)
    ledger_of(MIDNIGHT + 2 * HOUR, 300.0, hours=1, into=ledger)
    np.testing.assert_allclose(ledger.hourly_kw(MIDNIGHT, 4, "loss_kw"), [100, 100, 300, 100])


def test_two_years_are_kept_and_no_more() -> None:
    ledger, first = HourlyLedger(), datetime(2024, 1, 1, tzinfo=UTC)
    for hour in range(HOURS_KEPT + 30):
        ledger.append(record(first + hour * HOUR, 100.0 + hour))
    assert ledger.hours == HOURS_KEPT
    assert np.isnan(ledger.hourly_kw(first, 30, "loss_kw")).all()
    assert ledger.hourly_kw(first + 30 * HOUR, 1, "loss_kw") == [130]


def test_a_ledger_is_the_same_after_a_restart_and_goes_on_in_its_hour(tmp_path: Path) -> None:
    ledger = ledger_of(MIDNIGHT - DAY, 80.0)
    ledger_of(MIDNIGHT, 100.0, hours=3, into=ledger)
    ledger.append(record(MIDNIGHT + 3 * HOUR, 60.0, plan_loss_kw=50.0))
    path = tmp_path / "new" / "city8.npz"
    ledger.save(path)
    again = HourlyLedger.load(path)
    assert again.performance(NOON) == ledger.performance(NOON)
    again.append(record(MIDNIGHT + 3.5 * HOUR, 80.0))
    assert again.hourly_kw(MIDNIGHT + 3 * HOUR, 1, "loss_kw") == [70]
    assert [file.name for file in path.parent.iterdir()] == ["city8.npz"]


def test_a_first_start_has_an_empty_ledger(tmp_path: Path) -> None:
    assert HourlyLedger.load(tmp_path / "nothing.npz").hours == 0


def test_a_save_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "city8.npz"
    path.mkdir()  # a folder can't be replaced by a file
    with pytest.raises(OSError, match=r"city8\.npz"):
        ledger_of(MIDNIGHT, 100.0).save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["city8.npz"]
    assert HourlyLedger.load(path).hours == 0


@pytest.mark.parametrize("damage", [b"", b"not a ledger", b"PK\x03\x04 nor a whole archive", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_named_and_put_aside(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "city8.npz"
    path.write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        ledger = HourlyLedger.load(path)
    assert ledger.hours == 0
    assert str(path) in caplog.text
    assert (tmp_path / "city8.damaged.npz").read_bytes() == damage
    assert not path.exists()
    ledger_of(MIDNIGHT, 100.0).save(path)
    assert HourlyLedger.load(path).hours == 24


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("format", 2, "format 2"),
        ("hour", np.array([3, 4, 5]), "other shapes"),
        ("hour", np.array([5, 5 + HOURS_KEPT]), "no ledger can hold"),
        ("cycles", np.array([1, -1]), "no ledger can hold"),
        ("cycles", np.array([1.0, 2.0]), "other types"),
        ("sum", np.full((2, 6), np.nan), "no ledger can hold"),
        ("sum", np.array(["a", "b"]), "other shapes"),
    ],
)
def test_what_no_ledger_has_written_is_put_aside(
    tmp_path: Path, field: str, value: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, good = tmp_path / "city8.npz", tmp_path / "good.npz"
    ledger_of(MIDNIGHT, 100.0, hours=2).save(good)
    with np.load(good) as stored:
        content = {name: stored[name] for name in stored.files}
    np.savez(path, **{**content, field: value})
    assert HourlyLedger.load(path).hours == 0
    assert said in caplog.text
    assert (tmp_path / "city8.damaged.npz").exists()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_no_damage_ends_the_start(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int, cut: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.npz"
    ledger_of(MIDNIGHT, 100.0).save(path)
    content = bytearray(path.read_bytes())
    place = at % len(content)
    content[place] ^= flip
    path.write_bytes(content[:place] if cut else content)
    assert HourlyLedger.load(path).hours in {0, 24}

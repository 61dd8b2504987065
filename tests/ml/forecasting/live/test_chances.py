"""The ledger of chances: what counts, what is forgotten, what is kept, and chances that become true."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from grid.flow.powerflow import Injection
from grid.network import FloatArray
from grid.studies.lookahead import LookAhead, Samples, look_ahead
from ml.forecasting.live.chances import DAYS_KEPT, ChanceLedger, key_of
from tests.cases import shared_case

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SITUATION = b"all closed"


@pytest.fixture(scope="module")
def looked() -> LookAhead:
    network = shared_case("case14").network
    base, load = Injection.of_case(network), network.load
    courses = np.ones((4, 24, 1))
    samples = Samples(load.p_mw * courses, load.q_mvar * courses, network.generator.p_mw * courses)
    return look_ahead(network, base, network.branch.closed, samples)


def with_chances(look: LookAhead, chance: FloatArray | float) -> LookAhead:
    found = np.broadcast_to(chance, look.overload_of_solved.shape).copy()
    return replace(look, overload_of_solved=found, overload_probability=found)


def ledger_of(look: LookAhead) -> ChanceLedger:
    return ChanceLedger(look.overload_of_solved.shape[1], "key")


def run(ledger: ChanceLedger, look: LookAhead, days: int, times: float, first: datetime = MIDNIGHT) -> None:
    """Days whose chances are drawn anew each midnight, and come so many times as often."""
    rng, shape = np.random.default_rng(5), look.overload_of_solved.shape
    for day in range(days):
        chance = rng.choice([0.02, 0.1, 0.3], shape)
        ledger.tell(with_chances(look, chance), first + day * DAY, SITUATION)
        came = rng.random(shape) < times * chance
        for hour in range(24):
            ledger.compare(first + day * DAY + hour * HOUR, came[hour], SITUATION)


def test_an_empty_ledger_says_what_was_counted_and_knows_nothing(looked: LookAhead) -> None:
    ledger, look = ledger_of(looked), with_chances(looked, 0.3)
    said = ledger.tell(look, MIDNIGHT, SITUATION)
    np.testing.assert_allclose(said.overload_probability, 0.3)
    record = ledger.record()
    assert (record.hours, record.days, record.scored) == (0, 0, 0)
    assert np.isnan(record.skill)
    assert not any(one.is_known for one in record.leads)
    assert all(np.isnan(one.came) for one in record.bins)


def test_chances_that_are_too_high_are_said_lower_from_then_on(looked: LookAhead) -> None:
    ledger = ledger_of(looked)
    run(ledger, looked, 40, times=0.3)
    said = ledger.tell(with_chances(looked, 0.3), MIDNIGHT + 40 * DAY, SITUATION).overload_of_solved
    assert all(one.is_known for one in ledger.record().leads)
    np.testing.assert_allclose(said, 0.09, atol=0.05)


def test_chances_that_come_true_stay(looked: LookAhead) -> None:
    ledger = ledger_of(looked)
    run(ledger, looked, 40, times=1.0)
    said = ledger.tell(with_chances(looked, 0.3), MIDNIGHT + 40 * DAY, SITUATION).overload_of_solved
    np.testing.assert_allclose(said, 0.3, atol=0.05)
    record = ledger.record()
    assert (record.hours, record.days) == (40 * 24, 40)
    for one in record.bins:
        assert one.cases == 0 or one.came == pytest.approx(one.said, abs=0.03)
    assert 0 < record.skill < 0.2


def test_hours_say_how_good_chances_were_by_hand(looked: LookAhead) -> None:
    ledger, branches = ledger_of(looked), looked.overload_of_solved.shape[1]
    ledger.tell(with_chances(looked, 0.25), MIDNIGHT, SITUATION)
    came = np.arange(branches) < 5
    ledger.compare(MIDNIGHT + 3 * HOUR, came, SITUATION)
    (found,) = [one for one in ledger.record().bins if one.cases]
    assert (found.low, found.high, found.cases) == (pytest.approx(0.2), pytest.approx(0.3), branches)
    assert (found.said, found.came) == (pytest.approx(0.25), pytest.approx(5 / branches))


def test_only_the_first_look_of_an_hour_counts_and_only_in_its_situation(looked: LookAhead) -> None:
    ledger, none = ledger_of(looked), np.zeros(looked.overload_of_solved.shape[1], dtype=bool)
    ledger.tell(with_chances(looked, 0.25), MIDNIGHT, SITUATION)
    ledger.tell(with_chances(looked, 0.75), MIDNIGHT, SITUATION)
    ledger.compare(MIDNIGHT, none, SITUATION)
    assert [one.low for one in ledger.record().bins if one.cases] == [pytest.approx(0.2)]
    ledger.compare(MIDNIGHT + HOUR, none, b"one is open")
    assert ledger.record().hours == 1
    ledger.tell(with_chances(looked, 0.75), MIDNIGHT, b"one is open")
    ledger.compare(MIDNIGHT + HOUR, none, b"one is open")
    assert ledger.record().hours == 2


def test_what_is_long_ago_is_forgotten(looked: LookAhead) -> None:
    ledger = ledger_of(looked)
    run(ledger, looked, DAYS_KEPT + 5, times=1.0)
    assert ledger.record().days == DAYS_KEPT
    run(ledger, looked, 1, times=1.0, first=MIDNIGHT + 1000 * DAY)
    assert ledger.record().days == DAYS_KEPT


def test_branches_without_a_known_chance_are_left_out(looked: LookAhead) -> None:
    ledger, chance = ledger_of(looked), np.full_like(looked.overload_of_solved, 0.25)
    chance[:, 3] = np.nan
    ledger.tell(with_chances(looked, chance), MIDNIGHT, SITUATION)
    ledger.compare(MIDNIGHT, np.ones(chance.shape[1], dtype=bool), SITUATION)
    assert sum(one.cases for one in ledger.record().bins) == chance.shape[1] - 1


def test_a_kept_ledger_goes_on_where_chances_are_made_alike(looked: LookAhead, tmp_path: Path) -> None:
    ledger, path = ledger_of(looked), tmp_path / "new" / "ledger.npz"
    run(ledger, looked, 20, times=0.3)
    ledger.save(path)
    again = ledger_of(looked)
    again.load(path)
    assert again.record() == ledger.record()
    other = ChanceLedger(looked.overload_of_solved.shape[1], "another key")
    other.load(path)
    assert other.hours == 0
    assert [file.name for file in path.parent.iterdir()] == ["ledger.npz"]


@pytest.mark.parametrize("damage", [b"", b"not a ledger", b"PK\x03\x04 nor a whole archive"])
def test_a_damaged_file_is_named_and_begun_anew(
    looked: LookAhead, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.npz"
    path.write_bytes(damage)
    ledger = ledger_of(looked)
    with caplog.at_level(logging.WARNING):
        ledger.load(path)
    assert ledger.hours == 0
    assert str(path) in caplog.text


def test_a_ledger_of_other_shapes_is_not_taken(looked: LookAhead, tmp_path: Path) -> None:
    path = tmp_path / "ledger.npz"
    ChanceLedger(3, "key").save(path)
    ledger = ledger_of(looked)
    run(ledger, looked, 1, times=1.0)
    before = ledger.record()
    ledger.load(path)
    assert ledger.record() == before


def test_the_key_follows_the_grid_its_ratings_and_the_forecasters() -> None:
    network = shared_case("case14").network
    tighter = replace(network, branch=replace(network.branch, rating_from_ka=0.9 * network.branch.rating_from_ka))
    other = shared_case("city8").network
    keys = {key_of(network, "load pv"), key_of(network, "load"), key_of(tighter, "load pv"), key_of(other, "load pv")}
    assert len(keys) == 4
    assert key_of(network, "load pv") == key_of(shared_case("case14").network, "load pv")

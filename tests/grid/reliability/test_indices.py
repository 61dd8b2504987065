"""Indices of IEEE 1366 against the standard's own example, hand calculation and an energy balance."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grid.reliability.indices import InterruptionRecord, ReliabilityIndices

START = datetime(2026, 3, 1, tzinfo=UTC)
# The worked example of IEEE Std 1366: 2,000 customers; minutes and customers of each sustained interruption of a year.
# Its results are SAIFI 1.61, SAIDI 86.110 minutes and CAIDI 53.57 minutes.
EXAMPLE = ((8.17, 200), (71.3, 600), (30.3, 25), (267.2, 90), (120.0, 700), (10.0, 1500), (40.0, 100))


def played(groups: tuple[tuple[float, float], ...], total: float) -> ReliabilityIndices:
    """Each interruption of customers of its own, one after the other, the rest of the system never."""
    count = len(groups)
    customers = np.array([number for _, number in groups] + [0.0])
    lit, power, time = np.zeros(count + 1, dtype=bool), np.ones(count + 1), START
    record = InterruptionRecord.begin(time, lit, power)
    for place, (minutes, _) in enumerate(groups):
        dark = lit.copy()
        dark[place] = True
        time += timedelta(hours=1)
        record = record.after(time, dark, power)
        time += timedelta(minutes=minutes)
        record = record.after(time, lit, power)
    scale = customers.sum() / total
    found = record.indices(customers)
    return ReliabilityIndices(
        **{
            **vars(found),
            "saifi": found.saifi * scale,
            "saidi_minutes": found.saidi_minutes * scale,
            "maifi": found.maifi * scale,
        }
    )


def test_the_standards_worked_example_comes_out() -> None:
    found = played(EXAMPLE, 2000)
    assert round(found.saifi, 2) == 1.61
    assert round(found.saidi_minutes, 3) == 86.110
    assert round(found.caidi_minutes, 2) == 53.57
    customers = sum(number for _, number in EXAMPLE)
    minutes = sum(lasted * number for lasted, number in EXAMPLE)
    assert found.saifi == pytest.approx(customers / 2000)
    assert found.saidi_minutes == pytest.approx(minutes / 2000)
    assert found.caidi_minutes == pytest.approx(minutes / customers)
    assert found.maifi == 0
    assert found.ens_mwh == pytest.approx(sum(lasted for lasted, _ in EXAMPLE) / 60)


def test_five_minutes_are_momentary_and_a_second_more_is_sustained() -> None:
    short = played(((5.0, 400.0),), 2000)
    assert (short.saifi, short.maifi) == (0, pytest.approx(0.2))
    assert short.saidi_minutes == 0
    assert np.isnan(short.caidi_minutes)
    assert short.ens_mwh == pytest.approx(5 / 60)
    longer = played(((5 + 1 / 60, 400.0),), 2000)
    assert (longer.saifi, longer.maifi) == (pytest.approx(0.2), 0)
    assert longer.saidi_minutes == pytest.approx((5 + 1 / 60) * 0.2)


def test_an_interruption_that_lasts_counts_with_what_it_has_lasted() -> None:
    lit, dark, customers = np.zeros(2, bool), np.array([False, True]), np.array([300.0, 100.0])
    record = InterruptionRecord.begin(START, lit, np.ones(2)).after(START, dark, np.ones(2))
    early = record.after(START + timedelta(minutes=4), dark, np.ones(2)).indices(customers)
    assert (early.saifi, early.saidi_minutes, early.maifi) == (0, 0, 0)
    assert early.interrupted_now == 100
    late = record.after(START + timedelta(minutes=4), dark, np.ones(2)).after(
        START + timedelta(minutes=30), dark, np.ones(2)
    )
    found = late.indices(customers)
    assert found.saifi == pytest.approx(0.25)
    assert found.saidi_minutes == pytest.approx(30 / 4)
    assert found.caidi_minutes == pytest.approx(30)


def test_steps_of_any_length_give_the_same_indices() -> None:
    rng = np.random.default_rng(1)
    customers, power = rng.integers(1, 50, 6).astype(float), rng.uniform(0.1, 2.0, 6)
    changes = np.cumsum(rng.uniform(0.5, 40, 30))
    states = rng.random((31, 6)) < 0.4

    def run(extra: np.ndarray) -> ReliabilityIndices:
        record = InterruptionRecord.begin(START, states[0], power)
        times = np.unique(np.concatenate([changes, extra]))
        for minute in times[times <= changes[-1]]:
            now = states[np.searchsorted(changes, minute, side="right")]
            record = record.after(START + timedelta(minutes=float(minute)), now, power)
        return record.indices(customers)

    coarse, fine = run(np.array([])), run(rng.uniform(0, changes[-1], 300))
    for name in ("saifi", "saidi_minutes", "caidi_minutes", "maifi", "ens_mwh"):
        assert getattr(fine, name) == pytest.approx(getattr(coarse, name), rel=1e-6)
    # written out: each load by itself
    edges = np.concatenate([[0], changes])
    energy = sum(float(power[states[k]].sum()) * (edges[k + 1] - edges[k]) / 60 for k in range(len(changes)))
    assert coarse.ens_mwh == pytest.approx(energy, rel=1e-6)


def test_energy_of_a_course_is_its_integral() -> None:
    dark = np.array([True])
    record = InterruptionRecord.begin(START, dark, np.array([0.0]))
    for minute in range(1, 121):  # a straight rise to 2 MW within two hours: 2 MWh
        record = record.after(START + timedelta(minutes=minute), dark, np.array([minute / 60]))
    assert record.ens_mwh == pytest.approx(2.0)


def test_time_doesnt_run_backwards() -> None:
    record = InterruptionRecord.begin(START, np.zeros(1, bool), np.ones(1))
    with pytest.raises(ValueError, match="backwards"):
        record.after(START - timedelta(seconds=1), np.zeros(1, bool), np.ones(1))

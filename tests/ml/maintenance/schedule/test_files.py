"""What other programs read is what the schedule says: an independent reader of both files, and RFC 5545's own rules."""

import csv
import io
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.maintenance.schedule.files import schedule_csv, schedule_ics
from ml.maintenance.schedule.problem import DEFERRED, Judgement, ScheduleProblem, judge
from ml.maintenance.schedule.rules import greedy
from tests.benchmarks.schedule import fleet

MONDAY = date(2026, 1, 5)
WHEN = ("2 nights",) * 100
STAMP = datetime(2026, 1, 2, 9, 30, tzinfo=timezone(timedelta(hours=2)))


def named(*names: str) -> tuple[ScheduleProblem, Judgement]:
    """Assets of these names, all but the last with a week."""
    problem, _ = fleet(4, len(names), 4)
    problem = replace(problem, jobs=replace(problem.jobs, name=names))
    week = np.arange(len(names)) % 4
    week[-1] = DEFERRED
    return problem, judge(problem, week)


def events(text: str) -> list[dict[str, str]]:
    """Read a calendar as RFC 5545 section 3.1 and 3.3.11 say: unfold, split at the first colon, unescape."""
    octets = text.encode()
    assert octets.endswith(b"\r\n")
    physical = octets[:-2].split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in physical)
    for line in physical:
        line.decode()  # folding splits no character
    logical = b"\r\n".join(physical).replace(b"\r\n ", b"").decode().split("\r\n")
    found: list[dict[str, str]] = []
    depth: list[str] = []
    for line in logical:
        name, _, value = line.partition(":")
        if name == "BEGIN":
            depth.append(value)
            if value == "VEVENT":
                found.append({})
        elif name == "END":
            assert depth.pop() == value
        elif depth[-1] == "VEVENT":
            assert name not in found[-1]
            found[-1][name] = unescaped(value)
    assert depth == []
    return found


def unescaped(value: str) -> str:
    plain, characters = "", iter(value)
    for character in characters:
        if character == "\\":
            character = next(characters)
            assert character in "\\;,nN"
            plain += "\n" if character in "nN" else character
        else:
            assert character not in ";,"
            plain += character
    return plain


def test_a_calendar_has_a_week_for_each_job() -> None:
    problem, judgement = named("Line 1", "Line 2", "Line 3")
    text = schedule_ics(problem, judgement, MONDAY, STAMP, "city8", WHEN)
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")
    first, second = events(text)
    assert first["SUMMARY"] == "Maintenance: Line 1"
    assert (first["DTSTART;VALUE=DATE"], first["DTEND;VALUE=DATE"]) == ("20260105", "20260112")
    assert (second["DTSTART;VALUE=DATE"], second["DTEND;VALUE=DATE"]) == ("20260112", "20260119")
    assert first["DTSTAMP"] == "20260102T073000Z"
    assert f"Crew: {problem.jobs.skill[0]}, {problem.jobs.hours[0]:g} h, 2 nights\n" in first["DESCRIPTION"]
    assert "(estimate)" in first["DESCRIPTION"]


def test_an_event_moves_with_its_asset_and_is_nobody_elses() -> None:
    problem, judgement = named("Line", "Line", "Cable", "Cable")
    later = judge(problem, np.array([2, 3, 0, 1]))
    before = [event["UID"] for event in events(schedule_ics(problem, judgement, MONDAY, STAMP, "city8", WHEN))]
    after = [event["UID"] for event in events(schedule_ics(problem, later, MONDAY, STAMP, "city8", WHEN))]
    other = [event["UID"] for event in events(schedule_ics(problem, judgement, MONDAY, STAMP, "case118", WHEN))]
    assert before == after[:3]
    assert len(set(after)) == 4
    assert not set(before) & set(other)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=120))
def test_any_name_comes_back_from_the_calendar(name: str) -> None:
    problem, judgement = named(name, "last")
    (event,) = events(schedule_ics(problem, judgement, MONDAY, STAMP, name, WHEN))
    kept = name.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(one for one in kept if one in "\t\n" or not ("\x00" <= one < " " or "\x7f" <= one <= "\x9f"))
    assert event["SUMMARY"] == f"Maintenance: {kept}".replace("\u2028", "").replace("\u2029", "")


def test_separators_and_long_names_are_written_as_the_standard_says() -> None:
    problem, judgement = named("A, B; C\\D\n" + 40 * "äß€", "last")
    text = schedule_ics(problem, judgement, MONDAY, STAMP, "x", WHEN)
    assert "A\\, B\\; C\\\\D\\nä" in text
    assert events(text)[0]["SUMMARY"].endswith(40 * "äß€")


def test_a_calendar_needs_the_zone_of_its_stamp() -> None:
    with pytest.raises(ValueError, match="zone"):
        schedule_ics(*named("a", "b"), MONDAY, datetime(2026, 1, 1), "x", WHEN)


def test_a_table_has_every_asset() -> None:
    problem, _ = fleet(9, 30, 6)
    judgement = judge(problem, greedy(problem))
    rows = list(csv.DictReader(io.StringIO(schedule_csv(problem, judgement, MONDAY, WHEN), newline="")))
    assert [row["asset"] for row in rows] == list(problem.jobs.name)
    total = 0.0
    for row, week in zip(rows, judgement.week.tolist(), strict=True):
        if week == DEFERRED:
            assert row["week"] == row["week_starts"] == ""
            assert row["expected_cost_eur"] == row["deferral_cost_eur"]
        else:
            assert int(row["week"]) == week + 1
            assert date.fromisoformat(row["week_starts"]) == MONDAY + timedelta(days=7 * week)
        total += float(row["expected_cost_eur"])
    assert total == pytest.approx(judgement.expected_cost_eur, abs=0.01 * len(rows))


def test_names_are_quoted_and_no_formulas() -> None:
    text = schedule_csv(
        *named('=HYPERLINK("x")', "-1+1", 'Line "A", north', "plain"), MONDAY, ["2 nights", "=1", "", ""]
    )
    names = [row[0] for row in csv.reader(io.StringIO(text, newline=""))]
    assert [row[3] for row in csv.reader(io.StringIO(text, newline=""))] == ["when", "2 nights", "'=1", "", ""]
    assert names == ["asset", '\'=HYPERLINK("x")', "'-1+1", 'Line "A", north', "plain"]
    assert text.count("\r\n") == 5

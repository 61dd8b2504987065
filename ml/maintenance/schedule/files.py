"""A schedule as files for other programs: CSV for spreadsheets, iCalendar (RFC 5545) for calendars."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from ml.maintenance.schedule.problem import DEFERRED, FloatArray, Judgement, ScheduleProblem
from ml.tables.spreadsheets import spreadsheet_cell

COLUMNS = (
    "asset",
    "week",
    "week_starts",
    "when",
    "crew",
    "hours",
    "zone",
    "cost_eur",
    "expected_cost_eur",
    "deferral_cost_eur",
    "share_of_draws",
)
LINE_OCTETS = 75  # RFC 5545 section 3.1
PRODUCT = "-//Smart Grid Operations System//Maintenance schedule//EN"


def schedule_csv(
    problem: ScheduleProblem,
    judgement: Judgement,
    first_day: date,
    when: Sequence[str],
    share_of_draws: FloatArray | None = None,
) -> str:
    """Every asset with its week, RFC 4180 with CRLF; week and week_starts are empty where the job is deferred.

    first_day: of the first week; weeks count from 1. when: in its week each job is done, (n,) words.
    expected_cost_eur is that of the chosen week, deferral_cost_eur what deferring would cost
    instead. share_of_draws: (n,) of ml.maintenance.schedule.draws, empty where it isn't known.
    Names that a spreadsheet would take for formulas are led by an apostrophe.
    """
    jobs, text = problem.jobs, io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for i, week in enumerate(judgement.week.tolist()):
        starts = ("", "") if week == DEFERRED else (week + 1, _starts(first_day, week).isoformat())
        table.writerow(
            [
                spreadsheet_cell(jobs.name[i]),
                *starts,
                spreadsheet_cell(when[i]),
                spreadsheet_cell(jobs.skill[i]),
                f"{jobs.hours[i]:g}",
                int(jobs.zone[i]),
                *(f"{eur:.2f}" for eur in (_work_eur(problem, i, week), *problem.cost_eur[i, [week, -1]])),
                "" if share_of_draws is None else f"{share_of_draws[i]:g}",
            ]
        )
    return text.getvalue()


def _work_eur(problem: ScheduleProblem, job: int, week: int) -> float:
    """Cost of the work in its week; of a deferred job what it costs on working days."""
    return float(problem.jobs.cost_eur[job] if week == DEFERRED else problem.work_eur[job, week])


def schedule_ics(
    problem: ScheduleProblem, judgement: Judgement, first_day: date, stamp: datetime, title: str, when: Sequence[str]
) -> str:
    """A calendar with an all-day event of seven days for each job that isn't deferred.

    first_day: of the first week. stamp: when the calendar is made, with a zone, else ValueError. title: of the
    calendar, e.g. the grid's name. when: in its week each job is done, (n,) words. An asset
    keeps its UID when it moves to another week, so that a calendar that reads the file again moves the event.
    """
    if stamp.tzinfo is None:
        raise ValueError("stamp: a calendar is stamped in UTC, so the time needs a zone")
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(title)}",
    ]
    for i, week in enumerate(judgement.week.tolist()):
        if week != DEFERRED:
            lines += _event(problem, i, week, first_day, stamp, title, when[i])
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _event(
    problem: ScheduleProblem, job: int, week: int, first_day: date, stamp: datetime, title: str, when: str
) -> list[str]:
    jobs, starts = problem.jobs, _starts(first_day, week)
    twins = jobs.name[:job].count(jobs.name[job])  # several assets may share a name
    identity = sha256(f"{title}\0{jobs.name[job]}\0{twins}".encode(errors="replace")).hexdigest()[:32]
    saved_eur = problem.cost_eur[job, -1] - problem.cost_eur[job, week]
    description = (
        f"Crew: {jobs.skill[job]}, {jobs.hours[job]:g} h{f', {when}' if when else ''}\nZone: {jobs.zone[job]}\n"
        f"Work: {_work_eur(problem, job, week):,.0f} EUR\n"
        f"Expected saving over deferral: {saved_eur:,.0f} EUR (estimate)"
    )
    return [
        "BEGIN:VEVENT",
        f"UID:{identity}@smart-grid-operations-system",
        f"DTSTAMP:{stamp.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{starts:%Y%m%d}",
        f"DTEND;VALUE=DATE:{starts + timedelta(weeks=1):%Y%m%d}",
        f"SUMMARY:{_text(f'Maintenance: {jobs.name[job]}')}",
        f"DESCRIPTION:{_text(description)}",
        f"CATEGORIES:{_text(jobs.skill[job])}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _text(value: str) -> str:
    """A value of type TEXT (RFC 5545 section 3.3.11): escaped, without control characters."""
    plain = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "", re.sub(r"\r\n?", "\n", value))
    return re.sub(r"([\\;,])", r"\\\1", plain).replace("\n", "\\n")


def _folded(line: str) -> str:
    """A content line in pieces of at most 75 octets that split no character; all but the first are indented."""
    pieces, octets = [""], 0
    for character in line:
        width = len(character.encode())
        if octets + width > LINE_OCTETS:
            pieces.append("")
            octets = 1
        pieces[-1] += character
        octets += width
    return "\r\n ".join(pieces)


def _starts(first_day: date, week: int) -> date:
    return first_day + timedelta(weeks=week)

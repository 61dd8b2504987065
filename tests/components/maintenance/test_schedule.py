"""The schedule as a Gantt chart, tables, and the grid in which it is changed."""

from dataclasses import replace
from datetime import date

import pytest

from components.common import text
from components.common.theme import PALETTES, Scheme
from components.maintenance.gantt import (
    MOST_BARS,
    MOST_DEFERRED,
    PATTERNS,
    Crew,
    GanttPlan,
    Job,
    Way,
    deferred_table,
    gantt_figure,
    gantt_height,
    ways_table,
    week_words,
)
from components.maintenance.schedule_grid import (
    DEFERRED,
    schedule_columns,
    schedule_data,
    schedule_grid,
    week_choices,
    week_of,
)
from tests.components.maintenance.test_maintenance import sent
from tests.components.optimisation.test_plan import words

START = date(2026, 1, 19)
JOBS = (
    Job("branch-3", "Mall Line", "lines", 1, 16.0, 2_400.0, 18_000.0, True, 26),
    Job("branch-5", "Hill Cable", "cables", 0, 24.0, 5_100.0, 9_000.0, False, 26),
    Job(
        "branch-7",
        "City T1",
        "substations",
        None,
        40.0,
        9_000.0,
        3_210.0,
        False,
        0,
        "Hill Line at 104 % with Park Tie closed",
    ),
    Job("branch-8", "Campus Line", "lines", None, 16.0, 2_400.0, 12_300.0, True, 26),
)
CREWS = (
    Crew("lines", (0.0, 16.0, 0.0), (40.0, 12.0, 40.0)),
    Crew("cables", (24.0, 0.0, 0.0), (40.0,) * 3),
    Crew("substations", (0.0,) * 3, (80.0,) * 3),
)
WAYS = (
    Way("Proposed", 45_000.0, 7_500.0, 21_990.0, 15_510.0, 2, True),
    Way("Fixed intervals", 61_000.0, 20_000.0, 30_000.0, 11_000.0, 4, False),
)
PLAN = GanttPlan(START, 3, JOBS, CREWS, WAYS)


def test_weeks_are_counted_from_one_with_their_monday() -> None:
    assert week_words(START, 0) == "1: 19 Jan"
    assert week_words(START, 2) == "3: 2 Feb"
    assert week_words(START, None) == ""


@pytest.mark.parametrize("scheme", Scheme)
def test_each_job_is_a_bar_in_its_week_told_by_pattern_and_pinned_ones_are_marked(scheme: Scheme) -> None:
    figure = gantt_figure(PLAN, scheme)
    bars = [trace for trace in figure.data if trace.type == "bar" and trace.orientation == "h"]
    placed = {code: base for trace in bars for code, base in zip(trace.customdata, trace.base, strict=True)}
    assert {code: round(base + 0.47) for code, base in placed.items()} == {"branch-3": 1, "branch-5": 0}
    lines = next(trace for trace in bars if trace.name == "Lines")
    assert lines.text == ("■ 16\u202fh",)
    assert len({trace.marker.pattern.shape for trace in bars}) == len(CREWS) == len(PATTERNS) - 1
    assert "NaN" not in sent(figure)
    assert figure.layout.height == gantt_height(PLAN)


def test_crew_load_stands_beside_its_capacity_and_overload_is_marked() -> None:
    figure = gantt_figure(PLAN, Scheme.LIGHT)
    load = next(trace for trace in figure.data if trace.name == "lines, load")
    assert list(load.y) == [0.0, 16.0, 0.0]
    assert list(load.text) == ["", "▲", ""]
    assert load.marker.color[1] == PALETTES[Scheme.LIGHT].overload
    capacity = next(trace for trace in figure.data if trace.name == "Capacity")
    assert list(capacity.y) == [40.0, 40.0, 12.0, 12.0, 40.0, 40.0]


def test_many_jobs_are_drawn_by_the_dearest_and_all_pinned_ones() -> None:
    many = tuple(replace(JOBS[1], code=f"branch-{i}", week=i % 3, deferral_eur=float(i)) for i in range(100))
    pinned = replace(many[0], code="branch-200", pinned=True)
    figure = gantt_figure(replace(PLAN, jobs=(*many, pinned)), Scheme.LIGHT)
    drawn = {code for trace in figure.data if trace.customdata is not None for code in trace.customdata}
    assert len(drawn) == MOST_BARS
    assert {"branch-200", "branch-99"} <= drawn
    assert "branch-0" not in drawn


def test_without_a_schedule_everything_says_so() -> None:
    (note,) = gantt_figure(None, Scheme.DARK).layout.annotations
    assert note.text == "The first schedule is being made"
    assert "No job is planned" in sent(gantt_figure(replace(PLAN, jobs=JOBS[2:]), Scheme.DARK))
    assert "no schedule yet" in words(deferred_table(None))
    assert "Nothing to compare" in words(ways_table(None))
    assert "There is no schedule yet" in sent(schedule_grid((), "grid"))


def test_deferred_jobs_are_listed_by_risk_in_money() -> None:
    shown = words(deferred_table(PLAN))
    assert "Hill Line at 104 % with Park Tie closed" in shown
    assert "held by a person" in shown
    assert "2 jobs, 15,500\u202fEUR at risk" in shown
    assert shown.index("Campus Line ■") < shown.index("City T1")
    assert words(deferred_table(replace(PLAN, jobs=JOBS[:2]))) == "No job is deferred."
    many = tuple(replace(JOBS[2], code=str(i)) for i in range(MOST_DEFERRED + 7))
    assert "and 7 more" in words(deferred_table(replace(PLAN, jobs=many)))


def test_ways_are_compared_and_what_breaks_rules_says_so() -> None:
    shown = words(ways_table(PLAN))
    for expected in ("Proposed", "45,000\u202fEUR", "Fixed intervals ▲ breaks rules"):
        assert expected in shown


def test_the_grid_has_planned_jobs_first_and_edits_week_and_pin_alone() -> None:
    rows = schedule_data(JOBS, START)
    assert [row["week"] for row in rows] == ["1: 19 Jan", "2: 26 Jan", DEFERRED, DEFERRED]
    assert [row["code"] for row in rows[2:]] == ["branch-8", "branch-7"]
    edited = {column["field"] for column in schedule_columns(week_choices(START, 3)) if column.get("editable")}
    assert edited == {"week", "pinned"}


def test_every_choice_of_a_week_is_understood_and_others_are_refused() -> None:
    assert [week_of(choice, 3) for choice in week_choices(START, 3)] == [0, 1, 2, None]
    for wrong in ("0: 12 Jan", "4: 9 Feb", "", "soon", None, text.UNKNOWN, "9" * 5000):
        with pytest.raises(ValueError, match="from 1 to 3"):
            week_of(wrong, 3)

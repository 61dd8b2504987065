"""The request that every browser repeats, for each of the pages."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from app.engine.quality import FRESH, BoardProblem, ProblemCause, worse
from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.map.view_quality import worth_of
from app.shell.frame import to_alarms
from app.shell.pages import PAGES, page_at, page_named
from app.shell.poll import PARTS_SEEN, answer
from ml.optimisation.plans.plan import Requirements
from tests.app.rig import Rig

BUDGET_BYTES = 1500
PLAN = {"page": "optimisation"}


@pytest.fixture
def pages(rig: Rig) -> PageServices:
    rig.services.planner.plan_once(rig.board, Requirements())
    return PageServices(**vars(rig.services), views=NetworkViews())


def sent(pages: PageServices, view: dict[str, object], seen: object, parts: dict[str, object]) -> Any:
    data = answer(pages, view, seen, parts)
    return None if data is None else json.loads(json.dumps(data, cls=PlotlyJSONEncoder, allow_nan=False))


def test_each_page_gets_only_what_it_shows(pages: PageServices) -> None:
    overview, plan = sent(pages, {}, None, {}), sent(pages, PLAN, None, {})
    assert {"kpi", "proposal", "alarms"} <= overview.keys()
    assert "plan" not in overview
    assert not {"kpi", "proposal", "alarms", "weight"} & plan.keys()
    assert {"keys", "status", "answer", "proposed", "form", "figures"} == plan["plan"].keys()
    assert plan["map"]["x"] == overview["map"]["x"]
    assert overview["map"]["r"]


def test_what_a_browser_shows_is_not_sent_again(pages: PageServices) -> None:
    first = sent(pages, PLAN, None, {})
    keys = first["plan"]["keys"]
    assert sent(pages, PLAN, first["seen"], keys) is None
    pages.engine.run_cycle()
    again = sent(pages, PLAN, first["seen"], keys)
    assert again["plan"].keys() == {"keys", "status"}
    assert len(gzip.compress(json.dumps(again).encode())) <= BUDGET_BYTES


def test_a_tick_says_whether_it_has_more_than_what_each_cycle_changes(pages: PageServices) -> None:
    first = sent(pages, {}, None, {})
    parts = {"ahead": first["ahead"], "outages": first["outages"][-1], "alarms": first["seen"]["alarms"]}
    pages.engine.run_cycle()
    again = sent(pages, {}, first["seen"], parts)
    parts["outages"] = again["outages"][-1] if "outages" in again else parts["outages"]
    assert first["news"]
    assert not sent(pages, {}, first["seen"], parts)["news"]
    assert sent(pages, {}, first["seen"], {**parts, "outages": None})["news"]
    assert sent(pages, {}, {**first["seen"], "scope": "another/"}, parts)["news"]
    assert sent(pages, {"network": first["network"], "asset": "branch-0"}, first["seen"], parts)["news"]


def test_requirements_of_one_browser_reach_the_others_at_once(pages: PageServices) -> None:
    first = sent(pages, PLAN, None, {})
    pages.planner.amend(pages.boards.latest, lambda _: Requirements(risk_weight=0.5, locked=frozenset({5})))
    other = sent(pages, PLAN, first["seen"], first["plan"]["keys"])
    assert set(other["plan"]) == {"keys", "status", "form"}
    assert other["map"]["k"] == [5]
    assert "Central South Line" in json.dumps(other["plan"]["form"])


def test_the_overview_marks_the_plan_only_where_asked(pages: PageServices) -> None:
    assert "x" not in sent(pages, {"plan": False}, None, {})["map"]


def test_addresses() -> None:
    assert page_at("/optimisation").name == "optimisation"
    assert page_at("/nowhere") is page_at(None) is page_at("/") is page_named("nowhere")
    assert to_alarms("/optimisation").startswith("/#")


def test_no_two_pages_share_an_address_a_name_or_a_store() -> None:
    assert len({page.path for page in PAGES}) == len({page.name for page in PAGES}) == len(PAGES)
    assert len(set(PARTS_SEEN.values())) == len(PARTS_SEEN) == sum(len(page.seen) for page in PAGES)


def test_an_unknown_page_gets_what_the_overview_gets(pages: PageServices) -> None:
    assert sent(pages, {"page": "nowhere"}, None, {}).keys() == sent(pages, {}, None, {}).keys()
    assert sent(pages, {"page": ["overview"]}, None, {}).keys() == sent(pages, {}, None, {}).keys()


def test_alarms_come_until_the_page_says_that_it_shows_them(pages: PageServices) -> None:
    first = sent(pages, {}, None, {})
    pages.engine.run_cycle()
    assert "alarms" in sent(pages, {}, first["seen"], {"alarms": "others"})
    shown = {"alarms": sent(pages, {}, first["seen"], {})["seen"]["alarms"]}
    assert "alarms" not in sent(pages, {}, first["seen"], shown)


def test_the_maintenance_page_gets_its_part_again_when_its_keys_are_others(pages: PageServices) -> None:
    page = {"page": "maintenance"}
    first = sent(pages, page, None, {})
    assert first["maintenance"].keys() == {"keys", "status", "asset"}
    assert not {"plan", "kpi", "proposal"} & first.keys()
    assert first["map"] == {}
    shown = {"maintenance": first["maintenance"]["keys"]}
    assert sent(pages, page, first["seen"], shown) is None
    pages.maintainer.look(pages.boards.latest)
    again = sent(pages, page, first["seen"], shown)
    assert again["maintenance"]["keys"]["risk"] != first["maintenance"]["keys"]["risk"]
    assert "maintenance" not in sent(pages, {}, None, {})


def cut(pages: PageServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source doesn't answer any more."""

    def silent() -> None:
        raise ConnectionError("line cut")

    monkeypatch.setattr(pages.engine._pipeline.parts.source, "read", silent)
    pages.engine.run_cycle()


def test_every_page_says_what_everything_shown_is_worth_and_why(
    pages: PageServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = [{"page": page.name} for page in PAGES]
    calm = [sent(pages, view, None, {})["quality"] for view in views]
    assert {look for look, _, _ in calm} == {"quality quality-fresh"}
    cut(pages, monkeypatch)
    told = [sent(pages, view, None, {})["quality"] for view in views]
    assert {look for look, _, _ in told} == {"quality quality-stale"}
    assert all(one == told[0] for one in told)  # one judgement
    assert "Stale since" in json.dumps(told[0])
    assert "line cut" in json.dumps(told[0])


def test_a_stale_board_never_looks_reassuring(pages: PageServices, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = sent(pages, {}, None, {})
    assert calm["proposal"][0] == "Proposed"
    cut(pages, monkeypatch)
    overview, plan = sent(pages, {}, None, {}), sent(pages, PLAN, None, {})
    assert overview["proposal"][0] == "No plan: stale"
    assert overview["proposal"][2] == ""
    assert not {"x", "r"} & overview["map"].keys()
    assert all(change.startswith("as of ") and change.endswith(": stale") for _, _, change, _ in overview["kpi"])
    assert "No " not in json.dumps(overview["banner"]).replace("No plan", "")
    assert plan["plan"]["answer"]["disabled"][:2] == [True, True]
    assert plan["plan"]["answer"]["code"] == ""
    monkeypatch.undo()
    pages.engine.run_cycle()
    assert sent(pages, {}, None, {})["proposal"] == calm["proposal"]


def test_an_engine_that_hangs_reaches_browsers_without_a_new_snapshot(pages: PageServices) -> None:
    board = pages.boards.latest
    first = sent(pages, {}, None, {})
    shown = {"alarms": first["seen"]["alarms"], "ahead": first["ahead"], "outages": first["outages"][2]}
    assert sent(pages, {}, first["seen"], shown) is None
    long_ago = board.snapshot.made_at_s - 300
    pages.boards.replace(replace(board, snapshot=replace(board.snapshot, made_at_s=long_ago)))
    hung = sent(pages, {}, first["seen"], shown)
    assert hung["quality"][0] == "quality quality-stale"
    assert hung["proposal"][0] == "No plan: stale"
    shown = {"alarms": hung["seen"]["alarms"], "ahead": hung["ahead"], "outages": hung["outages"][2]}
    assert sent(pages, {}, hung["seen"], shown) is None


def test_every_cause_has_its_words(pages: PageServices) -> None:
    told = set()
    for cause in ProblemCause:
        problem = BoardProblem(cause=cause, subject="somewhat", detail="so it says", since=datetime.now(UTC))
        (shown,) = worth_of(replace(pages.boards.latest, quality=worse(FRESH, problem))).problems
        assert "{" not in shown.words
        told.add(shown.words)
    assert len(told) == len(ProblemCause)

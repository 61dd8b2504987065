"""Why what is measured has no solution: found beside the cycle, told by page and API, forgotten with the next one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.engine import divergence_finder
from app.engine.divergence_finder import DivergenceFinder
from app.engine.quality import BoardCondition, BoardProblem, BoardQuality, ProblemCause
from app.map.view_quality import because_words, quality_key
from app.web.reasons import stale_reason
from grid.flow.powerflow import Injection
from grid.network import Network
from grid.telemetry import EventKind
from tests.app.rig import Rig, wait_for
from tests.ml.operating_points import network_of


def ask(finder: DivergenceFinder, network: Network, level: float) -> None:
    own = Injection.of_case(network)
    finder.ask(network, replace(own, load_p_mw=level * own.load_p_mw), network.branch.closed)


def test_the_reason_comes_after_a_while_and_goes_with_the_next_solution() -> None:
    finder = DivergenceFinder()
    assert finder.words == ""
    ask(finder, network_of("case33bw"), 20.0)
    wait_for(lambda: finder.words != "")
    assert "can't carry" in finder.words
    assert "% of load and generation solves" in finder.words
    finder.forget()
    assert finder.words == ""


def test_another_grid_never_shows_the_reason_of_the_one_before() -> None:
    finder = DivergenceFinder()
    ask(finder, network_of("case33bw"), 20.0)
    wait_for(lambda: finder.words != "")
    ask(finder, network_of("city8"), 200.0)
    assert "case33bw" not in finder.words
    wait_for(lambda: finder.words != "")
    assert "Load 0 MW" not in finder.words


def test_what_was_found_too_late_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    finder = DivergenceFinder()
    find, begun = divergence_finder.why_no_solution, []

    def slow(*arguments: object) -> object:
        begun.append(arguments)
        finder.forget()  # the grid has a state again meanwhile
        return find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(divergence_finder, "why_no_solution", slow)
    ask(finder, network_of("case33bw"), 20.0)
    wait_for(lambda: not finder._running)
    assert begun
    assert finder.words == ""


def test_a_search_that_fails_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    finder = DivergenceFinder()

    def broken(*_arguments: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(divergence_finder, "why_no_solution", broken)
    ask(finder, network_of("case33bw"), 20.0)
    wait_for(lambda: not finder._running)
    assert "couldn't be found" in caplog.text
    assert finder.words == ""


def test_page_and_api_say_why_once_it_is_known(rig: Rig) -> None:
    rig.run(2)
    event = rig.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    lost = rig.run()
    while lost.solved.stale_because is None or not lost.solved.stale_because.detail:
        assert wait_for(lambda: rig.engine._divergence.words != "")
        lost = rig.run()
    for words in (stale_reason(lost), because_words(lost)):
        assert "largest mismatch" in words
        assert "% of load and generation solves" in words
    rig.engine.remove_event(event.id)
    back = rig.run()
    assert not back.solved.stale
    assert stale_reason(back) == because_words(back) == ""
    assert rig.engine._divergence.words == ""


def test_the_page_is_told_anew_when_the_reason_is_found() -> None:
    problem = BoardProblem(cause=ProblemCause.NO_SOLUTION, subject="city8", number=5.0, since=datetime.now(UTC))
    keys = {
        quality_key(BoardQuality(condition=BoardCondition.STALE, since=None, problems=(one,)))
        for one in (problem, replace(problem, number=6.0), replace(problem, detail="The grid can't carry it."))
    }
    assert len(keys) == 2

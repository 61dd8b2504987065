"""How the process is: /api/health for people, /api/live and /api/ready for what starts and balances processes."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from app.engine.board import Board
from app.engine.quality import BoardCondition, BoardProblem, BoardQuality, ProblemCause, WorkerHealth, worse
from app.shell.openapi import API_VERSION
from app.web import plain
from app.web.bodies import answer
from app.web.reasons import detail_words, stale_reason
from app.web.services import Services

LATE_CYCLES = 3  # without a new snapshot: the engine itself has stopped
LEAST_LATE_S = 10.0


def register_health(api: Blueprint, services: Services) -> None:
    """GET /api/health, /api/live and /api/ready."""

    @api.get("/api/health")
    def health() -> Response:
        return answer(_health(services, services.boards.latest))

    @api.get("/api/live")
    def live() -> Response:
        return answer({"live": True, "uptime_s": _uptime_s(services)})

    @api.get("/api/ready")
    def ready() -> Response:
        if not services.boards.ready:
            return answer(
                {"ready": False, "problems": [], "reason": "no cycle has run yet"}, HTTPStatus.SERVICE_UNAVAILABLE
            )
        found = quality_now(services.boards.latest, time.monotonic())
        ok = found.condition is not BoardCondition.STALE
        body = {
            "ready": ok,
            "problems": [_problem(one) for one in found.problems],
            "reason": None if ok else "; ".join(detail_words(one) for one in found.problems),
        }
        return answer(body, HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)


def quality_now(board: Board, now_s: float) -> BoardQuality:
    """The board's own judgement, and whether boards still come: an engine that hangs can't say so itself.

    now_s: time.monotonic().
    """
    age_s = board.snapshot.age_s(now_s) if not board.snapshot.solved.stale else 0.0
    most_s = max(LEAST_LATE_S, LATE_CYCLES * board.snapshot.control.cycle.period_s)
    if age_s <= most_s:
        return board.quality
    late = BoardProblem(
        cause=ProblemCause.CYCLE_FAILED,
        subject="engine",
        number=age_s,
        of=board.snapshot.control.cycle.period_s,
        since=board.snapshot.created_at,
    )
    return worse(board.quality, late)


def judged_now(board: Board, now_s: float) -> Board:
    """The board with the judgement of this moment, time.monotonic(); where that is stale, so is its snapshot, for
    whatever reason."""
    quality = quality_now(board, now_s)
    if quality is board.quality:
        return board
    snapshot = replace(
        board.snapshot, solved=replace(board.snapshot.solved, stale=True, stale_because=quality.problems[-1])
    )
    return replace(board, quality=quality, snapshot=snapshot)


def _health(services: Services, board: Board) -> dict[str, Any]:
    snapshot, now_s = board.snapshot, time.monotonic()
    cycle, quality = snapshot.control.cycle, quality_now(board, now_s)
    return {
        "status": "ok" if quality.condition is BoardCondition.FRESH else "degraded",
        "condition": quality.condition,
        "since": None if quality.since is None else plain.stamp(quality.since),
        "problems": [_problem(one) for one in quality.problems],
        "workers": [_worker(one) for one in (*(each.health for each in services.workers), services.learning.health)],
        "timestamp": plain.stamp(datetime.now(UTC)),
        "data_generation": "paused" if snapshot.control.paused else "running",
        "grid_state": "stale" if snapshot.solved.stale else "fresh",
        "stale_reason": stale_reason(snapshot),
        "version": API_VERSION,
        "uptime_s": _uptime_s(services),
        "data_age_s": round(snapshot.age_s(now_s), 3),
        "cycle": {
            "period_s": cycle.period_s,
            "last_ms": plain.number(cycle.last_ms),
            "p95_ms": plain.number(cycle.p95_ms),
            "missed": cycle.missed,
            "failed": cycle.failed,
            "last_error": cycle.last_error,
        },
    }


def _uptime_s(services: Services) -> float:
    return round(time.monotonic() - services.engine.started_at, 3)


def _problem(one: BoardProblem) -> dict[str, Any]:
    return {"cause": one.cause, "subject": one.subject, "detail": detail_words(one), "since": plain.stamp(one.since)}


def _worker(one: WorkerHealth) -> dict[str, Any]:
    return {
        "name": one.name,
        "running": one.running,
        "heartbeat_age_s": plain.number(round(one.beat_s, 3)),
        "failing": any(problem.cause is ProblemCause.WORKER_FAILED for problem in one.problems),
        "last_failure": one.last_failure or None,
        "computed_from_version": one.computed_from,
    }

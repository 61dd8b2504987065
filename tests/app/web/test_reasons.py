"""What pages and API say of causes: each has its words."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.engine.commands import PlanRefusal, PlanRefusalKind
from app.engine.quality import BoardProblem, KeptKind, ProblemCause
from app.web.reasons import detail_words, plan_refusal_words
from components.maintenance.words import refused_words
from components.optimisation.words import problem_words
from ml.maintenance.records import RefusedFate, RefusedModels
from ml.optimisation.plans.plan import PlanProblem, PlanProblemKind
from tests.cases import shared_case


def test_why_a_plan_is_not_carried_out() -> None:
    network, problem = shared_case("city8").network, PlanProblem(kind=PlanProblemKind.NO_IMPROVEMENT)
    refusals = [
        PlanRefusal(kind=PlanRefusalKind.ADVICE_ONLY, network=network, source="replay"),
        PlanRefusal(kind=PlanRefusalKind.PROBLEM, network=network, problem=problem),
        PlanRefusal(kind=PlanRefusalKind.NOTHING_TO_UNDO, network=network),
    ]
    assert {refusal.kind: plan_refusal_words(refusal) for refusal in refusals} == {
        PlanRefusalKind.ADVICE_ONLY: "The plan is advice only: the source (replay) carries out no orders.",
        PlanRefusalKind.PROBLEM: f"The plan is refused: {problem_words(network, problem)}",
        PlanRefusalKind.NOTHING_TO_UNDO: "There is nothing to undo: nothing of a plan or by hand has been carried out.",
    }


def test_what_cannot_be_kept_is_named_before_the_error() -> None:
    said = {
        kept: detail_words(
            BoardProblem(
                cause=ProblemCause.NOT_KEPT, subject="var", detail="no space", kept=kept, since=datetime.now(UTC)
            )
        )
        for kept in KeptKind
    }
    assert said == {
        KeptKind.POLICY: "the policy: no space",
        KeptKind.FAILURE_MODELS: "the failure models: no space",
        KeptKind.TAGS: "tags on switches and generators: no space",
    }


def test_refused_models_are_told_with_what_becomes_of_them() -> None:
    refused = RefusedModels(file=Path("metadata.json"), reason="not JSON", fate=RefusedFate.LEFT)
    problem = BoardProblem(
        cause=ProblemCause.MODELS_REFUSED,
        subject="models",
        detail="metadata.json: not JSON",
        refused=refused,
        since=datetime.now(UTC),
    )
    assert detail_words(problem) == refused_words(refused)


def test_with_what_the_process_that_learns_ended() -> None:
    killed = BoardProblem(cause=ProblemCause.LEARNING_DOWN, subject="learning", number=-9, since=datetime.now(UTC))
    assert detail_words(killed) == "ended with exit code -9; it is started again"
    unborn = replace(killed, number=math.nan, detail="no such file")
    assert detail_words(unborn) == "ended with an error before it began: no such file; it is started again"

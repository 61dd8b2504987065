"""What the API answers of jobs."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from app.engine.jobs import JobKind, JobState
from app.maintenance.models import ReloadAnswer, SolvedItem
from app.optimisation.models import ExplanationAnswer, WhyNotAnswer
from app.web.models import Answer, ErrorAnswer, LoadAnswer


class JobAnswer(Answer):
    """GET and DELETE /api/jobs/{id}, and what other requests answer with 202 where their work takes long.

    cancelling: it runs to the end of its step, then it is cancelled. result: what the request would have been answered.
    error: why there is none.
    """

    id: str
    kind: JobKind
    state: JobState
    cancelling: bool
    progress: Annotated[float, Field(ge=0, le=1)] | None
    asked_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    result: LoadAnswer | SolvedItem | ReloadAnswer | ExplanationAnswer | WhyNotAnswer | None
    error: ErrorAnswer | None

"""What is told of a failure: the error's own words, or why a job was dropped."""

from app.engine.jobs import JobDropCause, JobFailure
from app.web.errors import error_body


def test_every_cause_for_which_a_job_is_dropped_has_its_words() -> None:
    told = {cause: error_body(JobFailure(dropped=cause, status=409))["error"] for cause in JobDropCause}
    assert told == {
        JobDropCause.OTHER_SCHEDULE: "another schedule was asked for",
        JobDropCause.OTHER_GRID: "another grid is watched by now",
        JobDropCause.ENDING: "the dashboard is ending",
    }


def test_a_failure_is_told_as_the_error_says_it() -> None:
    failure = JobFailure(detail="weeks: must be from 1 to 52", field="weeks", status=422)
    assert error_body(failure) == {"error": "weeks: must be from 1 to 52", "field": "weeks", "status": 422}

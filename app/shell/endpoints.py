"""The table of the API's operations, from which its description is made."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from app.analytics.models import ForecastAnswer, LookAheadAnswer, LossesAnswer, PerformanceAnswer
from app.contingencies.models import ContingenciesAnswer
from app.engine.commands import MOST_EVENTS
from app.export.models import PandapowerAnswer
from app.jobs.models import JobAnswer
from app.maintenance.models import AssetAnswer, AssetsAnswer, ModelAnswer, PinsAnswer, ReloadAnswer, ScheduleAnswer
from app.operations.models import (
    LimitAnswer,
    LimitsAnswer,
    OperateAnswer,
    OperationsAnswer,
    PreviewAnswer,
    PrioritiesAnswer,
    PriorityAnswer,
    TagAnswer,
    TagsAnswer,
    UndoAnswer,
)
from app.optimisation.models import (
    AheadAnswer,
    AppliedAnswer,
    ApplyAnswer,
    ExplanationAnswer,
    OptimizeAnswer,
    WayBackAnswer,
    WhyNotAnswer,
)
from app.web.bodies import (
    AcknowledgeBody,
    ApplyBody,
    CaseBody,
    EventBody,
    LimitBody,
    OperateBody,
    OperationBody,
    OptimizeBody,
    PriorityBody,
    ReloadBody,
    RemovalBody,
    ScheduleBody,
    TagBody,
    TagRemovalBody,
)
from app.web.guard import ONLY_JSON, UPLOAD_TYPE, Bodies
from app.web.models import (
    AcknowledgeAnswer,
    AlarmsAnswer,
    AllRemovedAnswer,
    CaseAnswer,
    EventAnswer,
    EventsAnswer,
    FaultsAnswer,
    HealthAnswer,
    IsolationAnswer,
    LiveAnswer,
    LoadAnswer,
    LossAnswer,
    NodeAnswer,
    PathsAnswer,
    ReadyAnswer,
    ReliabilityAnswer,
    RemovalAnswer,
    RiskAnswer,
    SourceAnswer,
    StateAnswer,
    StatisticsAnswer,
)
from grid.alarms.book import AlarmKind, AssetKind


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What the address may ask. kind: its type in JSON schema, with range, format or words to choose from."""

    name: str
    words: str
    kind: dict[str, Any]


def _whole(name: str, words: str, low: int, high: int | None = None) -> Parameter:
    most = {} if high is None else {"maximum": high}
    return Parameter(name=name, words=words, kind={"type": "integer", "minimum": low} | most)


def _text(name: str, words: str) -> Parameter:
    return Parameter(name=name, words=words, kind={"type": "string"})


def _day(name: str, words: str) -> Parameter:
    return Parameter(name=name, words=words, kind={"type": "string", "format": "date", "pattern": YEARS})


def _time(name: str, words: str) -> Parameter:
    return Parameter(name=name, words=words, kind={"type": "string", "format": "date-time", "pattern": YEARS})


def _choice(*choices: str) -> Parameter:
    return Parameter(
        name="format", words=f"{choices[0]} where it is left out", kind={"type": "string", "enum": list(choices)}
    )


def _one_of(name: str, words: str, kinds: type[StrEnum]) -> Parameter:
    return Parameter(name=name, words=words, kind={"type": "string", "enum": [kind.value for kind in kinds]})


NO_BODY: frozenset[str] = frozenset()
TABLE = _choice("json", "csv")
YEARS = "^(19|20|21)"  # of what is taken as a time, as app/web/query.py has it
JOB_ID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
START = _time("start", "ISO 8601 time, UTC where no zone is given; left out: so many hours before now")


@dataclass(frozen=True)
class Endpoint:
    """One operation. answer: its model, None where the answer isn't JSON.

    may_lack: whether what the query asks for may not exist. may_conflict: whether what is asked may not hold now.
    may_take_long: whether it is answered with 202 and a job where it does. location: whether the answer names a job's
    path in its header. id_kind: what the id in the path is. mimetype: what answers come as, where they aren't JSON.
    files: mimetypes of answers in other formats.
    """

    method: str
    path: str
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    status: int = 200
    query: tuple[Parameter, ...] = ()
    may_lack: bool = False
    may_conflict: bool = False
    may_take_long: bool = False
    location: bool = False
    id_kind: dict[str, Any] = field(default_factory=lambda: {"type": "integer", "minimum": 0})
    mimetype: str = "application/json"
    files: tuple[str, ...] = ()

    @property
    def takes_file(self) -> bool:
        """Whether a form with a file may stand in the place of the body."""
        return self.body is CaseBody

    @property
    def fields(self) -> tuple[str, ...]:
        """Names at the answer's top level."""
        return () if self.answer is None else tuple(self.answer.model_fields)


ENDPOINTS = (
    Endpoint(
        "get",
        "/api/health",
        "What everything shown is worth and why, each worker's heartbeat and last failure, cycle times in ms.",
        HealthAnswer,
    ),
    Endpoint("get", "/api/live", "The process lives.", LiveAnswer),
    Endpoint(
        "get",
        "/api/ready",
        "Whether the state shown is fresh; 503 with the causes where it is not.",
        ReadyAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/state",
        "The whole state: voltage in kV, powers and losses in MW, current in A, temperature in °C, "
        "risk in MW expected to be interrupted within a year.",
        StateAnswer,
    ),
    Endpoint(
        "post",
        "/api/grid/optimize",
        "The best verified switching plan for the present moment, or why there is none; losses in kW.",
        OptimizeAnswer,
        OptimizeBody,
    ),
    Endpoint(
        "get",
        "/api/grid/plan/ahead",
        "The chance from 0 to 1 that a limit breaks in the hours after the latest plan, by when, and which.",
        AheadAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/plan/normal",
        "The way back to the switching from before a disturbance, once it is over, or what stands against it.",
        WayBackAnswer,
    ),
    Endpoint(
        "post",
        "/api/grid/apply",
        "Carry out the latest plan, one action a cycle, or take back what was done; 409 where it no longer holds, "
        "or where `code` names another one.",
        ApplyAnswer,
        ApplyBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/grid/plan/explanation",
        "Each switching pair's exact share of what the plan gains, and the price of each limit that binds.",
        ExplanationAnswer,
        may_conflict=True,
        may_take_long=True,
    ),
    Endpoint(
        "get",
        "/api/grid/plan/why-not/{id}",
        "What the best plan that uses a branch costs against the plan, or which limit forbids it.",
        WhyNotAnswer,
        may_conflict=True,
        may_take_long=True,
    ),
    Endpoint(
        "get",
        "/api/grid/plan/applied",
        "What the last plans carried out promised, beside what was measured after them.",
        AppliedAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/paths",
        "The risk-weighted supply path of every load, and who supplies it by the flows.",
        PathsAnswer,
    ),
    Endpoint("get", "/api/grid/risk", "Nodes and edges, riskiest first.", RiskAnswer),
    Endpoint(
        "get",
        "/api/grid/loss",
        "Loss, risk and reward over the cycles kept.",
        LossAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/statistics",
        "Mean, min, max and standard deviation over the grid.",
        StatisticsAnswer,
    ),
    Endpoint("get", "/api/grid/node/{id}", "One node and its neighbours.", NodeAnswer),
    Endpoint(
        "get",
        "/api/grid/data-source",
        "Where the data come from.",
        SourceAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/reliability",
        "SAIDI, SAIFI, CAIDI, MAIFI (IEEE 1366) and MWh not supplied since the grid is watched.",
        ReliabilityAnswer,
    ),
    Endpoint(
        "get",
        "/api/grid/contingencies",
        "Every single outage, the worst first: what stays dark after the best restoration and for how long, in kW, "
        "customers and minutes; in meshed grids what it cuts off and breaks.",
        ContingenciesAnswer,
        query=(_whole("limit", "outages listed; 25 where it is left out", 0, 10_000),),
    ),
    Endpoint("get", "/api/events", "Injected disturbances that are active.", EventsAnswer),
    Endpoint(
        "post",
        "/api/events",
        f"Inject a disturbance; 409 where none are taken, or {MOST_EVENTS} are active.",
        EventAnswer,
        EventBody,
        202,
    ),
    Endpoint(
        "delete",
        "/api/events",
        "End a disturbance; the id may also be the query parameter id.",
        RemovalAnswer,
        RemovalBody,
        202,
        query=(_whole("id", "of the disturbance; left out: the body names it", 0),),
    ),
    Endpoint(
        "delete",
        "/api/events/all",
        "End all disturbances; 409 where none are taken.",
        AllRemovedAnswer,
        status=202,
        may_conflict=True,
    ),
    Endpoint(
        "get",
        "/api/faults",
        "Trips whose fault isn't repaired: what tripped, what indicators showed, the sections by probability.",
        FaultsAnswer,
    ),
    Endpoint(
        "post",
        "/api/faults/{id}/isolate",
        "Open the switches around a fault's most probable section; 409 where no orders are carried out.",
        IsolationAnswer,
        status=202,
        may_conflict=True,
    ),
    Endpoint(
        "get",
        "/api/operations",
        "What was operated by hand, by whom, the newest first.",
        OperationsAnswer,
    ),
    Endpoint(
        "post",
        "/api/operations/preview",
        "What a switch, a generator or a tap operated by hand would do: who goes dark, limits broken, losses in kW, "
        "loops.",
        PreviewAnswer,
        OperationBody,
    ),
    Endpoint(
        "post",
        "/api/operations",
        "Operate by hand in the next cycle; 409 where a tag or a problem stands against it, or `code` names another "
        "effect.",
        OperateAnswer,
        OperateBody,
        202,
    ),
    Endpoint(
        "delete",
        "/api/operations",
        "Take back the last thing that was done by hand or by a plan; 409 where there is none.",
        UndoAnswer,
        status=202,
        may_conflict=True,
    ),
    Endpoint("get", "/api/tags", "Notes and do-not-operate tags, which plans keep as well.", TagsAnswer),
    Endpoint("post", "/api/tags", "Hang a tag on a branch or a generator.", TagAnswer, TagBody, 202),
    Endpoint("delete", "/api/tags", "Take a tag off.", TagAnswer, TagRemovalBody, 202),
    Endpoint("get", "/api/limits", "Limits that people have edited, by whom, the newest first.", LimitsAnswer),
    Endpoint(
        "post",
        "/api/limits",
        "Edit the voltage band of a bus or the rating of a branch; 409 while the state is stale.",
        LimitAnswer,
        LimitBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/priorities",
        "Buses whose loads count more or less than others when not all can be supplied, and who said so.",
        PrioritiesAnswer,
    ),
    Endpoint(
        "post",
        "/api/priorities",
        "Let a kW of a bus's loads count so much beside others in restorations; an ordinary one counts 1.",
        PriorityAnswer,
        PriorityBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/alarms",
        "Alarms that are not normal, consequences folded under root causes; what the published case breaks itself.",
        AlarmsAnswer,
        query=(
            _one_of("kind", "of which the alarm or one of its consequences is", AlarmKind),
            _one_of("asset_kind", "what the alarm or one of its consequences is about", AssetKind),
            _whole("asset_id", "the asset of the alarm or of one of its consequences", 0, 999_999_999),
        ),
    ),
    Endpoint(
        "post",
        "/api/alarms/{id}/ack",
        "Acknowledge an alarm and what is folded under it.",
        AcknowledgeAnswer,
        AcknowledgeBody,
        202,
    ),
    Endpoint("get", "/api/case", "The case under watch and the built-in ones.", CaseAnswer),
    Endpoint(
        "get",
        "/api/case/export",
        "The present state as a file that says what it lacks: pandapower JSON, with format=matpower a MATPOWER case.",
        PandapowerAnswer,
        query=(_choice("pandapower", "matpower"),),
        files=("text/plain",),
    ),
    Endpoint(
        "post",
        "/api/case",
        "Watch another case: JSON with its name, or a file as multipart form field `file`.",
        LoadAnswer,
        CaseBody,
        202,
        may_take_long=True,
    ),
    Endpoint(
        "get",
        "/api/maintenance/assets",
        "Lines, cables and transformers, riskiest first: failure within 30, 90 and 365 days from 0 to 1, by whom, why.",
        AssetsAnswer,
    ),
    Endpoint(
        "get",
        "/api/maintenance/assets/{id}",
        "One asset: signals with limits, probability over time, drivers as logs of the failure rate, similar assets.",
        AssetAnswer,
    ),
    Endpoint(
        "get",
        "/api/maintenance/schedule",
        "The schedule, weeks counted from 1; with format=csv or format=ics in the query, a file to download.",
        ScheduleAnswer,
        query=(_choice("json", "csv", "ics"),),
        may_conflict=True,
        files=("text/csv", "text/calendar"),
    ),
    Endpoint(
        "post",
        "/api/maintenance/schedule",
        "Settle jobs by hand and solve again around them, in the background; `job` tells how it goes.",
        PinsAnswer,
        ScheduleBody,
        202,
        location=True,
    ),
    Endpoint(
        "get",
        "/api/maintenance/model",
        "The model card: trained on simulated data, with what, when, how good, and a training that runs.",
        ModelAnswer,
    ),
    Endpoint(
        "post",
        "/api/maintenance/model",
        "Read the model files again; refused ones are answered with the reason, and the running models stay.",
        ReloadAnswer,
        ReloadBody,
        may_take_long=True,
    ),
    Endpoint(
        "get",
        "/api/forecast",
        "Forecasts with quantiles in MW by hour, source, limit, what was learned from and drift; all series or one.",
        ForecastAnswer,
        query=(
            _text("series", "code of a series; left out: the latest forecasts of all"),
            _time("issued_at", "ISO 8601 time of a forecast that is kept; left out: the latest"),
            _whole("horizon", "hours; 48 where it is left out", 1, 48),
            TABLE,
        ),
        may_lack=True,
        files=("text/csv",),
    ),
    Endpoint(
        "get",
        "/api/forecast/lookahead",
        "What the forecasts mean: losses with an 80 % interval by hour, threatened branches and buses, alerts.",
        LookAheadAnswer,
        query=(_whole("limit", "branches and buses listed; 25 where it is left out", 0, 1000),),
    ),
    Endpoint(
        "get",
        "/api/analytics/losses",
        "Losses of recorded hours in MWh and EUR: transmission, distribution, voltage level, cause, hour, assets.",
        LossesAnswer,
        query=(
            START,
            _whole("hours", "24 where it is left out", 1, 336),
            _whole("limit", "assets listed; 25 where it is left out", 0, 1000),
            TABLE,
        ),
        files=("text/csv",),
    ),
    Endpoint(
        "get",
        "/api/analytics/performance",
        "Today in kWh against yesterday, last week, last year and plans; hourly means of a range in kW.",
        PerformanceAnswer,
        query=(START, _whole("hours", "24 where it is left out", 1, 17568)),
    ),
    Endpoint(
        "get",
        "/api/analytics/report",
        "The daily report as one HTML file, to read, keep or print.",
        None,
        query=(_day("day", "YYYY-MM-DD, a simulated day that isn't to come; left out: the present one"),),
        mimetype="text/html",
    ),
    Endpoint(
        "get",
        "/api/jobs/{id}",
        "How a job is that an answer with 202 named: state, progress from 0 to 1 if known, times, result or error.",
        JobAnswer,
        id_kind=JOB_ID,
    ),
    Endpoint(
        "delete",
        "/api/jobs/{id}",
        "Cancel a job: at once where it waits, after its present step where it runs; 409 where it has ended.",
        JobAnswer,
        status=202,
        may_conflict=True,
        location=True,
        id_kind=JOB_ID,
    ),
)


def bodies_taken() -> Bodies:
    """What the guard lets through to each operation: nothing, or a file besides JSON."""
    taken = {}
    for endpoint in ENDPOINTS:
        if endpoint.body is None:
            taken[endpoint.method.upper(), endpoint.path] = NO_BODY
        elif endpoint.takes_file:
            taken[endpoint.method.upper(), endpoint.path] = ONLY_JSON | {UPLOAD_TYPE}
    return taken

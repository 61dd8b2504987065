"""The table of the API's operations, from which its description is made."""

from dataclasses import dataclass

from pydantic import BaseModel

from app.web.bodies import (
    AcknowledgeBody,
    ApplyBody,
    CaseBody,
    EventBody,
    OptimizeBody,
    ReloadBody,
    RemovalBody,
    ScheduleBody,
)

TABLE = ("format", "json or csv")
START = ("start", "ISO 8601 time, UTC where no zone is given; left out: so many hours before now")


@dataclass(frozen=True)
class Endpoint:
    """One operation. fields: what the answer holds at its top level. query: what the address may ask, and how.

    may_lack: whether what the query asks for may not exist. mimetype: what answers come as, where they aren't JSON.
    """

    method: str
    path: str
    summary: str
    fields: tuple[str, ...]
    body: type[BaseModel] | None = None
    status: int = 200
    query: tuple[tuple[str, str], ...] = ()
    may_lack: bool = False
    mimetype: str = "application/json"


ENDPOINTS = (
    Endpoint(
        "get",
        "/api/health",
        "What everything shown is worth and why, each worker's heartbeat and last failure, cycle times in ms.",
        ("status", "condition", "since", "problems", "workers", "timestamp", "data_generation", "grid_state",
         "version", "uptime_s", "cycle"),
    ),
    Endpoint("get", "/api/live", "The process lives.", ("live", "uptime_s")),
    Endpoint(
        "get",
        "/api/ready",
        "Whether the state shown is fresh; 503 with the causes where it is not.",
        ("ready", "problems", "reason"),
    ),
    Endpoint(
        "get",
        "/api/grid/state",
        "The whole state: voltage in kV, powers and losses in MW, current in A, temperature in °C, "
        "risk in MW expected to be interrupted within a year.",
        ("version", "iteration", "timestamp", "nodes", "edges", "metrics", "optimization"),
    ),
    Endpoint(
        "post",
        "/api/grid/optimize",
        "The best verified switching plan for the present moment, or why there is none; losses in kW.",
        ("success", "episode_result", "plan", "present", "methods", "reason", "timestamp"),
        OptimizeBody,
    ),
    Endpoint(
        "post",
        "/api/grid/apply",
        "Carry out the latest plan, one action a cycle, or take back what was done; 409 where it no longer holds.",
        ("success", "actions", "undo"),
        ApplyBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/grid/paths",
        "The risk-weighted supply path of every load, and who supplies it by the flows.",
        ("paths", "loss_percent", "avg_risk", "total_demand"),
    ),
    Endpoint("get", "/api/grid/risk", "Nodes and edges, riskiest first.", ("nodes", "edges", "model")),
    Endpoint(
        "get",
        "/api/grid/loss",
        "Loss, risk and reward over the cycles kept.",
        (
            "history",
            "risk_history",
            "reward_history",
            "current_loss_percent",
            "current_avg_risk",
            "best_loss",
            "worst_loss",
        ),
    ),
    Endpoint(
        "get",
        "/api/grid/statistics",
        "Mean, min, max and standard deviation over the grid.",
        ("voltage", "demand", "risk", "temperature", "power_flow", "current", "generation"),
    ),
    Endpoint("get", "/api/grid/node/{id}", "One node and its neighbours.", ("id", "name", "neighbor_details")),
    Endpoint(
        "get",
        "/api/grid/data-source",
        "Where the data come from.",
        ("source", "is_active", "generation_interval", "current_iteration", "simulated_time", "total_episodes_trained"),
    ),
    Endpoint("get", "/api/events", "Injected disturbances that are active.", ("events",)),
    Endpoint("post", "/api/events", "Inject a disturbance; 409 where none are taken.", ("event",), EventBody, 202),
    Endpoint(
        "delete",
        "/api/events",
        "End a disturbance; the id may also be the query parameter id.",
        ("removed",),
        RemovalBody,
        202,
    ),
    Endpoint("get", "/api/alarms", "Alarms that are not normal.", ("alarms",)),
    Endpoint("post", "/api/alarms/{id}/ack", "Acknowledge an alarm.", ("acknowledged", "person"), AcknowledgeBody, 202),
    Endpoint("get", "/api/case", "The case under watch and the built-in ones.", ("case", "title", "cases")),
    Endpoint(
        "post",
        "/api/case",
        "Watch another case: JSON with its name, or a file as multipart form field `file`.",
        ("success", "case", "total_nodes", "total_edges"),
        CaseBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/maintenance/assets",
        "Lines, cables and transformers, riskiest first: failure within 30, 90 and 365 days from 0 to 1, by whom, why.",
        ("status", "problem", "simulated_time", "assets"),
    ),
    Endpoint(
        "get",
        "/api/maintenance/assets/{id}",
        "One asset: signals with limits, probability over time, drivers in log-odds of XGBoost alone, similar assets.",
        ("id", "name", "failure_probability", "source", "signals", "trend", "drivers", "similar"),
    ),
    Endpoint(
        "get",
        "/api/maintenance/schedule",
        "The schedule, weeks counted from 1; with format=csv or format=ics in the query, a file to download.",
        ("scheduling", "first_day", "weeks", "jobs", "crews", "pins", "conflict", "costs"),
    ),
    Endpoint(
        "post",
        "/api/maintenance/schedule",
        "Settle jobs by hand and solve again around them, in the background; GET tells when it is done.",
        ("success", "pins"),
        ScheduleBody,
        202,
    ),
    Endpoint(
        "get",
        "/api/maintenance/model",
        "The model card: trained on simulated data, with what, when, how good, and a training that runs.",
        ("trained", "simulated_data", "horizons_days", "card", "training"),
    ),
    Endpoint(
        "post",
        "/api/maintenance/model",
        "Read the model files again; refused ones are answered with the reason, and the running models stay.",
        ("success", "trained"),
        ReloadBody,
    ),
    Endpoint(
        "get",
        "/api/forecast",
        "Forecasts with quantiles in MW by hour, source, limit, what was learned from and drift; all series or one.",
        ("status", "problem", "simulated_time", "levels", "series", "forecasts"),
        query=(
            ("series", "code of a series; left out: the latest forecasts of all"),
            ("issued_at", "ISO 8601 time of a forecast that is kept; left out: the latest"),
            ("horizon", "hours, 1 to 48"),
            TABLE,
        ),
        may_lack=True,
    ),
    Endpoint(
        "get",
        "/api/forecast/lookahead",
        "What the forecasts mean: losses with an 80 % interval by hour, threatened branches and buses, alerts.",
        ("status", "problem", "simulated_time", "start", "hours", "branches", "buses", "alerts", "worst"),
        query=(("limit", "branches and buses listed, 0 to 1000; 25 where it is left out"),),
    ),
    Endpoint(
        "get",
        "/api/analytics/losses",
        "Losses of recorded hours in MWh and EUR: transmission, distribution, voltage level, cause, hour, assets.",
        ("start", "end", "hours_recorded", "total", "transmission", "distribution", "shunts", "levels", "causes",
         "hours", "assets", "non_technical"),
        query=(START, ("hours", "1 to 336; 24 where it is left out"), ("limit", "assets listed, 0 to 1000"), TABLE),
    ),
    Endpoint(
        "get",
        "/api/analytics/performance",
        "Today in kWh against yesterday, last week, last year and plans; hourly means of a range in kW.",
        ("today", "comparisons", "avoidable", "mix", "start", "hours", "time", "loss_kw", "load_kw", "generation_kw",
         "renewable_kw"),
        query=(START, ("hours", "1 to 17568; 24 where it is left out")),
    ),
    Endpoint(
        "get",
        "/api/analytics/report",
        "The daily report as one HTML file, to read, keep or print.",
        (),
        query=(("day", "YYYY-MM-DD, a simulated day; left out: the present one"),),
        mimetype="text/html",
    ),
)  # fmt: skip

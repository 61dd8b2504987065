"""The API's own description: an OpenAPI 3.1 document from one table, and a self-contained page that shows it."""

from dataclasses import dataclass
from html import escape
from typing import Any

from pydantic import BaseModel

from app.bodies import (
    AcknowledgeBody,
    ApplyBody,
    CaseBody,
    EventBody,
    OptimizeBody,
    ReloadBody,
    RemovalBody,
    ScheduleBody,
)

API_VERSION = "1.0.0"


@dataclass(frozen=True)
class Endpoint:
    """One operation. fields: what the answer holds at its top level."""

    method: str
    path: str
    summary: str
    fields: tuple[str, ...]
    body: type[BaseModel] | None = None
    status: int = 200


ENDPOINTS = (
    Endpoint(
        "get",
        "/api/health",
        "Whether the process is well: its clock, its data's age, its cycle times in ms.",
        ("status", "timestamp", "data_generation", "grid_state", "version", "uptime_s", "cycle"),
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
    Endpoint("post", "/api/events", "Inject a disturbance.", ("event",), EventBody, 202),
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
)
ERRORS = {
    400: "the body isn't JSON, is nested too deeply or isn't an object",
    404: "there is no such id",
    409: "the plan doesn't hold any more, or there is none",
    413: "the body is too large",
    422: "a field is wrong; `field` names it",
}


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        operation = _operation(endpoint)
        if endpoint.body is not None:
            name = endpoint.body.__name__
            schema = endpoint.body.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas[name] = schema
            content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
            if endpoint.body is CaseBody:
                file = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
                content["multipart/form-data"] = {"schema": file}
            operation["requestBody"] = {"content": content}
        paths.setdefault(endpoint.path, {})[endpoint.method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Smart Grid Operations System", "version": API_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    fields = {"type": "object", "required": list(endpoint.fields)}
    responses: dict[str, Any] = {
        str(endpoint.status): {"description": "Answer", "content": {"application/json": {"schema": fields}}}
    }
    wrong = ERRORS if endpoint.body else {404: ERRORS[404]} if "{id}" in endpoint.path else {}
    responses |= {str(status): {"description": text} for status, text in wrong.items()}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "responses": responses,
    }
    if "{id}" in endpoint.path:
        operation["parameters"] = [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
        ]
    return operation


def _operation_id(endpoint: Endpoint) -> str:
    words = endpoint.path.removeprefix("/api/").replace("{", "").replace("}", "").replace("/", "_").replace("-", "_")
    return f"{endpoint.method}_{words}"


def openapi_page() -> str:
    """The document as one self-contained HTML page."""
    rows = "".join(_page_row(endpoint) for endpoint in ENDPOINTS)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>API of the Smart Grid Operations System</title><style>{_STYLE}</style>"
        f"<main><h1>API <small>{API_VERSION}</small></h1>"
        "<p>JSON throughout; values that aren't known are <code>null</code>. "
        "Errors are <code>{error, field, status}</code>. <a href=/api/openapi.json>OpenAPI document</a>, "
        "<a href=/metrics>Prometheus metrics</a>, <a href=/>dashboard</a>.</p>"
        f"{rows}</main></html>"
    )


def _page_row(endpoint: Endpoint) -> str:
    body = ""
    if endpoint.body is not None:
        properties = endpoint.body.model_json_schema().get("properties", {})
        body = f"<p>Body: {', '.join(f'<code>{escape(name)}</code>' for name in properties)}</p>"
    fields = ", ".join(f"<code>{escape(field)}</code>" for field in endpoint.fields)
    return (
        f"<section><h2><b>{endpoint.method.upper()}</b> <code>{escape(endpoint.path)}</code></h2>"
        f"<p>{escape(endpoint.summary)}</p>{body}<p>Answer: {fields}</p></section>"
    )


_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}"
    "main{max-width:52rem;margin:auto;padding:1rem}section{border-top:1px solid #8886;padding:.5rem 0}"
    "h2{font-size:1rem;margin:.25rem 0}p{margin:.25rem 0}code{overflow-wrap:anywhere}"
    "b{display:inline-block;min-width:4.5rem}"
)

"""The API's own description: an OpenAPI 3.1 document from one table, and a self-contained page that shows it."""

from html import escape
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel

from app.jobs.models import JobAnswer
from app.shell.endpoints import ENDPOINTS, Endpoint
from app.web.models import ErrorAnswer, ReadyAnswer

API_VERSION = "1.0.0"
ERRORS = {
    400: "the body isn't JSON, is nested too deeply, isn't an object, or none is taken",
    403: "sent by a page of another origin",
    404: "there is no such id",
    409: "what is asked doesn't hold now: a plan, pins that contradict one another, a job that has ended",
    413: "the body is too large",
    415: "the body is of a type that isn't taken",
    421: "the server isn't known by the name in the Host header",
    422: "a field is wrong; `field` names it",
    503: "nothing is known yet, the grid has just changed, what learns is down, or too many jobs wait: ask again",
}
Schemas = dict[str, Any]
JSON_TYPE = "application/json"


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    schemas: Schemas = {}
    for endpoint in ENDPOINTS:
        operation = _operation(endpoint, schemas)
        if endpoint.body is not None:
            content: dict[str, Any] = {JSON_TYPE: {"schema": _reference(endpoint.body, schemas, "validation")}}
            if endpoint.takes_file:
                file = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
                content["multipart/form-data"] = {"schema": file}
            needed = any(field.is_required() for field in endpoint.body.model_fields.values())
            operation["requestBody"] = {"content": content, "required": needed}
        paths.setdefault(endpoint.path, {})[endpoint.method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Smart Grid Operations System", "version": API_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _reference(model: type[BaseModel], schemas: Schemas, mode: Literal["validation", "serialization"]) -> Schemas:
    """A reference to a model's schema, which is put beside the others with all that it refers to."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    schemas |= schema.pop("$defs", {})
    schemas[model.__name__] = schema
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    content = {endpoint.mimetype: text, **dict.fromkeys(endpoint.files, text)}
    if endpoint.answer is not None:
        content[JSON_TYPE] = {"schema": _reference(endpoint.answer, schemas, "serialization")}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Answer", "content": content}}
    if endpoint.may_take_long:
        _add_job(responses, schemas)
    if endpoint.location or endpoint.may_take_long:
        told = "where a job is found" if endpoint.location else "where the job is found, if the answer is one"
        header = {"Location": {"description": told, "schema": {"type": "string"}}}
        responses[str(HTTPStatus.ACCEPTED if endpoint.may_take_long else endpoint.status)]["headers"] = header
    error = {JSON_TYPE: {"schema": _reference(ErrorAnswer, schemas, "serialization")}}
    responses |= {str(status): {"description": ERRORS[status], "content": error} for status in _errors(endpoint)}
    if endpoint.answer is ReadyAnswer:
        responses["503"] = {"description": "Not ready", "content": content}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "responses": responses,
    }
    parameters: list[dict[str, Any]] = [
        {"name": one.name, "in": "query", "description": one.words, "schema": one.kind} for one in endpoint.query
    ]
    if "{id}" in endpoint.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": endpoint.id_kind})
    return operation | ({"parameters": parameters} if parameters else {})


def _add_job(responses: Schemas, schemas: Schemas) -> None:
    """What is answered with 202 where the work takes longer than a request waits."""
    job = _reference(JobAnswer, schemas, "serialization")
    accepted = str(HTTPStatus.ACCEPTED)
    if accepted in responses:
        answered = responses[accepted]["content"][JSON_TYPE]["schema"]
        responses[accepted] = {
            "description": "Answer, or the job where it takes longer",
            "content": {JSON_TYPE: {"schema": {"anyOf": [answered, job]}}},
        }
    else:
        responses[accepted] = {"description": "It takes longer: the job", "content": {JSON_TYPE: {"schema": job}}}


def _errors(endpoint: Endpoint) -> tuple[int, ...]:
    """Statuses of what may be wrong with a request, and of a grid that isn't there."""
    if endpoint.body is not None:
        return tuple(ERRORS)
    written = (400, 403, 413, 415) * (endpoint.method != "get")
    may_lack = "{id}" in endpoint.path or endpoint.may_lack
    return (
        *written,
        *(404,) * may_lack,
        *(409,) * endpoint.may_conflict,
        421,
        *(422,) * bool(endpoint.query),
        503,
    )


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
    query = ", ".join(f"<code>{escape(name)}</code> ({escape(words)})" for name, words in _asked(endpoint))
    body += f"<p>Query: {query}</p>" if query else ""
    fields = ", ".join(f"<code>{escape(field)}</code>" for field in endpoint.fields) or escape(endpoint.mimetype)
    return (
        f"<section><h2><b>{endpoint.method.upper()}</b> <code>{escape(endpoint.path)}</code></h2>"
        f"<p>{escape(endpoint.summary)}</p>{body}<p>Answer: {fields}</p></section>"
    )


def _asked(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Names of what the address may ask, with what it means and may be."""
    return [(one.name, f"{one.words}{_span(one.kind)}") for one in endpoint.query]


def _span(kind: Schemas) -> str:
    """What a parameter may be."""
    if "enum" in kind:
        return f"; {', '.join(kind['enum'])}"
    if "maximum" in kind:
        return f"; {kind['minimum']} to {kind['maximum']:,}"
    return ""


_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}"
    "main{max-width:52rem;margin:auto;padding:1rem}section{border-top:1px solid #8886;padding:.5rem 0}"
    "h2{font-size:1rem;margin:.25rem 0}p{margin:.25rem 0}code{overflow-wrap:anywhere}"
    "b{display:inline-block;min-width:4.5rem}"
)

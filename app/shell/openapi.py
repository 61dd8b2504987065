"""The API's own description: an OpenAPI 3.1 document from one table, and a self-contained page that shows it."""

from html import escape
from typing import Any

from app.shell.endpoints import ENDPOINTS, Endpoint
from app.web.bodies import CaseBody

API_VERSION = "1.0.0"
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
    is_json = endpoint.mimetype == "application/json"
    schema = {"type": "object", "required": list(endpoint.fields)} if is_json else {"type": "string"}
    responses: dict[str, Any] = {
        str(endpoint.status): {"description": "Answer", "content": {endpoint.mimetype: {"schema": schema}}}
    }
    responses |= {str(status): {"description": ERRORS[status]} for status in _errors(endpoint)}
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "responses": responses,
    }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}
        for name, words in endpoint.query
    ]
    if "{id}" in endpoint.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}})
    return operation | ({"parameters": parameters} if parameters else {})


def _errors(endpoint: Endpoint) -> tuple[int, ...]:
    """Statuses of what may be wrong with a request."""
    if endpoint.body is not None:
        return tuple(ERRORS)
    return (404,) * ("{id}" in endpoint.path or endpoint.may_lack) + (422,) * bool(endpoint.query)


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
    query = ", ".join(f"<code>{escape(name)}</code> ({escape(words)})" for name, words in endpoint.query)
    body += f"<p>Query: {query}</p>" if query else ""
    fields = ", ".join(f"<code>{escape(field)}</code>" for field in endpoint.fields) or escape(endpoint.mimetype)
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

"""One guard before every request, and the headers after every response.

A page of another origin can send requests to this server from a browser that reaches it: by the server's own address,
or by a name of its own that it lets point here (DNS rebinding). So what names the server by a foreign name is refused,
and so is what changes something and was sent by a foreign page. Browsers say who sends: Origin (RFC 6454),
Sec-Fetch-Site (W3C Fetch Metadata). Scripts say nothing of it and go on working.
"""

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn, Self

from flask import Flask, Request, Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge

from app.engine.jobs import JobFailure
from app.settings import Settings
from app.web.bodies import MAX_DEPTH, BadRequestError, depth_of, refuse_constant
from app.web.errors import error_answer, failure_of

JSON_TYPE, UPLOAD_TYPE = "application/json", "multipart/form-data"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
PORTS = {"http": 80, "https": 443}
OWN_SITES = ("same-origin", "none")  # none: a person did it, no page
AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+(%[0-9a-z.]+)?\]|[a-z0-9_.-]+)(:(?P<port>[0-9]{1,5}))?")
CALLBACKS, TICK = "/_dash-update-component", "/_tick"  # what pages ask
TICK_BYTES = 100_000  # of what a page says that it shows
ENCODED = 4 / 3  # base64, in which pages send a file
CALLBACK_MARGIN_BYTES = 4_000_000  # of a callback's body besides a file: tables that a page sends back
NOTHING, NOTHING_BYTES = (b"", b"{}"), 1000  # what counts as no body, of bodies that may be as long
HALF_PAIRS = rb"\ud", rb"\uD"  # how JSON writes one
MOST_VALUES = 500_000  # of a body: each takes far more memory than its characters
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # Mantine, Plotly and AG Grid write style elements and attributes
    "img-src": "'self' data: blob:",  # charts are saved as pictures by way of both
    "font-src": "'self' data:",  # AG Grid's symbols
    "connect-src": "'self' data:",  # a saved picture is read from its data URL
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
VARIES = re.compile("<[^>]*>")
ONLY_JSON = frozenset({JSON_TYPE})
Bodies = Mapping[tuple[str, str], frozenset[str]]


@dataclass(frozen=True)
class Authority:
    """Who is named in a Host header or an origin. port: None where it is the scheme's own."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The authority of a text as `grid.example.org:8050`; None where it is none."""
        found = AUTHORITY.fullmatch(text.lower())
        if found is None:
            return None
        port = found["port"]
        return cls(found["name"].removesuffix("."), None if port is None else int(port))

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address: nobody can let one of those point elsewhere."""
        try:
            ipaddress.ip_address(self.name.strip("[]"))
        except ValueError:
            return False
        return True

    @property
    def is_loopback(self) -> bool:
        """Whether it is a name that means this computer everywhere (RFC 6761)."""
        return self.name == "localhost" or self.name.endswith(".localhost")

    def at(self, scheme: str) -> tuple[str, int | None]:
        """Name and port, by scheme where there is none."""
        return self.name, PORTS.get(scheme) if self.port is None else self.port


class GuardedRequest(Request):
    """A request whose JSON is refused in words."""

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        """Named by Werkzeug."""
        raise BadRequestError(f"the body isn't JSON: {e}")


class StrictJson(DefaultJSONProvider):
    """Reads JSON as RFC 8259 has it: without NaN, infinity and numbers that only infinity could stand for."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The data. ValueError for what isn't JSON."""
        try:
            return json.loads(s, parse_constant=refuse_constant, parse_float=_finite, **kwargs)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


class Guard:
    """Who and what comes in, and what browsers are told to keep to.

    bodies: types of a body that a route takes, by method and path with {id} for what varies, for those that take others
    than JSON; an empty set takes none.
    """

    def __init__(self, settings: Settings, bodies: Bodies) -> None:
        self._bodies = bodies
        uploaded = round(ENCODED * settings.upload_mb * 1e6)
        self._most_bytes = {CALLBACKS: uploaded + CALLBACK_MARGIN_BYTES, TICK: TICK_BYTES}
        named = (Authority.parse(name) for name in _listed(settings.allowed_hosts))
        self._hosts = tuple(host for host in named if host is not None)
        self._names = {settings.host.lower(), *(host.name for host in self._hosts)}
        ancestors = " ".join(["'self'", *_listed(settings.embed_origins)])
        self._policy = POLICY | {"frame-ancestors": ancestors}
        self._headers = self._made_headers()

    def install(self, server: Flask) -> None:
        """Stand before everything else that the server does with a request: call it first."""
        server.request_class = GuardedRequest
        server.json = StrictJson(server)
        server.before_request(self.admit)
        server.after_request(self.seal)

    def allow_scripts(self, hashes: list[str]) -> None:
        """Let pages run these inline scripts, by their hashes as Content-Security-Policy has them."""
        self._policy["script-src"] = " ".join(["'self'", *hashes])
        self._headers = self._made_headers()

    def admit(self) -> Response | None:
        """None for a request that may come in, or what it is answered."""
        try:
            self._check_host(request.headers.get("Host", ""))
            if request.method not in READS:
                self._check_sender()
                self._check_body()
        except BadRequestError as refused:
            return _refusal(failure_of(refused))
        return None

    def seal(self, response: Response) -> Response:
        """The response with the headers that every one has."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        return response

    def _made_headers(self) -> dict[str, str]:
        return {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in self._policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }

    def _check_host(self, text: str) -> None:
        if not text:  # HTTP/1.0, which browsers don't speak
            return
        host = Authority.parse(text)
        if host is None or not (host.is_address or host.is_loopback or host.name in self._names):
            raise BadRequestError(
                f"This server isn't known as '{text[:100]}': if it is to be, name it in SMARTGRID_ALLOWED_HOSTS.",
                "Host",
                HTTPStatus.MISDIRECTED_REQUEST,
            )

    def _check_sender(self) -> None:
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in OWN_SITES:
            raise BadRequestError(
                f"Sent by a page of another origin (Sec-Fetch-Site: {site[:20]}): only the dashboard's own pages may.",
                "Sec-Fetch-Site",
                HTTPStatus.FORBIDDEN,
            )
        origin = request.headers.get("Origin")
        if origin is not None and not self._is_own(origin):
            raise BadRequestError(
                f"Sent by a page of '{origin[:100]}', and not by one of this server's own. Behind a proxy that changes "
                "the Host header, put the name that browsers see into SMARTGRID_ALLOWED_HOSTS.",
                "Origin",
                HTTPStatus.FORBIDDEN,
            )

    def _is_own(self, origin: str) -> bool:
        """Whether an origin is this server's as the browser named it, or as the settings name it: a proxy may stand
        between, which changes the name."""
        scheme, _, rest = origin.partition("://")
        sender = Authority.parse(rest)
        if sender is None or scheme.lower() not in PORTS:
            return False
        scheme = scheme.lower()
        host = Authority.parse(request.headers.get("Host", ""))
        own = self._hosts if host is None else (host, *self._hosts)
        return any(sender.at(scheme) == one.at(scheme) for one in own)

    def _check_body(self) -> None:
        if not (request.content_length or "Transfer-Encoding" in request.headers):
            return
        rule = "" if request.url_rule is None else VARIES.sub("{id}", request.url_rule.rule)
        takes = self._bodies.get((request.method, rule), ONLY_JSON)
        if request.mimetype not in (takes or ONLY_JSON):
            raise BadRequestError(
                f"the body must be {' or '.join(sorted(takes or ONLY_JSON))}, "
                f"not {request.mimetype[:100] or 'of no type'}",
                "Content-Type",
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            )
        if not takes and _read(NOTHING_BYTES).strip() not in NOTHING:
            raise BadRequestError(f"{request.method} {request.path} takes no body")
        if request.path in self._most_bytes:
            self._check_call()

    def _check_call(self) -> None:
        """The API reads its own bodies; those of pages are Dash's, which asks nothing of them, and the tick's."""
        text = _read(self._most_bytes[request.path])
        if sum(text.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
            raise BadRequestError(f"the body has over {MOST_VALUES} values", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        call = request.get_json()
        if depth_of(call) > MAX_DEPTH:
            raise BadRequestError(f"the body is nested deeper than {MAX_DEPTH} levels")
        if any(mark in text for mark in HALF_PAIRS) and not _is_text(call):
            raise BadRequestError("the body has half a surrogate pair, which is no character")


def _read(most_bytes: int) -> bytes:
    """The request's body, which stays readable. BadRequestError where it is longer."""
    request.max_content_length = most_bytes
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        raise BadRequestError(
            f"the body is over {most_bytes} bytes", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        ) from None


def _listed(setting: str | None) -> list[str]:
    return [] if setting is None else [name.strip() for name in setting.split(",")]


def _is_text(data: object) -> bool:
    """Whether all text in it is Unicode, so that it can be sent on."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _refusal(failure: JobFailure) -> Response:
    """What programs read as JSON, and people in the window where they typed an address."""
    if request.method in READS and not request.path.startswith("/api"):
        return Response(f"{failure.detail}\n", failure.status, mimetype="text/plain")
    return error_answer(failure)

"""Who is let in: requests by foreign names and of foreign pages change nothing, scripts and our own pages go on."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from werkzeug.test import TestResponse

from app.settings import Settings
from app.shell.dash_app import FIRST_LOOK
from app.web.guard import CALLBACKS, MOST_VALUES
from app.web.ids import Id
from tests.app.rig import Rig, make_rig, resident_bytes, strict_json

PAUSE = {
    "output": "",
    "outputs": None,
    "inputs": [{"id": Id.SIMULATION_TOGGLE, "property": "n_clicks", "value": 1}],
    "state": [{"id": Id.SIMULATION_TOGGLE, "property": "children", "value": "Pause"}],
    "changedPropIds": [f"{Id.SIMULATION_TOGGLE}.n_clicks"],
}
WRITES: list[tuple[str, str, object]] = [
    ("POST", "/api/events", {"kind": "heat_wave", "magnitude": 5}),
    ("POST", "/api/case", {"case": "case14"}),
    ("POST", "/api/tags", {"on": "branch", "target": 1, "reason": "crew", "person": "Ann"}),
    ("POST", "/api/limits", {"on": "bus", "target": 1, "min_vm_pu": 0.9, "max_vm_pu": 1.1, "person": "Ann"}),
    ("POST", "/api/priorities", {"target": 1, "priority": 2, "person": "Ann"}),
    ("POST", "/api/grid/optimize", {"risk_weight": 3, "keep": True}),
    ("POST", CALLBACKS, PAUSE),
]
FORGED_HOSTS = (
    "evil.example",
    "evil.example:8050",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil-localhost",
    "localhost@evil.example",
    "127.0.0.1@evil.example",
    "[::1",
    "::1",
    "127.0.0.1:8050:1",
    "localhost:x",
    "0x7f000001",
    "2130706433",
    "127.1",
    "localhost/",
    "localhost#",
    "localhost evil",
    "localhost,evil.example",
    "..localhost..x",
    "grid.example.org.evil.example",
    "notgrid.example.org",
    "грид.example",
    "-",
    "*",
    "%6cocalhost",
    "localhost\\x",
)
FORGED_ORIGINS = (
    "null",
    "https://evil.example",
    "http://evil.example:8050",
    "http://localhost:3000",
    "http://localhost:81",
    "https://localhost",
    "http://127.0.0.1",
    "http://localhost.evil.example",
    "http://evil.localhost",
    "file://",
    "http://grid.example.org.evil.example",
    "https://grid.example.org:444",
    "http://localhost@evil.example",
    "localhost",
    "http://",
    "http://[::1",
    "ftp://localhost",
    "chrome-extension://localhost",
    "http://localhost/",
    "http://localhost, x",
    "https://notgrid.example.org",
    "",
    "http://localhost http://evil.example",
)
FORGED_SITES = ("cross-site", "same-site", "", "Same-Origin", "anything")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """city8 with its pages, known by a name of its own, which pages of a portal may show."""
    names = {"allowed_hosts": "grid.example.org, other.example:8443", "embed_origins": "https://portal.example.org"}
    return make_rig(tmp_path_factory.mktemp("guarded"), pages=True, **names)


def ask(rig: Rig, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
    """A request with headers by names as `Sec_Fetch_Site`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return rig.client.open(path, method=method, json=body, headers=named)


def unchanged(rig: Rig) -> tuple[Any, ...]:
    """All that a request could have changed: what waits for the engine, plans' requirements, jobs."""
    return (
        rig.engine._commands.qsize(),
        rig.services.planner.requirements_on(rig.board),
        len(rig.services.jobs._tickets),
    )


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8050",
        "LOCALHOST.",
        "app.localhost",
        "127.0.0.1",
        "127.0.0.1:8050",
        "192.168.1.5",
        "[::1]",
        "[::1]:8050",
        "[fe80::1%eth0]:80",
        "grid.example.org",
        "Grid.Example.ORG:1234",
        "other.example",
        "0.0.0.0",
    ],
)
def test_addresses_loopback_and_known_names_are_let_in(guarded: Rig, host: str) -> None:
    assert ask(guarded, "GET", "/api/live", Host=host).status_code == 200


@pytest.mark.parametrize("host", FORGED_HOSTS)
def test_a_foreign_name_is_refused_and_told_which_setting_knows_names(guarded: Rig, host: str) -> None:
    for path in ("/api/live", "/api/nothing"):
        refused = strict_json(ask(guarded, "GET", path, Host=host), 421)
        assert "SMARTGRID_ALLOWED_HOSTS" in refused["error"]
    page = ask(guarded, "GET", "/", Host=host)
    assert (page.status_code, page.mimetype) == (421, "text/plain")
    assert "SMARTGRID_ALLOWED_HOSTS" in page.text


@pytest.mark.parametrize("origin", FORGED_ORIGINS)
def test_a_foreign_page_changes_nothing(guarded: Rig, origin: str) -> None:
    before = unchanged(guarded)
    for method, path, body in WRITES:
        assert ask(guarded, method, path, body, Origin=origin, Host="localhost:8050").status_code == 403
    assert unchanged(guarded) == before


@pytest.mark.parametrize("site", FORGED_SITES)
def test_what_browsers_call_another_site_changes_nothing(guarded: Rig, site: str) -> None:
    before = unchanged(guarded)
    for method, path, body in WRITES:
        assert ask(guarded, method, path, body, Sec_Fetch_Site=site).status_code == 403
        assert ask(guarded, method, path, body, Sec_Fetch_Site=site, Origin="http://localhost").status_code == 403
    assert unchanged(guarded) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a script
        {"Origin": "http://localhost", "Sec_Fetch_Site": "same-origin"},
        {"Host": "localhost:8050", "Origin": "http://localhost:8050"},
        {"Host": "192.168.1.5:8050", "Origin": "http://192.168.1.5:8050"},
        {"Host": "[::1]:8050", "Origin": "http://[::1]:8050"},
        {"Host": "grid.example.org", "Origin": "https://grid.example.org"},  # a proxy that ends TLS and keeps the name
        {"Host": "127.0.0.1:8050", "Origin": "https://grid.example.org"},  # one that changes it
        {"Host": "127.0.0.1:8050", "Origin": "https://other.example:8443", "Sec_Fetch_Site": "same-origin"},
        {"Host": "localhost:80", "Origin": "http://localhost"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_scripts_and_our_own_pages_are_let_in(guarded: Rig, headers: dict[str, str]) -> None:
    path, body = "/api/operations/preview", {"kind": "branch", "target": 1, "close": True}
    assert ask(guarded, "POST", path, body, **headers).status_code == 200


def test_reading_is_open_to_links_from_everywhere(guarded: Rig) -> None:
    for path in ("/", "/api/grid/state"):
        followed = ask(guarded, "GET", path, Origin="https://evil.example", Sec_Fetch_Site="cross-site")
        assert followed.status_code == 200
        assert "Access-Control-Allow-Origin" not in followed.headers


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", "", "application/jsonx"],
)
@pytest.mark.parametrize("path", ["/api/events", "/api/tags", CALLBACKS, "/api/nothing", "/api/maintenance/schedule"])
def test_a_body_of_another_type_is_refused(guarded: Rig, path: str, kind: str) -> None:
    before = unchanged(guarded)
    body = json.dumps({"kind": "heat_wave", "magnitude": 5})
    refused = strict_json(guarded.client.post(path, data=body, content_type=kind), 415)
    assert "application/json" in refused["error"]
    assert unchanged(guarded) == before


def test_only_the_upload_takes_a_form_and_only_what_takes_a_body_has_one(guarded: Rig) -> None:
    form = {"file": (io.BytesIO(b"no network"), "x.json")}
    assert guarded.client.post("/api/case", data=form).status_code == 422
    refused = strict_json(guarded.client.delete("/api/operations", json={"undo": True}), 400)
    assert "takes no body" in refused["error"]
    assert guarded.client.delete("/api/operations", json={}).status_code == 409  # nothing to take back
    assert guarded.client.delete("/api/operations").status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"output": NaN}', 400, "NaN is not a JSON number"),
        (b'{"output": -Infinity}', 400, "-Infinity is not a JSON number"),
        (b'{"output": 1e999}', 400, "too large a number"),
        (b'{"output": ' + b"9" * 6000 + b"}", 400, "isn't JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[" * 30 + b"]" * 30, 400, "deeper than 20"),
        (b"not json", 400, "isn't JSON"),
        (b"\xff\xfe", 400, "isn't JSON"),
        (b"[" + b"0," * MOST_VALUES + b"0]", 413, f"over {MOST_VALUES} values"),
        (b'{"output": "' + b"x" * 75_000_000 + b'"}', 413, "bytes"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_callback_with_a_monstrous_body_is_refused(guarded: Rig, body: bytes, status: int, words: str) -> None:
    refused = guarded.client.post(CALLBACKS, data=body, content_type="application/json")
    assert words in strict_json(refused, status)["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/maintenance", 200),
        ("GET", "/assets/app.css", 200),
        ("GET", "/assets/nothing.css", 404),
        ("GET", "/api/docs", 200),
        ("GET", "/api/analytics/report", 200),
        ("GET", "/metrics", 200),
        ("GET", "/api/grid/node/x", 404),
        ("PUT", "/api/events", 405),
        ("POST", "/api/events", 422),
        ("GET", "/_dash-dependencies", 200),
        ("GET", "/_dash-component-suites/dash/nothing.js", 404),
    ],
)
def test_every_response_tells_browsers_what_to_keep_to(guarded: Rig, method: str, path: str, status: int) -> None:
    with ask(guarded, method, path, {} if method == "POST" else None) as response:
        assert response.status_code == status
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == "'self' https://portal.example.org"
    assert re.fullmatch(r"'self'( 'sha256-[A-Za-z0-9+/]{43}=')+", policy["script-src"])
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_every_script_of_the_page_is_allowed_by_its_hash(guarded: Rig) -> None:
    from base64 import b64encode
    from hashlib import sha256

    page = guarded.client.get("/")
    policy = page.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>(.*?)</script>", page.text, re.DOTALL)
    assert any(script == FIRST_LOOK for script in scripts)
    for script in scripts:
        assert b64encode(sha256(script.encode()).digest()).decode() in policy
    for path in ("/api/docs", "/api/analytics/report"):
        assert "<script" not in guarded.client.get(path).text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("embed_origins", "https://x.example; script-src *"),
        ("embed_origins", "portal.example.org"),
        ("embed_origins", "https://x.example/path"),
        ("embed_origins", "*"),
        ("allowed_hosts", "https://grid.example.org"),
        ("allowed_hosts", "grid.example.org;x"),
        ("allowed_hosts", "*"),
        ("allowed_hosts", ""),
    ],
)
def test_a_setting_that_names_nobody_is_refused(setting: str, value: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        Settings(_env_file=None, **{setting: value})  # type: ignore[arg-type,call-arg]


def forgeries(seed: int) -> Iterator[dict[str, str]]:
    """Headers that no page of ours and no script sends: a foreign name, origin or site, beside some of our own."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcxyz0189.-_:/@[]% *localhost"))
    while True:
        noise = "".join(generator.choice(letters, generator.integers(1, 30))).strip()
        names = {
            "Host": generator.choice([*FORGED_HOSTS, f"{noise}.example", f"x{noise}.org:8050"]),
            "Origin": generator.choice([*FORGED_ORIGINS, f"http://{noise}.example", f"https://x{noise}:80"]),
            "Sec_Fetch_Site": generator.choice(FORGED_SITES),
        }
        which = generator.permutation(list(names))[: generator.integers(1, 4)]
        own = {"Host": "localhost:8050", "Origin": "http://localhost:8050", "Sec_Fetch_Site": "same-origin"}
        kept = {name: value for name, value in own.items() if name == "Host" or generator.random() < 0.5}
        yield {name: str(value) for name, value in (kept | {name: names[name] for name in which}).items()}


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_forged_requests_change_nothing(guarded: Rig, count: int, caplog: pytest.LogCaptureFixture) -> None:
    before, asked, forged = unchanged(guarded), set(), forgeries(14)
    memory = 0.0
    for number in range(count):
        memory = memory or (resident_bytes() if number > count // 5 else 0.0)
        method, path, body = WRITES[number % len(WRITES)]
        headers = next(forged)
        asked.add(status := ask(guarded, method, path, body, **headers).status_code)
        assert status in (403, 421), headers
    assert asked == {403, 421}
    assert unchanged(guarded) == before
    assert not caplog.records
    assert resident_bytes() <= 1.05 * memory


def test_settings_of_names_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SMARTGRID_ALLOWED_HOSTS", "grid.example.org:8443,backup.example.org")
    assert Settings(_env_file=None).allowed_hosts == "grid.example.org:8443,backup.example.org"  # type: ignore[call-arg]

"""The daily report of a running dashboard as a file: `python -m app.report --out FILE.html`.

Exit codes: 0 written, 1 not fetched or not written, 2 asked wrongly. Suited to a nightly job; a browser's print makes
a PDF of it.
"""

import argparse
import json
import os
import sys
from datetime import date
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

PATH = "/api/analytics/report"
MARK = b"Smart Grid Operations System"  # in every report
TIMEOUT_S = 60.0
MOST_ERROR_BYTES = 100_000


class ReportError(RuntimeError):
    """There is no report; code is the exit code, the message says why and what would help."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: list[str] | None = None) -> int:
    """Fetch a report and write it; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m app.report", description="Daily report of a running dashboard as one HTML file"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html", help="file to write")
    parser.add_argument("--url", default="http://127.0.0.1:8050", help="address of the dashboard (%(default)s)")
    parser.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="simulated day, by default the present one")
    given = parser.parse_args(arguments)
    try:
        content = fetch(given.url, given.day)
        write(content, given.out)
    except ReportError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    print(f"{given.out}: {len(content):,} bytes")
    return 0


def fetch(url: str, day: date | None) -> bytes:
    """The report's HTML. ReportError where the dashboard doesn't answer, refuses, or is another program."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ReportError(f"--url: must be an address such as http://127.0.0.1:8050, not {url!r}", 2)
    query = "" if day is None else f"?{urlencode({'day': day.isoformat()})}"
    response: HTTPResponse
    try:
        with urlopen(f"{url.rstrip('/')}{PATH}{query}", timeout=TIMEOUT_S) as response:
            content, kind = response.read(), response.headers.get_content_type()
    except HTTPError as error:
        with error:
            said = _said(error.read(MOST_ERROR_BYTES))
        raise ReportError(f"{url} refused: {said or f'status {error.code}'}", 2 if error.code == 422 else 1) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise ReportError(
            f"no dashboard answers on {url} ({reason}); start it with `make run`, or give --url"
        ) from None
    if kind != "text/html" or MARK not in content:
        raise ReportError(f"what answers on {url} isn't this dashboard, or an older one")
    return content


def write(content: bytes, out: Path) -> None:
    """Write all or nothing. ReportError where that fails."""
    unfinished = out.with_name(f"{out.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(out)
    except OSError as error:
        raise ReportError(f"can't write {out}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a day such as 2026-01-15, not {text!r}") from None


def _said(body: bytes) -> str:
    """The message of one of the API's errors; empty for others."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


if __name__ == "__main__":
    sys.exit(main())

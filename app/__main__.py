"""Command line: `python -m app [--case NAME|FILE] [--source NAME[:ARGUMENT]] [--port 8050] [--host 127.0.0.1]`.

`python -m app record` writes a recording (app/record.py).
"""

import argparse
import signal
import socket
import sys
import threading
import time
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import waitress
from pydantic import ValidationError

from app import create_app
from app.settings import Settings
from grid.errors import CaseError

# waitress's own is 100, which a room full of dashboards would reach, and anybody with as many bodies that never end: it
# reads them all beside its threads, which get whole requests only
CONNECTION_LIMIT = 1000


def main(arguments: list[str] | None = None) -> int:
    """Serve the dashboard until SIGTERM or Ctrl-C, or write a recording; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["record"]:
        from app import record  # a recording needs no server, and a server no recorder

        return record.main(arguments[1:])
    try:
        settings = _settings(arguments)
    except ValidationError as error:
        for wrong in error.errors(include_url=False):
            print(f"error: {wrong['loc'][0]}: {wrong['msg']}, not {wrong['input']!r}", file=sys.stderr)
        return 2
    refusal = _refusal(settings.host, settings.port)
    if refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    try:
        app = create_app(settings)
    except CaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    address = f"http://{settings.host}:{settings.port}"
    threading.Thread(target=_announce, args=(address,), daemon=True).start()
    try:
        waitress.serve(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            connection_limit=CONNECTION_LIMIT,
            asyncore_use_poll=True,  # select() ends at 1,024 open files
            max_request_body_size=app.config["MAX_CONTENT_LENGTH"],
            _quiet=True,
        )
    except OSError as error:
        print(f"error: can't listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    finally:
        app.extensions["smartgrid"].stop()
    return 0


def _refusal(host: str, port: int) -> str:
    """Why nobody could listen there, empty where it works: better known before seconds are spent on loading."""
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        return f"host: '{host}' is no address of this machine: {error.strerror or error}"
    with socket.socket(family, kind, protocol) as attempt:
        if sys.platform != "win32":  # there it would take over a port that is in use
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(address)
        except OSError as error:
            return f"can't listen on {host}:{port}: {error.strerror or error}"
    return ""


def _settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m app", description="Smart Grid Operations System")
    cases = "built-in case, simbench:CODE, synthetic:NODES:GENERATORS[:SEED], feeder:PATH or a file"
    parser.add_argument("--case", help=cases)
    parser.add_argument("--source", help="where measurements come from: simulator or replay:FILE.csv")
    parser.add_argument("--port", type=int)
    parser.add_argument("--host")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return Settings(**given)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _announce(address: str) -> None:
    """Print the address once it answers."""
    for _ in range(600):
        try:
            with urlopen(f"{address}/api/health", timeout=5):
                print(f"Smart Grid Operations System: {address}", flush=True)
                return
        except (URLError, OSError):
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())

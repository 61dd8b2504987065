#!/bin/sh
# Does what `make run` does, where there is no make: ./start.sh [--case NAME|FILE] [--port 8050]
set -eu
cd "$(dirname "$0")"
[ -d .venv ] || "${PYTHON:-python3}" -m venv .venv
.venv/bin/python -m pip install --disable-pip-version-check -q -r requirements.txt
exec .venv/bin/python -m app "$@"

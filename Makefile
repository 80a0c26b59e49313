# Two commands set everything up on a fresh machine: `make demo` and `make test`.
# Each needs Python 3.11 to 3.13 and the package index, nothing else.
#
# requirements-cpu.lock is enough for scoring on a CPU with the bundled models; requirements.lock
# adds torch and what comes with it, requirements-dev.lock the tools of either.
#
# The lock files are complete, so pip resolves nothing (--no-deps). It could not: with hashes it
# wants a pin of its own for sqlalchemy[asyncio], which is no other package.

PYTHON ?= python3
VENV ?= .venv
VENV_CPU ?= .venv-cpu
BIN := $(VENV)/bin
# Modules are compiled when they are first imported: most never are, and would take 200 MB.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile

.PHONY: demo demo-cpu install test test-cpu test-everywhere check quick static format lock train pictures dashboard-pictures docs reference bench bench-scale clean help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

demo: $(VENV)/installed-cpu ## the whole job on simulated images, then the dashboard (OPEN=0: without)
	$(BIN)/cxr-severity demo $(if $(filter 0,$(OPEN)),--no-open)

install: $(VENV)/installed ## everything, with torch: for GPUs, txrv-* models and saliency maps

# One more than cores that a small machine has: the tests of services and programs mostly wait. Each
# brings a PostgreSQL and a Prefect server of its own, and takes some 2 GB.
PROCESSES ?= 3
IN_PARALLEL := --numprocesses $(PROCESSES) --dist worksteal

test: $(VENV)/installed $(VENV)/installed-dev ## every test, in random order (PROCESSES=3)
	$(BIN)/pytest $(IN_PARALLEL) --durations 25

# What may meet torch; import contracts keep it out of all else.
WITH_AND_WITHOUT_TORCH := tests/flows/cli tests/severity/models tests/severity/heads tests/test_packages.py

demo-cpu: ## the demo in an environment without torch: .venv-cpu
	$(MAKE) VENV=$(VENV_CPU) $(VENV_CPU)/installed-cpu
	home=$$(mktemp -d) && $(VENV_CPU)/bin/cxr-severity demo --home $$home --no-open && rm -rf $$home

test-cpu: demo-cpu ## the same, then the tests of models and commands that need no server
	$(MAKE) VENV=$(VENV_CPU) $(VENV_CPU)/installed-dev
	$(VENV_CPU)/bin/pytest $(IN_PARALLEL) -m "not server" $(WITH_AND_WITHOUT_TORCH)

test-everywhere: $(VENV)/installed $(VENV)/installed-dev ## every test in other orders, time zones, rights, without radiographs
	.ci/everywhere $(BIN)/pytest $(IN_PARALLEL)

check: static quick ## what must pass before each commit; a minute or so

quick: $(VENV)/installed $(VENV)/installed-dev ## the tests that need no server and no network's weights
	$(BIN)/pytest $(IN_PARALLEL) -m "not server and not weights"

static: $(VENV)/installed $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev ## bring the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/installed-dev ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) $(WITHOUT_TORCH) pyproject.toml -o requirements-cpu.lock
	$(BIN)/uv pip compile $(LOCK) $(WITHOUT_TORCH) --extra dev pyproject.toml -o requirements-dev.lock

WITHOUT_TORCH := -c requirements.lock --override requirements-cpu.override
LOCK := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

train: $(VENV)/installed $(VENV)/installed-dev ## train compact-2 anew (DATA=../shared/data)
	$(BIN)/python -m training.compact_2 --data $(or $(DATA),../shared/data) --out severity/weights

pictures: $(VENV)/installed $(VENV)/installed-dev ## the pictures and the table of docs/reading-a-course.md (DATA=../shared/data)
	$(BIN)/python -m training.course_pictures --data $(or $(DATA),../shared/data) --out docs/pictures
	$(BIN)/python -m training.readers_verdicts --data $(or $(DATA),../shared/data)

dashboard-pictures: $(VENV)/installed-dev ## the pictures of the dashboard, of the demonstration; needs Chromium
	$(BIN)/python -m documentation.dashboard_pictures --out docs/pictures

docs: $(VENV)/installed-dev ## the documentation as a site, in build/docs: open index.html there
	$(BIN)/python -m zensical build --clean --strict

reference: $(VENV)/installed-dev ## the pages of docs/reference that the program is the source of
	$(BIN)/python -m documentation

bench: $(VENV)/installed $(VENV)/installed-dev ## measure the scoring engine (BENCH="--quick", DATA=../shared/data)
	$(BIN)/python -m benchmarks.engine --data $(or $(DATA),../shared/data) $(BENCH)

bench-scale: $(VENV)/installed $(VENV)/installed-dev ## measure a ledger of ten million scores; an hour, 40 GB (BENCH="--scores 100000 --files 20000")
	$(BIN)/python -m benchmarks.scale $(BENCH)

clean: ## remove the environment and all caches
	rm -rf $(VENV) $(VENV_CPU) build/docs .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "make: Python 3.11 to 3.13 is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "make: no venv: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/installed-cpu: requirements-cpu.lock pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV): a minute or two the first time ..."
	$(PIP) --no-deps --require-hashes -r requirements-cpu.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed: requirements.lock $(VENV)/installed-cpu
	@echo "Adding torch to $(VENV): a few minutes the first time, 5 GB ..."
	$(PIP) --no-deps --require-hashes -r requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed-cpu
	$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

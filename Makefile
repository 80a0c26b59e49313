# Two commands set everything up on a fresh machine: `make demo` and `make test`.
# Each needs Python 3.11 to 3.13 and the package index, nothing else.
#
# The lock files are complete, so pip resolves nothing (--no-deps). It could not: with hashes it
# wants a pin of its own for sqlalchemy[asyncio], which is no other package.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: demo test check static format lock train bench clean help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/installed ## the whole job on simulated films: scores, rejections, a trend
	$(BIN)/cxr-severity demo

test: $(VENV)/installed-dev ## every test
	$(BIN)/pytest

check: static test ## what must pass before each commit

static: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev ## bring the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/installed-dev ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

LOCK := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

train: $(VENV)/installed-dev ## train compact-2 anew (DATA=../shared/data)
	$(BIN)/python -m training.compact_2 --data $(or $(DATA),../shared/data) --out severity/weights

bench: $(VENV)/installed-dev ## measure the scoring engine (BENCH="--quick", DATA=../shared/data)
	$(BIN)/python -m benchmarks.engine --data $(or $(DATA),../shared/data) $(BENCH)

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "make: Python 3.11 to 3.13 is needed; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "make: no venv: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV): a few minutes the first time (torch is large) ..."
	$(PIP) --no-deps --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

# Everything a person does with this project, by name. `make` alone lists it.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?=
DATABASE ?= sqlite:///$(CURDIR)/var/ordrebok.db
ONCE ?=
MINUTES ?= 10
ARGS ?=

BIN := .venv/bin
RUNTIME := .venv/.installed-runtime
TOOLS := .venv/.installed-test

# A virtual environment is made again when what it is made from has changed.
$(RUNTIME): pyproject.toml tools/venv.py
	@$(PYTHON) tools/venv.py runtime

$(TOOLS): pyproject.toml tools/venv.py
	@$(PYTHON) tools/venv.py test

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  Variables: PYTHON=$(PYTHON) HOST=$(HOST) PORT=8000 DATABASE=... ONCE=1 MINUTES=10 ARGS=..."

.PHONY: run
run: $(RUNTIME) ## Start the server with demonstration data (ONCE=1: show it once and stop)
	@mkdir -p var
	@$(BIN)/ordrebok demo --serve --database '$(DATABASE)' --host $(HOST) \
		$(if $(PORT),--port $(PORT)) $(if $(ONCE),--once) $(ARGS)

.PHONY: test
test: export CI = true
test: lint types ## Everything a change must pass: lint, types, all tests on both engines
	@$(BIN)/python -m pytest $(ARGS) </dev/null

.PHONY: check
check: lint types ## The quick round: lint, types, and the tests that need only SQLite
	@$(BIN)/python -m pytest -m "not postgres and not slow" tests/unit tests/property $(ARGS)

.PHONY: bench
bench: $(TOOLS) ## Measure the server and the store under load
	@$(BIN)/python -m bench $(ARGS)

.PHONY: soak
soak: $(TOOLS) ## Compare with naive books and kill servers under load, for MINUTES=10
	@$(BIN)/python -m tests.model.soak --minutes $(MINUTES) $(ARGS)

.PHONY: lint
lint: $(TOOLS) ## Check style and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run: make format"; exit 1; }

.PHONY: format
format: $(TOOLS) ## Repair style and format, where a tool can
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format .

.PHONY: types
types: $(TOOLS) ## Check types
	@$(BIN)/mypy

.PHONY: clean
clean: ## Remove the virtual environment and all caches (the databases in var/ stay)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The one command surface. `make` alone lists what there is.
# Each environment is used by its own programs; nothing has to be activated.

PYTHON ?= python3
SPARK := .venvs/spark/bin
AIRFLOW := .venvs/airflow/bin
PYTEST := $(SPARK)/python -m pytest
HISTORIES := tests/jobs/test_histories.py
# The settings of the stack as environment of one command line.
STACK_ENV := eval "$$($(PYTHON) infra/stack.py env)"

.DEFAULT_GOAL := help
.PHONY: help setup demo check test tables services fast up down status lock bench fmt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make or complete the environments (.venvs); again after an interruption
	@$(PYTHON) infra/setup.py

demo: setup ## everything from nothing: set up, start the services, simulate a district, fill the boards
	@$(PYTHON) infra/stack.py up
	@$(STACK_ENV) && $(SPARK)/citybrain demo

up: ## start the services and wait until they are healthy
	@$(PYTHON) infra/stack.py up

down: ## end the services, and all that they started
	@$(PYTHON) infra/stack.py down

status: ## what runs, since when, with how much memory
	@$(PYTHON) infra/stack.py status

check: ## style, types, contracts: fast, starts nothing
	@$(SPARK)/ruff check .
	@$(SPARK)/ruff format --check .
	@$(SPARK)/mypy
	@$(SPARK)/citybrain contracts check
	@$(PYTEST) -q tests/contracts

# Two lanes for two cores: Spark's tables in one, all else in the other; the whole city last and alone. Each folder is
# named, so that one that is missing is an error, not a silence.
test: ## all tests, with what only they need (Chromium, PostgreSQL)
	@$(PYTHON) infra/setup.py --tests
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line tables services
	@$(PYTEST) tests/e2e

tables: ## one lane of the tests: silver and gold by Spark, and indicators
	@$(PYTEST) --ignore=$(HISTORIES) tests/jobs
	@$(PYTEST) tests/indicators

services: ## the other lane: what departments, engineers and leaders meet, and a history of all tables
	@$(PYTEST) tests/ingest
	@$(PYTEST) tests/pull
	@$(PYTEST) tests/duties
	@$(PYTEST) tests/simulate
	@$(PYTEST) tests/serve
	@$(PYTEST) tests/docs
	@$(AIRFLOW)/python -m pytest tests/dags
	@$(PYTEST) tests/dashboards
	@$(PYTEST) tests/portal
	@$(PYTEST) tests/real
	@$(PYTEST) tests/infra
	@$(PYTEST) $(HISTORIES)

fast: ## the tests that take seconds
	@$(PYTEST) -q -m "not slow" tests/contracts tests/ingest tests/simulate tests/infra

bench: ## measure; numbers go to the screen, not into the repository
	@$(PYTEST) -s tests/bench
	@CITYBRAIN_KILL_EVERY=1 $(PYTEST) tests/jobs/test_ways.py -k killed
	@CITYBRAIN_HISTORIES=$${CITYBRAIN_HISTORIES:-10} CITYBRAIN_HISTORIES_SEED=$${CITYBRAIN_HISTORIES_SEED:-$$(date +%Y%m%d)} \
		$(PYTEST) $(HISTORIES)

lock: ## resolve infra/envs/*.in again into *.lock, as of the day each names
	@$(PYTHON) infra/setup.py --lock

fmt: ## format the code and repair what can be repaired without thinking
	@$(SPARK)/ruff format .
	@$(SPARK)/ruff check --fix .

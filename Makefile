# Every command of the kit in one place. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Which city of catalog/data/ to provision.
CITY ?= tiny
# Extra words for pytest, e.g. ARGS="-k lesson -x".
ARGS ?=
BIN := .venv/bin
export CITY

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1mmake %-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\n  CITY=%s chooses a city of catalog/data/; everything else is in `huiju --help`.\n' '$(CITY)'

.PHONY: setup
setup: ## Make this machine ready: Python packages and tools (idempotent)
	@bash local/setup.sh

# Python packages only: enough to lint, to generate and to run the fast tests.
.PHONY: python
python:
	@bash local/setup.sh --python-only

# And the programs of the host, ffmpeg among them, that some fast tests run too.
.PHONY: host
host: python
	@$(BIN)/python -m local.host_packages

.PHONY: up
up: setup ## Provision the platform here and publish a sample lesson
	@$(BIN)/huiju up

.PHONY: down
down: python ## Take the platform of this clone away, cluster included
	@$(BIN)/huiju down --cluster --yes

.PHONY: status
status: python ## Every component, its URL and its health
	@$(BIN)/huiju status

.PHONY: load
load: python ## A load test: two minutes of the morning's sign-ins and first lesson (ARGS="--scale 0.5")
	@$(BIN)/huiju load run $(ARGS)

.PHONY: preview
preview: setup ## What `make up` would change, without changing it
	@$(BIN)/huiju up --preview

.PHONY: test
test: setup ## All tests (ARGS="-k lesson" for some)
	@bash local/test.sh $(ARGS)

.PHONY: test-fast
test-fast: host ## Only the tests that need no cluster
	@$(BIN)/python -m pytest -m "not integration and not proof" $(ARGS)

.PHONY: school
school: setup ## A trial school here, provisioned, and a lesson played in it twice (CODE=...)
	@$(BIN)/huiju school up $(or $(CODE),$(error name a school: `make school CODE=...`; `huiju catalog show $(CITY) --district ID` lists them))
	@$(BIN)/huiju school play $(CODE)

.PHONY: lint
lint: python ## Style, types, playbooks, YAML and the lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/yamllint --strict .
	@if compgen -G 'playbooks/*.yml' >/dev/null; then $(BIN)/ansible-lint -q playbooks; fi
	@$(BIN)/python -m pytest -q tests/architecture

.PHONY: format
format: python ## Put all Python files in the one style
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

.PHONY: generate
generate: python ## Derive every committed generated file again
	@for module in $$(git ls-files --cached --others --exclude-standard '*generate.py' | grep -v '^tests/'); do \
		echo "generate $$module"; \
		$(BIN)/python -m "$$(tr / . <<<"$${module%.py}")"; \
	done

.PHONY: bench
bench: setup ## Measure everything timed, into docs/benchmarks.md
	@$(BIN)/python -m benchmarks.run $(ARGS)

.PHONY: proof
proof: setup ## Run the long campaigns in full, appended to docs/proofs.md
	@HUIJU_CAMPAIGN=full $(BIN)/python -m pytest -m "proof or integration or slow" $(ARGS)

# `UPGRADE=` keeps what is pinned and only adds what is new.
UPGRADE ?= --upgrade
COMPILE := $(BIN)/uv pip compile --quiet $(UPGRADE) --universal --generate-hashes --no-annotate --no-header --no-emit-index-url
.PHONY: lock
lock: python ## Resolve the Python packages again into the locks
	@$(COMPILE) --all-extras --group kit pyproject.toml --output-file requirements.lock
	@$(COMPILE) --constraint requirements.lock --group kit --output-file local/images/kit-base/requirements.lock
	@$(COMPILE) --constraint requirements.lock --no-emit-package psycopg2 local/images/barman-cloud/requirements.in --output-file local/images/barman-cloud/requirements.lock

.PHONY: clean
clean: ## Remove what tools left in the clone (caches elsewhere stay)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis out build
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# Everything from nothing but python3 and a package registry; `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
RUN := $(VENV)/bin/python

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo stack test lint docs advisories format bench soak fuzz plugins screenshots clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

demo: $(READY) ## Run the shop with four plugins on embedded parts (CHECK=1: assert every step, then stop)
	@$(RUN) -m project.demo $(if $(CHECK),--check)

stack: $(READY) ## Run the shop as in production, on one machine: PostgreSQL, Redis, S3, workers, scheduler
	@$(RUN) -m project.stack

test: $(READY) ## Run all tests, on real servers that this starts (ARGS="tests/runtime -k deadline")
	@$(RUN) -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

lint: $(READY) ## Check style, types and floors
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

docs: $(READY) ## Build the documentation as a site into var/site, with every link checked
	@$(RUN) -m pip install --quiet --disable-pip-version-check --group docs
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

advisories: $(READY) ## Say which upstream advisories on wasmtime apply; fails for one that nobody has looked at
	@$(RUN) -m wasm_plugins.kit advisories

format: $(READY) ## Put the code into the project's format
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

bench: $(READY) ## Measure what calls cost
	@$(RUN) -m benchmarks

soak: $(READY) ## Let hostile plugins loose on the stack and measure everybody else (MINUTES=10)
	@$(RUN) -m tests.soak --minutes $(or $(MINUTES),10)

fuzz: $(READY) ## Fuzz everything that reads bytes from outside (SECONDS=60)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --group fuzz
	@$(RUN) -m tests.fuzz --seconds $(or $(SECONDS),60)

plugins: $(READY) ## Build the example plugins whose tools are installed
	@$(RUN) -m project.plugin_builds

screenshots: $(READY) ## Take the pictures of the README and of docs/ from the demo's shop, with the installed Chromium
	@$(RUN) -m tests.screenshots

clean: ## Remove everything that the other targets made
	rm -rf $(VENV) var dist plugins/*/build plugins/*/target plugins/*/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "'$(PYTHON)' is missing: install Python 3.11 or newer, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) -V); say PYTHON=python3.12 or the like" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's module 'venv' is missing: on Debian and Ubuntu, install the package python3-venv" >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the project needs into $(VENV) …"
	@$(RUN) -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(RUN) -m pip install --quiet --editable ".[s3,postgresql,http,kit]" --group stack --group test --group lint --group bench
	@touch $@

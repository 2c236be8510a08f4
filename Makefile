# Each verb makes what it needs: a virtual environment in .venv with the locked versions.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help sandbox test test-all lint format bench screenshots templates docs clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing dmstui into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[sandbox,dev]'
	@touch $@

sandbox: $(STAMP) ## open the console on a local AWS, no account needed
	@$(BIN)/dmstui sandbox

test: $(STAMP) ## the fast tests, under 10 minutes
	$(BIN)/pytest -n 2 --dist loadfile -m "not long"

test-all: $(STAMP) ## the long tests: scenarios end to end, kills, properties, tmux, every command of a guide
	$(BIN)/pytest -n 2 --dist loadfile -m long --timeout 900

lint: $(STAMP) ## format, rules, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/docs/commands.py --check

format: $(STAMP) ## put the code into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) $(TEMPLATES) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

bench: $(STAMP) ## measure speed and weight against the budgets
	$(BIN)/python tests/bench/bench.py

screenshots: $(STAMP) ## make the pictures of the documentation anew
	$(BIN)/python tests/pictures/screenshots.py screenshots

TEMPLATES := .venv-templates

$(TEMPLATES)/.installed:
	$(PYTHON) -m venv $(TEMPLATES)
	$(TEMPLATES)/bin/python -m pip install -q --disable-pip-version-check 'cfn-lint>=1.50,<2' 'checkov>=3.2,<4'
	@touch $@

templates: $(TEMPLATES)/.installed ## check the CloudFormation templates with cfn-lint and checkov
	$(TEMPLATES)/bin/cfn-lint -c I -- cloudformation/*.yaml
	$(TEMPLATES)/bin/checkov --quiet --compact --framework cloudformation --directory cloudformation

docs: $(STAMP) ## write the page of commands anew
	$(BIN)/python tests/docs/commands.py

# Needs make and Python 3.11 or 3.12; everything else is installed into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
ARGS ?=
COVER ?=

.PHONY: help run test lint types check bench docs clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Set up, then run the demo (make run ARGS=--once ends after the scan)
	@$(PYTHON) deploy/environment.py
	@$(BIN)/pcg demo $(ARGS)

test: ## Set up, then run the tests
	@$(PYTHON) deploy/environment.py --extra dev
	@$(BIN)/python $(COVER) -m pytest -n 2 --dist loadgroup $(ARGS)

lint: ## Formatting, lint rules and import contracts
	@$(PYTHON) deploy/environment.py --extra dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

types: ## Static types, strict, tests included
	@$(PYTHON) deploy/environment.py --extra dev
	@$(BIN)/mypy

check: lint types test ## Everything that a change must pass

bench: ## Run every benchmark at a size that ends within 15 minutes; JSON into out/bench
	@$(PYTHON) deploy/environment.py --extra dev
	@$(BIN)/python -m benchmarks

clean: ## Remove the environment and what tools left behind; never .pcg
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

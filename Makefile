# Each target does its own set-up: .venv from the lock file, and on Debian as root the packages that tests need.
.PHONY: help demo test lint bench corpus soak run lock clean set-up set-up-dev
.DEFAULT_GOAL := help
SITE ?= config
BIN := .venv/bin

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

demo: set-up ## The main job on the sample site, start to end, on one screen
	@$(BIN)/hie demo

run: set-up ## Start the channels of SITE (default: config)
	@$(BIN)/hie run $(SITE)

test: set-up-dev ## Lint, then every test (RabbitMQ and PostgreSQL included)
	@.ci/test

lint: set-up-dev ## ruff, mypy and the import layers
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "== mypy"
	@$(BIN)/mypy
	@echo "== lint-imports"
	@$(BIN)/lint-imports

soak: set-up-dev ## The long runs: kill -9 under load, backlogs
	@$(BIN)/python -m pytest -m soak --timeout 3600

bench: set-up-dev ## Print the figures of bench/README.md
	@$(BIN)/hie bench
	@for file in bench/*_speed.py; do \
		echo "== $$file"; $(BIN)/python -m bench.$$(basename $$file .py) || exit 1; done

corpus: set-up-dev ## Print the figures of docs/fhir-figures.md, on the open corpus (HIE_CORPUS)
	@$(BIN)/python -m tests.corpus $(ARGS); v2=$$?; $(BIN)/python -m tests.corpus.ccda $(CCDA_ARGS) && exit $$v2

lock: set-up-dev ## Pin the newest versions that pyproject.toml admits
	@cd $(CURDIR) && for kind in "" -dev; do \
		$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-header --no-annotate --no-emit-options \
			--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
			$${kind:+--extra dev --constraint requirements.lock} --output-file requirements$$kind.lock pyproject.toml \
		|| exit 1; done

clean: ## Remove .venv, caches and the developer's servers
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m tests.services stop || true; fi
	rm -rf .venv .services .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up:
	@.ci/set-up run

set-up-dev:
	@.ci/set-up dev

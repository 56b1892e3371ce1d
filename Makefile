# Everything a machine with python3 and make needs: `make demo`, `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OTAVA := .venv-otava
OTAVA_STAMP := $(OTAVA)/.installed

.PHONY: api-docs docs docs-serve docs-check release-check help demo otava test test-deps lint types unit trials-tests bench bench-reliability bench-browsers bench-sockets bench-capacity bench-soaks bench-ratelimit bench-stats format clean

help: ## Say what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1' -c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group test --group lint --group docs
	@touch $(STAMP)

$(OTAVA_STAMP): constraints-otava.txt
	@test -x $(OTAVA)/bin/python || $(PYTHON) -m venv $(OTAVA)
	@echo "installing apache-otava into $(OTAVA) …"
	@$(OTAVA)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-otava.txt apache-otava
	@touch $(OTAVA_STAMP)

demo: $(STAMP) ## Run the main job: a 20 s mixed trial against the stand-in, and its report
	@$(BIN)/harness run mixed

test: $(STAMP) lint types docs-check unit ## Lint, types, layers, documentation, and all tests

otava: $(OTAVA_STAMP) ## apache-otava, for harness trend, in an environment of its own
	@echo "export HARNESS_OTAVA='$(CURDIR)/$(OTAVA)/bin/otava'"

test-deps: ## Real programs for the tests that want them (Debian's packages need root; apache-otava)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  apt-get install -qq -y --no-install-recommends nginx-light chromium chromium-driver prometheus wrk perl >/dev/null \
	  || echo "test-deps: not everything could be installed; its tests will be skipped"; \
	else echo "test-deps: no apt-get, or not root; install nginx, chromium, prometheus, wrk and perl yourself, or their tests are skipped"; fi
	@$(MAKE) --no-print-directory $(OTAVA_STAMP) || echo "test-deps: apache-otava could not be installed; its tests will be skipped"

lint: $(STAMP) ## Style and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(STAMP) ## Types
	@$(BIN)/mypy

unit: $(STAMP) ## Tests
	@$(BIN)/pytest -n 3 --dist worksteal -q -m 'not alone'
	@$(BIN)/pytest -n 4 --dist worksteal -q -m alone

docs: $(STAMP) ## Build the documentation site into build/site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "documentation: build/site/index.html"

docs-serve: $(STAMP) ## Serve the documentation on http://127.0.0.1:8000 and rebuild it on changes
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

docs-check: docs ## Build the documentation and fail if a page loads anything from another host
	@! grep -rnoE '<(script|img|iframe|link)[^>]* (src|href)="?(https?:)?//[^> ]*' build/site --include='*.html'

api-docs: $(STAMP) ## Write docs/openapi.json and docs/asyncapi.json from the stand-in's definitions
	@$(BIN)/python -m harness.standin.api_docs docs

release-check: $(STAMP) ## Build the wheel, install it elsewhere, and make a trial and a report with it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group release
	@$(BIN)/python -m tests.release.check

bench: $(STAMP) ## Cost and truth of the harness, into docs/explanation/performance.md (one part: PART=a … g)
	@$(BIN)/python -m benchmarks $(PART)

bench-stats: $(STAMP) ## Property tests with examples that were never tried before, and the slow statistics
	@HYPOTHESIS_PROFILE=search $(BIN)/pytest -q -n 2 $$(grep -rlE 'hypothesis|mark\.slow' tests --include='test_*.py')
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.compare.decisions
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.compare.trends

bench-reliability: $(STAMP) ## Every lie and every fault over many seeds, into docs/explanation/reliability.md
	@$(BIN)/python -m benchmarks.reliability.matrix

bench-browsers: $(STAMP) ## 200 sessions with real Chromium, every fifth one killed: nothing may be left
	@$(BIN)/python -m benchmarks.browsers 200

bench-sockets: $(STAMP) ## What 500 sockets in one generator process cost an action, into docs/reference/sockets.md
	@$(BIN)/python -m benchmarks.sockets

bench-capacity: $(STAMP) ## The capacity lab against known ceilings and speeds, into docs/explanation/capacity-throughput.md (one part: PART=sessions, uniform or poisson)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.capacity.searches $(PART)

bench-soaks: $(STAMP) ## Real soaks whose latency rises by a fifth, or stays: is it found? Into docs/explanation/capacity-throughput.md (25 min)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.capacity.soaks

bench-ratelimit: $(STAMP) ## How often the rate-limit lab is right, simulated and over HTTP, into docs/explanation/rate-limit.md
	@$(BIN)/python -m benchmarks.rate_limit.sweep 140
	@$(BIN)/python -m benchmarks.rate_limit.over_http --jobs 3

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Remove what was made, trials excepted
	@rm -rf $(VENV) $(OTAVA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

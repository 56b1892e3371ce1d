# Start with `make demo` and `make test`; both need only python3 and make.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OTAVA := .venv-otava
OTAVA_STAMP := $(OTAVA)/.installed

.PHONY: help demo test test-fast lint types unit unit-fast docs docs-serve docs-check api-docs release-check test-deps otava \
  bench bench-stats bench-reliability bench-browsers bench-sockets bench-capacity bench-soaks bench-ratelimit format clean

help: ## List the targets
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

demo: $(STAMP) ## Run a 20 s mixed trial against the stand-in and write its report
	@$(BIN)/harness run mixed

test: $(STAMP) lint types docs-check unit ## Check style, types, layers and documentation, and run all tests (7 min on 2 cores)

test-fast: $(STAMP) ## Check style, layers and types, and run the unit tests only (90 s on 2 cores)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lint types unit-fast

otava: $(OTAVA_STAMP) ## Install apache-otava for `harness trend` in a separate environment
	@echo "export HARNESS_OTAVA='$(CURDIR)/$(OTAVA)/bin/otava'"

test-deps: ## Install nginx, Chromium, Prometheus, wrk and apache-otava for the tests that use them (apt-get needs root)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  apt-get install -qq -y --no-install-recommends nginx-light chromium chromium-driver prometheus wrk perl >/dev/null \
	  || echo "test-deps: not everything could be installed; its tests will be skipped"; \
	else echo "test-deps: no apt-get, or not root; install nginx, chromium, prometheus, wrk and perl yourself, or their tests are skipped"; fi
	@$(MAKE) --no-print-directory $(OTAVA_STAMP) || echo "test-deps: apache-otava could not be installed; its tests will be skipped"

lint: $(STAMP) ## Check style and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(STAMP) ## Check types
	@$(BIN)/mypy

unit: $(STAMP) ## Run all tests
	@$(BIN)/pytest -n 3 --dist loadgroup -q -m 'not alone'
	@$(BIN)/pytest -n 4 --dist worksteal -q -m alone

unit-fast: $(STAMP) ## Run the tests that need no process, no statistics and no idle machine
	@$(BIN)/pytest -n 2 --dist loadgroup -p no:schemathesis -q -m 'not (trial or process or slow or alone)'

docs: $(STAMP) ## Build the documentation site into build/site; broken links are errors
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "documentation: build/site/index.html"

docs-serve: $(STAMP) ## Serve the documentation on http://127.0.0.1:8000 and rebuild it on change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8000

docs-check: docs ## Build the documentation and fail if a page loads anything from another host
	@! grep -rnoE '<(script|img|iframe|link)[^>]* (src|href)="?(https?:)?//[^> ]*' build/site --include='*.html'

api-docs: $(STAMP) ## Write docs/openapi.json and docs/asyncapi.json from the stand-in's definitions
	@$(BIN)/python -m harness.standin.api_docs docs

release-check: $(STAMP) ## Build the wheel, install it into a fresh environment, and run a trial and a report with it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group release
	@$(BIN)/python -m tests.release.check

bench: $(STAMP) ## Measure cost and accuracy of the harness for docs/explanation/performance.md (one part: PART=a … h)
	@$(BIN)/python -m benchmarks $(PART)

bench-stats: $(STAMP) ## Run property tests with new random examples, and the statistical benches in full
	@HYPOTHESIS_PROFILE=search $(BIN)/pytest -q -n 2 $$(grep -rlE 'hypothesis|mark\.slow' tests --include='test_*.py')
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.compare.decisions
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.compare.trends

bench-reliability: $(STAMP) ## Measure detection of every lie and fault over many seeds for docs/explanation/reliability.md
	@$(BIN)/python -m benchmarks.reliability.matrix

bench-browsers: $(STAMP) ## Run 200 sessions with real Chromium, kill every fifth, and look for leftovers
	@$(BIN)/python -m benchmarks.browsers 200

bench-sockets: $(STAMP) ## Measure the cost of an action with 500 sockets in one process for docs/reference/sockets.md
	@$(BIN)/python -m benchmarks.sockets

bench-capacity: $(STAMP) ## Measure accuracy of the capacity lab for docs/explanation/capacity-throughput.md (one part: PART=sessions, uniform or poisson)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.capacity.searches $(PART)

bench-soaks: $(STAMP) ## Measure drift detection on real soaks for docs/explanation/capacity-throughput.md (25 min)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.capacity.soaks

bench-ratelimit: $(STAMP) ## Measure accuracy of the rate-limit lab, simulated and over HTTP, for docs/explanation/rate-limit.md
	@$(BIN)/python -m benchmarks.rate_limit.sweep 140
	@$(BIN)/python -m benchmarks.rate_limit.over_http --jobs 3

format: $(STAMP) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Remove environments, caches and built pages; keep trials
	@rm -rf $(VENV) $(OTAVA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

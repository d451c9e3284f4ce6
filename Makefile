# Every target works on a fresh clone: it makes .venv first (.ci/bootstrap), once.
.DEFAULT_GOAL := help
.PHONY: help run test golden check evaluate bench plugin proto proto-check starter clean

PY := .venv/bin/python
PORT ?= 50051
BUF ?= buf
SWITCHED_ON = $(filter-out 0 no false,$(1))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: ## Serve on PORT (50051) and speak a first sentence; ONESHOT=1 ends after it
	@.ci/bootstrap run
	@$(PY) -m backend.firstlight --port $(PORT) $(if $(call SWITCHED_ON,$(ONESHOT)),--oneshot)

test: ## Run the tests; ARGS="-k name" picks some
	@.ci/bootstrap test
	$(PY) -m pytest $(ARGS)

golden: ## Replay the golden data in CASES=folder; KINDS=a,b picks some
	@test -n "$(CASES)" || { echo "say where the cases are: make golden CASES=folder" >&2; exit 2; }
	@.ci/bootstrap test
	$(PY) -m tests.golden --cases "$(CASES)" $(if $(KINDS),--kinds "$(KINDS)")

check: proto-check ## Lint, check formats and types, and that stubs and pictures are fresh
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) .ci/pictures.py --check
	@if command -v $(BUF) >/dev/null; then $(BUF) lint proto; else \
	  echo "without buf (npm install -g @bufbuild/buf), proto/ was not linted"; test -z "$(CI)"; fi

evaluate: ## Judge the starter bundle by a recogniser (needs flite); ARGS="--max-wer 0.5"
	@.ci/bootstrap test
	$(PY) -m tests.evaluation --bundle engine/bundles/starter --json out/evaluation.json $(ARGS)

bench: ## Measure models and server into out/bench; ARGS="--part server --device cuda"
	@.ci/bootstrap test
	$(PY) -m tests.bench $(ARGS)

plugin: ## Build the two Dify packages into dist/
	@.ci/bootstrap plugin
	$(PY) -m plugin.packaging

proto: ## Generate the stubs again from proto/
	@.ci/bootstrap test
	$(PY) .ci/stubs.py

proto-check:
	@.ci/bootstrap test
	$(PY) .ci/stubs.py --check

starter: ## Train the starter bundle from nothing (hours); ARGS="--share 0.002" rehearses
	@.ci/bootstrap test
	$(PY) -m engine.training.starter $(ARGS)

clean: ## Remove what was built and cached; the voices in data/ and .venv stay
	rm -rf build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

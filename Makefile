# Two commands are all a newcomer types: `make run` and `make test`. The rest is for those who work on it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BENCH  := .venv-bench
T      ?= tests
INTEROP := $(if $(shell command -v npm),tests/interop/node_modules/.installed)

.PHONY: run test lint audit long faults bench lock clean

run: $(VENV)/.runtime
	@$(BIN)/toril run $(if $(ONCE),--once)

test: $(VENV)/.dev $(INTEROP)
	@$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder $(T)

# The real BullMQ, which tests/interop runs beside ours; without Node those tests are skipped, and say so.
$(INTEROP): tests/interop/package-lock.json
	@npm ci --prefix tests/interop --no-audit --no-fund --loglevel=error > /dev/null
	@touch $@

# Volume runs: minutes each, and they print their figures.
long: $(VENV)/.dev
	@$(BIN)/pytest -m long -s $(T)

# The fault suite in its long form: many seeds, the issue's volumes, default leases; writes docs/reliability.md.
faults: $(VENV)/.dev
	@$(BIN)/pytest -m faults -s $(if $(filter tests,$(T)),tests/faults,$(T)); code=$$?; $(BIN)/python -m tests.faults.page && exit $$code

# This engine beside its peers on one Redis; writes docs/benchmarks.md. A short run: make bench ARGS='--rounds 1 --scale 0.02'
bench: $(BENCH)/.installed $(INTEROP)
	@$(BENCH)/bin/python -m benchmarks $(ARGS)

$(BENCH)/.installed: requirements-bench.lock
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Known vulnerabilities of what is pinned; needs the network.
audit: $(VENV)/.dev
	@$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Toril needs Python 3.11 or later, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock setup.cfg | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Writes the locks anew from setup.cfg. The peers' has what the engine stands on as it is, but Celery pins dateutil.
COMPILE = build/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header
lock:
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet pip-tools
	@$(COMPILE) --extra build -o requirements.lock setup.cfg
	@$(COMPILE) --extra build --extra test --extra lint -c requirements.lock -o requirements-dev.lock setup.cfg
	@grep '==' requirements.lock | grep -v '^python-dateutil' | tr -d '\\' > build/lock/constraints.txt
	@$(COMPILE) --extra bench -c build/lock/constraints.txt --no-annotate -o requirements-bench.lock setup.cfg

clean:
	rm -rf $(VENV) $(BENCH) build var *.egg-info tests/interop/node_modules

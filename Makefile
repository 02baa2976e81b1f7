# Two commands are all a newcomer types: `make run` and `make test`. The rest is for those who work on it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?= tests
INTEROP := $(if $(shell command -v npm),tests/interop/node_modules/.installed)

.PHONY: run test lint long faults lock clean

run: $(VENV)/.runtime
	@$(BIN)/toril run $(if $(ONCE),--once)

test: $(VENV)/.dev $(INTEROP)
	@$(BIN)/pytest $(T)

# The real BullMQ, which tests/interop runs beside ours; without Node those tests are skipped, and say so.
$(INTEROP): tests/interop/package-lock.json
	@npm ci --prefix tests/interop --no-audit --no-fund --loglevel=error > /dev/null
	@touch $@

# Volume runs: minutes each, and they print their figures.
long: $(VENV)/.dev
	@$(BIN)/pytest -m long -s $(T)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

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

# Writes both locks anew from setup.cfg.
COMPILE = build/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-header
lock:
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet pip-tools
	@$(COMPILE) --extra build -o requirements.lock setup.cfg
	@$(COMPILE) --extra build --extra test --extra lint -c requirements.lock -o requirements-dev.lock setup.cfg

clean:
	rm -rf $(VENV) build var *.egg-info tests/interop/node_modules

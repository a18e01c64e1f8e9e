# The front door. Needs Python 3.11 or later, git and make; everything else goes into .venv in this folder.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
READY_BENCH := $(VENV)/.ready-bench
CUSTOMERS ?= 2000
DAYS ?= 365
SEED ?= 7

export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test test-all bench check docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything in it (all other targets do this by themselves)

# install(extras, stamp): a virtual environment in this folder, by uv where it is present, else by venv and pip.
define install
set -e; \
python=; \
for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  if command -v $$each >/dev/null && \
     $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$each; break; fi; \
done; \
if [ ! -x $(PY) ]; then \
  if [ -z "$$python" ]; then \
    echo "Python 3.11 or later is not here; install it (on Debian: apt install python3 python3-venv)" >&2; exit 1; fi; \
  if command -v uv >/dev/null; then uv venv --quiet --seed --python "$$(command -v $$python)" $(VENV) || rm -rf $(VENV); fi; \
  if [ ! -x $(PY) ]; then \
    if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
      echo "Python's venv module is not here; install it (on Debian: apt install python3-venv)" >&2; exit 1; fi; \
    $$python -m venv $(VENV); fi; \
fi; \
echo "setting up $(VENV) with footfall[$(1)], once; this takes a minute or two"; \
if ! { command -v uv >/dev/null && uv pip install --quiet --python $(PY) --editable '.[$(1)]'; }; then \
  $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null; \
  $(PY) -m pip install --quiet --editable '.[$(1)]'; fi; \
touch $(2)
endef

$(READY): pyproject.toml
	@$(call install,dev,$@)

$(READY_BENCH): pyproject.toml
	@$(call install,dev$(comma)bench,$@)
	@touch $(READY)

comma := ,

demo: export FOOTFALL_SHOP := demo/shop.duckdb
demo: $(READY) ## simulate a messy shop, run the whole line on it, write a report
	@rm -rf demo
	@mkdir -p demo
	$(VENV)/bin/footfall simulate demo/shop --customers $(CUSTOMERS) --days $(DAYS) --seed $(SEED)
	$(VENV)/bin/footfall load demo/shop --source simulated
	$(VENV)/bin/footfall run
	$(VENV)/bin/footfall report demo/report.html
	@echo
	@echo "The report lies in $(CURDIR)/demo/report.html: open it in a browser, it needs no network."
	@echo "The shop is demo/shop.duckdb: try  $(VENV)/bin/footfall --help"

test: $(READY) ## run the tests (the slow ones left out)
	@$(PY) -m pytest -n 2 -m "not slow"

test-all: $(READY) ## run every test, the slow ones too
	@$(PY) -m pytest -n 2

bench: $(READY_BENCH) ## measure quality and speed beside the peers
	@$(PY) -m benchmarks

check: $(READY) ## format, lint, strict types and the house test
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -m pytest -q tests/test_house.py

docs: $(READY) ## write the reference pages anew from the code
	@$(PY) -m footfall.reference

clean: ## remove the demo and all caches (.venv stays)
	@rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

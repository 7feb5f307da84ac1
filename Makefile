# make demo      try it in a browser          make test      everything that CI runs
# make install   only install, into .venv     make lint      the checks without the tests
#
# PYTHON=python3.12 chooses another Python. pip's own settings apply, such as PIP_EXTRA_INDEX_URL.

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "$(SUPPORTED)" 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
AT_ONCE := $(shell $(PYTHON) -c "import os; print(min(4, (os.cpu_count() or 1) + 1))")
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed

.PHONY: help install demo test tests lint clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,4s/^# *//p' Makefile

install: $(DEV)

demo: $(RUNTIME)
	@$(BIN)/backchannel demo

test: $(DEV)
	@$(MAKE) --no-print-directory --jobs=2 lint tests

tests: $(DEV)
	@$(BIN)/python -m pytest -q -n $(AT_ONCE) --dist worksteal

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

clean:
	rm -rf .venv dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find bot workers modeling tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@"$(or $(PYTHON),false)" -c "$(SUPPORTED)" 2>/dev/null || { \
		echo "Backchannel needs Python 3.11, 3.12 or 3.13: install one, or name it, as in make $(MAKECMDGOALS) PYTHON=python3.12."; \
		exit 1; }
	@"$(PYTHON)" -c "import venv, ensurepip" 2>/dev/null || { \
		echo "This Python cannot make virtual environments: install its venv module (on Debian: apt-get install python3-venv)."; \
		exit 1; }
	@rm -rf .venv
	@"$(PYTHON)" -m venv .venv

$(RUNTIME): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Backchannel into .venv; the first time takes minutes ..."
	@$(PIP) -e '.[worker,local]'
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Backchannel and its development tools into .venv; the first time takes minutes ..."
	@$(PIP) -e '.[worker,local,postgres,dev]'
	@touch $(RUNTIME) $@

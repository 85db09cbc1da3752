# Everything is installed into .venv from the hashed lock; `make help` lists the targets.
# Which Python: the first suitable one on PATH, or say it: make install PYTHON=/path/to/python3.12

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?=
# 3.11 and newer first: the wheel with the Valkey of `elan demo` has no build for 3.10.
PYTHON_CANDIDATES := python3 python3.13 python3.12 python3.11 python3.10
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
LOCK := uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate \
        --custom-compile-command "make lock"

.PHONY: help install demo test unit faults lint format lock tools clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## /{printf "%-10s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## the command .venv/bin/elan, with all it needs

demo: install  ## a network of communities, live, on this machine alone
	$(BIN)/elan demo

test: lint  ## every check: lint, then all tests against real servers (those missing are listed at the end)
	$(BIN)/pytest

unit: .venv/installed-dev  ## the tests of one part each, without replays of whole archives: a minute or two
	$(BIN)/pytest -m "not slow" --numprocesses auto tests/unit tests/contract

faults: .venv/installed-dev  ## the whole fault suite (a quarter of an hour): lost and double must be 0 whatever happens; FAULT_SEED=n replays
	FAULTS=all $(BIN)/pytest tests/faults -m "not alone" --numprocesses 2 --dist worksteal
	FAULTS=all $(BIN)/pytest tests/faults -m alone

lint: .venv/installed-dev  ## style, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@# On Python 3.10 the lock has an older NumPy, whose types say less: the newer one decides.
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "types: left to Python 3.11 or newer"; exit 0; }; \
	  echo $(BIN)/mypy; $(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .venv/installed-dev  ## put the code into the one form, mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/installed-dev  ## write requirements*.txt anew from pyproject.toml (add UPGRADE=--upgrade for newer versions)
	$(BIN)/$(LOCK) $(UPGRADE) --all-extras --group build --output-file requirements.txt pyproject.toml
	$(BIN)/$(LOCK) $(UPGRADE) --constraint requirements.txt --group dev --output-file requirements-dev.txt

tools: .venv/installed-dev  ## build the current promtool and prometheus with Go (minutes; without it Debian's 2.42 serves)
	$(BIN)/python -m tests.servers.prometheus

clean:  ## remove what make and the tools have made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

.venv/bin/python:
	@case "$$(uname -s)" in Linux|Darwin) ;; *) \
	  echo "Élan runs on Linux and macOS; on $$(uname -s) use a Linux container." >&2; exit 1 ;; esac; \
	for python in $(or $(PYTHON),$(PYTHON_CANDIDATES)); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue; \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python cannot make virtual environments: install its module venv (Debian: apt-get install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	  echo "making .venv with $$("$$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	  "$$python" -m venv .venv && exit 0 || exit 1; \
	done; \
	echo "Élan needs Python 3.10 or newer, and $(or $(PYTHON),no python3 on PATH) is not: make install PYTHON=/path/to/python3.12" >&2; \
	exit 1

.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	@echo "installing the locked packages"
	@$(PIP) --require-hashes -r requirements.txt || { \
	  echo "The locked packages could not be installed on $$(uname -sm): they have builds for Python 3.10 to 3.13 on Linux" \
	    "(glibc) and macOS; see the message above." >&2; exit 1; }
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo "installing the locked tools of developers"
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

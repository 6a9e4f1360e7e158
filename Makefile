# `make demo` and `make test` set up what they need: .venv/ from requirements.lock, hash-checked, once.

PYTHON ?= python3
VENV := .venv
STUBS_VENV := .stubs-venv
DEMO := demo
SOAK_MINUTES ?= 60

BIN := $(VENV)/bin
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.PHONY: help setup demo test test-clients lint stubs stubs-check protos-release format data soak clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/installed ## Make .venv/ with everything, as locked

demo: setup ## Start a server on the bundled models, sample and score with them, draw a contact sheet
	$(BIN)/pixelzoo demo --out $(DEMO)

test: lint ## Run lint, types, proto lint, the stub check and all tests
	$(BIN)/python -m pytest

# Each folder client/LANGUAGE with a Makefile says there which Debian packages it needs.
CLIENTS := $(wildcard client/*/Makefile)
define NOT_INSTALLED
not_installed() { \
  for package in $$($(MAKE) --silent -C $$1 packages); do \
    dpkg --status $$package > /dev/null 2>&1 || printf ' %s' $$package; \
  done; \
}
endef
test-clients: setup ## Install other languages' tools, and test the clients in all languages against one server
	@$(NOT_INSTALLED); missing=$$(for client in $(CLIENTS); do not_installed $$(dirname $$client); done); \
	if [ -n "$$missing" ]; then \
	  $(AS_ROOT) apt-get update && \
	  $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $$missing; \
	fi
	$(BIN)/python -m pytest -m clients tests/clients

lint: setup stubs-check ## Run lint, types, proto lint and the stub check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/buf lint protos
	$(BIN)/buf breaking protos --against protos/released.binpb

stubs: $(STUBS_VENV)/installed ## Write the stubs anew from the protos: Python's, and those of the other clients whose packages are there
	$(STUBS_VENV)/bin/python protos/generate.py
	@$(NOT_INSTALLED); for client in $(CLIENTS); do \
	  folder=$$(dirname $$client); missing=$$(not_installed $$folder); \
	  if [ -z "$$missing" ]; then $(MAKE) -C $$folder stubs || exit 1; \
	  else echo "$$folder: no stubs, for want of$$missing"; fi; \
	done

stubs-check: $(STUBS_VENV)/installed
	$(STUBS_VENV)/bin/python protos/generate.py --check

protos-release: setup ## Take the protos as they are for those of the last release, which `make lint` lets nobody break
	$(BIN)/buf build protos --exclude-source-info --output protos/released.binpb

format: setup ## Format all Python files and protos
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/buf format --write protos

FASHION_MNIST := /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
data: ## Install the training images of Fashion-MNIST (Debian's package dataset-fashion-mnist)
	@if [ -e $(FASHION_MNIST) ]; then \
	  echo "Fashion-MNIST is installed: $(dir $(FASHION_MNIST))"; \
	elif command -v apt-get > /dev/null; then \
	  $(AS_ROOT) apt-get update && $(AS_ROOT) apt-get install --yes --no-install-recommends dataset-fashion-mnist; \
	else \
	  echo "There is no apt-get here. Nothing to do: tensorflow-datasets downloads Fashion-MNIST on first use."; \
	fi

soak: setup ## Run the long tests, then the server and client tests over and over for SOAK_MINUTES (60)
	$(BIN)/python -m pytest -m soak
	@end=$$(( $$(date +%s) + 60 * $(SOAK_MINUTES) )); round=0; \
	while [ $$(date +%s) -lt $$end ]; do \
	  round=$$(( round + 1 )); echo "round $$round"; \
	  $(BIN)/python -m pytest --quiet --exitfirst tests/server tests/client || exit 1; \
	done

clean: ## Remove what tests, builds and the demo wrote (not .venv/, not runs/)
	rm -rf $(DEMO) build dist .mypy_cache .pytest_cache .ruff_cache
	@for client in $(CLIENTS); do $(MAKE) -C $$(dirname $$client) clean; done
	find client protos server tests zoo -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew when its lock changes; the project is put into it again when pyproject.toml does.
$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV)/ (the first time 2.8 GB and some minutes)"
	$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements.lock
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(STUBS_VENV)/installed: protos/requirements.lock | $(STUBS_VENV)/bin/python
	$(STUBS_VENV)/bin/python $(PIP_INSTALL) --require-hashes --requirement protos/requirements.lock
	@touch $@

$(BIN)/python $(STUBS_VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null || { \
	  echo "pixelzoo needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is none: install one and say, for example, make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: run apt-get install python3-venv (or your system's package of that kind), then make $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(@:/bin/python=)

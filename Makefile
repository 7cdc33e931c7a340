# Everything is built with make. `make` alone lists the targets.
#
# `make run` and `make test` do all the set-up themselves, on a machine with python3.11, make, git and pip,
# and again only when the locked dependencies, pyproject.toml or the protos have changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
LOCK := .requirements.lock
RUN_LOCK := .requirements-run.lock
CONFORMANCE := .venv-conformance
CONFORMANCE_LOCK := .requirements-conformance.lock
PROTOS := $(wildcard protos/krakencopy/v1/*.proto)
# What the last release promised.
API := protos/released.binpb

# make run: DURATION=60 stops after 60 s; REPLAY=FILE.csv replays real trades; MARKET=live takes the prices of
# Kraken's public feed; SEED=N is the synthetic market's.
# make chaos: SEED=N draws the campaign, ROUNDS=N is its length, SITUATIONS=old_stock,holds,... what is drawn
# beside kills and faults (most).
DURATION ?=
REPLAY ?=
MARKET ?=
SEED ?= 1
ROUNDS ?= 50
STATE_DIR ?= data-paper
# make test: what to run, e.g. TESTS="tests/account_proc -k nonce", and how many files at a time.
TESTS ?=
JOBS ?= 4
# make bench: USERS=1,10 and FILLS=20 for a short one; AGAINST=CHECKOUT measures that krakencopy in turn;
# where the results go, and the plots if elsewhere (FIGURES=docs/performance).
# make bench-compare: BASE is what the newest results are held against, without it those before.
USERS ?=
FILLS ?=
AGAINST ?=
RESULTS ?= bench
FIGURES ?= $(RESULTS)
BASE ?= $(RESULTS)/results.previous.json

.PHONY: help setup run test clients coverage bench bench-compare fuzz chaos conformance conformance-short check format lint types api api-release stubs lock man dist clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: $(LOCK)
	$(PYTHON) -c 'import sys; sys.exit("krakencopy needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	touch $@

$(VENV)/.stubs: $(VENV)/.installed $(PROTOS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos \
	    --python_out=protos --grpc_python_out=protos --mypy_out=quiet:protos --mypy_grpc_out=quiet:protos $(PROTOS)
	touch $@

# Editable, so that the commands run what lies here. An egg-info that a build left would hide the entry points
# of today.
$(VENV)/.ready: $(VENV)/.stubs pyproject.toml
	rm -rf *.egg-info
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	    --no-deps --editable .
	touch $@

# Only to run: less than half of the packages, no stubs for types. Where everything is there, that is used.
$(VENV)/.runnable: $(RUN_LOCK) pyproject.toml $(PROTOS)
	$(PYTHON) -c 'import sys; sys.exit("krakencopy needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(RUN_LOCK)
	$(BIN)/python -m grpc_tools.protoc -I protos --python_out=protos --grpc_python_out=protos $(PROTOS)
	rm -rf *.egg-info
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	    --no-deps --editable .
	touch $@

setup: $(VENV)/.ready  ## only the set-up: virtual environment, locked dependencies, stubs

stubs: $(VENV)/.ready  ## generate the protobuf and gRPC stubs

RUNNABLE := $(if $(wildcard $(VENV)/.ready),$(VENV)/.ready,$(VENV)/.runnable)

run: $(RUNNABLE)  ## paper exchange, a master, three users (DURATION=60, REPLAY=FILE.csv, SEED=1)
	$(BIN)/krakencopyd --paper --state-dir $(STATE_DIR) --seed $(SEED) \
	    $(if $(DURATION),--duration $(DURATION)) $(if $(REPLAY),--replay $(REPLAY)) \
	    $(if $(MARKET),--market $(MARKET))

test: $(VENV)/.ready  ## the tests (TESTS="tests/account_proc -k nonce" for some of them)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

# Each process that a test starts measures itself, and writes what it ran to a file of its own.
coverage: $(VENV)/.ready  ## all tests, measured, and what they reach
	rm -rf .coverage && mkdir .coverage
	COVERAGE_ROOT=$(CURDIR) COVERAGE_PROCESS_START=$(CURDIR)/pyproject.toml \
	    $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m tests.repository.coverage_report

fuzz: $(VENV)/.ready  ## the property tests with new examples, other ones each time
	HYPOTHESIS_PROFILE=new $(BIN)/python -m pytest tests/account_proc tests/supervisor tests/paper_exchange \
	    tests/client tests/chaos

chaos: $(VENV)/.ready  ## seeded kills and faults, judged by the exchange's own record (SEED=1 ROUNDS=50)
	$(BIN)/python -m tests.chaos --seed $(SEED) --rounds $(ROUNDS) $(if $(SITUATIONS),--situations $(SITUATIONS))

bench: $(VENV)/.ready $(CONFORMANCE)/.installed  ## beside what others would write (USERS=1,10 FILLS=20)
	$(BIN)/python -m tests.bench --out $(RESULTS)/results.json --figures $(FIGURES) \
	    $(if $(USERS),--users $(USERS)) $(if $(FILLS),--fills $(FILLS)) $(if $(AGAINST),--against $(AGAINST))

bench-compare: $(VENV)/.ready  ## the newest results of make bench beside others (BASE=FILE.json)
	$(BIN)/python -m tests.bench.compare $(BASE) $(RESULTS)/results.json

# Other people's clients have an environment of their own: nothing of ours may come to need them.
$(CONFORMANCE)/.installed: $(CONFORMANCE_LOCK)
	$(PYTHON) -m venv --clear $(CONFORMANCE)
	$(CONFORMANCE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(CONFORMANCE_LOCK)
	touch $@

conformance: $(VENV)/.ready $(CONFORMANCE)/.installed  ## three clients of others at the paper exchange
	$(CONFORMANCE)/bin/python -m tests.conformance --exchange $(BIN)/python

clients: $(VENV)/.ready  ## clients in other languages, generated and run (part of make test)
	$(BIN)/python -m pytest -ra tests/clients

conformance-short: $(VENV)/.ready $(CONFORMANCE)/.installed
	$(CONFORMANCE)/bin/python -m tests.conformance --exchange $(BIN)/python --short

check: $(VENV)/.ready lint types api coverage conformance-short  ## what CI runs: all of these

format: $(VENV)/.ready  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.ready
	$(BIN)/mypy -p krakencopy -p tests

api: $(VENV)/.ready  ## the control API is extended and not broken: the protos against those released
	$(BIN)/buf breaking protos --against $(API)

api-release: api  ## what is promised from now on: with each release
	$(BIN)/buf build protos --exclude-source-info --as-file-descriptor-set --output $(API)

man: $(VENV)/.ready  ## manual pages of all commands into build/man/man1 (man -M build/man krakencopy)
	$(BIN)/python -m tests.support.manual_pages build/man/man1

dist: $(VENV)/.ready  ## build the wheel into dist/, and the manual pages beside it
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation
	$(BIN)/python -m tests.support.manual_pages dist/man/man1
	rm -rf build *.egg-info

lock: $(VENV)/.installed  ## choose the newest dependencies again and lock them
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --extra dev --extra brokers --extra gateway \
	    --no-emit-index-url --no-emit-find-links --no-header --output-file $(LOCK) pyproject.toml
	cp $(LOCK) $(RUN_LOCK)  # so that both have the same versions
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --extra stubs \
	    --no-emit-index-url --no-emit-find-links --no-header --output-file $(RUN_LOCK) pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	    --no-emit-index-url --no-emit-find-links --no-header --output-file $(CONFORMANCE_LOCK) .requirements-conformance.in

clean:  ## remove everything that make made; state folders stay
	rm -rf $(VENV) $(CONFORMANCE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	rm -f protos/krakencopy/v1/*_pb2*.py protos/krakencopy/v1/*_pb2*.pyi
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# mailrules: two commands do all set-up. `make demo` needs only Python; `make test` also installs
# the servers that the tests start (as root by apt-get; otherwise it prints the command).

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
PLUGINS := $(wildcard plugins/*)
# The test suite of Python is what the drop-in for imaplib has to pass.
# A missing server fails the tests under CI and locally alike; see tests/servers.
SERVERS := dovecot-imapd dovecot-sieve microsocks tinyproxy libpython3.11-testsuite
# Debian's packages of IMAP servers exclude each other: these are unpacked beside the installed one.
UNPACKED_SERVERS := .servers
CYRUS := cyrus-imapd cyrus-common sasl2-bin
EXIM := exim4-daemon-light exim4-base libnss-wrapper
COURIER := courier-imap courier-base courier-authlib gamin
BENCH_SERVERS := dovecot-imapd imapfilter

# Where the environment forbids byte code, each of the many processes would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# What mailrules itself needs, a fifth of what its development needs.
$(RUNS): requirements.txt
	@./.ci/make-venv $(VENV) $(PYTHON) $<
	@touch $@

$(READY): pyproject.toml requirements-dev.txt $(wildcard plugins/*/pyproject.toml)
	@./.ci/make-venv $(VENV) $(PYTHON) requirements-dev.txt . $(PLUGINS)
	@touch $(RUNS) $@

demo: $(RUNS)  ## the whole job on an embedded server: no account, no network
	@$(BIN)/python -m mailrules demo

test: $(READY) servers  ## every test, on real servers
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

servers:  ## the mail servers that the tests start
	@./.ci/need-packages $(SERVERS)
	@./.ci/unpack-server $(UNPACKED_SERVERS)/cyrus $(CYRUS)
	@./.ci/unpack-server $(UNPACKED_SERVERS)/courier $(COURIER)
	@./.ci/unpack-server $(UNPACKED_SERVERS)/exim $(EXIM)

check: $(READY)  ## ruff, mypy strict, the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(READY)  ## speed and round trips against IMAPClient and imapfilter, on a real Dovecot
	@./.ci/need-packages $(BENCH_SERVERS)
	$(BIN)/python -m tests.bench

million: $(READY)  ## a million random and mutated inputs to the IMAP client, about ten minutes
	$(BIN)/python -m tests.fuzz.million

fuzz: $(READY)  ## a minute of fuzzing the IMAP client by coverage (needs atheris)
	$(BIN)/python -m tests.fuzz.with_atheris -max_total_time=60 -max_len=4096

soak: $(READY)  ## 10,000 connection losses at random bytes: nothing leaked, mixed up or done twice
	$(BIN)/python -m tests.soak

torture: $(READY)  ## the whole fault catalogue: every kind of crash, cut and refusal
	$(BIN)/python -m tests.torture
	MAILRULES_EVERY_POINT=1 $(BIN)/python -m pytest -q tests/execution/test_each_server.py tests/execution/test_crossing_servers.py

narrowing: $(READY) servers  ## what SEARCH leaves out is what nothing is done with: thousands of rules on Dovecot and Cyrus
	MAILRULES_NARROWING_FILES=600 $(BIN)/python -m pytest -q tests/narrowing

bench-imap: $(READY)  ## speed and memory of the IMAP client, on a real Dovecot
	@./.ci/need-packages dovecot-imapd
	$(BIN)/python -m tests.bench_imap

docs: $(READY)  ## the pages under docs/_build
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

PIN := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header

requirements:  ## pin requirements-dev.txt and requirements.txt anew (needs uv)
	$(PIN) --all-extras --group dev pyproject.toml -o requirements-dev.txt
	$(PIN) --constraints requirements-dev.txt pyproject.toml -o requirements.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build

.PHONY: help demo test servers check bench bench-imap million fuzz docs requirements clean soak torture narrowing

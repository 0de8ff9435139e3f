# mailrules: two commands do all set-up. `make demo` needs only Python; `make test` also installs
# the servers that the tests start (as root by apt-get; otherwise it prints the command).

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PLUGINS := $(wildcard plugins/*)
# A missing server fails the tests under CI and locally alike; see tests/servers.
SERVERS := dovecot-imapd
BENCH_SERVERS := dovecot-imapd imapfilter

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): pyproject.toml requirements-dev.txt $(wildcard plugins/*/pyproject.toml)
	@./.ci/make-venv $(VENV) $(PYTHON) $(PLUGINS)
	@touch $@

demo: $(READY)  ## the whole job on an embedded server: no account, no network
	@$(BIN)/mailrules demo

test: $(READY) servers  ## every test, on real servers
	$(BIN)/python -m pytest -n 2 --dist loadscope

servers:
	@./.ci/need-packages $(SERVERS)

check: $(READY)  ## ruff, mypy strict, the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(READY)  ## speed and round trips against IMAPClient and imapfilter, on a real Dovecot
	@./.ci/need-packages $(BENCH_SERVERS)
	$(BIN)/python -m tests.bench

docs: $(READY)  ## the pages under docs/_build
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

requirements: ## pin requirements-dev.txt anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--all-extras --group dev pyproject.toml -o requirements-dev.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build

.PHONY: help demo test servers check bench docs requirements clean

# Four verbs: serve, test, check, bench. Each makes what it needs, in .venv and node_modules.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_DIRS := tests/interop/node
BENCH_NODE := benchmarks/node
SERVE ?=
TEST ?=

.DEFAULT_GOAL := help
.PHONY: help serve test check format bench torture clean lock

help:  ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: $(VENV)/.stamp-serve  ## install, start, print one URL to click (SERVE="--port 9000" for options)
	@$(BIN)/crdt-calendar serve $(SERVE)

test: $(VENV)/.stamp-dev $(NODE_DIRS)/.stamp-node  ## everything the tests need, then the tests (TEST="-k room" for some)
	$(BIN)/pytest $(TEST)

check: $(VENV)/.stamp-dev  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.stamp-dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.stamp-dev $(BENCH_NODE)/.stamp-node  ## measure, side by side with other servers
	$(BIN)/python -m benchmarks.fanout $(BENCH)
	$(BIN)/python -m benchmarks.ack
	$(BIN)/python -m benchmarks.idle

torture: $(VENV)/.stamp-dev $(NODE_DIRS)/.stamp-node  ## the long runs: 200 kills, a million steps
	$(BIN)/pytest -m torture --timeout 0 -s $(TEST)

lock: $(VENV)/.stamp-dev  ## write down today's versions
	@echo "# Today's versions, written by \`make lock\`; every install of the Makefile is held to them." > constraints.txt
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools >> constraints.txt

clean:  ## remove what the other verbs made, but no data
	rm -rf $(VENV) $(NODE_DIRS)/node_modules $(BENCH_NODE)/node_modules
	rm -f $(NODE_DIRS)/.stamp-node $(BENCH_NODE)/.stamp-node

$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.stamp-serve: $(VENV)/.stamp-venv pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-serve
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@

# Without Node the tests that need it are skipped, and say so at the end.
%/.stamp-node: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $* --no-audit --no-fund --loglevel=error; \
	else echo "npm not found: what needs Node.js will be skipped"; fi
	@touch $@

# Four verbs: serve, test, check, bench. Each makes what it needs, in .venv and node_modules.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_DIRS := tests/interop/node tests/graphql/node
NODE_STAMPS := $(addsuffix /.stamp-node,$(NODE_DIRS))
BENCH_NODE := benchmarks/node
WEB := server/web
WEB_FILES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(WEB)/index.html $(WEB)/vite.config.ts $(WEB)/tsconfig.json
SERVE ?=
TEST ?=

.DEFAULT_GOAL := help
.PHONY: help serve test check format bench torture pictures wheel clean lock

help:  ## say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: $(VENV)/.stamp-serve $(WEB)/.stamp-page  ## install, start, print one URL to click (SERVE="--port 9000" for options)
	@$(BIN)/crdt-calendar serve $(SERVE)

test: $(VENV)/.stamp-dev $(NODE_STAMPS) $(WEB)/.stamp-page  ## everything the tests need, then the tests (TEST="-k room" for some)
	@if command -v npm >/dev/null && [ -z "$(TEST)" ]; then npm test --silent --prefix $(WEB); fi
ifeq ($(TEST),)
	$(BIN)/pytest -n 2 --dist loadfile --ignore tests/browser
	$(BIN)/pytest tests/browser
else
	$(BIN)/pytest $(TEST)
endif

check: $(VENV)/.stamp-dev $(WEB)/.stamp-node  ## ruff and mypy --strict, biome and tsc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npm >/dev/null; then npm run check --silent --prefix $(WEB); fi

format: $(VENV)/.stamp-dev $(WEB)/.stamp-node  ## put the code into shape
	@if command -v npm >/dev/null; then npm run format --silent --prefix $(WEB); fi
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.stamp-dev $(BENCH_NODE)/.stamp-node  ## measure, side by side with other servers
	$(BIN)/python -m benchmarks.fanout $(BENCH)
	$(BIN)/python -m benchmarks.ack
	$(BIN)/python -m benchmarks.idle
	$(BIN)/python -m benchmarks.detection
	$(BIN)/python -m benchmarks.reconcile
	$(BIN)/python -m benchmarks.graphql
	$(BIN)/python -m benchmarks.ranges
	$(BIN)/python -m benchmarks.board
	$(BIN)/python -m benchmarks.events
	$(BIN)/python -m benchmarks.page

pictures: $(VENV)/.stamp-dev $(WEB)/.stamp-page  ## the page in its main states, drawn into ./pictures to be looked at
	SCREENSHOTS=pictures $(BIN)/pytest tests/browser/test_browser_pictures.py tests/browser/test_browser_conflicts.py

wheel: $(VENV)/.stamp-dev $(WEB)/.stamp-page  ## a wheel in dist, with the page in it
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

torture: $(VENV)/.stamp-dev $(NODE_STAMPS)  ## the long runs: 200 kills, a million steps
	$(BIN)/pytest -m torture --timeout 0 -s $(TEST)

lock: $(VENV)/.stamp-dev  ## write down today's versions
	@echo "# Today's versions, written by \`make lock\`; every install of the Makefile is held to them." > constraints.txt
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools >> constraints.txt

clean:  ## remove what the other verbs made, but no data
	rm -rf $(VENV) $(addsuffix /node_modules,$(NODE_DIRS)) $(BENCH_NODE)/node_modules $(WEB)/node_modules $(WEB)/dist
	rm -f $(NODE_STAMPS) $(BENCH_NODE)/.stamp-node $(WEB)/.stamp-node $(WEB)/.stamp-page

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

# Without Node the server shows a plain page instead.
$(WEB)/.stamp-page: $(WEB)/.stamp-node $(WEB_FILES)
	@if command -v npm >/dev/null; then npm run build --silent --prefix $(WEB) -- --logLevel error; \
	else echo "npm not found: the server will show a plain page"; fi
	@touch $@

# Without Node the tests that need it are skipped, and say so at the end.
%/.stamp-node: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $* --no-audit --no-fund --loglevel=error; \
	else echo "npm not found: what needs Node.js will be skipped"; fi
	@touch $@

# Everything that is done with this repository, by name. `make help` lists it.
#
# Needs Python 3.11 or newer and make, nothing else: no root, no Docker, no database. Works with GNU make 3.81 (macOS).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# What is handed on: make run ARGS="--port 50052", make test ARGS="-k watch -x".
ARGS ?=

# The Python that makes the virtual environment; empty: the first one on the PATH that is new enough.
PYTHON ?=

# What mypy reads; the tests state their types too, but lean on pytest's import paths.
TYPED := server clients scripts

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## Make .venv with everything in it (the other targets do so when needed)

# The stamp is newer than what it was installed from, so a second call costs nothing.
$(STAMP): pyproject.toml constraints.txt scripts/install.sh
	@PYTHON="$(PYTHON)" sh scripts/install.sh "$(VENV)" "$(STAMP)"

.PHONY: run
run: $(STAMP) ## Run the server with its own Postgres and Valkey; Ctrl-C stops it (ARGS=...)
	@exec $(BIN)/python -m holdfast_server --demo $(ARGS)

.PHONY: test
test: $(STAMP) ## Run all tests (ARGS="-k watch -x")
	@exec $(BIN)/python -m pytest $(ARGS)

.PHONY: protocol
protocol: $(STAMP) ## Search the decision protocol for histories that break a promise
	@exec $(BIN)/python -m pytest tests/protocol $(ARGS)

.PHONY: test-cluster
test-cluster: $(STAMP) ## Run the tests of segments on a Valkey cluster alone; make test runs them too
	@exec $(BIN)/python -m pytest tests/cluster $(ARGS)

.PHONY: cluster
cluster: $(STAMP) ## Run a Valkey cluster on this machine and print its URL; Ctrl-C stops it
	@PYTHONPATH=tests exec $(BIN)/python -m support.cluster

.PHONY: lint
lint: $(STAMP) ## Check style and format of the Python code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(STAMP) ## Check the types
	@exec $(BIN)/mypy $(TYPED)

.PHONY: protos
protos: $(STAMP) ## Generate protos/gen from the .proto files
	@exec $(BIN)/python scripts/generate_protos.py

.PHONY: protos-check
protos-check: $(STAMP) ## Check that protos/gen is current, and lint the .proto files with buf
	@exec $(BIN)/python scripts/generate_protos.py --check

.PHONY: replay
replay: $(STAMP) ## Replay a file of real orders and get a verdict (ORDERS=path)
	@test -n "$(ORDERS)" || { echo "name the file: make replay ORDERS=path/to/orders.csv" >&2; exit 2; }
	@mkdir -p build
	@exec $(BIN)/holdfast replay "$(ORDERS)" --embedded --report build/replay.json $(ARGS)

.PHONY: loadtest
loadtest: $(STAMP) ## Sell out 1,000 units to 50,000 buyers, or another SCENARIO, with a verdict (ARGS=...)
	@mkdir -p build
	@exec $(BIN)/holdfast loadtest $(or $(SCENARIO),flash-sale) --embedded --report build/loadtest.json \
		--html build/loadtest.html $(ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure decisions per second on this machine, with a verdict (ARGS=...)
	@mkdir -p build
	@exec $(BIN)/python -m holdfast_loadtest bench --report build/bench.json $(ARGS)

.PHONY: bench-watch
bench-watch: $(STAMP) ## Measure how late changes reach 1,000 and 5,000 watchers (ARGS=...)
	@mkdir -p build
	@exec $(BIN)/python -m holdfast_loadtest bench-watch --report build/watch.json $(ARGS)

.PHONY: bench-growth
bench-growth: $(STAMP) ## Measure a ledger of 10 million movements beside an empty one; a quarter of an hour (ARGS=--quick)
	@mkdir -p build
	@exec $(BIN)/python -m holdfast_loadtest bench-growth --report build/growth.json $(ARGS)

.PHONY: bench-scaling
bench-scaling: $(STAMP) ## Measure what segments cost, and demand over several of them (ARGS=...)
	@mkdir -p build
	@exec $(BIN)/python -m holdfast_loadtest bench-scaling --report build/scaling.json $(ARGS)

.PHONY: robustness
robustness: $(STAMP) ## Break an authority in every known way, and judge its promises (ARGS="--only 9 --cluster")
	@PYTHONPATH=tests exec $(BIN)/python -m robustness run $(ARGS)

.PHONY: mutants
mutants: $(STAMP) ## Break the code in one place after the other: the fault suite must find each out
	@PYTHONPATH=tests exec $(BIN)/python -m robustness mutants $(ARGS)

.PHONY: recovery
recovery: $(STAMP) ## Measure how long it takes until a reservation succeeds again after each loss (ARGS=...)
	@PYTHONPATH=tests exec $(BIN)/python -m robustness recovery $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## Random bytes, messages and files, for longer than in make test (ROUNDS=n)
	@HOLDFAST_FUZZ_ROUNDS=$(or $(ROUNDS),400) exec $(BIN)/python -m pytest tests/robustness/fuzz $(ARGS)

.PHONY: robustness-soak
robustness-soak: $(STAMP) ## The same again and again, with other chances each time (HOURS=n)
	@PYTHONPATH=tests exec $(BIN)/python -m robustness run --hours $(or $(HOURS),1) $(ARGS)

.PHONY: bench-quick
bench-quick: $(STAMP) ## The same figures in less than a minute, less exactly
	@mkdir -p build
	@exec $(BIN)/python -m holdfast_loadtest bench --quick --report build/bench.json $(ARGS)

.PHONY: constraints
constraints: ## Resolve all dependencies anew and pin them in constraints.txt
	@PYTHON="$(PYTHON)" sh scripts/pin_dependencies.sh constraints.txt

.PHONY: clean
clean: ## Remove what can be made again: .venv, caches, build (the data directory stays)
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

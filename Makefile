# Needs Python 3.11 or later and, for the fast engine, a C++20 compiler (GCC or Clang).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/*)

.PHONY: train test test-slow sanitize lint format docs bench clean

# ARGS="--help" and the like are handed on.
train: $(VENV)/.installed
	$(BIN)/throughtime train $(ARGS)

# One thread a process: two processes with all cores each would fight for them.
test: $(VENV)/.group-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

test-slow: $(VENV)/.group-test
	$(BIN)/python -m pytest -m slow $(ARGS)

# The native part under the address, undefined-behaviour and thread sanitizers of GCC.
sanitize: $(VENV)/.group-test $(VENV)/.group-sanitize
	BIN=$(BIN) tests/native/sanitize.sh $(ARGS)

lint: $(VENV)/.group-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.group-lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.group-docs
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.group-test
	set -e; for script in $(wildcard benchmarks/*.py); do $(BIN)/python $$script $(ARGS); done

clean:
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis
	rm -f $(VENV)/.installed $(VENV)/.group-*

# The package itself and what it needs to run. Installed again when the native part changes.
$(VENV)/.installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

# One of the dependency groups of pyproject.toml, on top.
$(VENV)/.group-%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt --group $*
	touch $@

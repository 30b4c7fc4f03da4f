# Needs Python 3.11 or later and, for the fast engine, a C++20 compiler (GCC or Clang).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/*)

.PHONY: train test test-slow fuzz mutate sanitize lint format docs bench clean

# ARGS="--help" and the like are handed on.
train: $(VENV)/.installed
	$(BIN)/throughtime train $(ARGS)

# One thread a process: two processes with all cores each would fight for them.
test: $(VENV)/.group-test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

test-slow: $(VENV)/.group-test $(VENV)/.group-browser
	$(BIN)/python -m pytest -m slow $(ARGS)

# Random cells and calls on every engine against plain autograd: ARGS="--count 20000 --seed 1".
fuzz: $(VENV)/.installed
	PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

# Small mistakes in the files named in ARGS, one at a time: which of them do the tests notice?
mutate: $(VENV)/.group-test
	$(BIN)/python tests/mutate/mutate.py $(ARGS)

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

# Hours. ARGS="--same-allocator" and the like are handed to all of them.
BENCH = $(BIN)/throughtime bench
CELLS = benchmarks/cells
RESULTS = benchmarks/results
bench: $(VENV)/.extra-bench
	mkdir -p $(RESULTS)
	$(BENCH) --csv $(RESULTS)/classes.csv $(ARGS)
	$(BENCH) --csv $(RESULTS)/own_cells.csv --cell $(CELLS)/copied_lstm.py:CopiedLSTM \
	  --cell $(CELLS)/peephole_lstm.py:PeepholeLSTM \
	  --cell $(CELLS)/layer_normalised_lstm.py:LayerNormalisedLSTM $(ARGS)
	$(BENCH) --csv $(RESULTS)/reset.csv --cell $(CELLS)/reset_before_gru.py:ResetBeforeGRU \
	  --beside 'GRU(reset="after")' $(ARGS)
	$(BENCH) --csv $(RESULTS)/feed_forward.csv --cell $(CELLS)/feed_forward.py:FeedForward \
	  --beside RNN $(ARGS)
	$(BENCH) --csv $(RESULTS)/random.csv --random 200 $(ARGS)

clean:
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis
	rm -f $(VENV)/.installed $(VENV)/.group-* $(VENV)/.extra-*

# The package itself and what it needs to run. Installed again when the native part changes.
$(VENV)/.installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

# One of the extras of pyproject.toml, on top.
$(VENV)/.extra-%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$*]"
	touch $@

# One of the dependency groups of pyproject.toml, on top.
$(VENV)/.group-%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt --group $*
	touch $@

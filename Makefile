# Everything runs in this folder's own .venv, made by the first target that needs it and reused while it is current.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
PACKAGING := setup.cfg pyproject.toml constraints.txt
NAMES ?=

.DEFAULT_GOAL := help
.PHONY: help lessons notebooks test parity lint bench clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": try make PYTHON=/path/to/newer/python")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: $(PACKAGING) | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lessons,test]'
	@touch $@

$(VENV)/ready-peers: $(VENV)/ready
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lessons,test,peers,teach,download]'
	@touch $@

lessons: $(VENV)/ready  ## run every lesson and write figures/
	$(RUN) -m lessons run all

notebooks: $(VENV)/ready  ## turn every lesson into an executed notebook in notebooks/
	$(RUN) -m lessons notebook all --execute

test: lint  ## lint, all tests compiled, then the CUDA twins in Numba's simulator
	$(RUN) -m pytest
	NUMBA_ENABLE_CUDASIM=1 $(RUN) -m pytest tests/kernels -k cuda --durations=3

parity: $(VENV)/ready-peers  ## install the peers and compare with every one of them
	$(RUN) -m pytest -m peer --require-peers

lint: $(VENV)/ready  ## check style with ruff
	$(RUN) -m ruff check --no-cache .
	$(RUN) -m ruff format --no-cache --check .

bench: $(VENV)/ready-peers  ## run the benchmarks (NAMES="tfidf nearest" chooses)
	$(RUN) -m benchmarks $(NAMES)

clean:  ## remove .venv and everything generated but the figures
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis notebooks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

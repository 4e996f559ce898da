# Every lane makes its own environment: a fresh machine needs Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Compiled tests and modules are kept: a run that compiles them anew takes 20 CPU-seconds a process.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test slow long torture check format action-requirements clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/postil demo --out build/demo

test: $(STAMP)
	$(BIN)/python -m pytest -m 'not slow and not long and not torture and not gpu' --cov --cov-report=term:skip-covered

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

long: $(STAMP)
	$(BIN)/python -m pytest -m long

torture: $(STAMP)
	$(BIN)/python -m pytest -m torture

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the Action installs, by hash, for every platform; torch and what only its GPU builds need is
# left out. Run it after constraints.txt has changed.
action-requirements: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m tests.action_requirements > build/action-requirements.txt
	mv build/action-requirements.txt action-requirements.txt

clean:
	rm -rf $(VENV) build

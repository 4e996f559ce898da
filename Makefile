# Every lane makes its own environment: a fresh machine needs Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test slow torture check format clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/postil demo --out build/demo

test: $(STAMP)
	$(BIN)/python -m pytest -m 'not slow and not torture and not gpu' --cov --cov-report=term:skip-covered

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

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

clean:
	rm -rf $(VENV) build

# make setup   the environment .venv, with all that follows needs; see scripts/setup.sh for its variables
# make demo    the whole loop: simulate, record, train, recognize; leaves demo/report.html
# make test    the quick tests; make test-full runs the slow ones too
# make lint    ruff and mypy
# make clean   remove what was made here, .venv included

PYTHON ?=
TORCH_VERSION ?=
TORCH_INDEX ?=
DEMO_OUT ?= demo
PYTEST_ARGS ?=
export PYTHON TORCH_VERSION TORCH_INDEX

.PHONY: setup demo test test-full lint clean

setup:
	@scripts/setup.sh

demo: setup
	.venv/bin/aassl demo --out $(DEMO_OUT)

test: setup
	.venv/bin/python -m pytest $(PYTEST_ARGS)

test-full: setup
	.venv/bin/python -m pytest -m "" $(PYTEST_ARGS)

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:
	rm -rf .venv build install log dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

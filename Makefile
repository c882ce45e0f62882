# make setup   make the environment .venv with everything that the other targets need (variables: scripts/setup.sh)
# make demo    run the whole loop: simulate, record, train, recognize; writes demo/report.html
# make test    run the quick tests; make test-full runs the slow ones too
# make lint    run ruff and mypy
# make clean   remove everything that make made, including .venv

PYTHON ?=
TORCH_VERSION ?=
TORCH_INDEX ?=
DEMO_OUT ?= demo
PYTEST_ARGS ?=
# Test files that run at the same time. Nodes are tested in real time: more than there are cores would starve them.
TEST_PROCESSES ?= 2
PYTEST = .venv/bin/python -m pytest -n $(TEST_PROCESSES) --dist loadfile
# The demo runs a robot, a trainer and an evaluator at once, in real time: beside other tests its arm would lag behind.
ALONE = tests/demo
# A broken link and a page without a place in mkdocs.yml are errors (not with --quiet, which also hides them from --strict).
# The variable hides an advertisement.
SITE = NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
export PYTHON TORCH_VERSION TORCH_INDEX

.PHONY: setup demo test test-full lint docs clean

setup:
	@scripts/setup.sh

demo: setup
	.venv/bin/aassl demo --out $(DEMO_OUT)

test: setup
	$(PYTEST) $(or $(PYTEST_ARGS),--ignore=$(ALONE))
	$(if $(PYTEST_ARGS),,.venv/bin/python -m pytest $(ALONE))

test-full: setup
	$(PYTEST) -m "" $(or $(PYTEST_ARGS),--ignore=$(ALONE))
	$(if $(PYTEST_ARGS),,.venv/bin/python -m pytest -m "" $(ALONE))

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python scripts/import_graph.py
	.venv/bin/python scripts/code_counts.py --check
	.venv/bin/python scripts/generate_docs.py --check
	$(SITE)

docs: setup
	.venv/bin/python scripts/generate_docs.py
	$(SITE)

clean:
	rm -rf .venv build install log dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

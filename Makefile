# Thin: each target is a line or two over the tools. `make up` and `make test` are the two to know.

ENVIRONMENT := $(or $(CONDA_PREFIX),$(CURDIR)/.venv)
PYTHON := $(ENVIRONMENT)/bin/python
STAMP := $(ENVIRONMENT)/urbanlab-installed
SOURCES := pyproject.toml constraints.txt setup.sh $(shell find kernels/kernelspecs extensions/jupyter-config voila_apps/templates -type f)
PACKAGES := hub_config/urbanlab_hub hub_config/urbanlab_operate kernels/urbanlab \
            extensions/urbanlab_lab extensions/urbanlab_runner extensions/urbanlab_services \
            voila_apps/urbanlab_portal

# Tests mostly wait: two at a time take half as long on two cores. What tests one part stays together (tests/conftest.py).
# What failed while the halves shared the machine must pass alone, and is named by both runs.
HALVES := -n 2 --dist loadscope --no-loadscope-reorder
ALONE := --last-failed --last-failed-no-failures none

.DEFAULT_GOAL := help
.PHONY: help up test lint bench parts

help:
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

up: $(STAMP) ## set up and run the whole product; Ctrl-C ends it
	@$(ENVIRONMENT)/bin/urbanlab up

test: $(STAMP) parts ## set up and run all tests against the real parts
	@$(PYTHON) -m pytest $(HALVES) $(TESTS) || { [ $$? -eq 1 ] && $(PYTHON) -m pytest $(ALONE) $(TESTS); }

lint: $(STAMP) ## ruff, mypy in strict mode
	$(ENVIRONMENT)/bin/ruff check .
	$(ENVIRONMENT)/bin/ruff format --check .
	$(ENVIRONMENT)/bin/mypy $(PACKAGES)

bench: $(STAMP) parts ## print the figures of tests/benchmarks
	$(PYTHON) -m tests.benchmarks.run $(BENCH)

parts: $(STAMP)
	@$(PYTHON) -P -m urbanlab_operate.local.fetch

$(STAMP): $(SOURCES)
	@sh setup.sh $(ENVIRONMENT)
	@touch $@

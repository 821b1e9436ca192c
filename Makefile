# One verb a line; `make first-start` runs the main job, `make test` all the tests. Each target begins with what this
# machine must have for it, and installs what is missing: rehearsal/prerequisites.py has the table.
PYTHON ?= python3
export PATH := $(PATH):/usr/sbin:/sbin
VENV ?= .venv
ROWS ?=
ROUNDS ?= 5
UPGRADE ?=
SUITE ?=
IMAGE ?= localhost/zflow:dev
ENGINE ?= podman
RUN = $(VENV)/bin/python -m
LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url $(UPGRADE)
SAME = --constraints requirements.lock
# Wheels alone: to build one of another package would fetch tools that nothing pins.
INSTALL = pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
INSTALL_ZFLOW = pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation
PREPARE = @$(PYTHON) -m rehearsal.prerequisites

.PHONY: first-start clean-first-start image sbom check docs lock test-fast mutants test test-containers test-others checkpoints crash crash-short faults bench

first-start:
	$(PREPARE) $@
	@$(PYTHON) -m rehearsal.first_start

clean-first-start:
	@$(PYTHON) -m rehearsal.first_start --clean

image:
	$(PREPARE) $@
	@$(PYTHON) -m rehearsal.image

# The bill of materials of an image that was built: make sbom IMAGE=zflow ENGINE=docker
sbom: $(VENV)/ready
	@$(RUN) supply.sbom $(IMAGE) --engine $(ENGINE)

# What must be here before a target's other prerequisites are made.
prepare-%:
	$(PREPARE) $*

# What the tests need is here then: one that is left out for want of it fails.
test test-fast: export PREPARED_BY_MAKE = yes

# After a change of the dependencies: pins them again, with their hashes. What is pinned already stays at its version;
# `make lock UPGRADE=--upgrade` takes the newest of everything.
lock: $(VENV)/ready
	$(LOCK) --output-file requirements.lock pyproject.toml
	$(VENV)/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    | $(LOCK) --no-annotate --output-file requirements-build.lock -
	$(LOCK) --extra dev $(SAME) --constraints requirements-build.lock --output-file requirements-dev.lock pyproject.toml
	$(LOCK) --extra bench $(SAME) --output-file requirements-bench.lock pyproject.toml

$(VENV)/ready: pyproject.toml requirements-dev.lock tests/deploy/tools.lock
	@$(PYTHON) -m rehearsal.prerequisites venv
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/$(INSTALL) --requirement requirements-dev.lock
	$(VENV)/bin/$(INSTALL) --no-deps --requirement tests/deploy/tools.lock
	$(VENV)/bin/$(INSTALL_ZFLOW) --editable .
	touch $@

# The pages of docs/ that are made from the code's own tables; a test compares them.
docs: $(VENV)/ready
	$(RUN) docs.generate

# The benchmarks' own environment: zflow installed as in the image, not editable, and DBOS Transact to compare with.
$(VENV)-bench/ready: pyproject.toml requirements-bench.lock requirements-build.lock $(wildcard zflow/*.py $(addprefix zflow/,*/*.py) states/*.py $(addprefix states/,*/*.py */*/*.py) alembic/*.py alembic/*/*.py)
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/$(INSTALL) --requirement requirements-bench.lock --requirement requirements-build.lock
	$(VENV)-bench/bin/$(INSTALL_ZFLOW) .
	touch $@

# All rows of docs/performance.md as root, or some: make bench ROWS="step status".
bench: prepare-bench $(VENV)/ready $(VENV)-bench/ready
	$(RUN) tests.bench --rounds $(ROUNDS) $(ROWS)

check: $(VENV)/ready
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

test-fast: prepare-test-fast check
	$(RUN) pytest -q -m "not root and not container and not network and not slow" --numprocesses 2

# Changes the engine's and the states' most delicate code, one place at a time, in a copy: do the fast tests notice?
# Bounded: 160 changes, a quarter of an hour on two free cores. One row: .venv/bin/python -m tests.mutants SPF
mutants: prepare-mutants $(VENV)/ready
	$(RUN) tests.mutants

# Side by side, for containers mostly wait.
test: prepare-test check
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-containers test-others

# Three at a time: each has containers, volumes and networks of its own, and mostly waits.
test-containers: $(VENV)/ready
	$(RUN) pytest -q -m container --numprocesses 3

test-others: $(VENV)/ready
	$(RUN) pytest -q -m "not container"

# Kills the vendor's installers at each of their checkpoints, on three Ubuntus, or on one: make checkpoints SUITE=20.04.
# `make test` takes a few by chance. About ten minutes for each Ubuntu.
checkpoints: prepare-checkpoints $(VENV)/ready
	ZFLOW_TEST_CHECKPOINTS=all $(RUN) pytest -q tests/e2e/test_checkpoints.py -k "$(SUITE)"

# The crash certificate: prints its matrix and keeps it in docs/reliability.md; two hours. The short form: a minute.
crash: prepare-crash $(VENV)/ready
	$(RUN) tests.crash.matrix

crash-short: prepare-crash-short $(VENV)/ready
	$(RUN) tests.crash.matrix --short

# All faults and hostile inputs of tests/faults in their long form; the matrix goes to the same page.
faults: prepare-faults $(VENV)/ready
	ZFLOW_TEST_FAULTS=long $(RUN) pytest -q tests/faults

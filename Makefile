# Everything a person runs. It needs Python 3.11 or newer, make and the package registry; it makes the rest itself.

PYTHON ?= python3
export RUNTIME := 3.13
export PLATFORM := manylinux2014_aarch64
UV_VERSION := $(shell awk -F'"' '/^name = "uv"$$/ {getline; print $$2}' uv.lock)
UV := UV_PYTHON_DOWNLOADS=never .build/uv/bin/uv
LOCK := uv.lock pyproject.toml
RUNTIME_BRINGS := boto3 botocore s3transfer jmespath python-dateutil six
LEFT_OUT := $(RUNTIME_BRINGS) setuptools
REQUIREMENTS := layers/dependencies/requirements.txt
CHECKOV_PINS := tests/template/checkov/requirements.txt
SAM := .venv-sam/bin/sam
export SAM_CLI_TELEMETRY ?= 0

# Settings of the caller's that would put packages elsewhere; those that say where packages come from stay.
export PIP_USER := 0
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH UV_PROJECT_ENVIRONMENT VIRTUAL_ENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Try it
.PHONY: run up down console test test-runtime test-openstack
run: .venv/stamp .venv-local/stamp ## delete 200 backups and purge a year of others on embedded stand-ins for AWS and the cloud; judge it
	@.venv/bin/python -m tests.local $(ARGS)

up: .venv/stamp .venv-local/stamp ## leave a local stack running, with backups, a plan and dead letters, and say what to try
	@.venv/bin/python -m tests.local.up up

down: .venv/stamp ## end what `make up` started
	@.venv/bin/python -m tests.local.up down

console: .venv/stamp ## the operator's commands: .venv/bin/vbs-reaper --help

test: lint .venv-local/stamp .venv-sam/stamp ## lint, then every test but those on real servers
	.venv/bin/python -m pytest -n 2 --dist loadgroup -q $(ARGS)

test-runtime: .venv/stamp .venv-sam/stamp .venv-runtime/stamp ## the built functions in Lambda's own runtime and emulator (Linux)
	.venv/bin/python -m pytest -m runtime tests/runtime $(ARGS)

test-openstack: .venv/stamp .venv-local/stamp ## the tests that real Keystone and Cinder judge, set up and started here
	.venv/bin/python -m pytest -m openstack tests/openstack tests/contract $(ARGS)

##@ Doubt it
.PHONY: bench nightly restic-oracle simulate fuzz mutants audit checkov sbom
bench: .venv-bench/stamp $(if $(filter drain,$(ARGS)),.venv/stamp .venv-local/stamp) ## what a deletion costs beside its peers, as ratios: a table, JSON and a picture in .build/bench
	@.venv-bench/bin/python -m tests.benchmarks $(ARGS)

nightly: .venv/stamp ## what needs a night: 110,000 generated inventories, a million backups, a bulk killed at every point
	PURGE_EXAMPLES=10000 PURGE_SCALE=1 .venv/bin/python -m pytest -q --timeout=7200 -m "not openstack and not runtime" \
	  tests/unit/purge/test_properties.py tests/integration/test_preview.py tests/unit/deletion/test_bulk_killed.py $(ARGS)

restic-oracle: .venv/stamp ## restic itself, asked again what it keeps: its answers go into the tests' table (needs restic)
	.venv/bin/python -m tests.unit.purge.restic.oracle $(ARGS)

simulate: .venv/stamp ## seeded faults on a virtual clock: SEEDS=20000 for a night, SEED=7 tells one seed's story
	@.venv/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED) --story) $(if $(SEEDS),--seeds $(SEEDS))

fuzz: .venv-fuzz/stamp ## ten million hostile inputs for every reader of a stranger's bytes
	.venv-fuzz/bin/python -m tests.fuzz $(ARGS)

mutants: .venv-mutants/stamp ## faults put into what decides: the unit tests must notice each
	.venv-mutants/bin/python -m tests.mutants $(ARGS)

audit: .venv/stamp .venv-audit/stamp ## known faults of what is shipped, weak code, forgotten secrets
	.venv/bin/python -m tests.audit $(ARGS)

checkov: .venv/stamp .venv-checkov/stamp ## checkov's rules on the translated template; nothing is asked of a network
	@.venv/bin/python -m tests.template.checkov

sbom: .venv/stamp .venv-audit/stamp ## what the layer holds, as CycloneDX, in out/
	.venv/bin/python -m tests.audit sbom

##@ Change it
.PHONY: lint format docs lock lock-openstack lock-checkov requirements
lint: .venv/stamp ## ruff, mypy, the import rule, cfn-lint on the raw and the translated template
	.venv/bin/ruff check && .venv/bin/ruff format --check
	.venv/bin/mypy && .venv/bin/lint-imports
	.venv/bin/python -m tests.template.lint

format: .venv/stamp ## put the code into its one shape
	.venv/bin/ruff check --fix --select I && .venv/bin/ruff format

docs: .venv/stamp ## put what code and template say into the README's tables
	.venv/bin/python -m tests.template.tables
	.venv/bin/python -m tests.schemas --write

lock: .build/uv/stamp ## pin everything anew: uv.lock and the layer's requirements
	$(UV) lock
	@$(MAKE) --no-print-directory requirements

requirements: # what the layer holds, as uv.lock has it
	$(UV) export --quiet --frozen --no-dev --no-emit-project --no-header --no-annotate --format requirements-txt \
	  $(LEFT_OUT:%=--no-emit-package %) --output-file $(REQUIREMENTS)

lock-openstack: .build/uv/stamp ## pin the real servers' environment anew
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 tests/openstack/requirements.in --output-file tests/openstack/requirements.txt

lock-checkov: .build/uv/stamp ## pin checkov's environment anew
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 $(CHECKOV_PINS:.txt=.in) --output-file $(CHECKOV_PINS)

##@ Deploy it
.PHONY: build deploy remove
ifneq ($(and $(PARAMETERS),$(findstring --parameter-overrides,$(ARGS))),)
$(error Give all parameters in the file or all by --parameter-overrides: of two lists SAM takes only the last)
endif
build: .venv-sam/stamp sbom ## sam build: no Docker, no Python of the runtime's needed
	$(SAM) validate --lint
	PATH="$(CURDIR)/.build/uv/bin:$$PATH" $(SAM) build

deploy: build ## deploy to the AWS account your environment names; PARAMETERS=FILE holds parameters
	$(SAM) deploy $(if $(PARAMETERS),--parameter-overrides 'file://$(PARAMETERS)') $(ARGS)

remove: .venv-sam/stamp ## remove the stack; no backup is deleted by that
	$(SAM) delete $(ARGS)

##@ Housekeeping
.PHONY: clean help
clean: ## remove everything that make has made
	rm -rf .venv .venv-* .build .aws-sam out .*_cache

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Environments: one for the project, one for each tool that pins what the project does not want to share.
.build/uv/stamp: uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vbs-reaper needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv --clear .build/uv && .build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/stamp: .build/uv/stamp $(LOCK)
	$(UV) sync --quiet --frozen --extra console --python $(PYTHON)
	@touch $@

# Three need the project itself too; one wants the runtime's own Python, where there is one.
SYNC_bench := --no-dev --group bench
SYNC_fuzz := --no-dev --group fuzz
SYNC_mutants := --extra console --group mutants
PYTHON_runtime = $(firstword $(shell python$(RUNTIME) -c 'import sys; print(sys.executable)' 2>/dev/null) \
  $(wildcard $(HOME)/.pyenv/versions/$(RUNTIME)*/bin/python$(RUNTIME)) $(PYTHON))

# Not in uv.lock: it pins a boto3 that is older than the project needs.
.venv-checkov/stamp: .build/uv/stamp $(CHECKOV_PINS)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-checkov
	$(UV) pip sync --quiet --require-hashes --python .venv-checkov/bin/python $(CHECKOV_PINS)
	@touch $@

.venv-%/stamp: .build/uv/stamp $(LOCK)
	UV_PROJECT_ENVIRONMENT=.venv-$* $(UV) sync --quiet --frozen $(or $(SYNC_$*),--only-group $*) --python $(or $(PYTHON_$*),$(PYTHON))
	@touch $@

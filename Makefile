# Everything that developers and operators run. Needs Python 3.11 or newer, make and the package registry; installs the
# rest itself.

PYTHON ?= python3
export RUNTIME := 3.13
export PLATFORM := manylinux2014_aarch64
UV_VERSION := $(shell awk -F'"' '/^name = "uv"$$/ {getline; print $$2}' uv.lock)
UV := UV_PYTHON_DOWNLOADS=never .build/uv/bin/uv
LOCK := uv.lock pyproject.toml
RUNTIME_BRINGS := boto3 botocore s3transfer jmespath python-dateutil six
LEFT_OUT := $(RUNTIME_BRINGS) setuptools
REQUIREMENTS := layers/dependencies/requirements.txt
SBOM := out/dependencies-layer.cdx.json
CHECKOV_PINS := tests/infrastructure/checkov/requirements.txt
SAM := .venv-sam/bin/sam
CLI := .venv/bin/vbs-reaper
# The tests of a file share its fixtures, so one process runs them. Files start in order: the slow ones come first.
IN_TWO := -n 2 --dist loadfile --no-loadscope-reorder
export SAM_CLI_TELEMETRY ?= 0

# Ignore settings of the caller that change where packages are installed. Settings of the package registry are kept.
export PIP_USER := 0
unexport PYTHONDONTWRITEBYTECODE # a test starts hundreds of processes; each would compile its modules again
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH UV_PROJECT_ENVIRONMENT VIRTUAL_ENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Try it
.PHONY: run up down console check test test-runtime test-openstack
run: .venv/stamp .venv-local/stamp ## delete 200 backups and purge a year of others on local emulators of AWS and the cloud; check the result
	@.venv/bin/python -m tests.support.local $(ARGS)

up: .venv/stamp .venv-local/stamp ## start a local stack with backups, a plan and dead letters, and print what to try
	@.venv/bin/python -m tests.support.local.up up

down: .venv/stamp ## stop the local stack that `make up` started
	@.venv/bin/python -m tests.support.local.up down

console: .venv/stamp ## install the operator's CLI: .venv/bin/vbs-reaper --help

check: lint ## lint, then run the unit tests, in about a minute: for each small change
	.venv/bin/python -m pytest $(IN_TWO) -q tests/unit $(ARGS)

test: lint .venv-local/stamp .venv-sam/stamp ## lint, then run all tests except those that need real servers, in four to five minutes
	.venv/bin/python -m pytest $(IN_TWO) -q $(ARGS)

test-runtime: .venv/stamp .venv-sam/stamp .venv-runtime/stamp ## test the built functions in the Lambda runtime and its emulator (Linux)
	.venv/bin/python -m pytest -m runtime tests/runtime $(ARGS)

test-openstack: .venv/stamp .venv-local/stamp ## install and start real Keystone and Cinder, and test against them
	.venv/bin/python -m pytest -m openstack tests/openstack tests/contract $(ARGS)

##@ Verify it
.PHONY: bench nightly restic-oracle simulate fuzz mutants audit checkov sbom
bench: .venv-bench/stamp ## compare the cost of deletions and purges with other clients, on one core; prints a table
	@.venv-bench/bin/python -m tests.benchmarks $(ARGS)

nightly: .venv/stamp ## run for hours: unit tests with 10,000 random examples, a million backups, a bulk killed at every point
	EXAMPLES=10000 PURGE_APPROVALS=100000 BULK_SIZE=1000 PURGE_SCALE=1 .venv/bin/python -m pytest -q --timeout=7200 \
	  -m "not openstack and not runtime" tests/unit tests/integration/test_preview.py \
	  tests/integration/test_purge_at_scale.py $(ARGS)

restic-oracle: .venv/stamp ## record again which backups restic keeps, as expected results of tests (needs restic)
	.venv/bin/python -m tests.unit.purge.restic.oracle $(ARGS)

simulate: .venv/stamp ## simulate seeded faults on a virtual clock; SEEDS=20000 runs for a night, SEED=7 prints what happens
	@.venv/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED) --story) $(if $(SEEDS),--seeds $(SEEDS))

fuzz: .venv-fuzz/stamp ## feed ten million hostile inputs to the parsers of untrusted data
	.venv-fuzz/bin/python -m tests.fuzz $(ARGS)

# mutmut finds a package only in src/, so it runs in a folder of links.
mutants: .venv-mutants/stamp ## insert faults into the code that decides and list those that the unit tests miss; takes hours
	@mkdir -p .build/mutants && ln -sfn ../../layers/shared/python .build/mutants/src
	@ln -sfn ../../functions ../../tests ../../pyproject.toml .build/mutants
	cd .build/mutants && EXAMPLES=25 ../../.venv-mutants/bin/mutmut run $(ARGS)
	@cd .build/mutants && ../../.venv-mutants/bin/mutmut results

# Samples and tests contain checksums, receipt handles, project IDs and canary passwords that are no secrets.
SECRETS := .venv-audit/bin/detect-secrets-hook --no-verify \
  --exclude-lines '"md5Of|"receiptHandle"|"eventSourceARN"|PROJECT|"project"|user:(secret|canary)@|:GetSecretValue' \
  --exclude-secrets '^(change me|3f1c2e9a6d5b48708192a3b4c5d6e7f8[0-9a-f]*)$$'
audit: .venv-audit/stamp ## search for known vulnerabilities in the layer, weak code and forgotten secrets
	.venv-audit/bin/bandit --configfile pyproject.toml --quiet --recursive functions layers/shared/python
	git ls-files -z ':!tests' | xargs -0 $(SECRETS)
	git ls-files -z tests | xargs -0 $(SECRETS) --disable-plugin KeywordDetector
	.venv-audit/bin/pip-audit --strict --disable-pip --progress-spinner off --requirement $(REQUIREMENTS) $(ARGS)

checkov: .venv/stamp .venv-checkov/stamp ## apply checkov's rules to the translated template; needs no network
	@.venv/bin/python -m tests.infrastructure.checkov

sbom: .venv-audit/stamp ## write a software bill of materials of the layer (CycloneDX) to out/
	@mkdir -p $(dir $(SBOM))
	.venv-audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --validate \
	  --output-file $(SBOM) $(REQUIREMENTS)
	@echo $(SBOM)

##@ Change it
.PHONY: lint format docs lock lock-openstack lock-checkov requirements
lint: .venv/stamp .build/linted-template ## run ruff, mypy and import-linter, and cfn-lint if the template has changed
	.venv/bin/ruff check && .venv/bin/ruff format --check
	.venv/bin/mypy && .venv/bin/lint-imports

.build/linted-template: .venv/stamp template.yaml tests/infrastructure/lint.py tests/infrastructure/translate.py
	.venv/bin/python -m tests.infrastructure.lint
	@touch $@

format: .venv/stamp ## sort the imports and format the code
	.venv/bin/ruff check --fix --select I && .venv/bin/ruff format

docs: .venv/stamp ## regenerate the tables of the documents and the JSON Schemas from code and template
	.venv/bin/python -m tests.infrastructure.tables
	.venv/bin/python -m tests.infrastructure.schemas --write

lock: .build/uv/stamp ## update uv.lock and the requirements of the layer
	$(UV) lock
	@$(MAKE) --no-print-directory requirements

requirements: # export the requirements of the layer from uv.lock
	$(UV) export --quiet --frozen --no-dev --no-emit-project --no-header --no-annotate --format requirements-txt \
	  $(LEFT_OUT:%=--no-emit-package %) --output-file $(REQUIREMENTS)

lock-openstack: .build/uv/stamp ## pin the newest versions for the environment of the real servers
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 tests/openstack/requirements.in --output-file tests/openstack/requirements.txt

lock-checkov: .build/uv/stamp ## pin the newest versions for the environment of checkov
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 $(CHECKOV_PINS:.txt=.in) --output-file $(CHECKOV_PINS)

##@ Deploy it
.PHONY: build deploy remove
ifneq ($(and $(PARAMETERS),$(findstring --parameter-overrides,$(ARGS))),)
$(error Pass all parameters in the file or all with --parameter-overrides: if both are given, SAM uses only the last)
endif
# An option among the arguments for SAM, and the name of the stack: given, or that of samconfig.toml.
given = $(shell printf '%s' '$(ARGS)' | sed -n 's/.*--$(1)[= ]\([^ ]*\).*/\1/p')
STACK = $(or $(call given,stack-name),$(shell sed -n 's/^stack_name = "\(.*\)"/\1/p' samconfig.toml))

build: .venv-sam/stamp sbom ## run sam build; needs neither Docker nor Python in the version of the runtime
	$(SAM) validate --lint
	PATH="$(CURDIR)/.build/uv/bin:$$PATH" $(SAM) build

deploy: build ## deploy to the AWS account of your environment; PARAMETERS=FILE reads the parameters from a file
	$(SAM) deploy $(if $(PARAMETERS),--parameter-overrides 'file://$(PARAMETERS)') $(ARGS)

remove: .venv/stamp .venv-sam/stamp ## list what the stack holds, then delete it; this deletes no backup
	@echo "The holds and stops of $(STACK), which bind nobody after the stack is deleted:"
	@$(if $(call given,profile),AWS_PROFILE='$(call given,profile)') $(if $(call given,region),AWS_DEFAULT_REGION='$(call given,region)') \
	  $(CLI) holds --stack '$(STACK)' || echo "They could not be listed."
	$(SAM) delete $(ARGS)

##@ Housekeeping
.PHONY: clean help
clean: ## remove everything that make has created
	rm -rf .venv .venv-* .build .aws-sam out .*_cache

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Virtual environments: one for the project, and one for each tool that would pin versions of the project's packages.
.build/uv/stamp: uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vbs-reaper needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv --clear .build/uv && .build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/stamp: .build/uv/stamp $(LOCK)
	$(UV) sync --quiet --frozen --extra console --python $(PYTHON)
	@touch $@

# Three environments also contain the project. One uses Python in the version of the runtime if it is installed.
SYNC_bench := --no-dev --group bench
SYNC_fuzz := --no-dev --group fuzz
SYNC_mutants := --extra console --group mutants
PYTHON_runtime = $(firstword $(shell python$(RUNTIME) -c 'import sys; print(sys.executable)' 2>/dev/null) \
  $(wildcard $(HOME)/.pyenv/versions/$(RUNTIME)*/bin/python$(RUNTIME)) $(PYTHON))

# Not in uv.lock, because checkov pins a version of boto3 that is older than the project needs.
.venv-checkov/stamp: .build/uv/stamp $(CHECKOV_PINS)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-checkov
	$(UV) pip sync --quiet --require-hashes --python .venv-checkov/bin/python $(CHECKOV_PINS)
	@touch $@

.venv-%/stamp: .build/uv/stamp $(LOCK)
	UV_PROJECT_ENVIRONMENT=.venv-$* $(UV) sync --quiet --frozen $(or $(SYNC_$*),--only-group $*) --python $(or $(PYTHON_$*),$(PYTHON))
	@touch $@

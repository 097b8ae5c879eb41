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
PARALLEL := --dist loadfile --no-loadscope-reorder
export SAM_CLI_TELEMETRY ?= 0

# uv.lock names files on PyPI. If a mirror is set, packages of the same versions and hashes are installed from it.
# pip's configuration files count as for pip, which reads none if PIP_CONFIG_FILE is /dev/null.
PIP_CONF := $(wildcard $(PIP_CONFIG_FILE) $(if $(filter /dev/null,$(PIP_CONFIG_FILE)),, \
  $(HOME)/.config/pip/pip.conf $(HOME)/.pip/pip.conf /etc/pip.conf))
MIRROR := $(or $(UV_DEFAULT_INDEX),$(UV_INDEX_URL),$(PIP_INDEX_URL),$(if $(PIP_CONF),$(shell \
  sed -n 's/^ *index-url *[=:] *//p' $(PIP_CONF) | head -n 1)))
ifneq ($(MIRROR),)
export UV_DEFAULT_INDEX := $(MIRROR)
endif
# Trust what the machine trusts, as pip does: a TLS proxy has certificates of its own.
export UV_SYSTEM_CERTS ?= 1
# The cache folder, or the first of its parents that exists, must be writable.
CACHE_IS_WRITABLE := $(shell folder="$${XDG_CACHE_HOME:-$$HOME/.cache}"; \
  while test ! -e "$$folder"; do folder=$$(dirname "$$folder"); done; test -d "$$folder" && test -w "$$folder" && echo yes)
ifneq ($(CACHE_IS_WRITABLE),yes)
export UV_CACHE_DIR ?= $(CURDIR)/.build/uv-cache
endif
# Ignore settings of the caller that change where packages are installed.
export PIP_USER := 0
unexport PYTHONDONTWRITEBYTECODE # a test starts hundreds of processes; each would compile its modules again
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONHOME PYTHONPATH UV_PROJECT_ENVIRONMENT VIRTUAL_ENV

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Try it
.PHONY: run up down console check test test-runtime test-openstack test-cloud test-browser
run: .venv/stamp .venv-local/stamp ## try it on local emulators: 200 delete requests under faults, then a purge; print a verdict
	@.venv/bin/python -m tests.support.local $(ARGS)

up: .venv/stamp .venv-local/stamp ## start a local stack with backups, a plan and dead letters, and print what to try
	@.venv/bin/python -m tests.support.local.up up

down: .venv/stamp ## stop the local stack that `make up` started
	@.venv/bin/python -m tests.support.local.up down

console: .venv/stamp ## install the operator's CLI: .venv/bin/vbs-reaper --help

check: lint ## lint, then run the unit tests, in one to two minutes: for each small change
	.venv/bin/python -m pytest -n 2 $(PARALLEL) -q tests/unit $(ARGS)

test: lint .venv-local/stamp .venv-sam/stamp ## lint, then run all tests except those that need real servers, in 5 to 10 minutes, or only ARGS=PATH
	.venv/bin/python -m pytest -n 4 $(PARALLEL) -q $(ARGS)

test-runtime: .venv/stamp .venv-sam/stamp .venv-runtime/stamp ## test what sam build makes, and the built functions in the emulator of the Lambda runtime (Linux)
	.venv/bin/python -m pytest -m runtime tests/runtime $(ARGS)

test-openstack: .venv/stamp .venv-local/stamp ## install and start real Keystone and Cinder, and test against them
	.venv/bin/python -m pytest -n 2 $(PARALLEL) -m openstack tests/openstack tests/contract $(ARGS)

test-cloud: .venv/stamp ## test a real target: TARGET=FILE with its secret; sends only GET unless CREATE_ON=VOLUME_ID is given
	@.venv/bin/python -m tests.contract --target '$(or $(TARGET),$(error Name the file: make test-cloud TARGET=target.json))' \
	  $(if $(CREATE_ON),--create-on '$(CREATE_ON)') $(ARGS)

test-browser: .venv-browser/stamp ## check the page of a plan with axe in headless Chromium (needs chromium on the PATH)
	.venv-browser/bin/python -m pytest -m browser tests/browser $(ARGS)

##@ Verify it
.PHONY: bench bench-openstack nightly restic-oracle simulate fuzz mutants audit checkov sbom
bench: .venv-bench/stamp ## compare the cost of deletions and purges with other clients, on one core; prints a table
	@.venv-bench/bin/python -m tests.benchmarks $(ARGS)

bench-openstack: .venv/stamp ## measure on real Cinder how soon deletions are proven, in 45 minutes of waiting; prints a table
	@.venv/bin/python -m tests.openstack.pace

nightly: .venv/stamp ## run for hours: unit tests with 10,000 random examples, a million backups, a bulk killed at every point
	EXAMPLES=10000 BULK_SIZE=1000 PURGE_SCALE=1 .venv/bin/python -m pytest -q --timeout=7200 \
	  -m "not openstack and not runtime" tests/unit tests/integration/test_preview.py \
	  tests/integration/test_purge_at_scale.py $(ARGS)

restic-oracle: .venv/stamp ## record again which backups restic keeps, as expected results of tests (needs restic)
	.venv/bin/python -m tests.unit.purge.restic.oracle $(ARGS)

simulate: .venv/stamp ## simulate seeded faults on a virtual clock; SEEDS=20000 runs for a night, SEED=7 prints what happens
	@.venv/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED) --trace) $(if $(SEEDS),--seeds $(SEEDS))

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
  --exclude-secrets '^(change[ -]me|3f1c2e9a6d5b48708192a3b4c5d6e7f8[0-9a-f]*)$$'
audit: .venv-audit/stamp ## search for known vulnerabilities in the layer, weak code and forgotten secrets
	.venv-audit/bin/bandit --configfile pyproject.toml --quiet --recursive functions layers/shared/python
	git ls-files -z ':!tests' | xargs -0 $(SECRETS)
	git ls-files -z tests ':!tests/unit/clouds/aksk_vectors.json' | xargs -0 $(SECRETS) --disable-plugin KeywordDetector
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
STACK = $(or $(call given,stack-name),$(shell sed -n '/^stack_name/ {s/.*"\(.*\)"/\1/p;q;}' samconfig.toml))
# AWS commands for that stack, in the profile and region that the arguments for SAM name.
AS_GIVEN = $(if $(call given,profile),AWS_PROFILE='$(call given,profile)') $(if $(call given,region),AWS_DEFAULT_REGION='$(call given,region)')
BUS_RULES := .venv/bin/python -m vbs_reaper.cli.bus_rules
KEY_NOTE := If you change or remove KmsKeyArn, name the earlier key in FormerKmsKeyArns and keep it enabled for 14 days. \
  Otherwise waiting requests are not delivered, and are lost after 14 days.

build: .venv-sam/stamp sbom ## run sam build; needs neither Docker nor Python in the version of the runtime
	$(SAM) validate --lint
	PATH="$(CURDIR)/.build/uv/bin:$$PATH" BYTECODE_PYTHON="$(PYTHON_runtime)" $(SAM) build
	@find .aws-sam/build/SharedLayer -name '*.pyc' | grep -q . || echo \
	  "Built. The layers contain no byte code, so cold starts take twice as long: no Python $(RUNTIME) was found." \
	  "To add it: make build PYTHON=/path/to/python$(RUNTIME)"

deploy: build ## deploy to the AWS account of your environment; PARAMETERS=FILE reads the parameters from a file
	@! { echo "$$ARGS"; cat $(PARAMETERS) /dev/null; } | grep -qw KmsKeyArn || echo "$(KEY_NOTE)" >&2
	$(SAM) deploy $(if $(PARAMETERS),--parameter-overrides 'file://$(PARAMETERS)') $(ARGS)

remove: .venv/stamp .venv-sam/stamp ## list what the stack holds, then delete it; this deletes no backup
	@echo "The holds and stops of $(STACK), which have no effect after the stack is deleted:"
	@$(AS_GIVEN) $(CLI) holds --stack '$(STACK)' || echo "They could not be listed."
	@$(AS_GIVEN) $(BUS_RULES) '$(STACK)'
	$(SAM) delete $(ARGS)

##@ Housekeeping
.PHONY: clean help
clean: ## remove everything that make has created
	rm -rf .venv .venv-* .build .aws-sam out .*_cache .hypothesis .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / { \
	  line = sprintf("  make %-15s", $$1); count = split($$2, words, " "); \
	  for (place = 1; place <= count; place++) { \
	    if (length(line) + length(words[place]) > 78) { print line; line = sprintf("%22s", "") } \
	    line = line " " words[place] } \
	  print line }' $(MAKEFILE_LIST)

# Virtual environments: one for the project, and one for each tool that would pin versions of the project's packages.
# SYNC installs into a folder $(1) what the options $(2) select from uv.lock, for a Python $(3).
ifeq ($(MIRROR),)
SYNC = UV_PROJECT_ENVIRONMENT=$(1) $(UV) sync --quiet --frozen $(2) --python $(3)
else
define SYNC
$(UV) venv --quiet --clear --python $(3) $(1)
$(UV) export --quiet --frozen $(2) --no-emit-project --no-header --format requirements-txt --output-file .build/$(1).txt
$(UV) pip sync --quiet --require-hashes --python $(1)/bin/python .build/$(1).txt
$(if $(filter --only-group,$(2)),,$(UV) pip install --quiet --no-deps --python $(1)/bin/python --editable .)
endef
endif

.build/uv/stamp: uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vbs-reaper needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv --clear .build/uv && .build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/stamp: .build/uv/stamp $(LOCK)
	$(call SYNC,.venv,--extra console,$(PYTHON))
	@touch $@

# These environments also contain the project. The last one uses Python in the version of the runtime if it is installed.
SYNC_bench := --no-dev --group bench
SYNC_fuzz := --no-dev --group fuzz
SYNC_mutants := --extra console --group mutants
SYNC_browser := --extra console --group browser
PYTHON_runtime = $(firstword $(foreach python,$(PYTHON) python$(RUNTIME) \
  $(wildcard $(HOME)/.pyenv/versions/$(RUNTIME)*/bin/python$(RUNTIME)),$(shell $(python) -c \
  'import sys; "%d.%d" % sys.version_info[:2] == "$(RUNTIME)" and print(sys.executable)' 2>/dev/null)) $(PYTHON))

# Not in uv.lock, because checkov pins a version of boto3 that is older than the project needs.
.venv-checkov/stamp: .build/uv/stamp $(CHECKOV_PINS)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-checkov
	$(UV) pip sync --quiet --require-hashes --python .venv-checkov/bin/python $(CHECKOV_PINS)
	@touch $@

.venv-%/stamp: .build/uv/stamp $(LOCK)
	$(call SYNC,.venv-$*,$(or $(SYNC_$*),--only-group $*),$(or $(PYTHON_$*),$(PYTHON)))
	@touch $@

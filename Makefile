# Everything here starts from git, make and Python >= 3.11; each target brings what else it needs.
# pip is left to the machine's own configuration: no index is set here.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The lock files are whole: nothing is resolved, so a release of today can't come in between.
LOCKED := --require-hashes --only-binary :all: --no-deps
COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

HELM_VERSION := v3.22.0
HELM = $(or $(shell command -v helm),.tools/bin/helm)
KUBERNETES_VERSION := 1.33

# what is tried on each RabbitMQ
MESSAGES := tests/publish tests/receive/test_amqp.py tests/receive/test_amqp_commands.py tests/cli/test_apply.py \
  tests/cli/test_dead.py tests/cli/test_replay.py tests/faults/test_confirms.py tests/faults/test_broker_away.py

export QUICK

.PHONY: help demo serve test coverage soak bench mutate lint sbom audit lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.runtime ## Play River's story end to end and print what each party saw
	@$(BIN)/casebridge demo

serve: .venv/.runtime ## Serve with River's story loaded, until Ctrl-C
	@$(BIN)/casebridge serve --demo

test: .venv/.dev ## Run the tests against private PostgreSQL and RabbitMQ servers
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: .venv/.dev ## Run the tests and list the lines that none of them reaches
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov=service --cov-report=term-missing:skip-covered $(ARGS)

soak: .venv/.dev ## Run the long tests, and those of messages on each RabbitMQ of RABBITMQ_HOMES
	@$(BIN)/python -m pytest -m soak $(ARGS)
	@[ -n "$(RABBITMQ_HOMES)" ] || echo "RABBITMQ_HOMES is not set: only one RabbitMQ was tried; see DEVELOPMENT.md." >&2
	@for home in $(RABBITMQ_HOMES); do \
	  echo "RabbitMQ of $$home" && CASEBRIDGE_TEST_RABBITMQ_HOME="$$home" $(BIN)/python -m pytest $(MESSAGES); done

bench: .venv/.dev ## Measure the budgets into build/bench.json (QUICK=1: within three minutes)
	@$(BIN)/python -m tests.performance $(ARGS)

mutate: .venv/.dev ## List the changes of MODULE=service/... that none of TESTS=tests/... notices
	@$(BIN)/python -m tests.mutation $(MODULE) --tests="$(TESTS)" --options="$(ARGS)"

lint: .venv/.dev $(HELM) ## Check style, types, import contracts and the chart
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(HELM) lint --strict --quiet --kube-version $(KUBERNETES_VERSION).0 helm
	@mkdir -p build
	@$(HELM) template casebridge helm --namespace casebridge --kube-version $(KUBERNETES_VERSION).0 \
	  --set mllp.enabled=true,mllp.tlsSecret=mllp-tls,owner.existingSecret=owner,owner.databaseRole=app > build/chart.yaml
	@said=$$($(BIN)/kubernetes-validate --strict --quiet -k $(KUBERNETES_VERSION) build/chart.yaml) && [ -z "$$said" ] \
	  || { echo "build/chart.yaml is not valid: $$said" >&2; exit 1; }  # it only warns of an unknown kind

sbom: .tools/audit/.made .tools/shipped/.made ## Write build/sbom.json: what a release is made of, in CycloneDX
	@mkdir -p build
	@.tools/audit/bin/cyclonedx-py environment .tools/shipped --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom.json

audit: .tools/audit/.made ## Ask for known vulnerabilities; fail if a package has one or cannot be audited
	@.tools/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

lock: ## Renew the lock files (the one target that needs uv)
	@echo 'setuptools>=77' | $(COMPILE) pyproject.toml - -o requirements.lock $(ARGS)
	@echo 'setuptools>=77' | $(COMPILE) --extra dev -c requirements.lock pyproject.toml - -o tests/requirements.lock $(ARGS)
	@$(COMPILE) --group audit -o .ci/audit.lock $(ARGS)

clean: ## Remove what the targets made, except databases
	@rm -rf .venv .tools build *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: .runtime and .dev say which lock file it was last brought up to.

.venv/.made:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue; \
	  echo "Making .venv with $$("$$python" --version)"; \
	  "$$python" -m venv --clear .venv && touch $@ && exit 0; \
	done; \
	echo "No Python 3.11 or later with venv here: install it first (Debian, Ubuntu: python3 and python3-venv)." >&2; \
	exit 1

.venv/.runtime: .venv/.made requirements.lock pyproject.toml
	@echo "Installing what requirements.lock names"
	@$(PIP) install $(LOCKED) -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@$(PIP) check
	@touch $@

.venv/.dev: .venv/.runtime tests/requirements.lock
	@echo "Installing what tests/requirements.lock names"
	@$(PIP) install $(LOCKED) -r tests/requirements.lock
	@$(PIP) check
	@touch $@

# Tools in an environment of their own, and what is shipped alone in another.
.tools/audit/.made: .ci/audit.lock | .venv/.made
	@echo "Installing what .ci/audit.lock names"
	@$(BIN)/python -m venv --clear .tools/audit
	@.tools/audit/bin/python -m pip --disable-pip-version-check --quiet install $(LOCKED) -r .ci/audit.lock
	@touch $@

.tools/shipped/.made: requirements.lock | .venv/.made
	@echo "Installing what requirements.lock names"
	@$(BIN)/python -m venv --clear --without-pip .tools/shipped
	@$(PIP) --python .tools/shipped/bin/python install $(LOCKED) -r requirements.lock
	@touch $@

.tools/bin/helm:
	@command -v go > /dev/null || { \
	  echo "Neither helm nor go is on the PATH: install helm 3, or go 1.26 or later to build it." >&2; exit 1; }
	@echo "Building helm $(HELM_VERSION)"
	@GOBIN="$(CURDIR)/.tools/bin" go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

# Two commands: `make run` serves, `make test` passes the tests. `make check` is everything CI checks.
# Each creates .venv when needed and installs by hash: `make run` what serving needs, the others all the rest beside it.
PYTHON ?= python3
BIN := .venv/bin
RUNS := .venv/.runs
READY := .venv/.ready
# What is made beside each other says its lines together, where make can do so.
APART := $(if $(filter output-sync,$(.FEATURES)),-O)
SIEGE := tests/fuzz tests/faults
# What runs whole in the siege, and in part in `make test`.
WHOLE := tests/envelopes/test_orders.py tests/engineering/entries/test_every_order.py \
	tests/engineering/corrections/test_every_order.py tests/awards/test_door.py tests/advances/test_calculator.py \
	tests/applications/test_committees_at_once.py \
	tests/advances/test_model.py tests/advances/test_at_once.py \
	tests/contract/test_forms.py tests/contract/test_http.py

.PHONY: run test check read checked advisories sbom siege bench bench-quick lock openapi clients packages format clean

# The figures for Prometheus have a free port, which is printed.
run: export REBOND_OPERATIONS_PORT ?= 0
run: $(RUNS)
	@exec $(BIN)/rebond serve

# A compiled module is kept also where the shell forbids it: a run starts dozens of processes, which would each compile.
test checked clients siege: export PYTHONDONTWRITEBYTECODE =
test: $(READY)
	@$(BIN)/pytest -q -n auto --ignore tests/checks --ignore tests/clients $(SIEGE:%=--ignore %) $(ARGS)

# What reads the text and what runs it, beside each other: mypy from nothing takes as long as the tests of checks do.
check: $(READY)
	@$(MAKE) --no-print-directory -j 2 $(APART) read checked advisories

read: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

checked: $(READY)
	$(BIN)/pytest -q tests/checks

# Known weaknesses of what the locks install; where no service answers, it says so.
advisories: $(READY)
	@$(BIN)/python -m tests.checks.advisories

# What the image installs, as CycloneDX: sbom.json.
sbom: $(READY)
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible -o sbom.json requirements-service.lock
	@echo "sbom.json"

# Fuzz, the table of hostile input, kill -9, held locks and a full disk against two workers, some fifteen minutes; docs/testing.md has its settings.
siege: $(READY)
	@$(BIN)/pytest -q -n $(if $(CI),2,0) -p no:randomly $(SIEGE) $(ARGS)
	@$(if $(CI),,REBOND_SIEGE_WORKERS=2 $(BIN)/pytest -q -p no:randomly tests/contract/test_hostile.py $(ARGS))
	@$(if $(CI),,REBOND_ORDERS=all REBOND_EXAMPLES=2000 REBOND_MODEL_SEEDS=20 $(BIN)/pytest -q -n auto $(WHOLE))

# One worker beside a bare handler on databases of 100 000 and 1 000 000 entries; the quick one takes about a minute.
bench: $(READY)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(READY)
	@$(BIN)/python -m tests.bench --quick $(ARGS)

openapi: $(READY)
	@$(BIN)/rebond openapi --output openapi/openapi.json

# The lint of the document, the packages of clients, made and used, one that is generated for Java, a front-end in a browser.
clients: $(READY)
	@.ci/clients
	@$(BIN)/pytest -q tests/clients

# The packages of the clients, ready to publish: dist/ (TypeScript's needs what openapi/package-lock.json names).
packages: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" clients/make python dist
	@PATH="$(CURDIR)/$(BIN):$$PATH" clients/make typescript dist
	@ls dist

format: $(READY)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# Needs uv; the locks name no host. What serves, and of it the container's image, is what is tested.
COMPILE := uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml
TESTED := --constraint requirements.lock --no-annotate --extra documents
lock:
	@$(COMPILE) --extra bundled --extra documents --extra dev -o requirements.lock
	@$(COMPILE) $(TESTED) --extra bundled -o requirements-run.lock
	@$(COMPILE) $(TESTED) -o requirements-service.lock

clean:
	@rm -rf .venv

INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check

$(RUNS): requirements-run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rebond needs Python 3.11 or later (PYTHON=python3.x make …)")'
	@$(PYTHON) -m venv .venv
	@echo "installing requirements-run.lock into .venv (once) …"
	@$(INSTALL) --require-hashes -r requirements-run.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(READY): $(RUNS) requirements.lock
	@echo "installing requirements.lock into .venv (once) …"
	@$(INSTALL) --require-hashes -r requirements.lock
	@touch $@

# Two commands: `make run` serves, `make test` passes the tests. `make check` is everything CI checks.
# Each creates .venv and installs requirements.lock, by hash, when needed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test check fuzz faults bench bench-quick lock openapi clients format clean

run: $(READY)
	@exec $(BIN)/rebond serve

test: $(READY)
	@$(BIN)/pytest -q -n auto --ignore tests/checks $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/pytest -q tests/checks

# Some eight minutes: requests by the document and by the table of attacks, against two workers.
fuzz: $(READY)
	@REBOND_FUZZ_EXAMPLES=$${REBOND_FUZZ_EXAMPLES:-100} REBOND_FUZZ_SECONDS=$${REBOND_FUZZ_SECONDS:-90} \
		$(BIN)/pytest -q -p no:randomly tests/fuzz $(ARGS)

# Some five minutes: kill -9, held locks, a full disk, under writers who must lose nothing.
faults: $(READY)
	@REBOND_FAULTS_ROUNDS=$${REBOND_FAULTS_ROUNDS:-60} $(BIN)/pytest -q -p no:randomly tests/faults $(ARGS)

# One worker beside a bare handler on databases of 100 000 and 1 000 000 entries; the quick one takes about a minute.
bench: $(READY)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(READY)
	@$(BIN)/python -m tests.bench --quick $(ARGS)

openapi: $(READY)
	@$(BIN)/rebond openapi --output openapi/openapi.json

clients:
	@.ci/clients

format: $(READY)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# Needs uv; the locks name no host. The second holds what the container's image needs: of the extras, documents alone.
COMPILE := uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml
lock:
	@$(COMPILE) --extra bundled --extra documents --extra dev -o requirements.lock
	@$(COMPILE) --constraint requirements.lock --extra documents --no-annotate -o requirements-service.lock

clean:
	@rm -rf .venv

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rebond needs Python 3.11 or later (PYTHON=python3.x make …)")'
	@$(PYTHON) -m venv .venv
	@echo "installing requirements.lock into .venv (once) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

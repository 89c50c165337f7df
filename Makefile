# make run: a bot to talk to.  make test: lint, types, all tests (what CI runs).  make faults: kill it, cut its network.
PYTHON ?= python3
BIN := .venv/bin
LIBRARY := plugins/err-confirm

.PHONY: run test setup lint bench faults mutants lock clean

run: setup
	@$(BIN)/errbot -c config.py -T

# Set, this variable would have each process compile all tests again, and all that is imported.
test: setup lint
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 4 --dist worksteal

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

setup: .venv/.locked

# Nothing of ours is installed into .venv: Errbot walks its site-packages for plugins, and an editable install stops it.
# A link is left alone: `venv --clear` would empty what it leads to, and only then refuse the link.
.venv/.locked: requirements.lock Makefile
	@test ! -L .venv || { echo "err-confirm: .venv is a link, and not up to date: remove the link, or run make where it leads to" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "err-confirm needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@echo "err-confirm: installing what requirements.lock names into .venv ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --prefer-binary -r requirements.lock
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -m err_confirm "$$@"\n' '$(CURDIR)/$(LIBRARY)' '$(CURDIR)/$(BIN)/python' > $(BIN)/err-confirm
	@chmod +x $(BIN)/err-confirm
	@tests/fetch_sshd.sh .venv/sshd
	@touch $@

bench: setup
	@for file in bench/bench_*.py; do PYTHONPATH=$(LIBRARY):tests $(BIN)/python $$file || exit 1; done

# For each store 3,000 processes killed with -9; then 1,000 lives through a network that loses answers: half an hour.
faults: setup
	@PYTHONPATH=$(LIBRARY):tests $(BIN)/python tests/faults.py --points
	@PYTHONPATH=$(LIBRARY):tests $(BIN)/python tests/cutting.py

# Is there a test for each line of the core? Takes an hour or two; make mutants MODULES="gate policy" takes less.
mutants: setup
	@nice -n 10 $(BIN)/python tests/mutants.py $(MODULES)

# After a change of the dependencies in pyproject.toml: needs uv.
lock:
	uv pip compile --universal --generate-hashes --no-annotate --extra hiredis --extra otp --extra workers --group dev --python-version 3.11 -o requirements.lock pyproject.toml

clean:
	rm -rf .venv data

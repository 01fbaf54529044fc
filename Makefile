# Glupy's commands; `make help` lists them.

PYTHON ?= /usr/bin/python3
CARGO ?= cargo
DESTDIR ?=

# The Debians in which `make matrix` runs the end-to-end tests.
MOUNT ?= trixie

# The Python that glupy.so embeds; another build of Python is chosen with
# `make PYO3_PYTHON=/path/to/python3`.
export PYO3_PYTHON ?= $(PYTHON)

target := $(or $(CARGO_TARGET_DIR),target)
library := $(target)/release/libglupy.so
venv := $(target)/venv
config := python/pyproject.toml
python_sources := examples python tests tools

# The translators of the installed GlusterFS: <libdir>/glusterfs/<version>/xlator.
xlator_dir = $(shell PATH="$$PATH:/usr/sbin" glusterfs --print-xlatordir)
installed = $(DESTDIR)$(xlator_dir)/features/glupy.so
has_gluster = test -n "$(xlator_dir)" || { echo "there is no GlusterFS here (glusterfs --print-xlatordir)" >&2; exit 1; }

# Mounting needs root; building does not.
root := $(if $(filter-out 0,$(shell id -u)),sudo)

.PHONY: all deps deps-test install uninstall demo test cargo-test pytest bench generate check lint matrix bare clean help

all: deps ## Build glupy.so (what is missing for that is installed first)
	$(CARGO) build --locked --release -p glupy

deps: ## Install what building and mounting need and this machine lacks
	@tools/deps.sh

deps-test:
	@tools/deps.sh test

install: ## Put glupy.so into the installed GlusterFS (or below DESTDIR)
	@test -f $(library) || { echo "$(library) is not there: run make first" >&2; exit 1; }
	@$(has_gluster)
	install -D -m 644 $(library) $(installed)

uninstall: ## Remove what install has put there
	@$(has_gluster)
	rm -f $(installed)

demo: all ## Show examples/negative.py at work on a scratch mount
	@$(root) $(PYTHON) tools/demo.py $(library)

test: deps-test all ## Run every check and every test (what is missing is installed first)
	$(MAKE) lint
	$(MAKE) check
	$(MAKE) cargo-test
	$(MAKE) pytest

cargo-test: deps-test
	$(CARGO) test --locked --workspace

pytest: deps-test all $(venv)/ready
	$(root) env "PATH=$(PATH)" "HOME=$(HOME)" GLUPY_SO=$(abspath $(library)) PYTHONDONTWRITEBYTECODE=1 \
		$(venv)/bin/pytest -c $(config) --rootdir . tests

bench: deps-test all ## Measure what an intercepted request costs
	$(root) env GLUPY_SO=$(abspath $(library)) $(PYTHON) tests/course/bench.py

generate: ## Write what is generated from fops.yaml
	$(CARGO) codegen generate

check: ## Compare what is generated with fops.yaml; write nothing
	$(CARGO) codegen check

lint: deps-test $(venv)/ready ## Formatting, lints and types of Rust and Python
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(venv)/bin/ruff check --config $(config) $(python_sources)
	$(venv)/bin/ruff format --check --config $(config) $(python_sources)
	$(venv)/bin/mypy --config-file $(config)

matrix: deps-test ## Build for the GlusterFS of each Debian, and test it in a Debian 13
	$(PYTHON) tools/matrix.py $(target)/matrix $(MOUNT)

bare: ## Run demo and test on a Debian 12 that has only the base system
	tools/bare.sh

clean: ## Remove what was built
	$(CARGO) clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

# The checkers for Python, in the versions that the project was checked with.
$(venv)/ready: tests/requirements.txt
	$(PYTHON) -m venv --clear $(venv)
	$(venv)/bin/pip install --quiet --requirement tests/requirements.txt
	touch $@

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
bench_venv := $(target)/bench-venv
config := python/pyproject.toml
python_sources := bench examples python tests tools

comma := ,

# The translators of the installed GlusterFS: <libdir>/glusterfs/<version>/xlator.
xlator_dir = $(shell PATH="$$PATH:/usr/sbin" glusterfs --print-xlatordir)
installed = $(DESTDIR)$(xlator_dir)/features/glupy.so
has_gluster = test -n "$(xlator_dir)" || { echo "there is no GlusterFS here (glusterfs --print-xlatordir)" >&2; exit 1; }

# Mounting needs root; building does not.
root := $(if $(filter-out 0,$(shell id -u)),sudo)

# What the runs of the tests have in common. JOBS files run at once; the tests of a file share
# mounts, and run one after the other.
TESTS ?= tests
JOBS ?= 2
pytest = $(root) env "PATH=$(PATH)" "HOME=$(HOME)" PYTHONDONTWRITEBYTECODE=1 $(1) \
	$(venv)/bin/pytest -c $(config) --rootdir . --numprocesses=$(JOBS) --dist=loadfile $(TESTS)

# AddressSanitizer: the runtime is gcc's; -Z needs RUSTC_BOOTSTRAP with a stable Rust.
asan_target = $(abspath $(target))/asan
asan_runtime = $(realpath $(shell gcc -print-file-name=libasan.so))
asan_library = $(asan_target)/$(host)/debug/libglupy.so
build_asan = RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cforce-frame-pointers=yes" \
	CARGO_PROFILE_DEV_OPT_LEVEL=1 $(CARGO) build --locked -p glupy --features $(1) \
	--target $(host) --target-dir $(asan_target)

# What cargo-fuzz builds with, but for the sanitizer: so it needs neither it nor a nightly
# compiler. `cargo fuzz run schema` in codegen does as well.
host = $(shell rustc -vV | sed -n 's/^host: //p')
fuzz_target := $(abspath $(target))/fuzz
fuzz_flags := -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 \
	inline-8bit-counters pc-table trace-compares) --cfg fuzzing
# Without FUZZ_SECONDS from a fixed seed; with it, on from where it stopped.
fuzz_length = $(if $(FUZZ_SECONDS),-max_total_time=$(FUZZ_SECONDS),-seed=1 -runs=$(or $(FUZZ_RUNS),8000))
define fuzz
	$(if $(FUZZ_SECONDS),,rm -rf $(fuzz_target)/found/$(1))
	mkdir -p $(fuzz_target)/found/$(1)
	$(fuzz_target)/$(host)/fuzz/$(1) $(fuzz_target)/found/$(1) codegen/fuzz/corpus/$(1) $(2) \
		$(fuzz_length) -max_len=8192 -timeout=60 -artifact_prefix=$(fuzz_target)/$(1)- \
		2>$(fuzz_target)/$(1).log || { tail -n 60 $(fuzz_target)/$(1).log; exit 1; }
	@grep ^Done $(fuzz_target)/$(1).log
endef

.PHONY: all deps deps-test deps-bench install uninstall demo test cargo-test fuzz pytest locs soak races asan attack bench generate check lint matrix bare clean help

all: deps ## Build glupy.so (what is missing for that is installed first)
	$(CARGO) build --locked --release -p glupy

deps: ## Install what building and mounting need and this machine lacks
	@tools/deps.sh

deps-test:
	@tools/deps.sh test

deps-bench:
	@tools/deps.sh bench

install: ## Put glupy.so into the installed GlusterFS (or below DESTDIR)
	@test -f $(library) || { echo "$(library) is not there: run make first" >&2; exit 1; }
	@$(has_gluster)
	install -D -m 644 "$(library)" "$(installed)"

uninstall: ## Remove what install has put there
	@$(has_gluster)
	rm -f "$(installed)"

demo: all ## Show examples/negative.py at work on a scratch mount
	@$(root) $(PYTHON) tools/demo.py $(library)

test: deps-test all ## Run every check and every test (what is missing is installed first)
	$(MAKE) lint
	$(MAKE) check
	$(MAKE) cargo-test
	$(MAKE) fuzz
	$(MAKE) pytest

cargo-test: deps-test
	$(CARGO) test --locked --workspace

fuzz: deps-test ## Feed nonsense to what reads schemas and headers (FUZZ_SECONDS=600: for longer)
	RUSTFLAGS="$(fuzz_flags)" CARGO_TARGET_DIR=$(fuzz_target) \
		$(CARGO) build --quiet --locked --profile fuzz --target $(host) -p codegen-fuzz
	$(call fuzz,schema,codegen/tests/fixtures/schema-errors -dict=codegen/fuzz/schema.dict)
	$(call fuzz,headers)

pytest: deps-test all $(venv)/ready
	$(call pytest,GLUPY_SO=$(abspath $(library)))

locs: TESTS = tests/test_loc_table.py
locs: JOBS = 0
locs: deps-test all $(venv)/ready ## Measure which parts locs have (docs/locs.json), and write docs/fops.md
	$(call pytest,GLUPY_SO=$(abspath $(library)) GLUPY_LOCS=1)
	$(CARGO) codegen generate

soak: TESTS = tests/test_soak.py
soak: JOBS = 0
soak: deps-test all $(venv)/ready ## Load mounts, switch graphs and unmount under load, for ten minutes
	$(call pytest,GLUPY_SO=$(abspath $(library)) GLUPY_SOAK=1) --capture=no

races: TESTS = tests/test_foreign.py -k races
races: JOBS = 0
races: deps-test all $(venv)/ready ## Start 1,000 volumes while another user exchanges their modules
	$(call pytest,GLUPY_SO=$(abspath $(library)) GLUPY_RACES=1000) --capture=no

asan: deps-test $(venv)/ready ## Run the end-to-end tests under AddressSanitizer (TESTS=tests/test_x.py)
	$(call build_asan,asan)
	$(call pytest,GLUPY_SO=$(asan_library) GLUPY_ASAN=$(asan_runtime))

attack: deps-test $(if $(ASAN),,all) $(venv)/ready ## Run hostile translators (SECONDS=3600; SEED=n again; ASAN=1 with threads that give way)
	$(if $(ASAN),$(call build_asan,asan$(comma)shake))
	$(root) env "PATH=$(PATH)" "HOME=$(HOME)" PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests \
		GLUPY_SO=$(if $(ASAN),$(asan_library) GLUPY_ASAN=$(asan_runtime),$(abspath $(library))) \
		$(venv)/bin/python -m attack.run --seconds $(or $(SECONDS),60) $(if $(SEED),--seed $(SEED)) $(ATTACK)

bench: all $(bench_venv)/ready ## Measure what Glupy costs (SHORT=1: in under three minutes; AGAINST=old.so: compare)
	$(root) env "PATH=$(PATH)" "HOME=$(HOME)" GLUPY_SO=$(abspath $(library)) PYTHONPATH=.:tests \
		PYTHONDONTWRITEBYTECODE=1 $(bench_venv)/bin/python -m bench $(if $(SHORT),--short) \
		$(if $(AGAINST),--against $(AGAINST) --levels raw$(comma)gfapi$(comma)fuse$(comma)author) \
		--output $(target)/bench $(BENCH)

generate: ## Write what is generated from fops.yaml
	$(CARGO) codegen generate

check: ## Compare what is generated with fops.yaml; write nothing
	$(CARGO) codegen check

lint: deps-test $(venv)/ready ## Formatting, lints and types of Rust and Python
	$(CARGO) fmt --all --check -- codegen/src/emit/*.rs
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

# What `make bench` compares with, and what draws its plot.
$(bench_venv)/ready: bench/requirements.txt | deps-bench
	$(PYTHON) -m venv --clear $(bench_venv)
	$(bench_venv)/bin/pip install --quiet --requirement bench/requirements.txt
	touch $@

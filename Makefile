# Development tasks. Needs python3 and make; the tests also need node with npm.

PYTHON ?= python3
PYTHONS ?= 3.11 3.12 3.13
TESTS ?= tests
SOCKETIO ?= 4
MINUTES ?= 60
CHARGERS ?= 500
TLS ?=
LOG_SECONDS ?= 1
DAYS ?= 30
# Tests mostly wait for programs, so there are more workers than cores. All tests of a file run in one worker.
WORKERS ?= 4
PYTEST_PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PORT ?= 10037
LISTEN ?= 127.0.0.1:$(PORT)
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)

# An interpreter of version $(1): from PATH or, if PATH has only a disabled shim, from pyenv.
find_python = $(shell for python in python$(1) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*/bin/python; do \
	"$$python" -c 'import venv' 2>/dev/null && echo "$$python" && break; done)

# A virtual environment in folder $(1) of interpreter $(2), with the project $(3) installed: `.`, or `.[dev]` for tests,
# which use a small part of what is installed: Python compiles that when it is imported.
define make_venv
	$(2) -m venv --clear $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(findstring dev,$(3)),--no-compile) --editable '$(3)'
endef

# The tests, with the interpreter $(1). The first command only compiles them, once for all workers. The second finds the same
# errors, and reports them.
define run_tests
	{ $(1) -m pytest --quiet --collect-only $(TESTS) >/dev/null; $(1) -m pytest --quiet $(PYTEST_PARALLEL) --durations=15 $(TESTS); }
endef

# The demo does not need the test dependencies, but uses that environment if it exists.
DEMO_VENV := $(if $(wildcard .venv/ready),.venv,.venv-demo)

# Tests start hundreds of programs: without bytecode each would compile the exporter again.
unexport PYTHONDONTWRITEBYTECODE

SHELL := bash
.DELETE_ON_ERROR:
.PHONY: help docs-check demo test check golden worlds mutants bench small-machine fleet-size dashboards rules torture test-pythons test-socketio5 clean image test-image lock chaos soak

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With job control only the demo is in the terminal's foreground: Ctrl-C stops it, and make sees its exit status.
# LISTEN=:10037 lets other machines open the page.
demo: $(DEMO_VENV)/ready ## Start a simulated veCharge service and the exporter that watches it; PORT=10039 for another port
	@if [ -t 0 ]; then set -m; fi; $(DEMO_VENV)/bin/vecharge-exporter demo --web.listen-address=$(LISTEN); exit $$?

# Side by side, since mypy uses one core only.
test: .venv/ready ## Run every check and every test
	@$(MAKE) --no-print-directory --jobs=2 lint suite

.PHONY: suite lint
suite: .venv/ready
	$(call run_tests,.venv/bin/python)

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

check: lint ## Lint, format, types, layers
	.venv/bin/python -m pytest --quiet tests/test_layers.py

docs-check: .venv/ready ## Run the commands of the documentation as typed; list those that are not run
	.venv/bin/python -m pytest --quiet tests/docs
	@echo "Not run, and why:"; sed -n 's/^\([^#].*\) => /  \1: /p' tests/docs/not_run.txt

golden: .venv/ready ## Regenerate the golden files; read the diff before you commit it
	.venv/bin/python -m pytest --quiet --renew-golden
	git diff --stat -- tests/golden

dashboards: .venv/ready ## Regenerate the Grafana dashboards from their source; look at them before you commit
	.venv/bin/python -m grafana

rules: .venv/ready ## Regenerate the PrometheusRule from prometheus/alerts.yml and recording.yml
	.venv/bin/python -m prometheus

# Prints its seed; TORTURE_SEED=... repeats a run. At most 10 minutes.
torture: .venv/ready ## Kill the exporter, cut its streams, fill its disk, send false data; compare its totals with the truth
	TORTURE_EXAMPLES=3000 TORTURE_SECONDS=300 TORTURE_KILLS=50 timeout 600 \
		.venv/bin/python -m pytest -s tests/charger/worlds tests/state tests/torture

# Prints its seed; SEED=... repeats a run. Exits with 1 if a limit is exceeded.
worlds: .venv/ready ## Replay random worlds; print the error of the totals by cause
	.venv/bin/python -m tests.charger.worlds

# Exits with 1 if no test fails for a mutant and tests/charger/mutants.txt does not explain it.
mutants: .venv/ready ## Change the meter in two thousand ways; list the changes for which no test fails
	rm -rf mutants
	PATH="$$PWD/.venv/bin:$$PATH" CI=1 mutmut run --max-children 2
	.venv/bin/python -m tests.charger.mutants

bench: .venv/ready ## Measure every row of docs/benchmarks.md, in about 8 minutes
	.venv/bin/python -m benchmarks

small-machine: .venv/ready .venv-demo/ready ## Measure chargers in 64 MB and a tenth of a core, as root with control groups v1, in 5 minutes
	.venv-demo/bin/python -m compileall -q exporter
	.venv/bin/python -m benchmarks.small_machine .venv-demo/bin/vecharge-exporter

# DAYS=7 CHARGERS=10000 for a larger fleet. Exits with 1 if a panel takes more than 2 s.
fleet-size: CHARGERS = 1000
fleet-size: .venv/ready ## Measure every panel of the fleet dashboard with 1,000 chargers and 30 days, in about 5 minutes
	.venv/bin/python -m tests.dashboards.fleet_size $(CHARGERS) $(DAYS)

test-pythons: $(PYTHONS:%=test-python-%) ## Run the tests on every supported Python that is installed

.PHONY: $(PYTHONS:%=test-python-%)
$(PYTHONS:%=test-python-%): test-python-%:
	@$(if $(call find_python,$*), \
		$(MAKE) --no-print-directory .venv-$*/ready && $(call run_tests,.venv-$*/bin/python), \
		echo "Python $* is not installed, so it is not tested")

test-socketio5: .venv-socketio5/ready ## Run the stream tests with python-socketio 5 against socket.io 4
	.venv-socketio5/bin/python -m pytest --quiet $(PYTEST_PARALLEL) tests/stream

# About 20 minutes. Rounds mostly wait, and files have long rows: rows run side by side, whatever file they are in.
chaos: .venv/ready ## Run the whole fault matrix: every row two hundred times, and half a million fuzzed frames
	CHAOS_ROUNDS=200 .venv/bin/python -m pytest -n 6 --dist load -o python_files='test_*.py whole.py' tests/chaos

# CI runs it with MINUTES=3. glibc is set as in the image and the systemd unit.
soak: .venv/ready ## Run flapping streams for an hour (CHARGERS=10000 TLS=1 LOG_SECONDS=10 for many, over TLS); fail if memory, tasks or files grow
	GLIBC_TUNABLES=glibc.malloc.tcache_count=0 .venv/bin/python -m tests.chaos.soak --minutes $(MINUTES) --streams $(CHARGERS) --log-seconds $(LOG_SECONDS) $(if $(TLS),--tls)

image: ## Build the image with Docker; SOCKETIO=5 for servers of the newer generation
	docker build --build-arg SOCKETIO=$(SOCKETIO) --tag vecharge-exporter:$(VERSION) .

# Needs root and Debian's buildah, podman, runc, netavark, aardvark-dns, iptables, iproute2 and debootstrap.
# The containers run in their own network namespace: a browser aborts its requests when the machine gets a new interface.
test-image: .venv/ready ## Build the image; run it alone and with Compose, using podman
	.venv/bin/python -m tests.packaging.containers
	unshare --net sh -c 'ip link set lo up && exec "$$@"' sh .venv/bin/python -m pytest tests/packaging/image.py tests/packaging/compose.py

UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/uv pip compile --no-config --quiet --upgrade \
	--universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links

lock: .venv-lock/ready ## Update the locked dependencies of the image and of releases
	$(UV_COMPILE) pyproject.toml --output-file requirements/socketio4.txt
	$(UV_COMPILE) pyproject.toml --overrides requirements/socketio5.in --output-file requirements/socketio5.txt
	$(UV_COMPILE) requirements/build.in --output-file requirements/build.txt
	$(UV_COMPILE) requirements/release.in --output-file requirements/release.txt

.venv-lock/ready:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@touch $@

.venv/ready: pyproject.toml
	$(call make_venv,.venv,$(PYTHON),.[dev])
	@touch $@

# pip warns that the project pins 4.6.1. That is expected.
.venv-socketio5/ready: pyproject.toml
	$(call make_venv,.venv-socketio5,$(PYTHON),.[dev])
	.venv-socketio5/bin/python -m pip install --quiet --disable-pip-version-check 'python-socketio>=5,<6'
	@touch $@

.venv-demo/ready: pyproject.toml
	$(call make_venv,.venv-demo,$(PYTHON),.)
	@touch $@

.venv-%/ready: pyproject.toml
	$(call make_venv,.venv-$*,$(call find_python,$*),.[dev])
	@touch $@

clean: ## Remove the files that these targets create in this folder
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

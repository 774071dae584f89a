# What a person does with this repository. Needs python3, make and, for the tests, node with npm.

PYTHON ?= python3
PYTHONS ?= 3.11 3.12 3.13
TESTS ?= tests
SOCKETIO ?= 4
MINUTES ?= 60
CHARGERS ?= 500
TLS ?=
# Tests mostly wait for programs, so more of them run at once than there are cores. A file stays with one worker.
WORKERS ?= 4
PYTEST_PARALLEL = -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PORT ?= 10037
LISTEN ?= 127.0.0.1:$(PORT)
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)

# An interpreter of version $(1): from PATH or, where PATH holds only a switched-off shim, from pyenv.
find_python = $(shell for python in python$(1) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*/bin/python; do \
	"$$python" -c 'import venv' 2>/dev/null && echo "$$python" && break; done)

# A virtual environment in folder $(1) of interpreter $(2), the project in it, editable: `.`, or `.[dev]` for tests.
define make_venv
	$(2) -m venv --clear $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --editable '$(3)'
endef

# A demo needs nothing of what tests need, but takes it where it is there already.
DEMO_VENV := $(if $(wildcard .venv/ready),.venv,.venv-demo)

# Tests start hundreds of programs: without bytecode each would compile the exporter again.
unexport PYTHONDONTWRITEBYTECODE

SHELL := bash
.DELETE_ON_ERROR:
.PHONY: help docs-check demo test check golden worlds mutants bench dashboards rules torture test-pythons test-socketio5 clean image test-image lock chaos soak

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With job control the demo alone is the terminal's foreground: Ctrl-C ends it and leaves make to see it end well.
# LISTEN=:10037 lets other machines open the page.
demo: $(DEMO_VENV)/ready ## Start a simulated veCharge service and the exporter that watches it; PORT=10039 for another port
	@if [ -t 0 ]; then set -m; fi; $(DEMO_VENV)/bin/vecharge-exporter demo --web.listen-address=$(LISTEN); exit $$?

test: check ## Run every check and every test
	.venv/bin/python -m pytest --quiet $(PYTEST_PARALLEL) --durations=15 $(TESTS)

check: .venv/ready ## Lint, format, types, layers
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest --quiet tests/test_layers.py

docs-check: .venv/ready ## Run the commands of the documentation as they are typed; list those that are not run
	.venv/bin/python -m pytest --quiet tests/docs
	@echo "Not run, and why:"; sed -n 's/^\([^#].*\) => /  \1: /p' tests/docs/not_run.txt

golden: .venv/ready ## Renew the golden files; read the diff before you commit it
	.venv/bin/python -m pytest --quiet --renew-golden
	git diff --stat -- tests/golden

dashboards: .venv/ready ## Renew the Grafana dashboards from their source; look at them before you commit
	.venv/bin/python -m grafana

rules: .venv/ready ## Renew the PrometheusRule from prometheus/alerts.yml and recording.yml
	.venv/bin/python -m prometheus

# From one seed, which it prints: TORTURE_SEED=... does the same again. Within 10 minutes.
torture: .venv/ready ## Kill, cut off, fill up and lie to the exporter, and compare its totals with the truth
	TORTURE_EXAMPLES=3000 TORTURE_SECONDS=300 TORTURE_KILLS=50 timeout 600 \
		.venv/bin/python -m pytest -s tests/charger/worlds tests/state tests/torture

# From one seed, which it prints: SEED=... does the same again. Exits with 1 if a bar is missed.
worlds: .venv/ready ## Replay random worlds, and print by cause how far the totals are from the truth
	.venv/bin/python -m tests.charger.worlds

# Exits with 1 if a mutant is neither noticed by a test nor explained in tests/charger/mutants.txt.
mutants: .venv/ready ## Change the meter in two thousand ways, and see whether a test notices each
	rm -rf mutants
	PATH="$$PWD/.venv/bin:$$PATH" CI=1 mutmut run --max-children 2
	.venv/bin/python -m tests.charger.mutants

bench: .venv/ready ## Measure every bar of docs/benchmarks.md anew, in about 5 minutes
	.venv/bin/python -m benchmarks

test-pythons: $(PYTHONS:%=test-python-%) ## Run the tests on every supported Python that is installed

.PHONY: $(PYTHONS:%=test-python-%)
$(PYTHONS:%=test-python-%): test-python-%:
	@$(if $(call find_python,$*), \
		$(MAKE) --no-print-directory .venv-$*/ready && .venv-$*/bin/python -m pytest --quiet $(PYTEST_PARALLEL) $(TESTS), \
		echo "Python $* is not installed: not tested")

test-socketio5: .venv-socketio5/ready ## Run the stream tests with python-socketio 5 against socket.io 4
	.venv-socketio5/bin/python -m pytest tests/stream

# Within about 20 minutes.
chaos: .venv/ready ## Run the fault matrix whole: every row two hundred times, and half a million fuzzed frames
	.venv/bin/python -m pytest -o python_files='test_*.py whole.py' tests/chaos

# MINUTES=3 is the short form that CI runs.
soak: .venv/ready ## Watch flapping streams for an hour (CHARGERS=10000 TLS=1 for many, over TLS); memory, tasks and files have to stay level
	.venv/bin/python -m tests.chaos.soak --minutes $(MINUTES) --streams $(CHARGERS) $(if $(TLS),--tls)

image: ## Build the image with Docker; SOCKETIO=5 for servers of the newer generation
	docker build --build-arg SOCKETIO=$(SOCKETIO) --tag vecharge-exporter:$(VERSION) .

# Needs root and Debian's buildah, podman, runc, netavark, aardvark-dns, iptables and debootstrap.
test-image: .venv/ready ## Build the image and run it, alone and with compose, with podman in place of Docker
	.venv/bin/python -m pytest tests/packaging/image.py tests/packaging/compose.py

UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/uv pip compile --no-config --quiet --upgrade \
	--universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links

lock: .venv-lock/ready ## Renew the locked dependencies of the image and of releases
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

# pip warns that the project pins 4.6.1, which is the point.
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

clean: ## Remove what these targets made, in this folder
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

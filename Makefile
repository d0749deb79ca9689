# `make` alone prints what can be made.
#
# Everything runs in .venv, from pinned packages; nothing installed elsewhere is used. The two stamps
# in .venv are each written last, so a set-up that was cut off is simply done again.

SHELL := /bin/sh
.SHELLFLAGS := -ec
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Interpreters to try, in this order; give one to choose it: make PYTHON=/opt/python/bin/python3
PYTHON ?= python3.11 python3.12 python3 python
# How long `make soak` runs.
MINUTES ?= 10

RUN := .venv/bin/python -m
PIP := $(RUN) pip --disable-pip-version-check

# These would let packages from outside into .venv, or send its packages elsewhere.
unexport PYTHONHOME PYTHONPATH PIP_PREFIX PIP_TARGET PIP_USER
export PYTHONNOUSERSITE := 1

# A checkout that was moved or copied, or whose Python is gone, has a .venv that leads nowhere.
ifneq ($(shell test -x .venv/bin/python && cat .venv/locked 2>/dev/null),$(CURDIR))
.PHONY: .venv/locked
endif

.PHONY: help
help: ## This list
	@echo "usage: make TARGET"
	awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: .venv/ready ## Get everything ready in .venv (the targets below do it by themselves)
	@echo "Ready: .venv has $$(.venv/bin/python --version) and the packages of requirements.lock"

.PHONY: demo
demo: .venv/ready ## Generate an accelerator, simulate it and show the result
	@$(RUN) sim.demo

.PHONY: test
test: .venv/ready ## Run all tests
	@$(RUN) pytest -n 2 tests

.PHONY: network
network: .venv/ready ## Take a digits model from ONNX to Verilog; its accuracy beside onnxruntime's
	@$(RUN) models.heldout digits_cnn build/network/digits.npz
	$(RUN) hls net models/digits_cnn.onnx --board pynq-z2 -o build/network/digits
	@echo "Lowering to Verilog and compiling it (a minute or two)"
	$(RUN) hls lower build/network/digits > build/network/lowering.txt
	$(RUN) hls predict build/network/digits --data build/network/digits.npz --board pynq-z2
	$(RUN) hls report build/network/digits --board pynq-z2

.PHONY: bench
bench: .venv/ready ## Measure and print the benchmark tables
	@$(RUN) benchmarks

.PHONY: notebooks
notebooks: .venv/ready ## Execute the notebooks on the simulated board, into build/notebooks
	@for notebook in notebooks/*.ipynb; do
	    $(RUN) hls run $$notebook -o build/notebooks/$${notebook##*/}
	done

.PHONY: check
check: .venv/ready ## Lint, format check and type check
	@$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

.PHONY: format
format: .venv/ready ## Put imports and layout in order
	@$(RUN) ruff check --select I --fix .
	$(RUN) ruff format .

.PHONY: expect
expect: .venv/ready ## Rewrite the expected texts in tests/expected; read the diff afterwards
	@$(RUN) pytest tests/test_expected.py --refresh

.PHONY: pynq31
pynq31: build/pynq31/ready ## Test device and host with pynq 3.1.2, in a .venv of its own (network)
	@build/pynq31/bin/python -m pytest -n 2 tests/test_device*.py tests/test_host*.py

.PHONY: models
models: .venv/ready build/models/venv/ready ## Train and quantize models/ again, and compare (network)
	@$(RUN) models

.PHONY: soak
soak: .venv/ready pynq31 ## Test random designs for MINUTES=10 minutes, after pynq31 (network)
	@$(RUN) pytest tests -m soak --soak-minutes $(MINUTES)

# A local mirror must neither lend its versions nor leave its address in a lock.
COMPILE := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL \
    PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
    build/lock/bin/pip-compile -q --generate-hashes --strip-extras --allow-unsafe \
    --no-emit-find-links --no-emit-index-url --no-emit-trusted-host

# PyPI has PyTorch with CUDA alone, thirty times as large.
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: lock
lock: .venv/ready ## Bring the locks in line with pyproject.toml (network)
	@rm -rf build/lock
	.venv/bin/python -m venv build/lock
	build/lock/bin/python -m pip install -q --disable-pip-version-check pip-tools==7.6.2
	$(COMPILE) --extra test --extra demo --extra board --extra network --extra notebook \
	    --output-file requirements.lock pyproject.toml
	sed -n '/^pynq==/d; s/^\([a-z0-9._-]*==[^ ]*\).*/\1/p' requirements.lock > build/lock/constraints.txt
	$(COMPILE) --constraint build/lock/constraints.txt \
	    --output-file requirements-pynq31.lock requirements-pynq31.in
	$(COMPILE) --constraint build/lock/constraints.txt --extra-index-url $(TORCH_INDEX) \
	    --output-file requirements-training.lock requirements-training.in

.PHONY: clean
clean: ## Remove build/ and caches
	@rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . \( -path ./.git -o -path ./.venv \) -prune -o -name __pycache__ -print | xargs rm -rf

.PHONY: distclean
distclean: clean ## Remove .venv as well
	@rm -rf .venv

.venv/locked: requirements.lock requirements-nodeps.lock
	@find_python() {
	    for candidate in $(PYTHON); do
	        # The link is resolved, lest an activated .venv replace itself. NumPy 1 has no wheels
	        # for Python 3.13 and later.
	        "$$candidate" -c "import ensurepip, os, sys; \
	            assert (3, 11) <= sys.version_info < (3, 13); \
	            print(os.path.realpath(sys.executable))" 2>/dev/null && return
	    done
	    return 0
	}
	python=$$(find_python)
	scripts/system-packages "$$python"
	python=$${python:-$$(find_python)}
	if [ -z "$$python" ]; then
	    echo "No Python 3.11 or 3.12 among: $(PYTHON). Set one: make PYTHON=/path/to/python3.11" >&2
	    exit 3
	fi
	echo "Making .venv with $$python"
	"$$python" -m venv --clear --prompt lineloom .venv
	count=$$(cat requirements.lock requirements-nodeps.lock | grep -c ==)
	echo "Installing $$count pinned packages (the first time, a download of 250 MB)"
	$(PIP) install -qq --require-hashes -r requirements.lock
	$(PIP) install -qq --require-hashes --no-deps -r requirements-nodeps.lock
	echo "$(CURDIR)" > $@

# All but pynq has the version that .venv has, so that pip has it already.
build/pynq31/ready: requirements-pynq31.lock | .venv/ready
	@rm -rf build/pynq31
	echo "Making build/pynq31 with pynq 3.1.2 (the first time, a download of 60 MB more)"
	"$$(.venv/bin/python -c 'import os, sys; print(os.path.realpath(sys.executable))')" \
	    -m venv --prompt lineloom-pynq31 build/pynq31
	build/pynq31/bin/python -m pip --disable-pip-version-check install -qq --require-hashes \
	    -r requirements-pynq31.lock
	touch $@

build/models/venv/ready: requirements-training.lock | .venv/ready
	@rm -rf build/models/venv
	echo "Making build/models/venv with PyTorch (the first time, a download of 250 MB)"
	"$$(.venv/bin/python -c 'import os, sys; print(os.path.realpath(sys.executable))')" \
	    -m venv --prompt lineloom-training build/models/venv
	build/models/venv/bin/python -m pip --disable-pip-version-check --retries 1 install -qq \
	    --require-hashes --extra-index-url $(TORCH_INDEX) -r requirements-training.lock
	touch $@

.venv/ready: .venv/locked pyproject.toml
	@echo "Installing lineloom itself, editable"
	$(PIP) install -qq --no-index --no-deps --no-build-isolation --editable .
	touch $@

# Everything a person or CI runs. `make demo` and `make test` make their own .venv: Python 3.11 or newer with venv, and make,
# are all a machine needs; a Node is taken from PyPI where there is none.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
WEB    := dashboard_api/web
PORT   ?= 8000
export PORT

# An environment is what the requirement files and the project's own metadata say: their digest names its stamp.
digest  = $(shell cat requirements/$(1).txt requirements/build.txt requirements/node.txt pyproject.toml hatch_build.py \
                  Makefile | sha256sum | cut -c1-16)
DEMO_STAMP := $(VENV)/.demo-$(call digest,sim)
DEV_STAMP  := $(VENV)/.dev-$(call digest,dev)
# PIP_… settings of the machine (an index of its own, say) stay in force; hashes hold whatever they name.
PIP     = $(PY) -m pip --disable-pip-version-check -qq

.DEFAULT_GOAL := help
.PHONY: help demo test soak-hostile check format bench-detect bench-ingest bench-edge bench-api bench-import bench-page bench-crew bench-truth page words types lock clean soak

help: ## Say what there is to make
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 16

demo: $(DEMO_STAMP) page ## A town in its night on http://127.0.0.1:8000 (PORT=… changes it)
	@exec $(VENV)/bin/terang-demo $(DEMO)

test: $(DEV_STAMP) page ## Every test that this machine can run; says what it left out
	@.ci/debian-packages
	$(PY) -m pytest -n 3 --dist loadgroup $(TESTS)

SOAKED = $(addprefix tests/ingest/detection/test_,fast_path.py snapshot_fuzz.py dark_sums.py restart_any_time.py steady.py) \
         tests/dashboard_api/test_crew_real_api.py
soak: $(DEV_STAMP) ## Whole campaigns of random tests, for hours
	TERANG_SOAK=1 $(PY) -m pytest -n 3 --dist loadgroup --timeout 7200 $(or $(TESTS),$(SOAKED))

soak-hostile: $(DEV_STAMP) page ## The demo under hostile MQTT and HTTP traffic; SOAK="--minutes 120 --busy 6"
	@$(PY) -m benchmarks.soak_hostile $(SOAK)

check: $(DEV_STAMP) $(WEB)/node_modules/.bin/eslint words ## Format, lint, types, imports, for Python and the page
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --cache-dir .import_linter_cache
	cd $(WEB) && $(npm) run --silent check

format: $(DEV_STAMP) $(WEB)/node_modules/.bin/eslint words ## Format everything, and mend what can be mended by rule
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	cd $(WEB) && $(npm) run --silent format

bench-detect: $(DEV_STAMP) ## One detection sweep beside the copy of its input
	@$(PY) -m benchmarks.bench_detect $(BENCH)

bench-ingest: $(DEV_STAMP) ## MQTT to durable Parquet at full speed
	@$(PY) -m benchmarks.bench_ingest $(BENCH)

bench-edge: $(DEV_STAMP) ## Two RS-485 buses at true timing
	@$(PY) -m benchmarks.bench_edge $(BENCH)

bench-api: $(DEV_STAMP) ## Lists and tiles of a million lamps under load
	@$(PY) -m benchmarks.bench_api $(BENCH)

bench-import: $(DEV_STAMP) ## Half a million rows of a city's own register into a city
	@$(PY) -m benchmarks.bench_import $(BENCH)

bench-truth: $(DEV_STAMP) ## Every fault code against what really happened
	@$(PY) -m benchmarks.bench_truth $(BENCH)

bench-page: $(DEV_STAMP) page ## Bytes, seconds and frames of the web page in Chromium
	@$(PY) -m benchmarks.bench_page $(BENCH)

bench-crew: $(DEV_STAMP) page ## Frames of the crew's list of 1,000 faults on a slow phone
	@$(PY) -m benchmarks.bench_crew $(BENCH)

page: | $(PY) ## The web page, built when its sources changed
	@$(PY) hatch_build.py

words: | $(PY)
	@$(PY) hatch_build.py words

types: $(DEV_STAMP) $(WEB)/types/node_modules/.bin/openapi-typescript ## The page's types, anew from the API's OpenAPI document
	PYTHONPATH=. PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) $(WEB)/types/generate.py

# --- environments ------------------------------------------------------------------------------------------------------

npm = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" npm

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Terang needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
	    || { rm -rf $(VENV); echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 2; }

define install
	@echo "Installing requirements/$(1).txt into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PY) -c 'import hatch_build, sys; sys.exit(hatch_build.find_npm() is None)' \
	    || $(PIP) install --require-hashes -r requirements/node.txt
	@$(PIP) install --require-hashes -r requirements/$(1).txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.$(2)-*
	@touch $@
endef

$(DEMO_STAMP): | $(PY)
	$(call install,sim,demo)

$(DEV_STAMP): | $(PY)
	$(call install,dev,dev)

$(WEB)/node_modules/.bin/eslint: $(WEB)/package-lock.json | $(DEV_STAMP)
	@cd $(WEB) && $(npm) ci --no-fund --no-audit --loglevel=error
	@touch $@

$(WEB)/types/node_modules/.bin/openapi-typescript: $(WEB)/types/package-lock.json | $(DEV_STAMP)
	@cd $(WEB)/types && $(npm) ci --no-fund --no-audit --loglevel=error
	@touch $@

# --- requirement files -------------------------------------------------------------------------------------------------

# One resolution for Python 3.11 to 3.13 on every Linux: the roles' files take their versions from dev.txt.
# UPGRADE=--upgrade takes the newest of everything.
LOCK     = .lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
           --no-emit-index-url --no-emit-find-links
lock: ## Write requirements/*.txt anew from pyproject.toml
	@test -x .lock/bin/uv || { $(PYTHON) -m venv .lock && .lock/bin/pip install --quiet uv; }
	$(LOCK) $(UPGRADE) --extra dev pyproject.toml -o requirements/dev.txt
	for role in edge server sim; do \
	    $(LOCK) $(UPGRADE) --extra $$role -c requirements/dev.txt pyproject.toml -o requirements/$$role.txt || exit 1; done
	for group in build node; do \
	    $(LOCK) $(UPGRADE) --group $$group -c requirements/dev.txt -o requirements/$$group.txt || exit 1; done

clean: ## Remove what make has made
	rm -rf $(VENV) .lock build dist demo-city demo-city-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	    $(WEB)/node_modules $(WEB)/types/node_modules $(WEB)/dist $(WEB)/src/words/catalogues
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

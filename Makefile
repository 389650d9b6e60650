# run: everything on embedded defaults · test: every test · unit: those that need no other process
# cluster: two webs, two workers and what they share on this machine, to try it
# cluster-check: the fault tests of many processes over your own MongoDB, Qdrant and Redis
# check: what must hold before a commit · sbom: what we ship, as build/sbom.json
# audit: known holes in it, where a database can be reached · release: the wheel of this commit, in dist/
# docs: the documentation site, in build/site; a broken link fails
.DEFAULT_GOAL := run
.PHONY: run test unit check fix bench cluster cluster-check lock dev browser sbom audit audit-tools release \
  docs docs-tools

# Tests start the program a hundred times: compiling it each time anew would take minutes.
unexport PYTHONDONTWRITEBYTECODE

BASE ?= $(firstword $(foreach p,python3 python3.11 python3.12 python3.13 python3.14,\
  $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
# Named by the lock's checksum: a changed lock is installed, an unchanged one costs nothing.
RUN_STAMP := .venv/installed-$(firstword $(shell cksum < requirements.lock))
DEV_STAMP := .venv/installed-dev-$(firstword $(shell cat requirements.lock requirements-dev.lock | cksum))

# Tools of their own, so that neither the product nor its tests carry them.
AUDIT := .venv/audit
AUDIT_STAMP := $(AUDIT)/installed-$(firstword $(shell cksum < requirements-audit.lock))
DOCS := .venv/docs
DOCS_STAMP := $(DOCS)/installed-$(firstword $(shell cksum < requirements-docs.lock))

# Most tests wait for processes and browsers: more of them than there are cores run at a time.
# Unit tests come first, and say which branches they reach: of a part of them (ARGS) that means
# nothing. Those that promise seconds come last, alone. Exit 5: ARGS chose none of them.
WORKERS ?= 4
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist worksteal
COVERAGE = $(if $(ARGS),,--cov --cov-report=term:skip-covered)
define pytest
$(PYTEST) -m unit $(COVERAGE) $(ARGS) || [ $$? = 5 ]
$(PYTEST) -m "not unit and not timed" $(ARGS) || [ $$? = 5 ]
$(PY) -m pytest -m timed $(ARGS) || [ $$? = 5 ]
endef

# uv does in ten seconds what takes pip ninety, but knows nothing of pip's settings: where these name
# an index, and wherever uv fails, pip does it. It compiles on one core, and packages' own tests too;
# compileall takes every core and leaves them. The path file puts the project itself on the path.
define install
@echo "Installing what stands in $(1): this happens once and takes a minute or two." >&2
@echo "  1 of 2: downloading and unpacking …" >&2
@{ ! $(PIP) config list | grep -q '[.]index-url=' && \
  $(PIP) install -qq --require-hashes -r requirements-uv.lock && \
  UV_LINK_MODE=copy .venv/bin/uv pip install -q --no-config --python $(PY) --require-hashes \
    -r $(1) 2>/dev/null; } || $(PIP) install -qq --no-compile --require-hashes -r $(1)
@echo "  2 of 2: compiling, so that every start is quick …" >&2
@$(PY) -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true
@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), \
  "contact-center-os.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
endef

run: $(RUN_STAMP)
	@exec $(PY) bot.py run $(ARGS)

test: dev browser
	$(pytest)

unit: dev
	$(PYTEST) -m unit $(ARGS)

check: dev browser
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(pytest)

fix: dev
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

# In data/cluster; MONGODB_URI, QDRANT_URL and REDIS_URL take yours in place of ours.
cluster: dev
	@exec $(PY) -m tests.support.local_cluster

# Over your MONGODB_URI, QDRANT_URL and REDIS_URL, which must be empty: docs/processes.md.
cluster-check: dev
	@exec $(PY) -m tests.support.cluster_check $(ARGS)

bench: dev
	$(PY) -m bench $(ARGS)

# Writes the locks anew from the .in files.
lock:
	$(BASE) -m venv .venv/lock
	.venv/lock/bin/python -m pip --disable-pip-version-check install -q uv
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements-uv.in -o requirements-uv.lock
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements.in -o requirements.lock
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements-dev.in -c requirements.lock \
	  -o requirements-dev.lock
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements-audit.in -o requirements-audit.lock
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements-docs.in -o requirements-docs.lock

VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' core/runtime/version.py)

# From the lock alone, and so the same on every machine.
sbom: audit-tools
	@mkdir -p build
	@sed 's/^dynamic = .*/version = "$(VERSION)"/' pyproject.toml > build/pyproject.toml
	@$(AUDIT)/bin/cyclonedx-py requirements --pyproject build/pyproject.toml --short-PURLs \
	  --output-reproducible --validate --of JSON -o build/sbom.json requirements.lock 2>/dev/null
	@echo "build/sbom.json: $$(grep -c '"purl"' build/sbom.json) packages of requirements.lock"

# The version is core/runtime/version.py's; CHANGELOG.md must have a heading of that name.
release: dev
	@$(PY) .ci/release.py $(ARGS)

audit: audit-tools
	@$(AUDIT)/bin/python .ci/audit.py

audit-tools: $(AUDIT_STAMP)

docs: $(RUN_STAMP) docs-tools
	@$(PY) .ci/docs.py $(ARGS)
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict -f build/mkdocs.yml
	@echo "build/site/index.html"

docs-tools: $(DOCS_STAMP)

dev: $(DEV_STAMP)

# Installs where we may, and else names what to install. Where there is no apt, fonts are the
# user's own business.
browser:
	@apt=; if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt=1; fi; \
	if [ -x /usr/bin/chromium ] && [ -x /usr/bin/redis-server ] && \
	  { [ -z "$$apt" ] || [ -d /usr/share/fonts/opentype/noto ]; }; then exit 0; fi; \
	if [ -n "$$apt" ]; then \
	  echo "Installing Chromium, Redis and a Korean font …"; \
	  timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 900 \
	    apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk redis-server haproxy \
	    >/dev/null; \
	else \
	  echo "The tests need Chromium and Redis. Install them first, on Debian with:" >&2; \
	  echo "  sudo apt-get install chromium fonts-noto-cjk redis-server" >&2; exit 2; \
	fi

$(PY):
	@test -n "$(BASE)" || { echo "Python 3.11 or newer is needed and was not found." >&2; exit 2; }
	@$(BASE) -m venv .venv || { rm -rf .venv; \
	  echo "Python has no venv module; on Debian: sudo apt-get install python3-venv" >&2; exit 2; }

$(RUN_STAMP): | $(PY)
	@echo "Installing the locked dependencies into .venv (the first time only) …"
	$(call install,requirements.lock)
	@rm -f $(filter-out $@,$(wildcard .venv/installed-[0-9]*)) && touch $@

# Holds all that `run` needs, in the same versions: one call of pip for both.
$(DEV_STAMP): | $(PY)
	@echo "Installing what development and tests need into .venv …"
	$(call install,requirements-dev.lock)
	@rm -f .venv/installed-* && touch $(RUN_STAMP) $@

$(AUDIT_STAMP): | $(PY)
	@rm -rf $(AUDIT) && $(BASE) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip --disable-pip-version-check --no-input install -qq \
	  --require-hashes -r requirements-audit.lock
	@touch $@

$(DOCS_STAMP): | $(PY)
	@rm -rf $(DOCS) && $(BASE) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip --disable-pip-version-check --no-input install -qq \
	  --require-hashes -r requirements-docs.lock
	@touch $@

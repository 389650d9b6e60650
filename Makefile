# run: everything on embedded defaults · test: every test · unit: those that need no other process
# check: what must hold before a commit
.DEFAULT_GOAL := run
.PHONY: run test unit check fix bench lock dev browser

# Tests start the program a hundred times: compiling it each time anew would take minutes.
unexport PYTHONDONTWRITEBYTECODE

BASE ?= $(firstword $(foreach p,python3 python3.11 python3.12 python3.13 python3.14,\
  $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
# Named by the lock's checksum: a changed lock is installed, an unchanged one costs nothing.
RUN_STAMP := .venv/installed-$(firstword $(shell cksum < requirements.lock))
DEV_STAMP := .venv/installed-dev-$(firstword $(shell cat requirements.lock requirements-dev.lock | cksum))

# Most tests wait for processes and browsers: more of them than there are cores run at a time.
# Those that promise seconds come after, alone. Exit 5: ARGS chose none of them.
WORKERS ?= 4
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist worksteal
define pytest
$(PYTEST) -m "not timed" $(ARGS) || [ $$? = 5 ]
$(PY) -m pytest -m timed $(ARGS) || [ $$? = 5 ]
endef

# uv does in ten seconds what takes pip ninety, but knows nothing of pip's settings: where these name
# an index, and wherever uv fails, pip does it. It compiles on one core, and packages' own tests too;
# compileall takes every core and leaves them. The path file puts the project itself on the path.
define install
@{ ! $(PIP) config list | grep -q '[.]index-url=' && \
  $(PIP) install -qq --require-hashes -r requirements-uv.lock && \
  UV_LINK_MODE=copy .venv/bin/uv pip install -q --no-config --python $(PY) --require-hashes \
    -r $(1) 2>/dev/null; } || $(PIP) install -qq --no-compile --require-hashes -r $(1)
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
	    apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk redis-server \
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

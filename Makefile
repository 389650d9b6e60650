# run: everything on embedded defaults · test: every test · check: what must hold before a commit
.DEFAULT_GOAL := run
.PHONY: run test check fix bench lock dev browser

BASE ?= $(firstword $(foreach p,python3 python3.11 python3.12 python3.13 python3.14,\
  $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
# Named by the lock's checksum: a changed lock is installed, an unchanged one costs nothing.
RUN_STAMP := .venv/installed-$(firstword $(shell cksum < requirements.lock))
DEV_STAMP := .venv/installed-dev-$(firstword $(shell cat requirements.lock requirements-dev.lock | cksum))

run: $(RUN_STAMP)
	@exec $(PY) bot.py run $(ARGS)

test: dev browser
	$(PY) -m pytest $(ARGS)

check: dev browser
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m pytest $(ARGS)

fix: dev
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: dev
	$(PY) -m bench $(ARGS)

# Writes both locks anew from the .in files.
lock:
	$(BASE) -m venv .venv/lock
	.venv/lock/bin/python -m pip --disable-pip-version-check install -q uv
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements.in -o requirements.lock
	.venv/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements-dev.in -c requirements.lock \
	  -o requirements-dev.lock

dev: $(DEV_STAMP)

# Names what to install where we may not.
browser:
	@if [ -x /usr/bin/chromium ] && [ -x /usr/bin/redis-server ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends chromium fonts-noto-cjk redis-server >/dev/null; \
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
	@$(PIP) install -qq --require-hashes -r requirements.lock
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), \
	  "contact-center-os.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	@rm -f $(filter-out $@,$(wildcard .venv/installed-[0-9]*)) && touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "Installing what development and tests need …"
	@$(PIP) install -qq --require-hashes -r requirements-dev.lock
	@rm -f $(filter-out $@,$(wildcard .venv/installed-dev-*)) && touch $@

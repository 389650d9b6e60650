"""Every wall of pyproject.toml stands: an import planted through it breaks its contract."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = ROOT / ".venv" / "bin" / "lint-imports"

#: By contract: where something is planted, and what.
PLANTED = {
    "Rooms: who may know whom": ("core/text/links.py", "import core.engine.inbound.inbox"),
    "Channels are strangers to each other": ("channels/sms/errors.py", "import channels.web.pages"),
    "Inside the engine": ("core/engine/repository.py", "import core.engine.processing.worker"),
    "Sources are strangers to each other": (
        "sources/website/addresses.py",
        "import sources.folder.folder",
    ),
    "Sources know what their authors are given, and no more": (
        "sources/website/addresses.py",
        "import core.rag.knowledge_base.service",
    ),
    "Inside answering": ("core/rag/domain/model.py", "import core.rag.answering.responder"),
    "Inside approvals": ("approvals/queue/model.py", "import approvals.console.pages"),
    "Inside analytics": ("analytics/facts/periods.py", "import analytics.queries.service"),
    "Inside imports": ("imports/groups/store.py", "import imports.pages"),
    "Inside groups of past questions": (
        "imports/groups/model.py",
        "import imports.groups.approving",
    ),
    "Inside the plugin host": ("plugins/registry/manifest.py", "import plugins.host.host"),
    "Inside the web frame": ("core/web/http/responses.py", "import core.web.gate"),
    "The domain imports the standard library only": ("core/domain/messages.py", "import pydantic"),
    "Telegram's library: in its channel": ("channels/sms/errors.py", "import aiogram"),
    "Twilio's library: in its channel": ("channels/telegram/errors.py", "import twilio"),
    "Slack's library: in the one Slack app": ("channels/slack/render.py", "import slack_sdk"),
    "LangChain and Qdrant: in answering": ("core/engine/replies.py", "import langchain"),
    "The scheduler: in the application": (
        "core/engine/processing/fair_turns.py",
        "import apscheduler",
    ),
    "OpenTelemetry: in one place, because it is an extra": (
        "core/engine/outbound/outbox.py",
        "import opentelemetry",
    ),
    "Redis' library: between processes": ("core/engine/multiprocess/remote_bus.py", "import redis"),
    "MongoDB's driver: in the storage, and in stores that write in batches": (
        "core/web/gate.py",
        "import pymongo",
    ),
}


def _lint(tree: Path) -> dict[str, bool]:
    """Whether each contract is kept there."""
    done = subprocess.run([LINT], cwd=tree, check=False, capture_output=True, text=True)
    said = re.findall(r"^(.+?) (KEPT|BROKEN)(?: \(.*\))?$", done.stdout, re.MULTILINE)
    assert said, done.stdout + done.stderr
    return {name: state == "KEPT" for name, state in said}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product without tests."""
    tree = tmp_path_factory.mktemp("walls")
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)["tool"]["importlinter"]
    for package in settings["root_packages"]:
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_all_are_kept_and_each_breaks_by_what_is_planted(tree: Path) -> None:
    kept = _lint(tree)
    assert all(kept.values()), kept
    assert set(kept) == set(PLANTED), "plant something for every contract"
    for path, line in PLANTED.values():
        file = tree / path
        file.write_text(
            file.read_text(encoding="utf-8") + f"\n{line}  # planted\n", encoding="utf-8"
        )
    assert not any(_lint(tree).values())

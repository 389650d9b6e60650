"""The service: rights, sealed secrets, refusals that change nothing, the audit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.accounts.roles import Role, User
from core.clock import SystemClock
from core.errors import BadInput, Forbidden, NotFound
from plugins.cli import plugin_commands
from plugins.conformance.scaffold import write_skeleton
from plugins.host.service import PluginService
from plugins.host.states import State
from plugins.registry.forms import read_pairs
from tests.plugins.conftest import Desk, reached

pytestmark = pytest.mark.long

ADMIN = User(id="u1", email="admin@example.com", role=Role.ADMIN)


class Records:
    """An audit that only remembers."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    async def record(
        self,
        what: str,
        *,
        who: str,
        address: str = "",
        subject: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        self.entries.append({"what": what, "who": who, "subject": subject, "after": after})


class Lines:
    """What a command says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def line(self, text: str = "") -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.said.append(text)

    def progress(self, done: int, total: int, label: str = "") -> None:
        pass


@pytest.fixture
def audit() -> Records:
    return Records()


@pytest.fixture
def service(desk: Desk, audit: Records) -> PluginService:
    return PluginService(
        desk.host(), store=desk.store, seal=desk.seal, audit=audit, clock=SystemClock()
    )


async def test_enabling_stores_secrets_sealed_and_tells_the_audit(
    desk: Desk, service: PluginService, audit: Records
) -> None:
    desk.write("echo")
    await desk.hosts[0].start()
    await service.enable(ADMIN, "echo", settings={"token": "right", "greeting": "hi"})
    await reached(desk.hosts[0], "echo", State.RUNNING)
    stored = await desk.store.get("echo")
    assert stored.settings == {"greeting": "hi"}
    assert "right" not in str(stored)
    form = await service.form(ADMIN, "echo")
    token, greeting = form.fields
    assert (token.kind, token.value, token.is_set, token.required) == ("secret", None, True, True)
    assert (greeting.value, greeting.source) == ("hi", "console")
    [entry] = audit.entries
    assert entry["what"] == "plugin.enable"
    assert entry["who"] == "admin@example.com"
    assert "right" not in str(entry)
    await service.disable(ADMIN, "echo")
    await reached(desk.hosts[0], "echo", State.DISABLED)
    # What was entered once is still there.
    await service.enable(ADMIN, "echo")
    await reached(desk.hosts[0], "echo", State.RUNNING)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "token: Field required"),
        ({"token": "x", "colour": "blue"}, "colour: there is no such setting"),
        ({"token": "x", "greeting": None, "tokn": "y"}, "tokn"),
    ],
)
async def test_bad_settings_change_nothing(
    desk: Desk, service: PluginService, audit: Records, settings: dict[str, Any], words: str
) -> None:
    desk.write("echo")
    await desk.hosts[0].start()
    with pytest.raises(BadInput, match=words):
        await service.enable(ADMIN, "echo", settings=settings)
    assert (await desk.store.get("echo")).revision == 0
    assert audit.entries == []


async def test_only_admins_and_only_plugins_that_exist(service: PluginService) -> None:
    supervisor = User(id="u2", email="s@example.com", role=Role.SUPERVISOR)
    with pytest.raises(Forbidden):
        await service.plugins(supervisor)
    with pytest.raises(Forbidden):
        await service.disable(supervisor, "echo")
    with pytest.raises(NotFound):
        await service.enable(ADMIN, "echo")


async def test_a_check_tries_settings_before_they_are_stored(
    desk: Desk, service: PluginService
) -> None:
    desk.write("echo")
    await desk.hosts[0].start()
    good = await service.check(ADMIN, "echo", settings={"token": "right", "greeting": "us"})
    assert (good.ok, good.detail) == (True, "connected as us")
    bad = await service.check(ADMIN, "echo")
    assert (bad.ok, bad.detail) == (False, "token: Field required.")
    assert (await desk.store.get("echo")).revision == 0


async def test_a_plugin_put_there_a_moment_ago_is_listed(
    desk: Desk, service: PluginService
) -> None:
    await desk.hosts[0].start()
    assert await service.plugins(ADMIN) == []
    desk.write("late-one")
    [plugin] = await service.plugins(ADMIN)
    assert plugin.id == "late-one"
    (desk.folder / "plugins" / "late-one" / "manifest.toml").write_text("[plugin]\nid = 3")
    [plugin] = await service.plugins(ADMIN)
    assert plugin.status.state is State.BROKEN
    assert "[plugin] id must be text in quotes" in plugin.status.reason


async def no_sources(_user: User) -> dict[str, int]:
    """Where none is set up there is none to seal."""
    return {}


async def test_the_commands_say_a_line_a_plugin(desk: Desk, service: PluginService) -> None:
    desk.write("echo")
    commands, out = plugin_commands(service, reseal_others=(no_sources,)), Lines()
    # Before anything serves, a choice is stored and takes effect later.
    assert await commands["plugins.list"]({}, out) == 0
    await commands["plugins.enable"]({"id": "echo", "settings": {"token": "right"}}, out)
    assert out.said == ["echo  disabled", "echo  enabled"]
    await desk.hosts[0].start()
    out.said.clear()
    await reached(desk.hosts[0], "echo", State.RUNNING)
    await commands["plugins.list"]({}, out)
    assert await commands["plugins.check"]({"id": "echo"}, out) == 0
    await commands["plugins.disable"]({"id": "echo"}, out)
    assert out.said == ["echo  running", "echo  ok: connected as hello", "echo  disabled"]


def test_pairs() -> None:
    assert read_pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(BadInput):
        read_pairs(["nothing"])


async def test_a_new_skeleton_passes_the_kit_and_runs(
    desk: Desk, service: PluginService, tmp_path: Path
) -> None:
    write_skeleton("acme-talk", into=tmp_path)
    with pytest.raises(BadInput, match="there already"):
        write_skeleton("acme-talk", into=tmp_path)
    with pytest.raises(BadInput, match="is no plugin id"):
        write_skeleton("Acme Talk", into=tmp_path)
    out = Lines()
    commands = plugin_commands(service, reseal_others=(no_sources,))
    code = await commands["plugins.test"]({"id": "acme-talk", "folder": str(tmp_path)}, out)
    assert code == 0, "\n".join(out.said)
    assert out.said[-1].endswith(" passed, 0 failed")
    # Spoiled, it fails and says why.
    channel = tmp_path / "acme-talk" / "channel.py"
    channel.write_text(channel.read_text().replace("raise WebhookRefused", "pass"))
    out.said.clear()
    assert await commands["plugins.test"]({"id": "acme-talk", "folder": str(tmp_path)}, out) == 1
    assert any("a forged event was answered 200" in line for line in out.said)
    # The same folder is a plugin as it lies there.
    (tmp_path / "plugins").mkdir(exist_ok=True)
    (tmp_path / "acme-talk").rename(tmp_path / "plugins" / "acme-talk")
    [plugin] = await service.plugins(ADMIN)
    assert plugin.id == "acme-talk"
    run = await service.test(ADMIN, "acme-talk")
    [plugin] = await service.plugins(ADMIN)
    assert plugin.choice.contract is not None
    assert plugin.choice.contract.failed == run.failed > 0

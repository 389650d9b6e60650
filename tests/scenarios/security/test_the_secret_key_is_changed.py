"""SECRET_KEY is changed: nobody is shut out meanwhile, and one command ends the old key's time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from app import serving
from config.settings import read_settings
from core.accounts.roles import Role, User
from core.accounts.secret_box import SecretBox, SecretUnreadable
from core.accounts.service import OPERATOR
from core.accounts.sessions import StaffAccess
from core.accounts.store import AccountStore
from core.runtime.control_socket import Command
from core.runtime.data_dir import DataDir
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from plugins.registry.store import PluginStore
from plugins.sources.model import ConfiguredSource
from plugins.sources.store import SourceStore

OLD, NEW = "the old key " * 3, "the new key " * 3
TOKEN = "123456:a-secret-that-must-not-stand-anywhere"
REPOSITORY = "https://git.acme.example/papers"


class Heard:
    """What a command says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    note = line

    def progress(self, done: int, total: int, label: str = "") -> None:
        del done, total, label


async def said(commands: Mapping[str, Command], name: str) -> list[str]:
    heard = Heard()
    assert await commands[name]({}, heard) == 0
    return heard.lines


async def begun(url: str) -> Mapping[str, str]:
    """A visitor's conversation, with its token."""
    async with (
        aiohttp.ClientSession(url) as http,
        http.post("/api/conversations", json={"text": "hello"}) as answer,
    ):
        made: Mapping[str, str] = await answer.json()
        return made


async def test_visitors_and_channels_go_on_and_one_command_seals_again(
    db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    uri = mongo_uri.replace("/?", f"/{db.name}?")

    def settings(**keys: str) -> Mapping[str, str]:
        return {"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0", **keys}

    async def reads(url: str, made: Mapping[str, str]) -> int:
        headers = {"Authorization": f"Bearer {made['token']}"}
        async with (
            aiohttp.ClientSession(url) as http,
            http.get(f"/api/conversations/{made['id']}", headers=headers) as answer,
        ):
            return answer.status

    old = SecretBox([OLD.strip()])
    secrets = {"token": "of the repository", "hook": "of its webhook"}
    sealed = {name: old.close("papers", name, value) for name, value in secrets.items()}
    await SourceStore(db["sources"]).put(
        ConfiguredSource(
            id="papers", plugin="git", name="Papers", settings={"url": REPOSITORY}, paused=True,
            sealed={"token": sealed["token"]}, hook=sealed["hook"],
        )
    )  # fmt: skip
    data = DataDir(tmp_path)
    async with serving(read_settings(settings(SECRET_KEY=OLD)), data, store=None, guide=None) as a:
        made = await begun(a.core.site.url())
        await a.plugins.service.configure(OPERATOR, "telegram", settings={"bot_token": TOKEN})
        assert await reads(a.core.site.url(), made) == 200

    both = settings(SECRET_KEY=NEW, SECRET_KEY_PREVIOUS=OLD)
    async with serving(read_settings(both), data, store=None, guide=None) as b:
        assert await reads(b.core.site.url(), made) == 200
        plugin = await b.plugins.service.plugin(OPERATOR, "telegram")
        assert plugin.wanted.settings["bot_token"] == TOKEN
        before = await PluginStore(db["plugins"]).get("telegram")
        lines = await said(b.commands(), "plugins.reseal")
        assert lines == [
            "telegram  1 sealed with SECRET_KEY",
            "papers  2 sealed with SECRET_KEY",
        ]
        after = await PluginStore(db["plugins"]).get("telegram")
        assert after.sealed != before.sealed
        assert after.revision == before.revision  # no channel is started anew by it
        assert TOKEN not in str(await db["plugins"].find({}).to_list())
        assert TOKEN not in str(await db["audit"].find({}).to_list())
        papers = await SourceStore(db["sources"]).get("papers")
        sealed = {**papers.sealed, "hook": papers.hook}
        new = SecretBox([NEW.strip()])
        assert {n: new.open("papers", n, value) for n, value in sealed.items()} == secrets
        made_later = await begun(b.core.site.url())

    alone = settings(SECRET_KEY=NEW)
    async with serving(read_settings(alone), data, store=None, guide=None) as c:
        plugin = await c.plugins.service.plugin(OPERATOR, "telegram")
        assert plugin.wanted.settings["bot_token"] == TOKEN
        assert await reads(c.core.site.url(), made_later) == 200
        assert await reads(c.core.site.url(), made) in (401, 404)  # its time is over

    third = settings(SECRET_KEY="a third key that opens nothing")
    async with serving(read_settings(third), data, store=None, guide=None) as d:
        with pytest.raises(SecretUnreadable, match="telegram"):
            await d.plugins.service.reseal(OPERATOR)


async def test_a_page_that_is_open_may_still_be_sent(db: Database, clock: ManualClock) -> None:
    store = AccountStore(db)

    def access(key: str, previous: str = "") -> StaffAccess:
        return StaffAccess(
            store, secret_key=key, previous_key=previous, idle_seconds=3600, clock=clock
        )

    user = User(id="u1", email="ada@example.com", role=Role.AGENT)
    await store.insert(user, at=clock.now())
    cookie = await access(OLD).open(user, address="", browser="")
    page = await access(OLD).by_session(cookie, is_activity=True)
    now = await access(NEW, OLD).by_session(cookie, is_activity=True)
    assert page is not None
    assert now is not None
    assert now.user == user
    assert access(NEW, OLD).is_csrf_token(now, now.csrf)
    assert access(NEW, OLD).is_csrf_token(now, page.csrf)
    assert not access(NEW, OLD).is_csrf_token(now, "")
    assert not access(NEW).is_csrf_token(now, page.csrf)

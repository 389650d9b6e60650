"""The whole application with its vendors on local ports, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.support.servers.vendors import Vendors, vendors_up

Json = dict[str, Any]


@dataclass(kw_only=True)
class WholeDesk:
    """A running application, an agent's client, and the vendors."""

    app: App
    http: aiohttp.ClientSession  #: as an agent, by token
    anybody: aiohttp.ClientSession  #: as nobody
    token: str
    agent: User
    vendors: Vendors
    folder: Path

    async def get(self, path: str, *, token: str | None = None) -> tuple[int, bytes]:
        """Status and body, as the agent, or with another token."""
        http = self.http if token is None else self.anybody
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http.get(path, headers=headers) as answer:
            return answer.status, await answer.read()

    async def json(self, path: str, *, token: str | None = None) -> Json:
        """The answer as JSON, which must be a good one."""
        http = self.http if token is None else self.anybody
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http.get(path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def post(self, path: str, body: Json | None = None, *, token: str | None = None) -> Json:
        """The answer of a good POST."""
        http = self.http if token is None else self.anybody
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http.post(path, json=body or {}, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return dict(await answer.json()) if answer.status != 204 else {}

    async def upload(
        self, conversation_id: str, content: bytes, name: str, *, token: str | None = None
    ) -> tuple[int, Json]:
        """Upload a file; the status and what was answered."""
        http = self.http if token is None else self.anybody
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        path = f"/api/conversations/{conversation_id}/attachments"
        async with http.post(path, params={"name": name}, data=content, headers=headers) as answer:
            return answer.status, await answer.json()

    async def conversations(self) -> list[str]:
        """The ids of all conversations."""
        with_log = self.app.db["log"].find({}, {"c": 1})
        return list(dict.fromkeys([row["c"] async for row in with_log]))

    async def files(self, conversation_id: str) -> list[Json]:
        """The attachments of all messages, as an agent sees them."""
        seen = await self.json(f"/api/conversations/{conversation_id}")
        return [a for m in seen["messages"] for a in m.get("attachments", ())]

    async def kept(
        self, conversation_id: str, count: int = 1, *, seconds: float = 20
    ) -> list[Json]:
        """The attachments once none of them is coming any more."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.files(conversation_id)
                if len(found) >= count and all(a["state"] != "coming" for a in found):
                    return found
                await asyncio.sleep(0.05)

    async def waiting(self, conversation_id: str, *, seconds: float = 20) -> Json:
        """The draft of this conversation that waits for a person."""
        async with asyncio.timeout(seconds):
            while True:
                items = (await self.json("/api/approvals/pending"))["items"]
                for item in items:
                    if item["conversation_id"] == conversation_id:
                        return dict(item)
                await asyncio.sleep(0.05)

    def blobs(self) -> list[Path]:
        """Every content that is kept."""
        folder = self.folder / "attachments"
        return [path for path in folder.rglob("*") if path.is_file()]


@asynccontextmanager
async def whole_desk(
    db: Database, mongo_uri: str, folder: Path, *channels: str, **settings: str
) -> AsyncIterator[WholeDesk]:
    """The application with these vendors' channels switched on by the environment."""
    async with (
        vendors_up() as vendors,
        desk_with(vendors, db, mongo_uri, folder, *channels, **settings) as desk,
    ):
        yield desk


@asynccontextmanager
async def desk_with(
    vendors: Vendors, db: Database, mongo_uri: str, folder: Path, *channels: str, **settings: str
) -> AsyncIterator[WholeDesk]:
    """The same with vendors that are up already, so that it can be started again."""
    prefixes = {"telegram": "TELEGRAM_", "sms": "TWILIO_", "slack": "SLACK_"}
    wanted = tuple(prefixes[channel] for channel in channels)
    own = {k: v for k, v in vendors.settings().items() if k.startswith(wanted or ("-",))}
    values = {
        "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
        "DATA_DIR": str(folder),
        "PORT": "0",
        "PRIVATE_API_ADDRESSES": "127.0.0.1",
        **own,
        **settings,
    }
    read = read_settings({k: v for k, v in values.items() if v})
    async with serving(read, DataDir(folder), store=None, guide=None) as live:
        accounts = live.core.accounts
        try:
            agent = await accounts.add(OPERATOR, "mina@example.com", role=Role.ADMIN)
        except Exception:  # started again on the same store
            known = [one.user for one in await live.core.account_store.accounts()]
            agent = next(user for user in known if user.email == "mina@example.com")
        token = await accounts.issue_token(agent, actor=OPERATOR)
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{live.web.port}"
        for channel in channels:
            await until(lambda c=channel: _up(live, c), seconds=60)  # type: ignore[misc]
        async with (
            aiohttp.ClientSession(url, headers=headers) as http,
            aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as anybody,
        ):
            yield WholeDesk(
                app=live,
                http=http,
                anybody=anybody,
                token=token,
                agent=agent,
                vendors=vendors,
                folder=folder,
            )


async def _up(live: App, channel: str) -> bool:
    return live.host.get(channel) is not None


async def until(holds: Callable[[], Awaitable[object]], *, seconds: float = 20.0) -> None:
    """Return once it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)

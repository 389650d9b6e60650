"""An installation of many processes on this machine: webs, workers, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from core.storage.embedded import EmbeddedStore
from tests.support.given import Passage, given_services, is_given
from tests.support.process import Program, free_port
from tests.support.servers.qdrant import qdrant_server

STARTING_SECONDS = 300.0  #: for all of them, on a machine that does much else
SECRET_KEY = "a key that all the processes of a test share"


class Redis:
    """A redis-server of our own, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """How to connect."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start it, empty, and return once it takes connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._child = await asyncio.create_subprocess_exec(
            *("redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"),
            *("--bind", "127.0.0.1", "--dir", str(self._folder), "--loglevel", "warning"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await self._until_up()

    async def start_sentinel(self, name: str, port: int) -> None:
        """Be a sentinel that watches the master on this port."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor {name} 127.0.0.1 {port} 1\n"
        )
        self._child = await asyncio.create_subprocess_exec(
            *("redis-server", str(config), "--sentinel"), stdout=asyncio.subprocess.DEVNULL
        )
        await self._until_up()

    async def _until_up(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    async def kill(self) -> None:
        """SIGKILL: everything it knew is gone."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()


@dataclass(frozen=True, slots=True)
class Services:
    """What the processes of an installation share, and the settings that lead them there."""

    redis: Redis | Passage
    env: Mapping[str, str]

    @property
    def uri(self) -> str:
        """The store's."""
        return self.env["MONGODB_URI"]


@asynccontextmanager
async def shared_services(folder: Path, *, durable: bool) -> AsyncIterator[Services]:
    """A store, a vector server and a Redis below this folder, until the block ends.

    In `make cluster-check` they are those that were given, and empty.
    """
    async with AsyncExitStack() as stack:
        if is_given():
            given = await stack.enter_async_context(given_services())
            yield Services(given.redis, given.env)
            return
        (folder / "shared").mkdir(mode=0o700, exist_ok=True)
        store = EmbeddedStore(folder / "shared", durable=durable)
        store.launch()
        stack.push_async_callback(store.stop)
        await store.start()
        redis = Redis(folder / "redis")
        await redis.start()
        stack.push_async_callback(redis.kill)
        env = {
            "MONGODB_URI": store.uri,
            "QDRANT_URL": await stack.enter_async_context(qdrant_server()),
            "REDIS_URL": redis.url,
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_URL": "http://127.0.0.1",
        }
        yield Services(redis, env)


@dataclass(slots=True)
class Installation:
    """The processes, by role; each may be killed and started again."""

    env: Mapping[str, str]  #: what leads a process to all that is shared
    redis: Redis | Passage
    webs: Sequence[Program]
    workers: Sequence[Program]

    @property
    def uri(self) -> str:
        """The store's."""
        return self.env["MONGODB_URI"]

    @property
    def programs(self) -> Sequence[Program]:
        """All of them."""
        return (*self.webs, *self.workers)

    def said(self) -> str:
        """What all of them have written to their logs."""
        return "\n".join(
            f"== {one.output.name}\n{one.output.read_text()}"
            for one in self.programs
            if one.output.exists()
        )


@asynccontextmanager
async def installation(
    folder: Path,
    *,
    webs: int = 2,
    workers: int = 2,
    env: Mapping[str, str] | None = None,
    start: bool = True,
    ports: Sequence[int] = (),
) -> AsyncIterator[Installation]:
    """So many of them, over one store, one vector server and one Redis of their own.

    `env` may name others; `ports` are those of the webs, else any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(shared_services(folder, durable=False))
        shared = {**services.env, **(env or {})}
        listening = [*ports, *[0] * (webs + workers)]
        programs = [
            Program(
                folder / "data",
                env=shared,
                role=role,
                output=f"{role}-{number}.log",
                port=listening[number - 1] if role == "web" else 0,
            )
            for role, count in (("web", webs), ("worker", workers))
            for number in range(1, count + 1)
        ]
        made = Installation(shared, services.redis, programs[:webs], programs[webs:])

        async def end() -> None:
            await asyncio.gather(*(one.kill() for one in made.programs))

        stack.push_async_callback(end)
        if start:
            await asyncio.gather(*(one.start(seconds=STARTING_SECONDS) for one in made.programs))
        yield made


@dataclass(slots=True)
class Customer:
    """A customer of the web chat, at any of the webs."""

    session: aiohttp.ClientSession
    id: str
    token: str

    @classmethod
    async def opens(cls, session: aiohttp.ClientSession, web: Program, text: str) -> Customer:
        """Begins a conversation with this question."""
        async with session.post(f"{web.url}/api/conversations", json={"text": text}) as answer:
            assert answer.status == 201, await answer.text()
            made = await answer.json()
        return cls(session, made["id"], made["token"])

    @property
    def headers(self) -> Mapping[str, str]:
        """What proves who asks."""
        return {"Authorization": f"Bearer {self.token}"}

    async def writes(self, web: Program, text: str) -> None:
        """One more message, repeated until it is taken."""
        body = {"text": text, "client_id": secrets.token_hex(8)}
        url = f"{web.url}/api/conversations/{self.id}/messages"
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self.session.post(url, json=body, headers=self.headers) as answer:
                    if answer.status == 202:
                        return
            await asyncio.sleep(0.2)

    async def reads(self, web: Program) -> list[Mapping[str, str]]:
        """The messages so far."""
        url = f"{web.url}/api/conversations/{self.id}"
        async with self.session.get(url, headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            return list((await answer.json())["messages"])

    async def is_answered(self, web: Program, *, seconds: float, after: int = 0) -> str:
        """The first answer above this number. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                for message in await self.reads(web):
                    if message["author"] != "customer" and int(message["seq"]) > after:
                        return message["text"]
                await asyncio.sleep(0.05)

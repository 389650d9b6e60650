"""The servers that `make cluster-check` is given: MongoDB, Qdrant and Redis of whoever has them.

Tests that are made for servers of our own run over these in their place. What a test cannot do to
somebody's server it says in a skip, and `tests.support.cluster_check` lists every one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest

from core.storage.client import Database, open_database
from core.storage.errors import store_errors

CHECK = "CLUSTER_CHECK"  #: set where tests run over given servers
NAMES = ("MONGODB_URI", "QDRANT_URL", "REDIS_URL")
OURS = "knowledge-"  #: with which our collections in Qdrant begin


def is_given() -> bool:
    """Whether tests run over given servers."""
    return bool(os.environ.get(CHECK))


def theirs() -> Mapping[str, str]:
    """The settings of the servers that were given."""
    return {name: os.environ[name] for name in NAMES}


class Passage:
    """The way to a given Redis, which may be cut; Redis itself is left alone."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def _can_be_cut(self) -> bool:
        # A certificate is for its server's name, and a sentinel names addresses of its own.
        return self._parts.scheme == "redis"

    @property
    def url(self) -> str:
        """How to connect."""
        if not self._can_be_cut:
            return urlunsplit(self._parts)
        who, at, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{who}{at}127.0.0.1:{self._port}"))

    async def start(self) -> None:
        """Let everybody through."""
        if self._can_be_cut:
            self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Cut every connection, and let nobody through."""
        if not self._can_be_cut:
            pytest.skip(f"{self._parts.scheme}:// cannot be cut off; only redis:// can")
        await self.close()

    async def close(self) -> None:
        """The end of it; safe twice."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        if self._passing:
            await asyncio.wait(self._passing)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        self._open.add(writer)
        try:
            host, port = self._parts.hostname or "127.0.0.1", self._parts.port or 6379
            there, onward = await asyncio.open_connection(host, port)
            self._open.add(onward)
            try:
                await asyncio.gather(_pump(reader, onward), _pump(there, writer))
            finally:
                self._open.discard(onward)
                onward.transport.abort()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()
            self._passing.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Given:
    """The servers as one test has them: empty when it begins."""

    redis: Passage
    env: Mapping[str, str]


@asynccontextmanager
async def given_services() -> AsyncIterator[Given]:
    """The given servers until the block ends; what was left in them is removed.

    `tests.support.cluster_check` has seen that nothing of anybody else's is in there.
    """
    redis = Passage(theirs()["REDIS_URL"])
    await redis.start()
    try:
        # Another key each time: what Redis counts is named by it.
        key = f"a key of one test: {secrets.token_hex(16)}"
        env = {**theirs(), "REDIS_URL": redis.url, "SECRET_KEY": key}
        yield Given(redis, {**env, "PUBLIC_URL": "http://127.0.0.1"})
    finally:
        await redis.close()
        await emptied()


async def emptied() -> None:
    """Remove what the product has made in the given servers."""
    db = await open_database(theirs()["MONGODB_URI"])
    try:
        for name in await collections(db):
            with store_errors():
                await db.drop_collection(name)
    finally:
        await db.client.close()
    async with qdrant() as http:
        for name in await vectors(http):
            async with http.delete(f"collections/{name}") as answer:
                answer.raise_for_status()


async def collections(db: Database) -> list[str]:
    """What is in this database."""
    with store_errors():
        names = await db.list_collection_names()
    return [name for name in names if not name.startswith("system.")]


def qdrant() -> aiohttp.ClientSession:
    """A client of the given Qdrant."""
    key = os.environ.get("QDRANT_API_KEY", "")
    url = theirs()["QDRANT_URL"].rstrip("/") + "/"
    return aiohttp.ClientSession(url, headers={"api-key": key} if key else {})


async def vectors(http: aiohttp.ClientSession) -> list[str]:
    """Our collections in the given Qdrant."""
    async with http.get("collections") as answer:
        answer.raise_for_status()
        found = (await answer.json())["result"]["collections"]
    return [one["name"] for one in found if one["name"].startswith(OURS)]

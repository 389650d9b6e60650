"""Hints between processes: news that may get lost, and is then found in the store, later."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from config.settings import Settings
from core.cluster.redis_client import GONE_SECONDS, closed, connector
from core.cluster.settings import digest_of
from core.runtime import tasks
from core.runtime.backoff import Backoff

log = logging.getLogger(__name__)

Body = Mapping[str, Any]

VERSION = 1  #: of what is said; another one is not understood, and not needed
MOST_WAITING = 10_000  #: of ours that wait to be said; more are dropped
AT_ONCE = 200
MAC_BYTES = 12
PING_SECONDS = 2.0  #: of silence, after which the other end is asked whether it is there
BACKOFF = Backoff(0.2, 3.0)


class Hints(Protocol):
    """The port to the other processes of an installation."""

    @property
    def is_up(self) -> bool:
        """Whether what is said is likely to be heard."""
        ...

    def on(self, kind: str, listener: Callable[[Body], None]) -> None:
        """Call this with what others say of this kind; it must be quick."""
        ...

    def on_back(self, listener: Callable[[], None]) -> None:
        """Call this when hints come again: what was said meanwhile is lost."""
        ...

    def say(self, kind: str, body: Body) -> None:
        """Tell everybody else, if that is possible; never waits, never fails."""
        ...


class RedisHints:
    """Hints by publish and subscribe in Redis, which keeps nothing of them.

    Each is signed: who can write into Redis cannot put words into a customer's chat.
    """

    def __init__(self, url: str, *, installation: str, secret_key: str, me: str) -> None:
        """`installation` is who belongs together; `me` is what is ours and not heard again.

        Raises SetupError when the URL cannot be understood.
        """
        self._connect = connector(url)
        self._channel = f"contact-center:{installation}"
        self._key = hashlib.sha256(b"hints\0" + secret_key.encode()).digest()
        self._me = me
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._listeners: dict[str, list[Callable[[Body], None]]] = {}
        self._on_back: list[Callable[[], None]] = []
        self._hears = self._speaks = False

    @classmethod
    def of(cls, settings: Settings, secret_key: str) -> RedisHints:
        """Those of the installation that the settings describe. Raises SetupError."""
        return cls(
            settings.store.redis_url or "",
            installation=digest_of(secret_key),
            secret_key=secret_key,
            me=secrets.token_hex(8),
        )

    @property
    def is_up(self) -> bool:
        """See `Hints.is_up`."""
        return self._hears and self._speaks

    def on(self, kind: str, listener: Callable[[Body], None]) -> None:
        """See `Hints.on`."""
        self._listeners.setdefault(kind, []).append(listener)

    def on_back(self, listener: Callable[[], None]) -> None:
        """See `Hints.on_back`."""
        self._on_back.append(listener)

    def say(self, kind: str, body: Body) -> None:
        """See `Hints.say`."""
        said = orjson.dumps({"v": VERSION, "k": kind, "m": self._me, "b": body})
        self._waiting.append(self._mac(said) + said)
        self._news.set()

    async def run(self) -> None:
        """Speak and hear until cancelled, whatever becomes of Redis."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._speak_and_hear()
            except Exception as error:
                if loop.time() - began > BACKOFF.longest:
                    failures = 0
                failures += 1
                if failures == 1:
                    log.warning("Redis is away (%s): news comes by the store, later", error)
            await asyncio.sleep(BACKOFF.after(failures))

    async def _speak_and_hear(self) -> None:
        """Until one of the two fails: who only speaks finds out by the hint that gets lost."""
        both = [asyncio.create_task(work(), name="hints") for work in (self._speak, self._hear)]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for one in both:
                if one.done():
                    one.result()
        finally:
            await tasks.end(*both)

    async def _speak(self) -> None:
        self._speaks = False
        client = self._connect()
        try:
            async with asyncio.timeout(GONE_SECONDS):
                await client.ping()
            self._speaks = True
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    count = min(AT_ONCE, len(self._waiting))
                    batch = [self._waiting.popleft() for _ in range(count)]
                    async with asyncio.timeout(GONE_SECONDS):
                        pipeline = client.pipeline(transaction=False)
                        for one in batch:
                            pipeline.publish(self._channel, one)
                        await pipeline.execute()
        finally:
            self._speaks = False
            self._waiting.clear()  # old news is none
            await closed(client)

    async def _hear(self) -> None:
        client = self._connect()
        pubsub = client.pubsub()
        try:
            async with asyncio.timeout(GONE_SECONDS):
                await pubsub.subscribe(self._channel)
            loop = asyncio.get_running_loop()
            heard_at, is_first = loop.time(), True
            while True:
                message = await pubsub.get_message(timeout=PING_SECONDS)
                if message is not None:
                    heard_at = loop.time()
                elif loop.time() - heard_at > GONE_SECONDS:
                    raise ConnectionError("it does not answer any more")
                else:
                    await pubsub.ping()
                    continue
                if message["type"] == "subscribe" and is_first:
                    is_first, self._hears = False, True
                    for listener in self._on_back:
                        listener()
                elif message["type"] == "message":
                    self._take(message["data"])
        finally:
            self._hears = False
            await closed(pubsub)
            await closed(client)

    def _take(self, data: bytes) -> None:
        mac, said = data[:MAC_BYTES], data[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(said)):
            log.warning("a hint that none of ours has signed")
            return
        heard = orjson.loads(said)
        if heard["v"] != VERSION or heard["m"] == self._me:
            return
        for listener in self._listeners.get(heard["k"], ()):
            try:
                listener(heard["b"])
            except Exception:
                log.exception("a hint could not be followed")

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:MAC_BYTES]

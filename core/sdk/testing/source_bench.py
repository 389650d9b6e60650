"""The test bench of a source: one system, synced as by the host."""

from __future__ import annotations

import abc
import asyncio
import functools
import hashlib
import logging
import tempfile
import unittest
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from core.clock import SystemClock
from core.sdk.source import (
    ChecksSource,
    Document,
    Item,
    Known,
    Source,
    SourceContext,
    SourcePlugin,
    Unchanged,
)

TEST_SECONDS = 120.0
SYNC_SECONDS = 60.0
TEXTS = {
    "returns": "Returns are free of charge within thirty days.",
    "parking": "Cars stand behind the house, next to the barn.",
    "sauna": "The sauna is hot from five in the afternoon.",
}


class SourceSimulator(abc.ABC):
    """The system that a source reads, on this machine; it lives for one test."""

    requests: int = 0  #: how often it was asked; a system without a network never is

    async def start(self) -> None:  # noqa: B027 - a folder has nothing to start
        """Begin to answer."""

    async def stop(self) -> None:  # noqa: B027
        """End it."""

    @abc.abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The settings by which the source finds it, credentials included."""

    @abc.abstractmethod
    async def put(self, name: str, title: str, text: str) -> None:
        """Add a document, or have it say something else."""

    @abc.abstractmethod
    async def remove(self, name: str) -> None:
        """Remove a document."""

    @abc.abstractmethod
    def go_down(self) -> None:
        """Answer nothing useful any more: an error, no connection, an unmounted disk."""

    def break_one(self, name: str) -> None:
        """This document is there and cannot be read."""
        raise NotImplementedError

    def refuse(self) -> None:
        """The credentials do not count any more."""
        raise NotImplementedError

    def owns(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task is the system's own, and not the source's."""
        return "aiohttp" in repr(task.get_coro()) or "RequestHandler" in repr(task.get_coro())


class SourceChecks:
    """The base of conformance tests of a source."""

    plugin: ClassVar[SourcePlugin[Any]]
    exempt: ClassVar[Mapping[str, str]] = {}  #: test name to the reason why it cannot apply

    def system(self) -> SourceSimulator:
        """A new simulator of the system."""
        raise NotImplementedError


class SourceBench:
    """One source at one system, with what the host would remember."""

    def __init__(self, plugin: SourcePlugin[Any], system: SourceSimulator, folder: Path) -> None:
        self._plugin = plugin
        self._folder = folder
        self._known: dict[str, Known] = {}
        self._before: Mapping[str, Known] = {}
        self._texts: dict[str, str] = {}
        self._at: dict[str, str] = {}  # addresses by the text that stood there
        self._denied = False
        self.system = system
        self.documents: Sequence[Document] = ()  #: of the last sync

    async def fill(self, names: Sequence[str]) -> None:
        """Put these documents into the system."""
        for name in names:
            await self.put(name, TEXTS[name])

    async def put(self, name: str, text: str) -> None:
        """Have this document say this."""
        self._texts[name] = text
        await self.system.put(name, name.capitalize(), text)

    def text_of(self, name: str) -> str:
        """What it says."""
        return self._texts[name]

    def said(self, document: Document) -> str:
        """The content as text, whatever else it is."""
        return bytes(document.content).decode("utf-8", "replace")

    def address_of(self, name: str) -> str:
        """The address at which this document was given."""
        return self._at[name]

    def is_new(self, document: Document) -> bool:
        """Whether it says something else than before the last sync."""
        before = self._before.get(document.address)
        return before is None or before.digest != hashlib.sha256(document.content).hexdigest()

    def forget(self) -> None:
        """Nothing is known, as after a restore."""
        self._known = {}

    def deny(self) -> None:
        """From now on it may neither connect nor read."""
        self._denied = True
        loop = asyncio.get_running_loop()
        if isinstance(loop, GuardedLoop):
            loop.denies = True

    def make(self) -> Source:
        """A new instance, as the host makes one for each sync."""
        settings = self._plugin.settings.model_validate(dict(self.system.settings()))
        context = SourceContext(
            source_id="test",
            clock=SystemClock(),
            logger=logging.getLogger("sources.test"),
            data_dir=self._folder,
            may_connect=lambda _ip: not self._denied,
            may_read=lambda _path: not self._denied,
        )
        return self._plugin.create(settings, context)

    def make_checking(self) -> ChecksSource:
        """The same, for its check."""
        return cast("ChecksSource", self.make())

    async def sync(self) -> Sequence[Item]:
        """One sync, in the time it may take; what it gives is known the next time."""
        items: list[Item] = []
        self._before, self.documents = dict(self._known), ()
        async with asyncio.timeout(SYNC_SECONDS):
            async for item in self.make().documents(dict(self._known)):
                items += [item]
        self.documents = [item for item in items if isinstance(item, Document)]
        self._remember(items)
        return items

    async def first(self) -> None:
        """Take the first item and break off, as the host does when it stops."""
        walk = self.make().documents({})
        async with asyncio.timeout(SYNC_SECONDS):
            await walk.__anext__()
            if isinstance(walk, AsyncGenerator):
                await walk.aclose()

    def _remember(self, items: Sequence[Item]) -> None:
        known: dict[str, Known] = {}
        for item in items:
            if isinstance(item, Document):
                content = item.content if isinstance(item.content, bytes) else b""
                known[item.address] = Known(
                    etag=item.etag,
                    modified=item.modified,
                    memo=item.memo,
                    digest=hashlib.sha256(content).hexdigest(),
                    read_at=SystemClock().now(),
                )
                for name, text in self._texts.items():
                    if text.encode() in content:
                        self._at[name] = item.address
            elif item.address in self._known:
                before = self._known[item.address]
                memo = item.memo if isinstance(item, Unchanged) else None
                known[item.address] = Known(
                    etag=before.etag,
                    modified=before.modified,
                    memo=before.memo if memo is None else memo,
                    digest=before.digest,
                    read_at=before.read_at,
                )
        self._known = known


class GuardedLoop(asyncio.SelectorEventLoop):
    """A loop that connects nowhere once it was told so, as the host's for a private network."""

    denies = False

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """See asyncio; raises PermissionError."""
        if self.denies:
            raise PermissionError("not allowed to connect there")
        await super().sock_connect(sock, address)


C = TypeVar("C", bound=SourceChecks)


def scenario(check: Callable[[C, SourceBench], Awaitable[None]]) -> Callable[[C], None]:
    """Makes a plain test of an asynchronous one: own loop, own system, a time limit."""

    @functools.wraps(check)
    def test(self: C) -> None:
        reason = type(self).exempt.get(check.__name__)
        if reason:
            raise unittest.SkipTest(reason)
        with asyncio.Runner(loop_factory=GuardedLoop) as runner:
            runner.run(_within_limits(self, check))

    del test.__wrapped__  # pytest would look for fixtures
    return test


def tests_in(contract: type[SourceChecks]) -> Sequence[str]:
    """The names of its tests, in the order they are written."""
    names = [name for owner in reversed(contract.__mro__) for name in vars(owner)]
    tests = (n for n in names if n.startswith("test_") and callable(getattr(contract, n)))
    return list(dict.fromkeys(tests))


async def _within_limits(contract: C, check: Callable[[C, SourceBench], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        system = contract.system()
        await system.start()
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await check(contract, SourceBench(contract.plugin, system, Path(folder)))
        except TimeoutError as error:
            raise AssertionError(f"It took longer than it may: {error or 'time limit'}.") from error
        finally:
            await system.stop()

"""Pulls documents out of a source: its code runs on a thread of its own, out of everybody's way."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.clock import Clock
from core.runtime.version import VERSION
from core.sdk.source import (
    LARGEST_DOCUMENT,
    LARGEST_MEMO,
    LONGEST_ADDRESS,
    Document,
    Item,
    Known,
    Source,
    SourceContext,
    SourcePlugin,
    Unchanged,
    Unread,
)
from plugins.isolation.loop_thread import OwnLoopThread, TookTooLong
from plugins.registry.egress import Egress, RestrictedLoop

log = logging.getLogger(__name__)

MAKE_SECONDS = 30.0
ITEM_SECONDS = 900.0  #: for one document, politeness and a site's "later" included
END_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The reach of a source: networks by settings, hosts and folders that the operator named."""

    networks: Sequence[str] = ()
    private_hosts: Sequence[str] = ()
    folders: Sequence[Path] = ()

    async def egress(self) -> Egress:
        """The addresses it may connect to at this moment."""
        named: list[str] = []
        for host in self.private_hosts:
            with suppress(OSError, UnicodeError):
                loop = asyncio.get_running_loop()
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                named += [str(ipaddress.ip_address(str(i[4][0]).partition("%")[0])) for i in found]
        return Egress([*self.networks, *named])

    def may_read(self, path: Path) -> bool:
        """Whether this path lies in one of the folders, links followed."""
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in self.folders)


@asynccontextmanager
async def made(
    plugin: SourcePlugin[Any],
    settings: BaseModel,
    *,
    source_id: str,
    reach: Reach,
    data_dir: Path,
    clock: Clock,
) -> AsyncIterator[tuple[Source, OwnLoopThread]]:
    """A source and the thread it lives on; nothing of it is left afterwards."""
    egress = await reach.egress()
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    context = SourceContext(
        source_id=source_id,
        clock=clock,
        logger=logging.getLogger(f"sources.{source_id}"),
        data_dir=data_dir,
        user_agent=f"ContactCenterOS/{VERSION}",
        may_connect=egress.allows,
        may_read=reach.may_read,
    )
    lane = OwnLoopThread(f"source-{source_id}", loop=RestrictedLoop(egress))

    async def make() -> Source:
        return plugin.create(settings, context)

    try:
        yield await lane.run(make, within=MAKE_SECONDS), lane
    finally:
        await lane.close()


async def pulled(
    source: Source, lane: OwnLoopThread, known: Mapping[str, Known]
) -> AsyncIterator[Item]:
    """Its documents one by one, each checked; raises what the source raises."""

    async def begin() -> AsyncIterator[Item]:
        return source.documents(known).__aiter__()

    walk = await lane.run(begin, within=MAKE_SECONDS)

    async def step() -> Item | None:
        try:
            return await walk.__anext__()
        except StopAsyncIteration:
            return None

    async def end() -> None:
        close = getattr(walk, "aclose", None)
        if close is not None:
            await close()

    given: set[str] = set()
    try:
        while (item := await lane.run(step, within=ITEM_SECONDS)) is not None:
            sound = _checked(item, known, given)
            if sound is not None:
                given.add(sound.address)
                yield sound
    finally:
        with suppress(TookTooLong):
            await lane.run(end, within=END_SECONDS)


def _checked(item: object, known: Mapping[str, Known], given: set[str]) -> Item | None:
    """The item if it can be used; else what is to be known of it. None for one given before."""
    if not isinstance(item, Document | Unchanged | Unread):
        raise TypeError(f"a source gave {type(item).__name__}, which is no document")
    if not item.address or len(item.address) > LONGEST_ADDRESS:
        raise ValueError(f"a document's address has {len(item.address)} characters")
    if item.address in given:
        log.warning("a source gives %s twice; the first one counts", item.address)
        return None
    match item:
        case Document(content=content) if type(content) is not bytes:
            return Unread(address=item.address, why="its content is not bytes")
        case Document() if len(item.content) > LARGEST_DOCUMENT:
            most = LARGEST_DOCUMENT // 1_000_000
            return Unread(address=item.address, why=f"is larger than {most} MB")
        case Document() if len(item.memo) > LARGEST_MEMO:
            return Unread(address=item.address, why="its memo is too long")
        case Unchanged() if item.address not in known:
            return Unread(address=item.address, why="it is called unchanged and was never read")
    return item

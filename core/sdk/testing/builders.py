"""Builders of test values, with everything that does not matter filled in."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from core.clock import Clock, SystemClock
from core.domain.messages import (
    Address,
    Author,
    Button,
    Citation,
    InboundMessage,
    OutboundMessage,
    Sender,
)
from core.i18n import Words
from core.runtime.tasks import end
from core.sdk.plugin import ChannelContext
from core.sdk.testing.fakes import OpenLease

LOCALES = Path(__file__).parents[3] / "config" / "locales"


def an_address(
    *, channel: str = "test", account: str = "us", chat: str = "c1", thread: str = ""
) -> Address:
    """A customer's address."""
    return Address(channel=channel, account=account, chat=chat, thread=thread)


def an_inbound(
    text: str = "Where is my order?", *, external_id: str = "e1", address: Address | None = None
) -> InboundMessage:
    """Something a customer wrote."""
    where = address or an_address()
    return InboundMessage(
        address=where, external_id=external_id, sender=Sender(id=where.chat), text=text
    )


def an_outbound(
    text: str = "It is on its way.",
    *,
    message_id: str = "m1",
    address: Address | None = None,
    author: Author = Author.AI,
    locale: str = "en",
    citations: tuple[Citation, ...] = (),
    buttons: tuple[Button, ...] = (),
    attempt: int = 1,
    skip_parts: int = 0,
) -> OutboundMessage:
    """Something we send."""
    where = address or an_address()
    return OutboundMessage(
        id=message_id,
        conversation_id=where.conversation_id(),
        address=where,
        author=author,
        text=text,
        locale=locale,
        citations=citations,
        buttons=buttons,
        attempt=attempt,
        skip_parts=skip_parts,
    )


class ContextUnderTest:
    """A `ChannelContext` that keeps what the channel did with it."""

    def __init__(
        self,
        *,
        channel_id: str = "test",
        public_url: str = "https://desk.example",
        data_dir: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.failures: list[Exception] = []
        self.shared: list[object] = []
        self.context = ChannelContext(
            channel_id=channel_id,
            clock=clock or SystemClock(),
            logger=logging.getLogger(f"channels.{channel_id}"),
            public_url=public_url,
            data_dir=data_dir or Path(tempfile.mkdtemp(prefix=f"{channel_id}-")),
            words=Words.load(LOCALES),
            lease=OpenLease(),
            spawn=self._spawn,
            failed=self.failures.append,
            share=self.shared.append,
        )

    async def close(self) -> None:
        """Cancel what the channel spawned, as the host does after `stop`."""
        await end(*self.tasks)

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str = "") -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name or None)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.failures.append(error)

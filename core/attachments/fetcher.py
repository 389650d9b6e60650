"""Fetches what customers sent, and reads it; goes on after a crash where it was."""

from __future__ import annotations

import asyncio
import logging
import mimetypes
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from core.attachments.blobs import Spooled, TooLarge, drop
from core.attachments.library import Library, clean_name
from core.attachments.reading.media_types import kind_of, type_of
from core.attachments.reading.reader import PICTURES, Reader
from core.attachments.records import FileRecord, State
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.messages import Address, Attachment
from core.engine.ports import AlreadyAccepted, ChannelDirectory
from core.engine.repository import Conversations
from core.errors import AttachmentRefused, ContactCenterError, NotFound, StoreUnavailable
from core.runtime.backoff import Backoff
from core.runtime.tasks import BackgroundTasks
from core.sdk.channel import FetchesAttachments

log = logging.getLogger(__name__)

FETCH_SECONDS = 120.0  #: for one file; a phone's slow vendor gets the next try
AT_ONCE = 4
MOST_TRIES = 10
BACKOFF = Backoff(1.0, 900.0)
LOOK_SECONDS = 5.0  #: between two looks when nobody has woken us

Heard = Callable[[str, int, str], Awaitable[None]]
"""Takes the conversation, the number of a message, and what is said in its recording."""


class Refused(ContactCenterError):
    """This file will not come; `problem` is a name of `approvals.attachment`."""

    def __init__(self, problem: str, detail: str = "") -> None:
        self.problem = problem
        super().__init__(detail or problem)


class Fetcher:
    """Works through the files that are wanted or unread, a few at a time."""

    def __init__(
        self,
        library: Library,
        *,
        conversations: Conversations,
        channels: ChannelDirectory,
        reader: Reader,
        clock: Clock,
        heard: Heard | None = None,
    ) -> None:
        self._library = library
        self._records = library.records
        self._conversations = conversations
        self._channels = channels
        self._reader = reader
        self._clock = clock
        self._heard = heard
        self._wake = asyncio.Event()
        self._busy: set[str] = set()
        self._tasks = BackgroundTasks()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._records.on_wanted(self._wake.set)

    async def run(self) -> None:
        """Never returns; what is broken off goes on at the next start."""
        await self._library.spool.empty()
        try:
            while True:
                try:
                    await self._begin()
                except StoreUnavailable:
                    log.warning("the store does not say which files are wanted; looking again")
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
        finally:
            await self._tasks.end()

    async def _begin(self) -> None:
        for record in await self._records.due(self._clock.now()):
            if record.id not in self._busy:
                self._busy.add(record.id)
                self._tasks.start(self._work(record), name=f"attachment {record.id}")

    async def _work(self, record: FileRecord) -> None:
        try:
            async with self._places:
                await self._one(record)
        except StoreUnavailable:
            log.warning("the store did not take what became of a file; trying again")
            await asyncio.sleep(1.0)
        finally:
            self._busy.discard(record.id)
            self._wake.set()  # what was fetched is to be read now

    async def _one(self, record: FileRecord) -> None:
        try:
            if record.state is State.WANTED:
                await self._fetch(record)
            else:
                await self._read(record)
        except Refused as refused:
            await self._refuse(record, refused)
        except TooLarge as error:
            await self._refuse(record, Refused("too_large", error.detail))
        except StoreUnavailable:
            raise
        except Exception as error:
            await self._later(record, error)

    async def _fetch(self, record: FileRecord) -> None:
        attachment, address = await self._asked(record)
        spooled = await self._spooled(attachment, address)
        try:
            media_type = await asyncio.to_thread(type_of, spooled.path)
            kind = kind_of(media_type, attachment.kind)
            kept = Attachment(
                kind=kind,
                name=clean_name(attachment.name) or _called(kind, media_type),
                media_type=media_type,
                size=spooled.size,
                digest=spooled.digest,
            )
            if not await self._library.keep(record, spooled):
                return
            if media_type in PICTURES:
                await self.make_preview(record, spooled)
            event = ev.AttachmentFetched(seq=record.n, index=record.i, attachment=kept)
            if await self._happened(record, event):
                await self._records.fetched(record.id, kept, at=self._clock.now())
            else:
                # Its customer was forgotten in this very moment.
                await self._library.forget([replace(record, digest=spooled.digest)])
        finally:
            await drop(spooled)

    async def make_preview(self, record: FileRecord, spooled: Spooled) -> bool:
        """Draw a small picture of this one; whether there is one now."""
        target = spooled.path.with_suffix(".preview")
        try:
            if not await self._reader.preview(spooled.path, target):
                return False
            await self._library.keep_preview(record, target)
        finally:
            await asyncio.to_thread(target.unlink, missing_ok=True)
        return True

    async def _spooled(self, attachment: Attachment, address: Address) -> Spooled:
        if attachment.digest:
            try:
                return await self._library.spooled(attachment.digest)
            except NotFound:
                raise Refused("gone") from None
        if (attachment.size or 0) > self._library.limit:
            raise TooLarge(self._library.limit)
        channel = self._channels.get(address.channel)
        if channel is None:
            raise ContactCenterError("the channel is off")
        if not isinstance(channel, FetchesAttachments):
            raise Refused("not_given")
        writer = await self._library.spool.writer(limit=self._library.limit)
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await channel.fetch(address, attachment, writer.write)
            if not writer.size:
                raise ContactCenterError("the vendor gave an empty file")
            return await writer.finish()
        except AttachmentRefused as error:
            await writer.abandon()
            raise Refused("refused", error.detail) from error
        except BaseException:
            await writer.abandon()
            raise

    async def _read(self, record: FileRecord) -> None:
        spooled = await self._library.spooled(record.digest)
        try:
            found = await self._reader.read(spooled.path, record.media_type)
        finally:
            await drop(spooled)
        event = ev.AttachmentRead(
            seq=record.n,
            index=record.i,
            name=record.name,
            text=found.text,
            spoken=found.spoken,
            problem=found.problem,
        )
        if not (found.text or found.problem):
            await self._records.change(record.id, state=State.KEPT.value, next_at=None)
            return
        happened = await self._happened(record, event)
        await self._records.change(record.id, state=State.KEPT.value, next_at=None)
        if happened and found.spoken and self._heard is not None:
            await self._heard(record.c, record.n, found.text)

    async def _refuse(self, record: FileRecord, refused: Refused) -> None:
        detail = "" if refused.detail == refused.problem else refused.detail
        if record.state is State.UNREAD:
            await self._records.change(record.id, state=State.KEPT.value, next_at=None)
            return
        event = ev.AttachmentFetched(
            seq=record.n, index=record.i, problem=refused.problem, detail=detail
        )
        await self._happened(record, event)
        await self._records.change(record.id, state=State.REFUSED.value, next_at=None)

    async def _later(self, record: FileRecord, error: Exception) -> None:
        tries = record.tries + 1
        detail = getattr(error, "detail", "") or type(error).__name__
        log.info("a file of %s could not be fetched (try %d): %s", record.c, tries, detail)
        if tries >= MOST_TRIES:
            await self._refuse(record, Refused("given_up", detail))
            return
        after = timedelta(seconds=BACKOFF.after(tries))
        await self._records.change(record.id, tries=tries, next_at=self._clock.now() + after)

    async def _happened(self, record: FileRecord, event: ev.Event) -> bool:
        """Append it, unless whoever sent the file has been forgotten, or it stands there."""

        def decide(c: Conversation) -> Sequence[ev.Event]:
            gone = c.erased or c.seq < record.n
            new = c.started_at is not None and c.started_at > record.at
            return () if gone or new else (event,)

        key = "\x1f".join((event.kind, record.id))
        try:
            change = await self._conversations.update(record.c, decide, key=key)
        except AlreadyAccepted:
            return True  # a try before this one had come so far
        return change.commit is not None

    async def _asked(self, record: FileRecord) -> tuple[Attachment, Address]:
        """The attachment as its message has it, and where it came from."""
        state = await self._conversations.peek(record.c)
        for commit in await self._conversations.history(record.c):
            for item in commit.numbered():
                if item.seq == record.n and isinstance(item.event, ev.Received | ev.Edited):
                    assert state.address is not None
                    return item.event.attachments[record.i], state.address
        raise Refused("gone")


def _called(kind: str, media_type: str) -> str:
    """A name for what has none, as photos of phones: image.jpg."""
    return f"{kind}{mimetypes.guess_extension(media_type) or ''}"

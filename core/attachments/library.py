"""The library: which conversation has which file, and the contents as long as one of them has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from core.attachments.blobs import BlobStore, Spool, Spooled, drop
from core.attachments.reading.media_types import kind_of, type_of
from core.attachments.records import FileRecord, Records, State
from core.clock import Clock
from core.domain.messages import Attachment, InboundMessage
from core.errors import BadInput, NotFound, StoreUnavailable
from core.sdk.channel import Write
from core.text.sanitize import sanitize

UPLOAD_LIFE = timedelta(days=1)  #: of an upload that no message took up
NAME_SIGNS = 200


class UnknownUpload(BadInput):
    """This file was never uploaded here, or too long ago; upload it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that has come in and belongs to no message yet."""

    id: str
    attachment: Attachment


class Library:
    """Keeps files by content: each content once, as long as a conversation has it.

    A content is added and noted, or looked up and removed, under one lock: what is shared with
    another conversation never goes with the first of the two.
    """

    def __init__(
        self, records: Records, *, blobs: BlobStore, spool: Spool, clock: Clock, limit: int
    ) -> None:
        self.records = records
        self.limit = limit  #: bytes of one file
        self._blobs = blobs
        self.spool = spool
        self._clock = clock
        self._lock = asyncio.Lock()

    @property
    def blobs(self) -> BlobStore:
        """Where the contents lie."""
        return self._blobs

    # In

    async def upload(
        self, conversation_id: str, chunks: AsyncIterator[bytes], *, name: str, by: str = ""
    ) -> Upload:
        """Take a file in for a message that is about to be written. Raises TooLarge, BadInput.

        `by` is the e-mail of the colleague whose file it is; "" for the visitor's.
        """
        spooled = await self.spool.take(chunks, limit=self.limit)
        try:
            if not spooled.size:
                raise BadInput("This file is empty.")
            return await self._noted(conversation_id, spooled, name=name, by=by)
        finally:
            await drop(spooled)

    async def download(
        self,
        conversation_id: str,
        fetch: Callable[[Write], Awaitable[None]],
        *,
        name: str,
        by: str,
    ) -> Attachment:
        """Take in what `fetch` writes, for a message of this colleague's. Raises TooLarge."""
        writer = await self.spool.writer(limit=self.limit)
        try:
            await fetch(writer.write)
            spooled = await writer.finish()
            upload = await self._noted(conversation_id, spooled, name=name, by=by)
        finally:
            await writer.abandon()
        return upload.attachment

    async def uploaded(
        self, conversation_id: str, ids: Sequence[str], *, by: str = ""
    ) -> tuple[Attachment, ...]:
        """These uploads as attachments of a message. Raises UnknownUpload."""
        found: list[Attachment] = []
        for upload_id in dict.fromkeys(ids):
            record = await self.records.get(upload_id)
            known = record is not None and record.state is State.UPLOAD
            if record is None or not known or record.c != conversation_id or record.by != by:
                raise UnknownUpload
            found.append(record.attachment())
        return tuple(found)

    async def take_in(self, message: InboundMessage, conversation_id: str) -> InboundMessage:
        """The message with its contents kept, and named by their digests; too large ones left."""
        taken: list[Attachment] = []
        for attachment in message.attachments:
            content, size = attachment.content, len(attachment.content)
            if content and size <= self.limit:
                try:
                    upload = await self.upload(conversation_id, _one(content), name=attachment.name)
                except OSError as error:
                    raise StoreUnavailable(f"A file cannot be kept: {error}") from error
                kind = kind_of(upload.attachment.media_type, attachment.kind)
                taken.append(replace(upload.attachment, kind=kind))
            elif content:
                taken.append(replace(attachment, content=b"", size=size))
            else:
                taken.append(attachment)
        return replace(message, attachments=tuple(taken))

    async def keep(self, record: FileRecord, spooled: Spooled) -> bool:
        """Keep what was fetched for this record; False when it has been forgotten meanwhile."""
        async with self._lock:
            if await self.records.get(record.id) is None:
                return False
            await self._blobs.add(spooled)
            await self.records.change(record.id, digest=spooled.digest)
        return True

    async def keep_preview(self, record: FileRecord, picture: Path) -> None:
        """Keep the small picture of this file, wherever it is shown."""
        spooled = await self.spool.take(_file(picture), limit=self.limit)
        try:
            async with self._lock:
                if await self.records.get(record.id) is not None:
                    await self._blobs.add(spooled)
                    await self.records.change(record.id, preview=spooled.digest)
        finally:
            await drop(spooled)

    # Out

    async def get(self, file_id: str) -> FileRecord:
        """The file. Raises NotFound for none, and for one whose bytes we do not have."""
        record = await self.records.get(file_id)
        if record is None or not record.digest:
            raise NotFound
        return record

    def read(self, digest: str) -> AsyncIterator[bytes]:
        """The content in chunks. Raises NotFound."""
        return self._blobs.read(digest)

    async def content(self, digest: str) -> bytes:
        """The whole content, which is at most `limit` bytes. Raises NotFound."""
        return b"".join([chunk async for chunk in self._blobs.read(digest)])

    async def spooled(self, digest: str) -> Spooled:
        """The content as a file, to be dropped afterwards. Raises NotFound."""
        return await self.spool.take(self._blobs.read(digest), limit=2 * self.limit)

    # Away

    async def forget(self, records: Iterable[FileRecord]) -> Mapping[str, int]:
        """Forget these, and every content that no other record has; counted by kind."""
        gone = list(records)
        removed = 0
        async with self._lock:
            await self.records.remove([record.id for record in gone])
            for digest in {d for r in gone for d in (r.digest, r.preview) if d}:
                if not await self.records.has(digest):
                    removed += await self._blobs.remove(digest)
        return {"attachments": len(gone), "files": removed}

    async def sweep(self) -> int:
        """Remove uploads that no message took up, and contents that nobody has; how many."""
        old = await self.records.uploads(before=self._clock.now() - UPLOAD_LIFE)
        removed = (await self.forget(old))["files"]
        for digest in await self._blobs.digests(older_than=UPLOAD_LIFE.total_seconds()):
            async with self._lock:
                if not await self.records.has(digest):
                    removed += await self._blobs.remove(digest)
        return removed

    async def check(self) -> str:
        """One line saying where contents are. Raises OSError when that cannot be used."""
        return await self._blobs.check()

    async def _noted(self, conversation_id: str, spooled: Spooled, *, name: str, by: str) -> Upload:
        media_type = await asyncio.to_thread(type_of, spooled.path)
        record = FileRecord(
            id=f"{conversation_id}.up.{self._clock.new_id()}",
            c=conversation_id,
            state=State.UPLOAD,
            at=self._clock.now(),
            digest=spooled.digest,
            kind=kind_of(media_type),
            name=clean_name(name),
            media_type=media_type,
            size=spooled.size,
            by=by,
        )
        async with self._lock:
            await self._blobs.add(spooled)
            await self.records.add(record)
        return Upload(id=record.id, attachment=record.attachment())


def clean_name(name: str) -> str:
    """A file's name as it may be shown and offered: no path, no control characters."""
    shown = sanitize(name).replace("\\", "/").rpartition("/")[2]
    return " ".join("".join(sign for sign in shown if sign.isprintable()).split())[:NAME_SIGNS]


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _file(path: Path) -> AsyncIterator[bytes]:
    yield await asyncio.to_thread(path.read_bytes)

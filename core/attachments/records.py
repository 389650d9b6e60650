"""The collection `attachments`: one document a file of a conversation, made from the log."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.messages import Attachment
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.writes import insert_missing

Peek = Callable[[str], Awaitable[Conversation]]
"""The newest state of a conversation."""


class State(enum.StrEnum):
    """The state of a file."""

    UPLOAD = "upload"  #: has come in, and no message has it yet
    WANTED = "wanted"  #: its message is stored; its bytes have to be fetched
    UNREAD = "unread"  #: kept; what it says has to be read
    KEPT = "kept"  #: nothing more is to do
    REFUSED = "refused"  #: its bytes will never come


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One file; `id` is "CONVERSATION.SEQ.INDEX", or "CONVERSATION.up.…" for an upload."""

    id: str
    c: str  #: the conversation
    n: int = 0  #: number of the message; 0 for an upload
    i: int = 0  #: its place among that message's attachments
    at: datetime
    channel: str = ""
    state: State
    next_at: datetime | None = None  #: the next try
    tries: int = 0
    digest: str = ""
    preview: str = ""  #: digest of a small picture of it
    kind: str = "file"
    name: str = ""
    media_type: str = ""
    size: int = 0
    by: str = ""  #: the colleague whose upload it is

    def attachment(self) -> Attachment:
        """As it stands in a message."""
        return Attachment(
            kind=self.kind,
            name=self.name,
            media_type=self.media_type,
            size=self.size,
            digest=self.digest,
        )


def file_id(conversation_id: str, seq: int, index: int) -> str:
    """The id of a file by its place."""
    return f"{conversation_id}.{seq}.{index}"


class Records:
    """Reads and changes the documents, and is a projection of the log: makes them."""

    name = "attachments"

    def __init__(self, collection: MongoCollection, *, peek: Peek) -> None:
        self._collection = collection
        self._peek = peek
        self._wake: Callable[[], None] = lambda: None

    def on_wanted(self, wake: Callable[[], None]) -> None:
        """Call this whenever there is something new to fetch."""
        self._wake = wake

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`."""
        for item in (item for commit in commits for item in commit.numbered()):
            match item.event:
                case ev.Received(attachments=attachments) | ev.Edited(attachments=attachments) if (
                    attachments
                ):
                    await self._make(item, attachments, State.WANTED)
                case ev.Sent(attachments=attachments) if attachments:
                    await self._make(item, attachments, State.KEPT)
                case ev.AttachmentFetched() as e:
                    await self._fetched(item, e)
                case ev.AttachmentRead() as e:
                    key = file_id(item.conversation_id, e.seq, e.index)
                    await self.change(key, state=State.KEPT.value, next_at=None)
                case _:
                    continue
            self._wake()

    async def get(self, file_id: str) -> FileRecord | None:
        """The file with this id."""
        with store_errors():
            found = await self._collection.find_one({"_id": file_id})
        return _record(found) if found else None

    async def of(self, conversation_ids: Sequence[str]) -> list[FileRecord]:
        """Every file of these conversations."""
        return await self._find({"c": {"$in": list(conversation_ids)}})

    async def due(self, now: datetime) -> list[FileRecord]:
        """What has to be fetched or read by now."""
        found = await self._find({"next_at": {"$lte": now}})  # of all others it is null
        return sorted(found, key=lambda record: record.at)

    async def uploads(self, *, before: datetime) -> list[FileRecord]:
        """Uploads from before this time."""
        found = await self._find({"state": State.UPLOAD.value})
        return [record for record in found if record.at < before]

    async def has(self, digest: str) -> bool:
        """Whether any file has this content."""
        with store_errors():
            for name in ("digest", "preview"):
                if await self._collection.find_one({name: digest}, {"_id": 1}):
                    return True
        return False

    async def add(self, record: FileRecord) -> None:
        """Note a new one."""
        with store_errors():
            await self._collection.insert_one(_document(record))

    async def change(self, file_id: str, **values: Any) -> None:
        """Change these fields, where it still is."""
        with store_errors():
            await self._collection.update_one({"_id": file_id}, {"$set": values})

    async def remove(self, ids: Sequence[str]) -> None:
        """Forget them."""
        with store_errors():
            await self._collection.delete_many({"_id": {"$in": list(ids)}})

    async def _find(self, query: Mapping[str, Any]) -> list[FileRecord]:
        with store_errors():
            return [_record(found) for found in await self._collection.find(query).to_list()]

    async def _make(
        self, item: ev.Numbered, attachments: Sequence[Attachment], state: State
    ) -> None:
        about = await self._peek(item.conversation_id)
        made = [
            _document(
                FileRecord(
                    id=file_id(item.conversation_id, item.seq, index),
                    c=item.conversation_id,
                    n=item.seq,
                    i=index,
                    at=item.at,
                    channel=about.channel,
                    state=state,
                    next_at=item.at if state is State.WANTED else None,
                    digest=attachment.digest,
                    kind=attachment.kind,
                    name=attachment.name,
                    media_type=attachment.media_type,
                    size=attachment.size or 0,
                )
            )
            for index, attachment in enumerate(attachments)
            if attachment.is_file
        ]
        if made:
            with store_errors():
                await insert_missing(self._collection, made)

    async def _fetched(self, item: ev.Numbered, e: ev.AttachmentFetched) -> None:
        key = file_id(item.conversation_id, e.seq, e.index)
        if e.attachment is None:
            await self.change(key, state=State.REFUSED.value, next_at=None)
            return
        await self.fetched(key, e.attachment, at=item.at)

    async def fetched(self, file_id: str, found: Attachment, *, at: datetime) -> None:
        """Its bytes are here; what they say is to be read. Twice is once."""
        record = await self.get(file_id)
        if record is None or record.state in (State.UNREAD, State.KEPT):
            return
        await self.change(
            file_id,
            state=State.UNREAD.value,
            next_at=at,
            tries=0,
            digest=found.digest,
            kind=found.kind,
            name=found.name,
            media_type=found.media_type,
            size=found.size or 0,
        )


def _document(record: FileRecord) -> dict[str, Any]:
    found = {f.name: getattr(record, f.name) for f in fields(record)}
    found["_id"] = found.pop("id")
    found["state"] = record.state.value
    return found


def _record(document: Mapping[str, Any]) -> FileRecord:
    values = {f.name: document[f.name] for f in fields(FileRecord) if f.name in document}
    for name in ("at", "next_at"):
        if isinstance(values.get(name), datetime) and values[name].tzinfo is None:
            values[name] = values[name].replace(tzinfo=UTC)
    return FileRecord(id=document["_id"], **values | {"state": State(document["state"])})

"""The store of cards: which message in Slack shows which draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.storage.client import Document, MongoCollection
from core.storage.errors import store_errors

ERASED = 2**31  #: `CardRecord.told` of an erased conversation: beyond every event


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecord:
    """One draft's card and its thread, as they stand in Slack."""

    id: str  #: the draft's
    conversation_id: str
    channel: str
    ts: str = ""  #: "" while it is not known to be there
    stamp: str = ""  #: of what it shows
    open: bool = True  #: it may still change
    told: int = 0  #: number of the last event told in the thread
    head_ts: str = ""  #: the message that heads the thread once a person has taken over
    head_stamp: str = ""
    posting: str = ""  #: key of a message whose posting has begun and not ended
    posting_at: datetime | None = None
    own: tuple[int, ...] = ()  #: events that came from this thread, not to be told there again
    refused: tuple[str, ...] = ()  #: messages whose writers were told that they did not go out
    explained: bool = False  #: the thread was told what a note is
    files: tuple[str, ...] = ()  #: "SEQ-INDEX:FILE" of what was shown of customers' files
    changed: tuple[str, ...] = ()  #: messages whose change or deletion their writer was told of


class CardStore:
    """The collection `cards`."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def of_conversation(self, conversation_id: str) -> list[CardRecord]:
        """Every card of a conversation."""
        return await self._find({"c": conversation_id})

    async def by_message(self, channel: str, ts: str) -> CardRecord | None:
        """The card that this message is."""
        found = await self._find({"ts": ts})
        return next((r for r in found if r.channel == channel), None)

    async def get(self, draft_id: str) -> CardRecord | None:
        """The card of this draft."""
        found = await self._find({"_id": draft_id})
        return found[0] if found else None

    async def open(self) -> list[CardRecord]:
        """The cards that may still change."""
        return await self._find({"open": True})

    async def save(self, record: CardRecord) -> None:
        """Remember it so. Raises StoreUnavailable."""
        with store_errors():
            await self._collection.replace_one({"_id": record.id}, _document(record), upsert=True)

    async def _find(self, query: Mapping[str, Any]) -> list[CardRecord]:
        with store_errors():
            return [_record(d) for d in await self._collection.find(query).to_list()]


class ViewerStore:
    """The collection `desk_viewers`: whose App Home is kept up to date."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def add(self, slack_id: str, at: datetime) -> None:
        """This member has looked at their Home."""
        with store_errors():
            await self._collection.replace_one(
                {"_id": slack_id}, {"_id": slack_id, "at": at}, upsert=True
            )

    async def since(self, at: datetime) -> list[str]:
        """Members who have looked since then."""
        with store_errors():
            found = await self._collection.find({"at": {"$gte": at}}).to_list()
        return [str(d["_id"]) for d in found]


def _document(r: CardRecord) -> Document:
    return {
        "_id": r.id,
        "c": r.conversation_id,
        "channel": r.channel,
        "ts": r.ts,
        "stamp": r.stamp,
        "open": r.open,
        "told": r.told,
        "head_ts": r.head_ts,
        "head_stamp": r.head_stamp,
        "posting": r.posting,
        "posting_at": r.posting_at,
        "own": list(r.own),
        "explained": r.explained,
        "changed": list(r.changed),
        "refused": list(r.refused),
        "files": list(r.files),
    }


def _record(d: Mapping[str, Any]) -> CardRecord:
    at = d["posting_at"]
    return CardRecord(
        id=d["_id"],
        conversation_id=d["c"],
        channel=d["channel"],
        ts=d["ts"],
        stamp=d["stamp"],
        open=d["open"],
        told=d["told"],
        head_ts=d["head_ts"],
        head_stamp=d["head_stamp"],
        posting=d["posting"],
        posting_at=at.replace(tzinfo=at.tzinfo or UTC) if at else None,
        own=tuple(d["own"]),
        explained=d["explained"],
        changed=tuple(d.get("changed", ())),
        refused=tuple(d.get("refused", ())),
        files=tuple(d.get("files", ())),
    )

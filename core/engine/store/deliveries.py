"""The projection of delivery states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from core.domain import events as ev
from core.domain.messages import Author, DeliveryState
from core.engine.outbound.deliveries import SentMessage
from core.engine.repository import Conversations
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.writes import insert_missing

DEAD = (DeliveryState.FAILED.value, DeliveryState.UNKNOWN.value)


class MongoDeliveries:
    """A projection of Sent and Delivery events, and the `DeliveryStore` of the outbound side."""

    name = "deliveries"

    def __init__(self, collection: MongoCollection, conversations: Conversations) -> None:
        self._collection = collection
        self._conversations = conversations

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`."""
        new: list[dict[str, Any]] = []
        changed: list[UpdateOne] = []
        for commit in commits:
            for item in commit.numbered():
                match item.event:
                    case ev.Sent(pulled=False) as sent:
                        new.append(await self._document(item, sent))
                    case ev.DeliveryRecorded() as recorded:
                        changed.append(_recorded(item, recorded))
                    case ev.DeliveryRequeued() as requeued:
                        changed.append(_requeued(item, requeued))
                    case _:
                        pass
        with store_errors():
            if new:
                await insert_missing(self._collection, new)
            if changed:
                await self._collection.bulk_write(changed)

    async def by_external_id(self, channel: str, external_id: str) -> SentMessage | None:
        """See `core.engine.outbound.deliveries.DeliveryStore`."""
        query = {"external_ids": external_id, "channel": channel}
        with store_errors():
            found = await self._collection.find_one(query)
        return _from_document(found) if found else None

    async def get(self, message_id: str) -> SentMessage | None:
        """See `core.engine.outbound.deliveries.DeliveryStore`."""
        with store_errors():
            found = await self._collection.find_one({"_id": message_id})
        return _from_document(found) if found else None

    async def dead_letters(self, *, limit: int, cursor: str) -> tuple[list[SentMessage], str]:
        """See `DeliveryStore`; the cursor is the time of the last one shown."""
        found: list[dict[str, Any]] = []
        for state in DEAD:
            wanted: dict[str, Any] = {"state": state}
            if cursor:
                wanted["at"] = {"$lt": datetime.fromisoformat(cursor)}
            with store_errors():
                found += await self._collection.find(wanted).to_list()
        found.sort(key=lambda document: document["at"], reverse=True)
        page = found[:limit]
        more = page[-1]["at"].isoformat() if len(found) > limit else ""
        return [_from_document(document) for document in page], more

    async def _document(self, item: ev.Numbered, sent: ev.Sent) -> dict[str, Any]:
        conversation = await self._conversations.peek(item.conversation_id)
        return {
            "_id": f"{item.conversation_id}.{item.seq}",
            "c": item.conversation_id,
            "n": item.seq,
            "channel": conversation.channel,
            "author": sent.author.value,
            "at": item.at,
            "state": DeliveryState.QUEUED.value,
            "mark": item.seq,
            "external_ids": [],
        }


def _recorded(item: ev.Numbered, recorded: ev.DeliveryRecorded) -> UpdateOne:
    fields: dict[str, Any] = {
        "state": recorded.state.value,
        "mark": item.seq,
        "detail": recorded.detail,
        "code": recorded.code,
    }
    if recorded.external_ids:
        fields["external_ids"] = list(recorded.external_ids)
    if recorded.segments:
        fields["segments"] = recorded.segments
    if recorded.doubled:
        fields["doubled"] = True
    # `mark` orders the events of one conversation: an old one again changes nothing.
    return UpdateOne(
        {"_id": f"{item.conversation_id}.{recorded.seq}", "mark": {"$lt": item.seq}},
        {"$set": fields},
    )


def _requeued(item: ev.Numbered, requeued: ev.DeliveryRequeued) -> UpdateOne:
    fields: dict[str, Any] = {"state": DeliveryState.QUEUED.value, "mark": item.seq}
    if not requeued.by:
        fields["sent_again"] = True
    return UpdateOne(
        {"_id": f"{item.conversation_id}.{requeued.seq}", "mark": {"$lt": item.seq}},
        {"$set": fields},
    )


def _from_document(document: Mapping[str, Any]) -> SentMessage:
    state = DeliveryState(document["state"])
    return SentMessage(
        id=document["_id"],
        conversation_id=document["c"],
        seq=document["n"],
        channel=document["channel"],
        author=Author(document["author"]),
        state=state,
        at=document["at"],
        detail=document.get("detail", ""),
        code=document.get("code", ""),
        external_ids=tuple(document["external_ids"]),
        segments=document.get("segments", 0),
        doubled=document.get("doubled", False),
        sent_again=document.get("sent_again", False),
    )

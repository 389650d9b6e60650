"""The store of the cards in Slack: which message shows which group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCard:
    """One group's card: open in a channel, or put off."""

    id: str  #: the group's
    channel: str
    ts: str = ""  #: "" while it is not known to be there
    stamp: str = ""  #: of what it shows
    open: bool = True
    at: datetime  #: when its posting began
    skipped_at: datetime | None = None


class PastCards:
    """The collection `past_cards`; a group that was decided has none."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def all(self) -> dict[str, PastCard]:
        """Every card, by its group."""
        with store_errors():
            found = await self._collection.find({}).to_list()
        return {document["_id"]: _card(document) for document in found}

    async def open(self) -> list[PastCard]:
        """Those that stand in a channel and may still change."""
        with store_errors():
            found = await self._collection.find({"open": True}).to_list()
        return [_card(document) for document in found]

    async def get(self, group_id: str) -> PastCard | None:
        """The card of this group, open or put off."""
        with store_errors():
            found = await self._collection.find_one({"_id": group_id})
        return _card(found) if found else None

    async def claim(self, group_id: str, *, channel: str, at: datetime) -> bool:
        """Begin to post its card; False where somebody else does, or it stands there."""
        fresh = {"channel": channel, "ts": "", "stamp": "", "open": True, "at": at}
        fresh["skipped_at"] = None
        try:
            with store_errors():
                done = await self._collection.update_one(
                    {"_id": group_id, "open": False}, {"$set": fresh}, upsert=True
                )
        except KeyTaken:
            return False
        return bool(done.matched_count or done.upserted_id)

    async def shown(self, group_id: str, *, ts: str, stamp: str) -> None:
        """It stands there, and looks like this."""
        with store_errors():
            await self._collection.update_one(
                {"_id": group_id, "open": True}, {"$set": {"ts": ts, "stamp": stamp}}
            )

    async def put_off(self, group_id: str, *, at: datetime) -> bool:
        """It is offered again after all others; False where it is no open card."""
        with store_errors():
            done = await self._collection.update_one(
                {"_id": group_id, "open": True}, {"$set": {"open": False, "skipped_at": at}}
            )
        return bool(done.matched_count)

    async def drop(self, card: PastCard) -> None:
        """Nothing of it is to change any more; nothing happens where it was posted again since."""
        with store_errors():
            await self._collection.delete_one({"_id": card.id, "ts": card.ts})


def _card(document: Mapping[str, Any]) -> PastCard:
    values = {k: v for k, v in document.items() if k != "_id"}
    return PastCard(id=document["_id"], **values)

"""The store of consent by phone number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ReturnDocument

from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors


class MongoConsents:
    """`core.engine.inbound.consents.ConsentStore`: one document a number."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def opted_out(self, key: str) -> bool:
        """See `core.engine.inbound.consents.ConsentStore`."""
        with store_errors():
            found = await self._collection.find_one({"_id": key}, {"out": 1})
        return bool(found and found.get("out"))

    async def met(self, key: str, conversation_id: str) -> None:
        """See `core.engine.inbound.consents.ConsentStore`."""
        with store_errors():
            await self._collection.update_one(
                {"_id": key}, {"$addToSet": {"c": conversation_id}}, upsert=True
            )

    async def changed(self, key: str, *, opted_out: bool, at: datetime) -> Sequence[str]:
        """See `core.engine.inbound.consents.ConsentStore`."""
        query = {"_id": key, "$or": [{"at": {"$exists": False}}, {"at": {"$lte": at}}]}
        try:
            with store_errors():
                found = await self._collection.find_one_and_update(
                    query,
                    {"$set": {"out": opted_out, "at": at}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except KeyTaken:
            return ()  # something later is known
        return tuple(found.get("c") or ()) if found else ()

"""Reads conversations as they were last written down, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain.conversation import Conversation, Status
from core.engine.store.snapshots import from_document
from core.storage.client import MongoCollection, unhurried
from core.storage.errors import store_errors


class ConversationListing:
    """Reads the snapshots for lists; a conversation shows as it was last written down."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def in_hands(self, since: datetime) -> dict[str, str]:
        """Who (e-mail) holds which conversation, of those in which something happened since;
        newest first.
        """
        query = {"status": Status.HUMAN.value, "updated_at": {"$gte": since}}
        with store_errors():
            found = await self._collection.find(
                query, {"_id": 1, "assignee": 1, "updated_at": 1}
            ).to_list()
        newest = sorted(found, key=lambda d: d["updated_at"], reverse=True)
        return {d["_id"]: d["assignee"] for d in newest}

    async def changed_since(self, since: datetime) -> dict[str, datetime]:
        """The conversations in which something happened since, and when last; newest first.

        What is not settled yet may be missing.
        """
        found: list[dict[str, Any]] = []
        for status in Status:
            query = {"status": status.value, "updated_at": {"$gte": since}}
            with store_errors(), unhurried():
                found += await self._collection.find(query, {"updated_at": 1}).to_list()
        newest = sorted(found, key=lambda d: d["updated_at"], reverse=True)
        return {d["_id"]: d["updated_at"] for d in newest}

    async def read(self, ids: Sequence[str]) -> dict[str, Conversation]:
        """Those of these conversations that are written down, by their ids."""
        with store_errors():
            found = await self._collection.find({"_id": {"$in": list(ids)}}).to_list()
        return {d["_id"]: from_document(d).state for d in found}

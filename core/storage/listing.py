"""Conversations as a list for people: newest first, by status, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from core.conversations import Conversation, Status
from core.errors import StoreUnavailable
from core.storage.snapshots import from_document

#: An index gives no order here, so a short window is read and sorted, then a longer one.
WINDOWS = (timedelta(hours=6), timedelta(days=2), timedelta(days=14), timedelta(days=3650))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of conversations; `next` is (time, id) of its last one, None at the end."""

    items: tuple[Conversation, ...]
    next: tuple[datetime, str] | None


class ConversationListing:
    """Reads the snapshots for lists; a conversation shows as it was last written down."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def page(
        self,
        *,
        now: datetime,
        statuses: Sequence[Status] = tuple(Status),
        before: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> Listed:
        """The newest conversations in these states, older than `before` where that is given."""
        until = before[0] if before else now + timedelta(days=1)
        keys: list[tuple[datetime, str]] = []
        for window in WINDOWS:
            keys = await self._keys(statuses, since=until - window, until=until)
            if before:
                keys = [k for k in keys if k < before]
            if len(keys) > limit:
                break
        chosen = sorted(keys, reverse=True)[:limit]
        found = await self._read([key for _, key in chosen])
        return Listed(
            items=tuple(found[key] for _, key in chosen if key in found),
            next=chosen[-1] if len(keys) > limit else None,
        )

    async def in_hands(self, since: datetime) -> dict[str, str]:
        """Who (e-mail) holds which conversation, of those in which something happened since;
        newest first.
        """
        query = {"status": Status.HUMAN.value, "updated_at": {"$gte": since}}
        try:
            found = await self._collection.find(
                query, {"_id": 1, "assignee": 1, "updated_at": 1}
            ).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        newest = sorted(found, key=lambda d: d["updated_at"], reverse=True)
        return {d["_id"]: d["assignee"] for d in newest}

    async def _keys(
        self, statuses: Sequence[Status], *, since: datetime, until: datetime
    ) -> list[tuple[datetime, str]]:
        keys: list[tuple[datetime, str]] = []
        try:
            for status in statuses:
                found = self._collection.find(
                    {"status": status.value, "updated_at": {"$gte": since, "$lte": until}},
                    {"_id": 1, "updated_at": 1},
                )
                keys += [(_aware(d["updated_at"]), d["_id"]) async for d in found]
        except PyMongoError as error:
            raise StoreUnavailable from error
        return keys

    async def _read(self, ids: Sequence[str]) -> dict[str, Conversation]:
        try:
            found = await self._collection.find({"_id": {"$in": list(ids)}}).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        return {d["_id"]: from_document(d).state for d in found}


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)

"""The one place where every collection's indexes are declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from core.errors import StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index: fields with 1 or -1; `expires` is an age in seconds for a date field."""

    fields: Sequence[tuple[str, int]]
    unique: bool = False
    expires: int | None = None

    def model(self) -> IndexModel:
        """The index as the driver wants it."""
        options: dict[str, Any] = {}
        if self.unique:
            options["unique"] = True
        if self.expires is not None:
            options["expireAfterSeconds"] = self.expires
        return IndexModel(list(self.fields), **options)


# Known of the embedded store: a range on `_id` scans, a partial index is not used, an index
# gives no order. So: equality first, one range last, and sort small results in Python.
INDEXES: Mapping[str, Sequence[Index]] = {
    "users": (Index(fields=[("email", 1)], unique=True), Index(fields=[("slack_id", 1)])),
    "api_tokens": (Index(fields=[("user_id", 1)]),),
    "sign_in_links": (Index(fields=[("user_id", 1)]), Index(fields=[("expires_at", 1)])),
    "sessions": (Index(fields=[("user_id", 1)]), Index(fields=[("last_at", 1)])),
    "audit": (
        Index(fields=[("chain", 1), ("n", 1)], unique=True),
        Index(fields=[("key", 1)], unique=True),
    ),
    "audit_head": (),
    "erasures": (Index(fields=[("done", 1)]),),
    "log": (),  # read and compared by `_id` alone (core/storage/commit_log.py)
    "conversations": (Index(fields=[("status", 1), ("updated_at", -1)]),),
    "unsettled": (),  # only what is in work: read whole at the start
    "deliveries": (
        Index(fields=[("external_ids", 1)]),
        Index(fields=[("state", 1), ("at", 1)]),
    ),
    "articles": (Index(fields=[("pending", 1)]), Index(fields=[("file", 1)])),
    "plugins": (),
    "lessons": (Index(fields=[("state", 1)]), Index(fields=[("c", 1)])),
    "evidence": (),
    "topics": (),
    "drawn": (Index(fields=[("state", 1)]), Index(fields=[("c", 1)])),
    "analytics_pages": (Index(fields=[("t", 1)]),),
    "analytics_days": (),
    "reports": (),
    "cards": (Index(fields=[("c", 1)]), Index(fields=[("ts", 1)]), Index(fields=[("open", 1)])),
    "desk_viewers": (Index(fields=[("at", 1)]),),
    "approvals": (
        Index(fields=[("c", 1)]),
        Index(fields=[("state", 1), ("next_at", 1)]),
        Index(fields=[("state", 1), ("decided_at", 1)]),
        Index(fields=[("decided_by", 1), ("decided_at", 1)]),
    ),
}


async def ensure_indexes(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Make every declared index; those that are there stay untouched."""
    try:
        for collection, indexes in INDEXES.items():
            if indexes:
                await db[collection].create_indexes([index.model() for index in indexes])
    except PyMongoError as error:
        raise StoreUnavailable(f"The store refuses an index: {error}") from error

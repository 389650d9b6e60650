"""The indexes of every collection, declared in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel
from pymongo.errors import PyMongoError

from core.errors import StoreUnavailable
from core.storage.client import Database, unhurried

NEWS_SECONDS = 30 * 86_400  #: for which it is known what concerned a member of staff
HISTORY_SECONDS = 180 * 86_400  #: for which it is known what articles said before


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
    "sessions": (
        Index(fields=[("user_id", 1)]),
        Index(fields=[("last_at", 1)]),
        Index(fields=[("created_at", 1)]),
    ),
    "used_states": (Index(fields=[("ends_at", 1)]),),
    "attempts": (Index(fields=[("full_at", 1)]),),
    "audit": (
        Index(fields=[("chain", 1), ("n", 1)], unique=True),
        Index(fields=[("key", 1)], unique=True),
    ),
    "audit_head": (),
    "erasures": (Index(fields=[("done", 1)]), Index(fields=[("waits", 1)])),
    "log": (),  # read and compared by `_id` alone (core/engine/store/commit_log.py)
    "conversations": (Index(fields=[("status", 1), ("updated_at", -1)]),),
    "inbox": (),  # a few packed pages (approvals/inbox/pages.py), by `_id`
    "inbox_seen": (Index(fields=[("c", 1)]),),
    "inbox_views": (Index(fields=[("by", 1)]), Index(fields=[("shared", 1)])),
    "notifications": (
        Index(fields=[("to", 1), ("seen", 1)]),
        Index(fields=[("state", 1), ("next_at", 1)]),
        Index(fields=[("c", 1)]),
        Index(fields=[("at", 1)], expires=NEWS_SECONDS),
    ),
    "presence": (),  # one a person, read whole
    "assignment": (),  # one document
    "company": (),  # a few documents, by `_id`
    "saved_replies": (),  # read whole
    "article_versions": (
        Index(fields=[("article", 1)]),
        Index(fields=[("at", 1)], expires=HISTORY_SECONDS),
    ),
    "article_changes": (
        Index(fields=[("article", 1)]),
        Index(fields=[("after", 1)]),
        Index(fields=[("at", 1)], expires=HISTORY_SECONDS),
    ),
    "past_files": (Index(fields=[("state", 1)]),),
    "past_exchanges": (Index(fields=[("g", 1)]), Index(fields=[("who", 1)])),
    "past_groups": (
        Index(fields=[("state", 1), ("size", -1)]),
        Index(fields=[("due", 1)]),
        Index(fields=[("work", 1)]),
    ),
    "past_turns": (),  # one document
    "past_cards": (Index(fields=[("open", 1)]),),
    "unsettled": (),  # only what is in work: read whole at the start
    "members": (),  # a few, read whole
    "leases": (),  # a few hundred, read whole
    "consents": (),  # by `_id` alone
    "deliveries": (
        Index(fields=[("external_ids", 1)]),
        Index(fields=[("state", 1), ("at", 1)]),
    ),
    "attachments": (
        Index(fields=[("c", 1)]),
        Index(fields=[("state", 1)]),
        Index(fields=[("next_at", 1)]),
        Index(fields=[("digest", 1)]),
        Index(fields=[("preview", 1)]),
    ),
    "articles": (Index(fields=[("pending", 1)]), Index(fields=[("file", 1)])),
    "knowledge": (),
    "meta": (),  # by `_id` alone
    "readings": (),  # by `_id` alone
    "compared": (Index(fields=[("disagrees", 1)]),),
    "origins": (Index(fields=[("article", 1)]), Index(fields=[("c", 1)])),
    "plugins": (),
    "sources": (),  # a few, read whole
    "source_documents": (Index(fields=[("source", 1)]),),
    "lessons": (Index(fields=[("state", 1)]), Index(fields=[("c", 1)])),
    "taught": (Index(fields=[("lesson", 1)]), Index(fields=[("c", 1)])),
    "evidence": (Index(fields=[("put", 1)]),),
    "topics": (),
    "fits": (),  # one document
    "drawn": (Index(fields=[("state", 1)]), Index(fields=[("c", 1)])),
    "analytics_pages": (Index(fields=[("t", 1)]),),
    "analytics_days": (),
    "analytics_parts": (Index(fields=[("day", 1)]),),
    "gap_marks": (),  # a few, read whole
    "alerts": (),  # one document
    "quality_reviews": (Index(fields=[("week", 1)]), Index(fields=[("c", 1)])),
    "reports": (Index(fields=[("stale", 1)]),),
    "cards": (Index(fields=[("c", 1)]), Index(fields=[("ts", 1)]), Index(fields=[("open", 1)])),
    "model_calls": (Index(fields=[("day", 1)]),),
    "desk_viewers": (Index(fields=[("at", 1)]),),
    "approvals": (
        Index(fields=[("c", 1)]),
        Index(fields=[("state", 1), ("next_at", 1)]),
        Index(fields=[("state", 1), ("decided_at", 1)]),
        Index(fields=[("alarm", 1), ("decided_at", 1)]),
        Index(fields=[("decided_by", 1), ("decided_at", 1)]),
    ),
}


async def ensure_indexes(db: Database) -> None:
    """Make every declared index; those that are there stay untouched."""
    try:
        with unhurried():
            await _create(db)
    except PyMongoError as error:
        raise StoreUnavailable(f"The store refuses an index: {error}") from error


async def _create(db: Database) -> None:
    for collection, indexes in INDEXES.items():
        if indexes:
            await db[collection].create_indexes([index.model() for index in indexes])

"""Saved replies: texts that colleagues share, with places for what is known of the customer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core.accounts.roles import Action, Role, User
from core.clock import Clock
from core.errors import BadInput, NotFound, NotYours
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.text.sanitize import is_blank, sanitize

MOST = 500  #: kept at once
LONGEST_TITLE = 80
LONGEST_TEXT = 5_000
_PLACE = re.compile(r"\{(\w{1,20})(?:\|([^{}]{0,80}))?\}")
PLACES = ("customer", "me")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReply:
    """One text; `{customer}` and `{me}` in it are filled in when it is used."""

    id: str
    title: str
    text: str
    locale: str  #: "" for every language
    by: str
    at: datetime


class SavedReplies:
    """Keeps them, for all colleagues; whoever wrote one and supervisors may change it."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def all(self, user: User) -> Sequence[SavedReply]:
        """All of them, by title."""
        user.require(Action.CONVERSATION_REPLY)
        with store_errors():
            found = await self._collection.find({}).to_list()
        return sorted(map(_from_document, found), key=lambda r: (r.title.casefold(), r.id))

    async def save(
        self, user: User, *, title: str, text: str, locale: str = "", reply_id: str = ""
    ) -> SavedReply:
        """A new one, or another text for the one with this id.

        Raises BadInput, NotFound, NotYours.
        """
        user.require(Action.CONVERSATION_REPLY)
        title, text = " ".join(sanitize(title).split()), sanitize(text)
        if not title or len(title) > LONGEST_TITLE:
            raise BadInput(f"A title has 1 to {LONGEST_TITLE} characters.")
        if is_blank(text) or len(text) > LONGEST_TEXT:
            raise BadInput(f"A saved reply has 1 to {LONGEST_TEXT:,} characters.")
        if strange := sorted({m[1] for m in _PLACE.finditer(text)}.difference(PLACES)):
            known = ", ".join(f"{{{name}}}" for name in PLACES)
            raise BadInput(f"Nothing is known as {{{strange[0]}}}; there are {known}.")
        by = user.email
        if reply_id:
            by = (await self._own(user, reply_id)).by
        elif await self._count() >= MOST:
            raise BadInput(f"There are {MOST} saved replies already; remove some first.")
        reply = SavedReply(
            id=reply_id or secrets.token_urlsafe(9),
            title=title,
            text=text,
            locale=locale,
            by=by,
            at=self._clock.now(),
        )
        document = asdict(reply)
        document["_id"] = document.pop("id")
        with store_errors():
            await self._collection.replace_one({"_id": reply.id}, document, upsert=True)
        return reply

    async def remove(self, user: User, reply_id: str) -> None:
        """Remove it. Raises NotFound, NotYours."""
        user.require(Action.CONVERSATION_REPLY)
        await self._own(user, reply_id)
        with store_errors():
            await self._collection.delete_one({"_id": reply_id})

    def may_change(self, user: User, reply: SavedReply) -> bool:
        """Whether the user may change or remove it."""
        return reply.by == user.email or user.role.includes(Role.SUPERVISOR)

    async def _count(self) -> int:
        with store_errors():
            return await self._collection.count_documents({})

    async def _own(self, user: User, reply_id: str) -> SavedReply:
        with store_errors():
            document = await self._collection.find_one({"_id": reply_id})
        if document is None:
            raise NotFound
        reply = _from_document(document)
        if not self.may_change(user, reply):
            raise NotYours(held_by=reply.by)
        return reply


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its places filled; of what is unknown what stands behind the bar.

    `Hello {customer|there},` greets by name whom we know, and everybody else all the same.
    """
    return _PLACE.sub(lambda m: values.get(m[1]) or m[2] or "", text)


def _from_document(document: Mapping[str, Any]) -> SavedReply:
    return SavedReply(id=document["_id"], **{k: v for k, v in document.items() if k != "_id"})

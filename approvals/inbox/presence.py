"""Presence of staff: who has the console open, and who has set themselves away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.roles import Action, User
from core.clock import Clock
from core.runtime.lru import LruDict
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

SEEN_EVERY = 20.0  #: seconds between two notes that somebody is there
PRESENT = timedelta(minutes=3)  #: since a page of theirs was heard of; pages speak every minute
GONE = timedelta(minutes=10)  #: after which what was assigned to them goes to others
KNOWN = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One member of staff, as far as we know them to be there."""

    email: str
    seen_at: datetime | None = None  #: when a console page of theirs was heard of last
    away: bool = False  #: they have set themselves away
    assigned_at: datetime | None = None  #: when a draft was assigned to them last
    locale: str = ""  #: of their console

    def is_here(self, now: datetime, within: timedelta = PRESENT) -> bool:
        """Whether they can be given work."""
        return not self.away and self.seen_at is not None and now - self.seen_at <= within


class PresenceStore:
    """Keeps presence, one document a person."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock
        self._noted: LruDict[str, float] = LruDict(KNOWN)

    async def saw(self, user: User, *, locale: str) -> None:
        """A page of theirs is open."""
        at = self._clock.monotonic()
        if at - self._noted.get(user.id, -SEEN_EVERY) < SEEN_EVERY:
            return
        await self._set(user, seen_at=self._clock.now(), locale=locale)
        self._noted[user.id] = at

    async def set_away(self, user: User, *, away: bool) -> None:
        """They take no assignments from now on, or take them again."""
        user.require(Action.CONVERSATION_REPLY)
        await self._set(user, away=away, seen_at=self._clock.now())

    async def of(self, user: User) -> Presence:
        """What is known of one's own presence."""
        with store_errors():
            document = await self._collection.find_one({"_id": user.id})
        return _presence(document) if document else Presence(email=user.email)

    async def all(self) -> Mapping[str, Presence]:
        """Everybody of whom something is known, by e-mail."""
        with store_errors():
            found: Sequence[Mapping[str, Any]] = await self._collection.find({}).to_list()
        return {d["email"]: _presence(d) for d in found}

    async def assigned(self, user: User) -> None:
        """A draft was assigned to them just now: others are next."""
        await self._set(user, assigned_at=self._clock.now())

    async def forget(self, user: User) -> None:
        """They are staff no more."""
        with store_errors():
            await self._collection.delete_one({"_id": user.id})

    async def _set(self, user: User, **values: object) -> None:
        change = {"$set": {"email": user.email, **values}}
        with store_errors():
            await self._collection.update_one({"_id": user.id}, change, upsert=True)


def _presence(document: Mapping[str, Any]) -> Presence:
    return Presence(**{k: v for k, v in document.items() if k != "_id"})

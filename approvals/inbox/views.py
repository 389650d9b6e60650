"""Saved views: named sets of filters, one's own or the team's."""

from __future__ import annotations

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
from core.text.pii import mask
from core.text.sanitize import sanitize

MOST_OWN = 50
MOST_SHARED = 100
LONGEST_NAME = 60
FILTERS = (
    "q", "status", "assignee", "waiting", "snoozed", "channel", "locale", "topic", "tag", "sort",
)  # fmt: skip
"""What a view keeps, by the names that the list's address has; `me` is whoever looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view."""

    id: str
    name: str
    filters: Mapping[str, str]
    shared: bool
    by: str
    at: datetime


class SavedViews:
    """Keeps them. Shared ones are changed by who made them and by supervisors."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def all(self, user: User) -> Sequence[View]:
        """The user's own and the shared ones, by name."""
        user.require(Action.CONVERSATION_READ)
        with store_errors():
            found = await self._collection.find({"by": user.email}).to_list()
            found += await self._collection.find({"shared": True}).to_list()
        views = {d["_id"]: _view(d) for d in found}
        return sorted(views.values(), key=lambda v: (v.name.casefold(), v.id))

    async def save(
        self,
        user: User,
        *,
        name: str,
        filters: Mapping[str, str],
        shared: bool,
        view_id: str = "",
    ) -> View:
        """A new one, or another name, other filters or readers for the one with this id.

        Raises BadInput, NotFound, NotYours.
        """
        user.require(Action.CONVERSATION_READ)
        name = " ".join(sanitize(name).split())
        if not name or len(name) > LONGEST_NAME:
            raise BadInput(f"A name has 1 to {LONGEST_NAME} characters.")
        kept = {key: filters[key] for key in FILTERS if filters.get(key)}
        if mask(kept.get("q", "")).values:
            # Whom one looks for may ask to be forgotten, and nobody would look for them here.
            raise BadInput("A view is for many: leave addresses and numbers of people out.")
        by = user.email
        if view_id:
            by = (await self._own(user, view_id)).by
        await self._check_room(by, shared=shared, but=view_id)
        view = View(
            id=view_id or secrets.token_urlsafe(9),
            name=name,
            filters=kept,
            shared=shared,
            by=by,
            at=self._clock.now(),
        )
        document = asdict(view)
        document["_id"] = document.pop("id")
        with store_errors():
            # One that is changed while a colleague removes it stays removed.
            done = await self._collection.replace_one(
                {"_id": view.id}, document, upsert=not view_id
            )
        if view_id and not done.matched_count:
            raise NotFound
        return view

    async def remove(self, user: User, view_id: str) -> None:
        """Remove it. Raises NotFound, NotYours."""
        await self._own(user, view_id)
        with store_errors():
            await self._collection.delete_one({"_id": view_id})

    async def forget(self, user: User) -> None:
        """They are staff no more: what they kept for themselves goes, the team's stays."""
        with store_errors():
            await self._collection.delete_many({"by": user.email, "shared": False})

    def may_change(self, user: User, view: View) -> bool:
        """Whether the user may change or remove it."""
        return view.by == user.email or (view.shared and user.role.includes(Role.SUPERVISOR))

    async def _check_room(self, by: str, *, shared: bool, but: str) -> None:
        query: Mapping[str, Any] = {"shared": True} if shared else {"by": by, "shared": False}
        most = MOST_SHARED if shared else MOST_OWN
        with store_errors():
            found = await self._collection.find(query, {"_id": 1}).to_list()
        if len([d for d in found if d["_id"] != but]) >= most:
            raise BadInput(f"There are {most} such views already; remove some first.")

    async def _own(self, user: User, view_id: str) -> View:
        user.require(Action.CONVERSATION_READ)
        with store_errors():
            document = await self._collection.find_one({"_id": view_id})
        view = _view(document) if document else None
        if view is None or not (view.shared or view.by == user.email):
            raise NotFound
        if not self.may_change(user, view):
            raise NotYours(held_by=view.by)
        return view


def _view(document: Mapping[str, Any]) -> View:
    return View(id=document["_id"], **{k: v for k, v in document.items() if k != "_id"})

"""Notifications: what concerns one member of staff in person, kept from the log until seen."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.roles import Action, User
from core.domain import events as ev
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors

TELL_AFTER = timedelta(seconds=10)  #: whoever sees it on the console by then is not told twice
AT_ONCE = 50  #: told by one sweep
LISTED = 200  #: conversations of one list, the newest first


class Kind(enum.StrEnum):
    """The reason for a notification."""

    MENTION = "mention"  #: a note names them
    GIVEN = "given"  #: a colleague gave them a conversation
    ASSIGNED = "assigned"  #: a draft is theirs to look at
    BACK = "back"  #: what they had put aside is back
    WAITING = "waiting"  #: a customer they hold waits beyond their turn


class State(enum.StrEnum):
    """The state of telling somebody outside the console."""

    DUE = "due"
    TOLD = "told"
    SEEN = "seen"  #: on the console, before it was told
    NOWHERE = "nowhere"  #: there is no Slack and no mail server that knows them
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing that concerns one person; `_id` ends with the number of its event."""

    id: str
    c: str  #: the conversation
    kind: Kind
    to: str  #: e-mail
    by: str  #: whose doing it is; "" for nobody's
    at: datetime
    seen: bool = False
    state: State = State.DUE
    tries: int = 0


def notifications_of(commit: ev.Commit) -> Iterator[Notification]:
    """What this commit has to tell, and to whom."""
    for item in commit.numbered():
        for kind, to, by in _told(item.event):
            yield Notification(
                id=f"{kind.value}/{to}/{item.conversation_id}.{item.seq}",
                c=item.conversation_id,
                kind=kind,
                to=to,
                by=by,
                at=item.at,
            )


def _told(event: ev.Event) -> Iterator[tuple[Kind, str, str]]:
    match event:
        case ev.Noted(by=by, mentions=mentions):
            yield from ((Kind.MENTION, to, by) for to in mentions if to != by)
        case ev.TakenOver(by=to, given_by=by) if by and by != to:
            yield Kind.GIVEN, to, by
        case ev.Assigned(to=to, by=by) if to and to != by:
            yield Kind.ASSIGNED, to, by
        case ev.Woken(by="", set_by=to) if to:
            yield Kind.BACK, to, ""
        case ev.HolderReminded(holder=to, step=1) if "@" in to:
            yield Kind.WAITING, to, ""
        case _:
            return


class Notifications:
    """The projection that keeps them, and what each person sees of their own."""

    name = "notifications"

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`; what was seen or told stays so."""
        for one in (n for commit in commits for n in notifications_of(commit)):
            document = {
                "_id": one.id,
                "c": one.c,
                "kind": one.kind.value,
                "to": one.to,
                "by": one.by,
                "at": one.at,
                "seen": False,
                "state": State.DUE.value,
                "tries": 0,
                "next_at": one.at + TELL_AFTER,
            }
            try:
                with store_errors():
                    await self._collection.insert_one(document)
            except KeyTaken:
                continue

    async def unseen(self, user: User) -> Sequence[Notification]:
        """What is new for them, newest first."""
        user.require(Action.CONVERSATION_READ)
        return await self._found({"to": user.email, "seen": False})

    async def mentioned_in(self, user: User) -> Sequence[str]:
        """The conversations in which notes name them, the newest first."""
        user.require(Action.CONVERSATION_READ)
        theirs = [
            n
            for seen in (False, True)
            for n in await self._found({"to": user.email, "seen": seen})
            if n.kind is Kind.MENTION
        ]
        newest = sorted(theirs, key=lambda n: n.at, reverse=True)
        return list(dict.fromkeys(n.c for n in newest))[:LISTED]

    async def saw(self, user: User, conversation_id: str) -> None:
        """They look at this conversation: nothing in it is new for them."""
        query = {"to": user.email, "seen": False, "c": conversation_id}
        with store_errors():
            await self._collection.update_many(query, {"$set": {"seen": True}})

    async def due(self, now: datetime) -> Sequence[Notification]:
        """What is to be told outside the console by now."""
        return (await self._found({"state": State.DUE.value, "next_at": {"$lte": now}}))[:AT_ONCE]

    async def claim(self, one: Notification, *, again_at: datetime) -> bool:
        """Begin to tell it; False where another process was faster. Broken off it is due again."""
        query = {"_id": one.id, "state": State.DUE.value, "tries": one.tries}
        change = {"$set": {"next_at": again_at}, "$inc": {"tries": 1}}
        with store_errors():
            return bool((await self._collection.update_one(query, change)).matched_count)

    async def end(self, one: Notification, state: State) -> None:
        """Tell it no more."""
        with store_errors():
            await self._collection.update_one({"_id": one.id}, {"$set": {"state": state.value}})

    async def forget(self, user: User) -> None:
        """They are staff no more."""
        with store_errors():
            await self._collection.delete_many({"to": user.email, "seen": {"$in": [False, True]}})

    async def _found(self, query: Mapping[str, Any]) -> Sequence[Notification]:
        with store_errors():
            found = await self._collection.find(query).to_list()
        return sorted(map(_notification, found), key=lambda n: n.at, reverse=True)


def _notification(document: Mapping[str, Any]) -> Notification:
    return Notification(
        id=document["_id"],
        c=document["c"],
        kind=Kind(document["kind"]),
        to=document["to"],
        by=document["by"],
        at=document["at"],
        seen=document["seen"],
        state=State(document["state"]),
        tries=document["tries"],
    )

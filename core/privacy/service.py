"""Gives out and forgets all that is kept about one person, and whoever is old enough."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from core import events as ev
from core.accounts.audit import Audit
from core.accounts.rules import Action, User
from core.clock import Clock
from core.conversations import Conversation
from core.errors import ContactCenterError, StoreUnavailable
from core.ports import Person, PersonalData, Snapshot, SnapshotStore
from core.privacy.people import People
from core.repository import Conversations
from core.storage.commit_log import MongoCommitLog

log = logging.getLogger(__name__)

AT_REST = ("resolved", "ai")  #: nobody works on these, so age alone decides
BATCH = 200  #: conversations that retention erases in one go
DRAIN_SECONDS = 5.0

Rewrite = Callable[[], Awaitable[None]]
"""Leaves behind the bytes of what was deleted (`core.storage.embedded.EmbeddedStore.rewrite`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was removed, by kind."""

    id: str
    conversations: int
    removed: Mapping[str, int] = field(default_factory=dict)
    rewritten: bool = False  #: no deleted byte is left in the store's own files


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a serving process has that must hear of an erasure."""

    conversations: Conversations
    snapshots: SnapshotStore
    drain: Callable[[], Awaitable[None]]
    wake: Callable[[str], None]


class PrivacyService:
    """Erases and exports; every method's `actor` is the one who asks.

    An erasure is written down before it begins and finished at the next start if it was broken
    off. What remains of a conversation is its number and the fact that it was erased.
    """

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        *,
        running: Callable[[], Running],
        audit: Audit,
        clock: Clock,
        rewrite: Rewrite | None,
    ) -> None:
        self._log = MongoCommitLog(db["log"])
        self._snapshots = db["conversations"]
        self._erasures = db["erasures"]
        self._people = People(db)
        self._running = running
        self._audit = audit
        self._clock = clock
        self._rewrite = rewrite
        self._kept: list[PersonalData] = []
        self._lock = asyncio.Lock()

    def register(self, kept: PersonalData) -> None:
        """Another part that keeps something about customers."""
        self._kept.append(kept)

    async def export(self, actor: User, contact: str, *, address: str = "") -> Mapping[str, Any]:
        """Everything kept about the person, as plain values."""
        actor.require(Action.PERSON_EXPORT)
        person = await self._people.find(contact)
        given: dict[str, Any] = {
            "contact": contact,
            "exported_at": self._clock.now(),
            "conversations": [await self._conversation(i) for i in person.conversation_ids],
        }
        for kept in self._kept:
            found = await kept.export(person)
            if found:
                given[kept.name] = found
        await self._audit.record(
            "person.export",
            who=actor.email,
            address=address,
            subject=", ".join(person.conversation_ids[:10]),
            after={"conversations": len(person.conversation_ids)},
        )
        return given

    async def erase(self, actor: User, contact: str, *, address: str = "") -> Receipt:
        """Forget the person. The audit keeps that it was done, not who it was."""
        actor.require(Action.PERSON_ERASE)
        person = await self._people.find(contact)
        return await self._erase(person, who=actor.email, address=address, rewrite=True)

    async def retain(self, *, days: int | None, by_channel: Mapping[str, int]) -> int:
        """Erase conversations at rest for longer than their channel's days; how many."""
        erased = 0
        while ids := await self._old(days=days, by_channel=by_channel):
            person = await self._people.person(ids)
            await self._erase(person, who="retention", address="", rewrite=False)
            erased += len(ids)
        if erased:
            async with self._lock:
                await self._forget_bytes()
        return erased

    async def resume(self) -> None:
        """Finish what a killed process had begun to erase."""
        try:
            unfinished = await self._erasures.find({"done": False}).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        for document in unfinished:
            log.warning("an erasure was broken off; finishing it")
            person = await self._people.person(document["conversations"])
            await self._erase(
                person,
                who=document["who"],
                address="",
                rewrite=document["rewrite"],
                erasure_id=document["_id"],
            )

    async def _erase(
        self, person: Person, *, who: str, address: str, rewrite: bool, erasure_id: str = ""
    ) -> Receipt:
        async with self._lock:
            erasure_id = erasure_id or await self._begin(person, who=who, rewrite=rewrite)
            removed: Counter[str] = Counter()
            running = self._running()
            marks = {i: await self._mark(running, i) for i in person.conversation_ids}
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await running.drain()
            except TimeoutError:
                log.warning("lists are behind while a person is erased; they catch up later")
            for kept in self._kept:
                removed.update(await kept.erase(person))
            # The log goes last: as long as it is there, a broken erasure finds everything again.
            for conversation_id, mark in marks.items():
                removed.update(await self._forget(running, conversation_id, before=mark))
            rewritten = rewrite and bool(marks or removed.total()) and await self._forget_bytes()
            counts = {name: count for name, count in sorted(removed.items()) if count}
            await self._end(erasure_id, counts)
        await self._audit.record(
            "person.erase",
            who=who,
            address=address,
            subject=f"erasure {erasure_id}",
            after={"conversations": len(person.conversation_ids), **counts},
            key=f"erasure {erasure_id}",
        )
        return Receipt(
            id=erasure_id,
            conversations=len(person.conversation_ids),
            removed=counts,
            rewritten=rewritten,
        )

    async def _mark(self, running: Running, conversation_id: str) -> int:
        """The number of the conversation's newest Erased event."""

        def decide(c: Conversation) -> Sequence[ev.Event]:
            return () if c.erased or c.seq == 0 else (ev.Erased(opted_out=c.opted_out),)

        change = await running.conversations.update(conversation_id, decide)
        running.wake(conversation_id)
        if change.commit is not None:
            return change.commit.base
        history = await running.conversations.history(conversation_id)
        erased = [c.base for c in history if any(isinstance(e, ev.Erased) for e in c.events)]
        return max(erased, default=0)

    async def _forget(
        self, running: Running, conversation_id: str, *, before: int
    ) -> Mapping[str, int]:
        commits, events = await self._log.cut(conversation_id, before=before)
        running.conversations.forget(conversation_id)
        state = await running.conversations.peek(conversation_id)
        if state.seq:
            snapshot = Snapshot(state=state, projected=before)
            await running.snapshots.save([snapshot], settled=False)
        return {"commits": commits, "events": events}

    async def _forget_bytes(self) -> bool:
        if self._rewrite is None:
            return False
        try:
            await self._rewrite()
        except ContactCenterError:
            log.exception("the store could not be rewritten; deleted bytes stay until it is")
            return False
        return True

    async def _old(self, *, days: int | None, by_channel: Mapping[str, int]) -> list[str]:
        limits = {**by_channel} if days is None else {"": days, **by_channel}
        if not limits:
            return []
        now = self._clock.now()
        newest = now - timedelta(days=min(limits.values()))
        found: list[str] = []
        try:
            for status in AT_REST:
                async for document in self._snapshots.find(
                    {"status": status, "updated_at": {"$lt": newest}},
                    {"channel": 1, "updated_at": 1, "state.erased": 1},
                ):
                    limit = limits.get(document["channel"], limits.get(""))
                    erased = document.get("state", {}).get("erased", False)
                    if limit is None or erased:
                        continue
                    if document["updated_at"] < now - timedelta(days=limit):
                        found.append(str(document["_id"]))
        except PyMongoError as error:
            raise StoreUnavailable from error
        return found[:BATCH]

    async def _conversation(self, conversation_id: str) -> Mapping[str, Any]:
        events = []
        for commit in await self._log.documents(conversation_id):
            for offset, event in enumerate(commit["events"]):
                events.append({"number": commit["n"] + offset, "at": commit["at"], **event})
        return {"id": conversation_id, "events": events}

    async def _begin(self, person: Person, *, who: str, rewrite: bool) -> str:
        erasure_id = self._clock.new_id()
        document = {
            "_id": erasure_id,
            "conversations": list(person.conversation_ids),
            "who": who,
            "at": self._clock.now(),
            "rewrite": rewrite,
            "done": False,
        }
        try:
            await self._erasures.insert_one(document)
        except PyMongoError as error:
            raise StoreUnavailable from error
        return erasure_id

    async def _end(self, erasure_id: str, counts: Mapping[str, int]) -> None:
        try:
            await self._erasures.update_one(
                {"_id": erasure_id}, {"$set": {"done": True, "removed": dict(counts)}}
            )
        except PyMongoError as error:
            raise StoreUnavailable from error

"""The privacy service: exports and erases one person, and erases whoever is old enough."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.engine.ports import PersonalData, Snapshot, SnapshotStore
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.errors import ContactCenterError, StoreUnavailable
from core.privacy.erasures import Erasure, Erasures
from core.privacy.members import Confirmed
from core.privacy.people import Found, People
from core.storage.client import Database
from core.storage.errors import store_errors

log = logging.getLogger(__name__)

AT_REST = ("resolved", "ai")  #: nobody works on these, so age alone decides
BATCH = 200  #: conversations that retention erases in one go
BEHIND_SECONDS = 30.0  #: for lists to have seen what was said last

Rewrite = Callable[[], Awaitable[None]]
"""Leaves behind the bytes of what was deleted (`core.storage.embedded.EmbeddedStore.rewrite`)."""


class NotFinished(StoreUnavailable):
    """It has begun and goes on by itself: lists were behind. Ask again in a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The counts of what was removed, by kind."""

    id: str
    conversations: int
    removed: Mapping[str, int] = field(default_factory=dict)
    following: Mapping[str, int] = field(default_factory=dict)
    """What goes as soon as its vendor takes it: cards in Slack."""
    mentioned: tuple[str, ...] = ()
    """Other conversations in which this e-mail address or number is written; they stay."""
    confirmed: tuple[str, ...] = ()
    """The other processes of the installation that have forgotten what they remembered."""
    unconfirmed: tuple[str, ...] = ()
    """Those that live and have not said so: their memory may keep it until they are started
    again."""
    rewritten: bool = False  #: no deleted byte is left in the store's own files


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The parts of a serving process that must hear of an erasure."""

    conversations: Conversations
    snapshots: SnapshotStore
    reached: Callable[[str, int], Awaitable[None]]
    """Returns once every list has seen the event of this number in this conversation."""
    wake: Callable[[str], None]
    everybody_forgets: Callable[[str], Awaitable[Confirmed]] | None = None
    """Has the other processes forget what this erasure is about; None: there are none."""


class PrivacyService:
    """Erases and exports; every method's `actor` is the one who asks.

    A person's things are found by the ids of their conversations, and nothing else is touched. An
    erasure is written down before it begins, with the number up to which it goes, and finished
    later if it is broken off. What remains of a conversation is its number and the fact that it
    was erased.
    """

    def __init__(
        self,
        db: Database,
        *,
        running: Running,
        audit: Audit,
        clock: Clock,
        rewrite: Rewrite | None,
    ) -> None:
        self._log = MongoCommitLog(db["log"])
        self._snapshots = db["conversations"]
        self._erasures = Erasures(db["erasures"], clock=clock)
        self._people = People(db, lambda: (running.conversations, running.snapshots))
        self._running = running
        self._audit = audit
        self._clock = clock
        self._rewrite = rewrite
        self._kept: list[PersonalData] = []
        self._following: set[str] = set()
        self._lock = asyncio.Lock()

    def register(self, kept: PersonalData, *, follows: bool = False) -> None:
        """Another part that keeps something about customers; in this order they forget.

        `follows`: what it forgets goes later, when its vendor takes it.
        """
        self._kept.append(kept)
        if follows:
            self._following.add(kept.name)

    @property
    def parts(self) -> Sequence[str]:
        """The names of the parts that forget."""
        return [kept.name for kept in self._kept]

    async def export(self, actor: User, contact: str, *, address: str = "") -> Mapping[str, Any]:
        """Everything kept about the person, as plain values. Raises BadInput for several people."""
        actor.require(Action.PERSON_EXPORT)
        found = await self._people.find(contact)
        person = found.person
        given: dict[str, Any] = {
            "contact": contact,
            "exported_at": self._clock.now(),
            "conversations": [await self._conversation(i) for i in person.conversation_ids],
        }
        if found.mentioned:
            given["mentioned_in"] = list(found.mentioned)
        if person.conversation_ids:
            for kept in self._kept:
                if theirs := await kept.export(person):
                    given[kept.name] = theirs
        await self._audit.record(
            "person.export",
            who=actor.email,
            address=address,
            subject=", ".join(person.conversation_ids[:10]),
            after={"conversations": len(person.conversation_ids)},
        )
        return given

    async def erase(self, actor: User, contact: str, *, address: str = "") -> Receipt:
        """Forget the person. The audit keeps that it was done, not who it was.

        Raises BadInput for several people, NotFinished when it goes on by itself.
        """
        actor.require(Action.PERSON_ERASE)
        found = await self._people.find(contact)
        erasure = await self._erasures.begin(
            found.person.conversation_ids, who=actor.email, rewrite=True
        )
        return await self._erase(erasure, address=address, found=found)

    async def forget_demonstration(self, actor: User, conversation_ids: Sequence[str]) -> Receipt:
        """Forget conversations that nobody had. The store's files are not written anew for them.

        Raises NotFinished when it goes on by itself.
        """
        actor.require(Action.PERSON_ERASE)
        erasure = await self._erasures.begin(list(conversation_ids), who=actor.email, rewrite=False)
        return await self._erase(erasure)

    async def retain(self, *, days: int | None, by_channel: Mapping[str, int]) -> int:
        """Erase conversations at rest for longer than their channel's days; how many."""
        limits = {**by_channel} if days is None else {"": days, **by_channel}
        erased = 0
        while limits and (listed := await self._old(limits)):
            erasure = await self._erasures.begin(list(listed), who="retention", rewrite=False)
            receipt = await self._erase(erasure, listed=listed)
            erased += receipt.conversations
            if not receipt.conversations:
                break  # all of them were written to just now
        if erased:
            async with self._lock:
                await self._forget_bytes()
        return erased

    async def resume(self) -> None:
        """Finish what was broken off: by a kill, or because lists were behind."""
        for erasure in await self._erasures.unfinished():
            log.warning("an erasure was broken off; finishing it")
            await self._erase(erasure)

    async def _erase(
        self,
        erasure: Erasure,
        *,
        address: str = "",
        found: Found | None = None,
        listed: Mapping[str, int] | None = None,
    ) -> Receipt:
        async with self._lock:
            if (again := await self._erasures.get(erasure.id)) is None or again.done:
                return Receipt(id=erasure.id, conversations=0)  # finished while we waited
            running = self._running
            marks = await self._marked(running, replace(again, resumed=erasure.resumed), listed)
            for conversation_id, mark in marks.items():
                await self._until_seen(running, conversation_id, mark)
            person = await self._people.person(list(marks), before=marks)
            removed: Counter[str] = Counter()
            following: Counter[str] = Counter()
            if marks:
                for kept in self._kept:
                    into = following if kept.name in self._following else removed
                    into.update(await kept.erase(person))
            confirmed = Confirmed()
            if marks and running.everybody_forgets is not None:
                confirmed = await running.everybody_forgets(erasure.id)
            # The log goes last: as long as it is there, a broken erasure finds everything again.
            for conversation_id, mark in marks.items():
                removed.update(await self._forget(running, conversation_id, before=mark))
            removed += Counter()  # leaves out what was not there
            wanted = erasure.rewrite and bool(marks)
            rewritten = wanted and await self._forget_bytes()
            if rewritten or not wanted or self._rewrite is None:
                await self._erasures.end(erasure.id, removed)
        if marks or found is not None:
            await self._audit.record(
                "person.erase",
                who=erasure.who,
                address=address,
                subject=f"erasure {erasure.id}",
                after={"conversations": len(marks), **removed},
                key=f"erasure {erasure.id}",
            )
        return Receipt(
            id=erasure.id,
            conversations=len(marks),
            removed=dict(sorted(removed.items())),
            following=dict(+following),
            mentioned=found.mentioned if found else (),
            confirmed=confirmed.by,
            unconfirmed=confirmed.missing,
            rewritten=rewritten,
        )

    async def _marked(
        self, running: Running, erasure: Erasure, listed: Mapping[str, int] | None
    ) -> Mapping[str, int]:
        """The numbers of their Erased events; what comes after them is not theirs any more.

        `listed` are numbers up to which they were read: those where more has happened stay.
        """
        marks = dict(erasure.marks)
        for conversation_id in erasure.conversation_ids:
            # Once noted it stands: whoever writes there after it is somebody new.
            if conversation_id not in marks:
                seen = listed[conversation_id] if listed is not None else None
                mark = await self._mark(running, erasure, conversation_id, seen)
                if mark:
                    marks[conversation_id] = mark
        await self._erasures.note(erasure.id, marks)
        return marks

    async def _mark(
        self, running: Running, erasure: Erasure, conversation_id: str, seen: int | None
    ) -> int:
        """The number of this erasure's mark in the conversation; 0 when it is not to go."""
        if erasure.resumed:
            # It may stand there without having been noted, and somebody new may write after it.
            for commit in await running.conversations.history(conversation_id):
                if _is_mark(commit) and commit.at >= erasure.at:
                    return commit.base

        def decide(c: Conversation) -> Sequence[ev.Event]:
            if c.erased or c.seq == 0 or seen not in (None, c.seq):
                return ()  # nobody wrote here, or somebody did since it was listed
            return (ev.Erased(opted_out=c.opted_out),)

        change = await running.conversations.update(conversation_id, decide, told=True)
        running.wake(conversation_id)
        if change.commit is not None:
            return change.commit.base
        if not change.after.erased:
            return 0
        history = await running.conversations.history(conversation_id)
        return max((commit.base for commit in history if _is_mark(commit)), default=0)

    async def _until_seen(self, running: Running, conversation_id: str, mark: int) -> None:
        """What a list had not taken in yet would come back after it was removed from there."""
        try:
            async with asyncio.timeout(BEHIND_SECONDS):
                await running.reached(conversation_id, mark)
        except TimeoutError:
            raise NotFinished from None

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

    async def _old(self, limits: Mapping[str, int]) -> Mapping[str, int]:
        """Conversations at rest for long enough, with the numbers up to which they were read."""
        now = self._clock.now()
        newest = now - timedelta(days=min(limits.values()))
        found: dict[str, int] = {}
        with store_errors():
            for status in AT_REST:
                async for document in self._snapshots.find(
                    {"status": status, "updated_at": {"$lt": newest}},
                    {"channel": 1, "updated_at": 1, "seq": 1, "state.erased": 1},
                ):
                    erased = document.get("state", {}).get("erased", False)
                    limit = limits.get(document["channel"], limits.get(""))
                    if erased or limit is None:
                        continue
                    if document["updated_at"] < now - timedelta(days=limit):
                        found[str(document["_id"])] = document["seq"]
        return dict(list(found.items())[:BATCH])

    async def _conversation(self, conversation_id: str) -> Mapping[str, Any]:
        events = []
        for commit in await self._log.documents(conversation_id):
            for offset, event in enumerate(commit["events"]):
                events.append({"number": commit["n"] + offset, "at": commit["at"], **event})
        return {"id": conversation_id, "events": events}


def _is_mark(commit: ev.Commit) -> bool:
    return any(isinstance(event, ev.Erased) for event in commit.events)

"""The members that have confirmed that they forgot a person, and those that have not yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from core.cluster.hints import Body, Hints
from core.cluster.node import Node
from core.engine.ports import PersonalData
from core.errors import StoreUnavailable
from core.privacy.beside import ForgetsAll
from core.privacy.erasures import Erasures
from core.privacy.people import People

log = logging.getLogger(__name__)

FORGET = "forget"  #: the kind of hint
LOOK_SECONDS = 1.0  #: between two looks for what others ask of us, where no hint comes
ASK_SECONDS = 0.2  #: between two looks whether all have answered
CONFIRM_SECONDS = 15.0  #: longer than it takes until who is frozen is dead; then it is gone on


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The ids of members that have forgotten the person, and of those that have not said so."""

    by: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class ForgettingMembers:
    """Asks every living member to forget a person, and does so when another one asks.

    While they are asked the person's log still stands: each finds in it what to look for in its
    own memory and files, and nothing of the person has to travel. Who dies meanwhile has no
    memory any more. Who is frozen for so long that others take it for dead forgets everything it
    remembers when it goes on, because nobody may have asked it. Lines of its log files are found
    by the person's words: whoever comes late cannot tell them from others'.
    """

    def __init__(
        self,
        erasures: Erasures,
        people: People,
        *,
        node: Node,
        hints: Hints,
        parts: Sequence[PersonalData],
    ) -> None:
        """`parts` are those that keep something in this process, or on its machine."""
        self._erasures = erasures
        self._people = people
        self._node = node
        self._hints = hints
        self._parts = parts
        self._asked = asyncio.Event()
        self._ids: set[str] = set()  #: of every life of this process
        hints.on(FORGET, self._hear)
        hints.on_back(self._asked.set)

    async def ask(self, erasure_id: str) -> Confirmed:
        """Have everybody else forget. Raises StoreUnavailable."""
        members, _ = await self._node.seen()
        me = self._node.membership.id
        asked = {one.id for one in members if one.alive and one.id != me}
        if not asked:
            return Confirmed()
        await self._erasures.ask(erasure_id, sorted(asked))
        self._hints.say(FORGET, {"e": erasure_id})
        waiting = set(asked)
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                while waiting:
                    await asyncio.sleep(ASK_SECONDS)
                    waiting.intersection_update(await self._erasures.waits(erasure_id))
        except TimeoutError:
            members, _ = await self._node.seen()
            waiting &= {one.id for one in members if one.alive}
            for one in sorted(waiting):
                log.warning("member %s has not confirmed an erasure; its memory may keep it", one)
        return Confirmed(by=tuple(sorted(asked - waiting)), missing=tuple(sorted(waiting)))

    async def run(self) -> None:
        """Forget what others ask for, until cancelled."""
        while True:
            self._asked.clear()
            try:
                await self.look()
            except StoreUnavailable:
                pass  # nothing can be erased either
            except Exception:
                log.exception("a person could not be forgotten here; it is tried again")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Forget whomever we are asked to, and confirm it. Raises StoreUnavailable."""
        me = self._node.membership.id
        if me and me not in self._ids:
            if self._ids:
                await self._forget_all()
            self._ids.add(me)
        for erasure in await self._erasures.asking(sorted(self._ids)):
            person = await self._people.person(list(erasure.marks), before=erasure.marks)
            for part in self._parts:
                await part.erase(person)
            await self._erasures.confirm(erasure.id, sorted(self._ids))

    async def _forget_all(self) -> None:
        """We were declared dead for a while: who was erased meanwhile nobody has told us."""
        for part in self._parts:
            if isinstance(part, ForgetsAll):
                await part.forget_all()

    def _hear(self, body: Body) -> None:
        del body
        self._asked.set()

"""Exports and erases what past conversations say of a person: by their contacts' fingerprints.

Who has never written here has no conversation by which they are found: `bot.py import --forget`
takes their address itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from core.engine.ports import Person
from core.errors import NotFound
from core.privacy.contacts import written_in
from core.rag.knowledge_base.service import Knowledge
from imports.groups.approving import Approving
from imports.groups.model import GroupState, Kept
from imports.groups.store import PastStore
from imports.importing import Importer


class PastOfPeople:
    """`PersonalData`: exchanges of a person, and what was learned from theirs alone."""

    name = "past_exchanges"

    def __init__(
        self,
        store: PastStore,
        *,
        importer: Importer,
        approving: Approving,
        knowledge: Callable[[], Awaitable[Knowledge]],
    ) -> None:
        self._store = store
        self._importer = importer
        self._approving = approving
        self._knowledge = knowledge

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        kept = await self._store.of_people(self._fingerprints(person))
        return [{"question": k.exchange.question, "answer": k.exchange.answer} for k in kept]

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        return await self._forget(self._fingerprints(person))

    async def forget(self, contact: str) -> Mapping[str, int]:
        """Forget whoever has this e-mail address, number or id in a past conversation."""
        return await self._forget({self._importer.fingerprint(contact)})

    def _fingerprints(self, person: Person) -> set[str]:
        contacts = {
            *(address.chat for address in person.addresses),
            *person.sender_ids,
            *(found for text in person.texts for found in written_in(text)),
        }
        return {self._importer.fingerprint(contact) for contact in contacts if contact}

    async def _forget(self, fingerprints: Collection[str]) -> Mapping[str, int]:
        theirs = await self._store.of_people(fingerprints)
        if not theirs:
            return {}
        await self._store.touch({kept.group for kept in theirs})
        gone = await self._store.forget([kept.exchange.id for kept in theirs])
        done = {"past_exchanges": gone}
        for group_id in {kept.group for kept in theirs}:
            mine = [kept for kept in theirs if kept.group == group_id]
            article_id = (await self._store.group(group_id)).article_id
            if await self._unlearn(group_id, mine):
                await (await self._knowledge()).forget_versions({article_id})
                done["learned_articles"] = done.get("learned_articles", 0) + 1
        await self._importer.settle()
        if "learned_articles" in done:
            # The index keeps deleted bytes in its segments.
            await (await self._knowledge()).rebuild()
        return done

    async def _unlearn(self, group_id: str, mine: Sequence[Kept]) -> bool:
        """Take back what nobody else has said; whether anything was."""
        group = await self._store.group(group_id)
        if group.state is not GroupState.APPROVED:
            return False
        left = await self._store.of_group(group_id)
        if not left or (not group.edited and all(k.exchange.said != group.said for k in left)):
            # The answer stood in their conversations alone.
            await self._knowledge()
            await self._approving.unlearn(group)
            await self._store.drop_group(group_id)
            return True
        knowledge = await self._knowledge()
        others = {kept.exchange.question.casefold() for kept in left}
        alone = {
            kept.exchange.question
            for kept in mine
            if kept.exchange.question.casefold() not in others
        }
        try:
            for question in alone.intersection(group.taught):
                await knowledge.forget_known_question(group.article_id, question)
        except NotFound:
            return False
        return bool(alone.intersection(group.taught))

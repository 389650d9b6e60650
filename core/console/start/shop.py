"""The demonstration shop: brought by one click, and removed by another, wholly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from core.accounts.roles import Action, Role, User
from core.accounts.service import EmailTaken
from core.console.start.story import Telling, events_of, read_story
from core.domain.conversation import Conversation
from core.domain.events import Event
from core.errors import ContactCenterError, NotFound
from core.privacy.service import PrivacyService
from core.rag.knowledge_base.rag import Rag
from core.slices.slice import Core
from core.storage.errors import store_errors

_ID = "demonstration"


class KnowsAlready(ContactCenterError):
    """The company has knowledge of its own: its customers go on being answered from that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """The things that were brought, by which they are removed again."""

    conversations: tuple[str, ...]
    people: tuple[str, ...]  #: e-mail addresses
    at: datetime


class DemonstrationShop:
    """Brings articles, conversations and colleagues that are nobody's, and takes them away.

    The articles stand in an index of their own and never among the company's; conversations carry
    the account "demonstration", by which no figure counts them and nothing learns from them.
    """

    def __init__(
        self,
        core: Core,
        *,
        rag: Rag,
        privacy: PrivacyService,
        folder: Path,
    ) -> None:
        self._core = core
        self._rag = rag
        self._privacy = privacy
        self._folder = folder
        self._kept = core.db["company"]
        self._lock = asyncio.Lock()

    async def brought(self) -> Brought | None:
        """What is here of it; None for nothing."""
        with store_errors():
            found = await self._kept.find_one({"_id": _ID})
        if found is None:
            return None
        return Brought(
            conversations=tuple(found["conversations"]),
            people=tuple(found["people"]),
            at=found["at"],
        )

    async def bring(
        self, actor: User, *, locale: str, anyway: bool = False, address: str = ""
    ) -> Brought:
        """Bring it, in this language; what is here already stays as it is.

        Raises KnowsAlready where the company has articles of its own, unless `anyway`.
        """
        actor.require(Action.SETTINGS_CHANGE)
        async with self._lock:
            if (known := await self.brought()) is not None:
                return known
            if not anyway and await self._rag.knowledge.count():
                raise KnowsAlready
            return await self._bring(actor, locale=locale, address=address)

    async def _bring(self, actor: User, *, locale: str, address: str) -> Brought:
        core, story = self._core, read_story(self._folder, locale)
        brought = Brought(
            conversations=tuple(core.clock.new_id() for _ in story.conversations),
            people=tuple(one.email for one in story.people),
            at=core.clock.now(),
        )
        # Written down first: what is broken off half-way can be taken away all the same.
        document = {
            "_id": _ID,
            "conversations": list(brought.conversations),
            "people": list(brought.people),
            "at": brought.at,
        }
        with store_errors():
            await self._kept.replace_one({"_id": _ID}, document, upsert=True)
        for one in story.people:
            with suppress(EmailTaken):  # left behind by one that was broken off
                await core.accounts.add(
                    actor, one.email, role=one.role, name=one.name, address=address
                )
        agent = next(one.email for one in story.people if one.role is Role.AGENT)
        for conversation_id, talk in zip(brought.conversations, story.conversations, strict=True):
            telling = Telling(
                conversation_id=conversation_id,
                locale=locale,
                now=core.clock.now(),
                colleague=agent,
            )
            events = events_of(talk, telling)
            await core.conversations.update(conversation_id, partial(_told, events))
            core.wakeups.wake(conversation_id)
        await core.company.set_demonstration(actor, is_here=True)
        await core.audit.record("demonstration.bring", who=actor.email, address=address)
        return brought

    async def remove(self, actor: User, *, address: str = "") -> None:
        """Take all of it away; nothing happens where nothing is here."""
        actor.require(Action.SETTINGS_CHANGE)
        async with self._lock:
            brought = await self.brought()
            if brought is None:
                return
            core = self._core
            await core.company.set_demonstration(actor, is_here=False)
            await self._privacy.forget_demonstration(actor, brought.conversations)
            for email in brought.people:
                with suppress(NotFound):  # an admin was faster
                    await core.accounts.remove(actor, email, address=address)
            with store_errors():
                await self._kept.delete_one({"_id": _ID})
            await core.audit.record("demonstration.remove", who=actor.email, address=address)


def _told(events: Sequence[Event], _: Conversation) -> Sequence[Event]:
    """What happens in a conversation that nobody has, whatever stands in it."""
    return events

"""Consent by phone number: opting out in one conversation holds for all with the number."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.messages import Address
from core.engine.repository import Conversations


class ConsentStore(Protocol):
    """The port to stored consent by phone number, under `key_of` the number."""

    async def opted_out(self, key: str) -> bool:
        """Whether this number wants no messages."""
        ...

    async def met(self, key: str, conversation_id: str) -> None:
        """There is such a conversation with this number."""
        ...

    async def changed(self, key: str, *, opted_out: bool, at: datetime) -> Sequence[str]:
        """Set it, unless something later is known; gives the number's conversations."""
        ...


def key_of(address: Address) -> str:
    """By which a number is known; "" for what is none. SMS, MMS and RCS are one, ours are all one.

    A digest: a STOP outlives the erasure of the person, and needs no more of them than this.
    """
    number = address.number()
    if number is None:
        return ""
    raw = "\x1f".join((address.channel, number))
    return hashlib.blake2b(raw.encode(), digest_size=16, person=b"consent").hexdigest()


class NumberConsents:
    """A projection that carries a change of consent to all conversations with the number."""

    name = "consents"

    def __init__(self, *, store: ConsentStore, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations

    async def opted_out(self, address: Address) -> bool:
        """See `core.engine.ports.Consents`."""
        key = key_of(address)
        return bool(key) and await self._store.opted_out(key)

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`; repeated, it sets the same again."""
        for commit in commits:
            for item in commit.numbered():
                match item.event:
                    case ev.Started(address=address) if key := key_of(address):
                        await self._store.met(key, item.conversation_id)
                    case ev.ConsentChanged() as e if e.source is not ev.ConsentSource.NUMBER:
                        await self._spread(item, e)
                    case _:
                        pass

    async def _spread(self, item: ev.Numbered, e: ev.ConsentChanged) -> None:
        about = await self._conversations.peek(item.conversation_id)
        key = key_of(about.address) if about.address is not None else ""
        if not key:
            return
        others = await self._store.changed(key, opted_out=e.opted_out, at=item.at)
        same = ev.ConsentChanged(opted_out=e.opted_out, source=ev.ConsentSource.NUMBER)

        def follow(c: Conversation) -> Sequence[ev.Event]:
            begun = c.seq and not c.erased
            return (same,) if begun and c.opted_out is not e.opted_out else ()

        for other in others:
            if other != item.conversation_id:
                await self._conversations.update(other, follow, told=True)

"""Finds a customer's conversations by the ids that they have in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.events import event_from_plain
from core.domain.messages import Address, Sender
from core.domain.serialization import from_plain
from core.engine.ports import Person, SnapshotStore
from core.engine.repository import Conversations
from core.errors import BadInput
from core.privacy.contacts import Contact
from core.storage.client import Database
from core.storage.errors import store_errors

WRITTEN = ("started", "received", "edited", "rated")  #: events that hold what a customer wrote
MOVING = ("started", "address_moved")  #: and those that say where they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The person that is meant; without conversations, nobody."""

    person: Person
    mentioned: tuple[str, ...] = ()
    """Other conversations in which somebody wrote this e-mail address or number: theirs or not,
    only a person can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One conversation with its address and sender."""

    conversation_id: str
    address: Address | None
    sender: Sender | None

    def ids(self) -> list[tuple[str, str]]:
        """Their ids, each with its channel."""
        channel = self.address.channel if self.address else ""
        values = (self.address.chat if self.address else "", self.sender.id if self.sender else "")
        return [(channel, value) for value in dict.fromkeys(values) if value]


class People:
    """Reads conversations and the log; a message is found as soon as it is acknowledged."""

    def __init__(
        self,
        db: Database,
        reading: Callable[[], tuple[Conversations, SnapshotStore]],
    ) -> None:
        self._snapshots = db["conversations"]
        self._log = db["log"]
        self._reading = reading

    async def find(self, contact: str) -> Found:
        """The person behind a conversation's id, an e-mail address, a phone number or an id.

        Whoever has it as an id is meant; where nobody has, whoever gave it as their own address;
        only where nobody did, whoever wrote it in a message: that may be about somebody else.
        Raises BadInput where it is the id of several people.
        """
        wanted = Contact(contact)
        conversations, _ = self._reading()
        c = await conversations.peek(wanted.text)
        if c.seq and not c.erased:
            return Found(person=await self.person([c.id]))
        with store_errors():
            ids = await self._at(wanted)
            ids = ids or await self._once_at(wanted)
            own, mentioned = await self._writers(wanted) if wanted.may_be_written else ([], [])
        ids = ids or own or mentioned
        others = [i for i in dict.fromkeys((*own, *mentioned)) if i not in ids]
        return Found(person=await self.person(sorted(ids)), mentioned=tuple(sorted(others)))

    async def person(
        self, conversation_ids: Sequence[str], *, before: Mapping[str, int] | None = None
    ) -> Person:
        """Whoever wrote in these conversations, up to these numbers."""
        person = Person(conversation_ids=tuple(conversation_ids), before=before or {})
        conversations, _ = self._reading()
        addresses: dict[Address, None] = {}
        senders: dict[str, None] = {}
        texts: dict[str, None] = {}
        for conversation_id in conversation_ids:
            for commit in await conversations.history(conversation_id):
                for item in commit.numbered():
                    if not person.owns(conversation_id, item.seq):
                        continue
                    match item.event:
                        case ev.Started(address=address, sender=sender):
                            addresses[address] = None
                            senders[sender.id] = None
                        case ev.AddressMoved(address=address):
                            addresses[address] = None
                        case ev.Received() | ev.Edited() as e:
                            texts |= dict.fromkeys((e.text, *(q.text for q in e.quotes)))
                        case ev.Rated(comment=text):
                            texts[text] = None
                        case _:
                            pass
        return Person(
            conversation_ids=person.conversation_ids,
            before=person.before,
            addresses=tuple(addresses),
            sender_ids=tuple(senders),
            texts=tuple(text for text in texts if text.strip()),
        )

    async def _at(self, wanted: Contact) -> list[str]:
        """Conversations that have this id now. Raises BadInput for several people's."""
        found: dict[str, tuple[str, str]] = {}
        async for known in self._everybody():
            for channel, value in known.ids():
                if wanted.is_id(channel, value):
                    found[known.conversation_id] = (channel, value)
        _refuse_several(wanted, set(found.values()))
        return list(found)

    async def _everybody(self) -> AsyncIterator[_Known]:
        conversations, snapshots = self._reading()
        # What was said just now is in the log only; it is marked until it is written down.
        marked = set(await snapshots.unsettled())
        for conversation_id in marked:
            yield _known(await conversations.peek(conversation_id))
        fields = {"state.address": 1, "state.sender": 1}
        async for document in self._snapshots.find({}, fields):
            if document["_id"] not in marked:
                state = document.get("state", {})
                yield _Known(
                    conversation_id=document["_id"],
                    address=from_plain(Address, a) if (a := state.get("address")) else None,
                    sender=from_plain(Sender, s) if (s := state.get("sender")) else None,
                )

    async def _once_at(self, wanted: Contact) -> list[str]:
        """Conversations that had this id once, before their vendor gave them another."""
        found: dict[str, tuple[str, str]] = {}
        async for conversation_id, event in self._events(MOVING):
            match event:
                case ev.Started(address=address, sender=sender):
                    ids = [(address.channel, address.chat), (address.channel, sender.id)]
                case ev.AddressMoved(address=address):
                    ids = [(address.channel, address.chat)]
                case _:
                    continue
            for one in ids:
                if wanted.is_id(*one):
                    found[conversation_id] = one
        _refuse_several(wanted, set(found.values()))
        return list(found)

    async def _writers(self, wanted: Contact) -> tuple[list[str], list[str]]:
        """Conversations whose customer gave it as their own address, and those it is written in."""
        own: dict[str, None] = {}
        found: dict[str, None] = {}
        async for conversation_id, event in self._events(WRITTEN):
            match event:
                case ev.Received(text=text) | ev.Edited(text=text) | ev.Rated(comment=text):
                    if wanted.is_written_in(text):
                        found[conversation_id] = None
                case ev.Started(sender=sender):
                    if wanted.is_written_in(sender.email):
                        own[conversation_id] = None
                case _:
                    pass
        return list(own), list(found)

    async def _events(self, kinds: Sequence[str]) -> AsyncIterator[tuple[str, ev.Event]]:
        query = {"events.kind": {"$in": list(kinds)}}
        async for commit in self._log.find(query, {"c": 1, "events": 1}):
            for plain in commit["events"]:
                if plain["kind"] in kinds:
                    yield commit["c"], event_from_plain(plain)


def _known(c: Conversation) -> _Known:
    return _Known(conversation_id=c.id, address=c.address, sender=c.sender)


def _refuse_several(wanted: Contact, found: set[tuple[str, str]]) -> None:
    """One id may be two people's: a number of Telegram's and a phone number, say."""
    if len(found) < 2 or wanted.is_email:
        return
    same_number = all(wanted.is_number_of(channel, value) for channel, value in found)
    if same_number and len({value.lstrip("+") for _, value in found}) == 1:
        return
    known = ", ".join(sorted(f"{channel}:{value}" for channel, value in found))
    raise BadInput(f"This is the id of several people: {known}. Say which.")

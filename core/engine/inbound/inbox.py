"""The inbox: stores inbound messages once and durably, before they are acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from core.clock import Clock, SystemClock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.message_index import indexed
from core.domain.messages import KNOWN, OURS, InboundKind, InboundMessage, Pointing, Sender
from core.domain.quoting import asked
from core.engine.inbound import amendments
from core.engine.inbound.consent_said import CONSENT, Said, consent_said
from core.engine.ports import AlreadyAccepted, Consents, Contents
from core.engine.prometheus import Observe, unobserved
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.i18n import choose_locale
from core.nlu.chatter import Chatter, chatter
from core.nlu.language_detection import customers_language
from core.nlu.tapbacks import changed_to, reacts_to
from core.runtime.telemetry import tracing
from core.sdk.channel import Accepted
from core.text.sanitize import sanitize

NEW_WITHIN = timedelta(hours=1)
"""A changed message that is not known here, and younger than this, is a new one: somebody has put
our name into it, say. An older one is recorded; nobody waits for an answer to it any more."""

Foresee = Callable[[Conversation, str], None]
"""Hears of a message while it is being stored: its answer may be looked for already.

Hears of it again where another writer was first, so it must not matter how often.
"""

Acknowledge = Callable[[Conversation, InboundMessage, Sequence[ev.Event]], Sequence[ev.Event]]
"""What a press is answered with, from the state before it, itself, and what it does."""


class Inbox:
    """Turns inbound messages into events, exactly once each."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        wake: Callable[[str], None],
        observe: Observe = unobserved,
        clock: Clock | None = None,
        contents: Contents | None = None,
        consents: Consents | None = None,
        room: Callable[[], None] = lambda: None,
    ) -> None:
        """`consents` knows who has opted out elsewhere; without it nobody has.

        `room` raises DiskFull while nothing more can be taken in.
        """
        self._room = room
        self._clock = clock or SystemClock()
        self._contents = contents
        self._observe = observe
        self._consents = consents
        self._acknowledge: Acknowledge = lambda *_: ()
        self._pulls: Callable[[str], bool] = lambda _: False
        self._conversations = conversations
        self._wake = wake
        self._foresee: list[Foresee] = []

    def fetched(self, pulls: Callable[[str], bool]) -> None:
        """Customers of such channels (by id) fetch what is for them: no word of theirs is consent.

        Known later than the inbox itself.
        """
        self._pulls = pulls

    def acknowledging(self, acknowledge: Acknowledge) -> None:
        """Ask this what a press is answered with; known later than the inbox itself."""
        self._acknowledge = acknowledge

    def on_coming(self, foresee: Foresee) -> None:
        """Call this with every question from now on while it is being stored."""
        self._foresee.append(foresee)

    async def receive(self, message: InboundMessage) -> Accepted:
        """`accept` in the shape the seam asks for (`core.sdk.channel.Receive`)."""
        commit = await self.accept(message)
        return Accepted(conversation_id=commit.conversation_id, seq=_received_seq(commit))

    async def accept(self, message: InboundMessage) -> ev.Commit:
        """Store the message and wake a worker; the same key again gives the same commit.

        Raises StoreUnavailable when it is not stored; then the vendor must not be acknowledged.
        """
        self._room()
        message = _storable(message)
        conversation_id = message.address.conversation_id()
        is_new = message.sent_at is None or self._clock.now() - message.sent_at < NEW_WITHIN
        fetched = self._pulls(message.address.channel)
        out = not fetched and await self._opted_out_elsewhere(conversation_id, message)

        def decide(c: Conversation) -> Sequence[ev.Event]:
            if _was_erased(c, message):
                return ()
            meant = _meant(c, message, is_new=is_new)
            if meant.kind is InboundKind.MESSAGE:
                for foresee in self._foresee:
                    foresee(c, asked(meant.text, meant.quotes))
            happened = _events(c, meant, out=out, fetched=fetched, is_new=is_new)
            if c.unknown:
                return happened  # who knows what happened since acknowledges it
            return [*happened, *self._acknowledge(c, meant, happened)]

        if any(attachment.content for attachment in message.attachments):
            message = await self._kept(message, conversation_id)
        begun = time.perf_counter()
        try:
            change = await self._conversations.update(
                conversation_id, decide, key=message.key(), told=True
            )
        except AlreadyAccepted as known:
            # The crash may have come between storing and waking.
            self._wake(known.commit.conversation_id)
            return known.commit
        except StoreUnavailable:
            # It may be there nevertheless, and nobody has to bring it again.
            self._wake(conversation_id)
            raise
        took = time.perf_counter() - begun
        self._observe("accept", took)
        if change.commit is not None:
            with tracing.about(conversation_id, _received_seq(change.commit)):
                values = {"channel": message.address.channel, "kind": message.kind.value}
                with tracing.stage("accept", seconds=took, **values) as span:
                    span.text(question=message.text)
        self._wake(conversation_id)
        if change.commit is None:
            # Nothing new in it (a person asked for twice): an empty commit after the last one.
            after = change.after
            at = after.updated_at or self._clock.now()
            return ev.Commit(conversation_id=conversation_id, base=after.seq + 1, at=at)
        return change.commit

    async def _kept(self, message: InboundMessage, conversation_id: str) -> InboundMessage:
        """The message without its files' bytes, which are kept beside the log."""
        if self._contents is not None:
            return await self._contents.take_in(message, conversation_id)
        bare = tuple(replace(a, content=b"") for a in message.attachments)
        return replace(message, attachments=bare)

    async def _opted_out_elsewhere(self, conversation_id: str, message: InboundMessage) -> bool:
        """Whether a new conversation is with a number that wants no messages."""
        if self._consents is None or message.address.number() is None:
            return False
        if (await self._conversations.peek(conversation_id)).seq:
            return False
        return await self._consents.opted_out(message.address)


def expects_nothing(message: InboundMessage, c: Conversation) -> bool:
    """Whether nobody who writes this waits for words: laughter, emoji, a tapback, a sticker.

    It is kept and shown like any message, and answered like none: a reply to each would be noise
    (and cost money by SMS), and each would reopen what is closed. "?" expects a word, unless what
    was asked already waits for a person.
    """
    if message.attachments:
        return not message.text.strip() and all(a.kind == "sticker" for a in message.attachments)
    if message.quotes and not message.text.strip():
        return False  # who hands something on wants it read
    said = chatter(message.text)
    if said is Chatter.REACTION or (said is Chatter.NUDGE and bool(c.reviews)):
        return True
    return said is None and reacts_to(message.text, (turn.text for turn in c.memory))


def _meant(c: Conversation, message: InboundMessage, *, is_new: bool) -> InboundMessage:
    """The message as it is to be taken here: a change of what is not known here is a message."""
    message = _with_words(message)
    if message.kind is InboundKind.MESSAGE and message.address.number() is not None:
        # A phone changes a text message by another one. It does not say which it means; the last.
        if (words := changed_to(message.text)) is None:
            return message
        message = replace(message, kind=InboundKind.EDIT, text=words)
    if message.kind is not InboundKind.EDIT or amendments.meant(c, message) is not None:
        return message
    kind = InboundKind.MESSAGE if is_new and not message.value else InboundKind.EDIT
    return replace(message, kind=kind, message_id=message.about or message.message_id)


def _with_words(message: InboundMessage) -> InboundMessage:
    """The message without words of its own as what it is: nothing we could read, or call a wish."""
    if message.kind not in (InboundKind.MESSAGE, InboundKind.EDIT):
        return message
    if message.text.strip() or message.attachments or message.group_id:
        return message
    if message.quotes:
        # Who replies with our name alone wants that answered which they point at.
        handed_on = tuple(replace(q, kind=Pointing.FORWARDED) for q in message.quotes)
        pointing = all(q.kind is Pointing.REPLY for q in message.quotes)
        return replace(message, quotes=handed_on) if pointing else message
    if message.kind is InboundKind.EDIT:
        return replace(message, kind=InboundKind.DELETION)  # all its words were taken back
    return replace(message, kind=InboundKind.UNREADABLE, value="message")


def _was_erased(c: Conversation, message: InboundMessage) -> bool:
    """Whether it was written before its writer had everything erased: a vendor's list keeps it."""
    return bool(message.sent_at and c.erased_at and message.sent_at <= c.erased_at)


def _storable(message: InboundMessage) -> InboundMessage:
    """The message without what nobody sees, half surrogate pairs and NULs among it.

    No database and no file takes those two. Refusing a message for them would make its vendor
    bring it again for ever, and all behind it wait; the others hide words from who reads it.
    """
    return replace(
        message,
        text=_writable(message.text),
        value=_writable(message.value),
        sender=_writable_sender(message.sender),
        attachments=tuple(
            replace(a, name=_writable(a.name), url=_writable(a.url)) for a in message.attachments
        ),
        quotes=tuple(
            replace(q, text=_writable(q.text), author=_writable(q.author)) for q in message.quotes
        ),
    )


def _writable_sender(sender: Sender) -> Sender:
    return replace(
        sender,
        name=_writable(sender.name),
        locale=_writable(sender.locale),
        email=_writable(sender.email),
    )


def _writable(text: str) -> str:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return sanitize(whole.replace("\0", "\ufffd"))


def _received_seq(commit: ev.Commit) -> int:
    for item in commit.numbered():
        if isinstance(item.event, ev.Received):
            return item.seq
    return commit.last


def _events(
    c: Conversation,
    message: InboundMessage,
    *,
    out: bool = False,
    fetched: bool = False,
    is_new: bool = True,
) -> Sequence[ev.Event]:
    """`out`: the number has opted out elsewhere; `fetched`: nothing is ever sent there.

    `is_new`: what the message is about may still be on its way.
    """
    match message.kind:
        case InboundKind.EDIT:
            if amendments.meant(c, message) is not None:
                silent = message.value == OURS or expects_nothing(message, c)
                edited = amendments.edited(c, message, silent=silent)
                consent = (
                    None if fetched or message.value else consent_said(message, out=c.opted_out)
                )
                return [*edited, *_changed(consent, out=c.opted_out, edited=edited)]
            if message.value:
                return ()
        case InboundKind.DELETION:
            may_come = is_new and message.value != KNOWN and not c.erased
            gone = amendments.deleted(c, message, may_come=may_come)
            return [*_begun(message), *gone] if gone and c.seq == 0 else gone
        case InboundKind.REACTION | InboundKind.REACTION_REMOVED:
            return amendments.reacted(c, message)
        case InboundKind.MESSAGE | InboundKind.UNREADABLE:
            if amendments.taken_back_before(c, message):
                received = replace(_received(c, message, message.kind), silent=True)
                return [received, ev.Deleted(seq=c.seq + 1)]
            if indexed(c.messages, message.named) is not None:
                return ()  # its change was faster than itself
        case _:
            pass
    return _said(c, message, out=out, fetched=fetched)


def _begun(message: InboundMessage) -> Sequence[ev.Event]:
    """The conversation begins with what is no word of the customer's."""
    sender = message.sender if message.sender.id else Sender(id=message.address.chat)
    locale = choose_locale(message.sender.locale)
    return [ev.Started(address=message.address, sender=sender, locale=locale)]


def _said(
    c: Conversation, message: InboundMessage, *, out: bool, fetched: bool
) -> Sequence[ev.Event]:
    happened: list[ev.Event] = []
    opted_out = c.opted_out or out
    kind = InboundKind.MESSAGE if fetched and message.kind in CONSENT else message.kind
    consent = None if fetched else consent_said(message, out=opted_out)
    if kind in CONSENT and consent is None:
        # "Yes" of who has not opted out is an answer; START means nothing then.
        answers = chatter(message.text) is Chatter.ACKNOWLEDGED
        kind = InboundKind.MESSAGE if answers and not opted_out else InboundKind.HELP
    language = c.locale
    if c.seq == 0 or c.erased:
        language = choose_locale(message.sender.locale)
        if message.kind is not InboundKind.OURS:
            language = customers_language(asked(message.text, message.quotes), default=language)
        with_whom = message.sender
        if message.kind is InboundKind.OURS:
            with_whom = message.customer or Sender(id=message.address.chat)
        happened.append(ev.Started(address=message.address, sender=with_whom, locale=language))
        if out and not c.opted_out:
            happened.append(ev.ConsentChanged(opted_out=True, source=ev.ConsentSource.NUMBER))
    elif kind is InboundKind.MESSAGE and consent is None:
        spoken = customers_language(message.text, default=language)
        if spoken != language:
            happened.append(ev.LocaleChosen(locale=spoken))
    if message.kind is InboundKind.OURS:
        return [*happened, *amendments.answered_elsewhere(c, message)]
    received = _received(c, message, kind)
    if consent is not None and consent.wants_nothing:
        received = replace(received, silent=True)
    if kind in (InboundKind.MESSAGE, InboundKind.UNREADABLE):
        if c.status is Status.RESOLVED and not c.erased and not received.silent:
            happened.append(ev.Reopened())
        happened.append(received)
    elif message.text:
        happened.append(received)
    return [*happened, *_changed(consent, out=opted_out), *_asked_for(c, message, kind)]


def _changed(
    consent: Said | None, *, out: bool, edited: Sequence[ev.Event] = ()
) -> Sequence[ev.Event]:
    """The consent that was said, where it is another than before; a change to it asks no more."""
    if consent is None or consent.opted_out is out:
        return ()
    settles = tuple(e.seq for e in edited if isinstance(e, ev.Edited) and consent.wants_nothing)
    return (ev.ConsentChanged(opted_out=consent.opted_out, source=consent.source, settles=settles),)


def _received(c: Conversation, message: InboundMessage, kind: InboundKind) -> ev.Received:
    unreadable = kind is InboundKind.UNREADABLE
    # Words beside the call for a person are what that person is to answer.
    asks = kind in (InboundKind.MESSAGE, InboundKind.HUMAN)
    silent = not asks or expects_nothing(message, c)
    return ev.Received(
        text=message.text,
        external_id=message.external_id,
        attachments=message.attachments,
        group_id=message.group_id,
        sent_at=message.sent_at,
        silent=silent and not unreadable,
        message_id="" if message.message_id == message.external_id else message.message_id,
        sender=amendments.other(c, message.sender),
        quotes=message.quotes,
        place=message.place,
        unreadable=(message.value or "message") if unreadable else "",
    )


def _asked_for(c: Conversation, message: InboundMessage, kind: InboundKind) -> Sequence[ev.Event]:
    """What a command or a button does."""
    happened: list[ev.Event] = []
    match kind:
        case InboundKind.HUMAN:
            if c.status is Status.RESOLVED and not c.erased:
                happened.append(ev.Reopened())
            if not c.person_requested and c.status is not Status.HUMAN:
                happened.append(ev.PersonRequested())
        case InboundKind.RATING:
            happened.append(ev.Rated(score=int(message.value), comment=message.text))
        case InboundKind.LANGUAGE:
            happened.append(ev.LocaleChosen(locale=choose_locale(message.value)))
        case _:
            pass
    return happened

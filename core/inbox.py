"""Accepts what customers send: once, durably, before anybody is told that it arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from core import events as ev
from core.conversations import Conversation, Status
from core.messages import InboundKind, InboundMessage
from core.path_metrics import Observe, unobserved
from core.ports import AlreadyAccepted
from core.repository import Conversations

LANGUAGES = ("en", "ko")

Foresee = Callable[[Conversation, str], None]
"""Hears of a message while it is being stored: its answer may be looked for already.

Hears of it again where another writer was first, so it must not matter how often.
"""


def choose_locale(tag: str, *, default: str = "en") -> str:
    """The language we speak that fits a BCP 47 tag best."""
    language = tag.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else default


def detect_locale(text: str, *, default: str) -> str:
    """The language a text is written in, by its script; `default` when it shows none."""
    hangul = sum("가" <= char <= "힣" or "ㄱ" <= char <= "ㆎ" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    if hangul and hangul * 3 >= latin:
        return "ko"
    if latin >= 8:
        return "en"
    return default


class Inbox:
    """Turns inbound messages into events, exactly once each."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        wake: Callable[[str], None],
        foresee: Foresee = lambda _c, _text: None,
        observe: Observe = unobserved,
    ) -> None:
        self._observe = observe
        self._conversations = conversations
        self._wake = wake
        self._foresee = foresee

    async def receive(self, message: InboundMessage) -> None:
        """`accept` in the shape the seam asks for (`core.channel.Receive`)."""
        await self.accept(message)

    async def accept(
        self,
        message: InboundMessage,
        *,
        conversation_id: str = "",
        locale: str = "",
        new: bool = False,
    ) -> ev.Commit:
        """Store the message and wake a worker; the same key again gives the same commit.

        `new`: this conversation's id has just been made, so nothing of it is stored.
        Raises StoreUnavailable when it is not stored; then the vendor must not be acknowledged.
        """
        message = _storable(message)
        conversation_id = conversation_id or message.address.conversation_id()

        def decide(c: Conversation) -> Sequence[ev.Event]:
            if message.kind is InboundKind.MESSAGE:
                self._foresee(c, message.text)
            return _events(c, message, locale=locale)

        begun = time.perf_counter()
        if new:
            self._conversations.begin(conversation_id)
        try:
            change = await self._conversations.update(conversation_id, decide, key=message.key())
        except AlreadyAccepted as known:
            # The crash may have come between storing and waking.
            self._wake(known.commit.conversation_id)
            return known.commit
        self._observe("accept", time.perf_counter() - begun)
        self._wake(conversation_id)
        if change.commit is None:
            # Nothing new in it (a person asked for twice): an empty commit after the last one.
            after = change.after
            at = after.updated_at
            assert at is not None
            return ev.Commit(conversation_id=conversation_id, base=after.seq + 1, at=at)
        return change.commit


def _storable(message: InboundMessage) -> InboundMessage:
    """The message without half surrogate pairs and NULs, which no database and no file takes.

    Refusing it would make its vendor bring it again for ever, and all behind it wait.
    """
    attachments = tuple(
        replace(a, name=_writable(a.name), url=_writable(a.url)) for a in message.attachments
    )
    sender = replace(message.sender, name=_writable(message.sender.name))
    return replace(message, text=_writable(message.text), sender=sender, attachments=attachments)


def _writable(text: str) -> str:
    return (
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    )


def _events(c: Conversation, message: InboundMessage, *, locale: str) -> Sequence[ev.Event]:
    happened: list[ev.Event] = []
    language = c.locale
    if c.seq == 0 or c.erased:
        language = choose_locale(locale or message.sender.locale)
        language = detect_locale(message.text, default=language)
        happened.append(ev.Started(address=message.address, sender=message.sender, locale=language))
    elif message.kind is InboundKind.MESSAGE:
        spoken = detect_locale(message.text, default=language)
        if spoken != language:
            happened.append(ev.LocaleChosen(locale=spoken))
    received = ev.Received(
        text=message.text,
        external_id=message.external_id,
        attachments=message.attachments,
        group_id=message.group_id,
        sent_at=message.sent_at,
        silent=message.kind is not InboundKind.MESSAGE,
    )
    if message.kind is InboundKind.MESSAGE:
        if c.status is Status.RESOLVED and not c.erased:
            happened.append(ev.Reopened())
        happened.append(received)
        if c.review is not None:
            happened.append(ev.ReviewSuperseded(draft_id=c.review.draft_id))
        return happened
    if message.text:
        happened.append(received)
    match message.kind:
        case InboundKind.HUMAN:
            if c.status is Status.RESOLVED and not c.erased:
                happened.append(ev.Reopened())
            if not c.person_requested and c.status is not Status.HUMAN:
                happened.append(ev.PersonRequested())
                if c.review is not None:
                    # The same question comes back into the queue as a call for a person.
                    happened.append(ev.ReviewSuperseded(draft_id=c.review.draft_id))
        case InboundKind.RATING:
            happened.append(ev.Rated(score=int(message.value), comment=message.text))
        case InboundKind.LANGUAGE:
            happened.append(ev.LocaleChosen(locale=choose_locale(message.value)))
        case InboundKind.OPT_OUT:
            happened.append(ev.ConsentChanged(opted_out=True))
        case InboundKind.OPT_IN:
            happened.append(ev.ConsentChanged(opted_out=False))
        case InboundKind.START | InboundKind.HELP | InboundKind.CONTINUE:
            pass
    return happened

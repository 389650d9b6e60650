"""The fold of the events about messages: received, edited, deleted, read, sent; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.domain import events as ev
from core.domain.conversation import Conversation, Outgoing, Status, Unanswered
from core.domain.drafts import Turn
from core.domain.message_index import DELETED, Indexed, content_digest, with_content, with_message
from core.domain.messages import Author
from core.domain.quoting import asked, context, whole

MEMORY_TURNS = 12  #: how many lines of the past an answer may see
MEMORY_CHARS = 600  #: of each line


def received(c: Conversation, item: ev.Numbered, e: ev.Received) -> Conversation:
    """The customer wrote: the message waits for an answer, unless it is silent."""
    outgoing = _opened(c.outgoing, item.at)
    messages = c.messages
    if e.named:
        content = content_digest(e.text, e.attachments, e.quotes)
        known = Indexed(seq=item.seq, content=content, silent=e.silent)
        messages = with_message(messages, e.named, known)
    c = replace(c, last_customer_at=item.at, outgoing=outgoing, messages=messages, place=e.place)
    if e.silent:
        return c
    return replace(
        c,
        memory=_remember(c, item, Author.CUSTOMER, whole(e.text, e.quotes)),
        unanswered=(*c.unanswered, _waiting(item, e)),
    )


def _waiting(item: ev.Numbered, e: ev.Received) -> Unanswered:
    return Unanswered(
        seq=item.seq,
        text=asked(e.text, e.quotes),
        at=item.at,
        group_id=e.group_id,
        has_attachment=bool(e.attachments),
        quoted=context(e.quotes),
        asked_by=e.sender.name if e.sender else "",
        place=e.place,
        unreadable=bool(e.unreadable),
        files=tuple(a.name or a.kind for a in e.attachments),
        sent_at=e.sent_at,
    )


def edited(c: Conversation, item: ev.Numbered, e: ev.Edited) -> Conversation:
    """The author changed a message: what waits of it reads as it does now."""
    waiting = next((u for u in c.unanswered if u.seq == e.seq), None)
    unanswered = c.unanswered
    if waiting is None and e.asks:
        waiting = Unanswered(seq=e.seq, text="", at=item.at, place=c.place)
        unanswered = (*unanswered, waiting)
    if waiting is not None:
        now = replace(
            waiting,
            text=asked(e.text, e.quotes),
            quoted=context(e.quotes),
            has_attachment=bool(e.attachments),
            unreadable=False,
        )
        unanswered = tuple(now if u.seq == e.seq else u for u in unanswered)
    text = whole(e.text, e.quotes)[:MEMORY_CHARS]
    content = content_digest(e.text, e.attachments, e.quotes)
    return replace(
        c,
        unanswered=unanswered,
        memory=tuple(replace(t, text=text) if t.seq == e.seq else t for t in c.memory),
        messages=with_content(c.messages, e.seq, content, silent=False if e.asks else None),
    )


def deleted(c: Conversation, e: ev.Deleted) -> Conversation:
    """The author took a message back: nothing of it waits or is remembered."""
    if not e.seq:
        early = Indexed(seq=0, content=DELETED, silent=True)
        return replace(c, messages=with_message(c.messages, e.about, early))
    return replace(
        c,
        unanswered=tuple(u for u in c.unanswered if u.seq != e.seq),
        memory=tuple(t for t in c.memory if t.seq != e.seq),
        messages=with_content(c.messages, e.seq, DELETED, silent=True),
    )


def read(c: Conversation, e: ev.AttachmentRead) -> Conversation:
    """What a file says belongs to the question that it came with, for people to read."""
    unanswered = tuple(
        replace(u, read=with_read(u.read, e)) if u.seq == e.seq else u for u in c.unanswered
    )
    reviews = tuple(
        replace(r, question=with_read(r.question, e)) if e.seq in r.answers else r
        for r in c.reviews
    )
    return replace(c, unanswered=unanswered, reviews=reviews)


def with_read(text: str, e: ev.AttachmentRead) -> str:
    """The text and, below it under its name, what stands in the file."""
    if not e.text:
        return text
    said = f"[{e.name}]\n{e.text}" if e.name else e.text
    return f"{text}\n\n{said}" if text and not text.startswith("📎") else said


def _opened(outgoing: tuple[Outgoing, ...], at: datetime) -> tuple[Outgoing, ...]:
    """What waited for the customer may go out now."""
    return tuple(
        replace(
            o,
            awaits_customer=False,
            # What a person wrote is not out of date because the customer came late.
            at=at if o.author is Author.AGENT else o.at,
        )
        if o.awaits_customer
        else o
        for o in outgoing
    )


def sent(c: Conversation, item: ev.Numbered, e: ev.Sent) -> Conversation:
    """A text for the customer was stored: it settles what it answers, and is to be delivered."""
    told, memory = e.notice, c.memory
    if e.author is not Author.SYSTEM:
        told, memory = None, _remember(c, item, e.author, e.text, sent=e)
    turns, cited = c.turns, c.cited
    if e.author is Author.AI and e.draft is not None:
        sources = _sources(e)
        turns = turns + 1 if any(source in cited for source in sources) else 1
        cited = tuple(dict.fromkeys((*cited, *sources)))[-MEMORY_TURNS:]
    unanswered = c.unanswered
    if e.author is Author.AGENT and not e.draft_id:
        unanswered = ()  # who speaks with the customer has read all that they wrote
        c = replace(c, held_step=0)
    elif e.answers:
        unanswered = tuple(u for u in unanswered if u.seq not in e.answers)
    messages = c.messages
    if e.message_id:
        theirs = Indexed(seq=item.seq, content=content_digest(e.text), silent=True)
        messages = with_message(messages, e.message_id, theirs)
    outgoing = c.outgoing
    if not e.pulled:
        places = [u.place for u in c.unanswered if u.seq in e.answers] or [c.place]
        place = places[-1]
        outgoing = (
            *outgoing,
            Outgoing(seq=item.seq, at=item.at, author=e.author, by_person=bool(e.by), place=place),
        )
    return replace(
        c,
        disclosed=item.seq if e.disclosure else c.disclosed,
        told=told,
        memory=memory,
        turns=turns,
        cited=cited,
        unanswered=unanswered,
        # Once a person has spoken, whoever wrote the words, nobody waits for one.
        person_requested=c.person_requested and not e.by,
        outgoing=outgoing,
        messages=messages,
    )


def _remember(
    c: Conversation,
    item: ev.Numbered,
    author: Author,
    text: str,
    *,
    sent: ev.Sent | None = None,
) -> tuple[Turn, ...]:
    turn = Turn(
        author=author.value,
        text=text[:MEMORY_CHARS],
        seq=item.seq,
        at=item.at,
        with_person=c.status is Status.HUMAN,
        sources=_sources(sent) if sent else (),
        answers=sent.answers if sent else (),
    )
    return (*c.memory, turn)[-MEMORY_TURNS:]


def _sources(e: ev.Sent) -> tuple[str, ...]:
    return tuple(citation.id for citation in e.citations)

"""The rules for a message that is changed, taken back, reacted to or written elsewhere; pure.

A question that nobody has answered is replaced: the draft that waited for it is withdrawn, so that
another one is made, and its place in the queue stays, which counts from the message. A question
that has its answer is shown as changed, and no more, unless that answer has not gone out yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.message_index import DELETED, Indexed, content_digest, indexed, latest
from core.domain.messages import (
    AUTOMATIC,
    Author,
    DeliveryState,
    InboundKind,
    InboundMessage,
    Sender,
)

CHANGED = "the customer had changed the question before it was sent"


def meant(c: Conversation, message: InboundMessage) -> Indexed | None:
    """The message that this one is about; None where it is not known here."""
    if not message.about:
        return latest(c.messages)
    return indexed(c.messages, message.about)


def edited(c: Conversation, message: InboundMessage, *, silent: bool) -> Sequence[ev.Event]:
    """The customer (or a person of ours, at the vendor's) changed a message that is known here.

    `silent`: as it reads now, nobody has to answer it.
    """
    known = meant(c, message)
    assert known is not None
    content = content_digest(message.text, message.attachments, message.quotes)
    if known.content in (content, DELETED):
        return ()  # vendors send an edit for a preview of a link, or a like, as well
    unsent = _unsent(c, known.seq)
    changed = ev.Edited(
        seq=known.seq,
        text=message.text,
        attachments=message.attachments,
        quotes=message.quotes,
        asks=(known.silent or bool(unsent)) and not silent and message.kind is InboundKind.EDIT,
    )
    reopened = changed.asks and c.status is Status.RESOLVED and not c.erased
    # An answer that nobody has read yet answers words that do not stand there any more.
    dropped = [
        ev.DeliveryRecorded(seq=seq, state=DeliveryState.DROPPED, detail=CHANGED) for seq in unsent
    ]
    return (*((ev.Reopened(),) if reopened else ()), changed, *dropped, *_withdrawn(c, known.seq))


def _unsent(c: Conversation, seq: int) -> Sequence[int]:
    """The assistant's messages that answer this one alone and have not begun to be sent."""
    answers = {turn.seq: turn.answers for turn in c.memory}
    return [
        o.seq
        for o in c.outgoing
        if o.author is Author.AI
        and (o.state, o.attempt) == (DeliveryState.QUEUED, 0)
        and answers.get(o.seq) == (seq,)
    ]


def deleted(
    c: Conversation, message: InboundMessage, *, may_come: bool = False
) -> Sequence[ev.Event]:
    """A message was taken back; nothing where it is gone already.

    What is not known here `may_come` yet: vendors bring again later what we could not take.
    """
    known = meant(c, message)
    if known is None and may_come and message.about:
        return (ev.Deleted(seq=0, about=message.about),)
    if known is None or known.content == DELETED:
        return ()
    return (ev.Deleted(seq=known.seq), *_withdrawn(c, known.seq))


def taken_back_before(c: Conversation, message: InboundMessage) -> bool:
    """Whether this message was taken back before it came."""
    known = indexed(c.messages, message.named)
    return known is not None and known.content == DELETED and known.seq == 0


def reacted(c: Conversation, message: InboundMessage) -> Sequence[ev.Event]:
    """A sign under a message is recorded, and wants nothing of anybody."""
    if c.seq == 0 or c.erased or not message.value:
        return ()
    return (
        ev.Reacted(
            sign=message.value,
            removed=message.kind is InboundKind.REACTION_REMOVED,
            about=message.about,
            words=next((q.text for q in message.quotes), ""),
            sender=other(c, message.sender),
        ),
    )


def answered_elsewhere(c: Conversation, message: InboundMessage) -> Sequence[ev.Event]:
    """A person of ours wrote in the vendor's own app: it is said, and they have taken over.

    `value` is AUTOMATIC for what the vendor's app says by itself in their name.
    """
    if indexed(c.messages, message.named) is not None:
        return ()
    happened: list[ev.Event] = []
    # No address of ours has a blank in it, so this is nobody's account (`is_elsewhere`).
    name = (message.sender.name or message.sender.id).replace("@", " ").strip()
    by = f"{name} ({message.address.channel})"
    if message.value != AUTOMATIC:
        if c.status is Status.RESOLVED and not c.erased:
            happened.append(ev.Reopened())
        if c.status is not Status.HUMAN:
            happened.append(ev.TakenOver(by=by))
    happened.append(
        ev.Sent(
            author=Author.AGENT,
            text=message.text or f"[{', '.join(a.kind for a in message.attachments)}]",
            by=by,
            pulled=True,
            message_id=message.named,
        )
    )
    return happened


def other(c: Conversation, sender: Sender) -> Sender | None:
    """The sender, where it is not who the conversation is known to be with."""
    if c.sender is None or not sender.id:
        return None
    same = (c.sender.id, c.sender.kind) == (sender.id, sender.kind)
    return None if same and sender.name in ("", c.sender.name) else sender


def _withdrawn(c: Conversation, seq: int) -> Sequence[ev.Event]:
    """The drafts that wait for an answer to this message are made anew."""
    happened: list[ev.Event] = []
    for held in c.holds:
        if seq in held.sent.answers and held.review is not None:
            # What a person has approved answers words that do not stand there any more.
            version = held.review.version + 1
            happened.append(ev.DecisionUndone(draft_id=held.draft_id, version=version, by=""))
            happened.append(ev.ReviewSuperseded(draft_id=held.draft_id))
    happened += [ev.ReviewSuperseded(draft_id=r.draft_id) for r in c.reviews if seq in r.answers]
    return happened

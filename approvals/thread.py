"""What the thread under a card tells of the conversation: event in, message out; pure."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.blocks import Posted, at_length, context, safe, section
from approvals.cards import Looks, as_sent
from core import events as ev
from core.conversations import Conversation
from core.drafts import Turn
from core.messages import Author, DeliveryState
from core.rendering import to_plain
from core.rendering_slack import rich_text, slack_parts

PARTS = 4  #: of a long message, 3,000 characters each
MENTIONS = 5  #: groups or members mentioned at once


def told(
    item: ev.Numbered,
    looks: Looks,
    *,
    about: Conversation,
    human: bool,
    waits: bool,
    on_duty: str = "",
    supervisors: str = "",
    receiver: str = "",
) -> Posted | None:
    """The message for this event; None for what the thread need not hear.

    `human`: a person holds the conversation at this event. `waits`: the draft still waits now,
    so that calling people makes sense. `receiver` is Slack's id of a colleague to whom the
    conversation was given.
    """
    match item.event:
        case ev.ReviewReminded(step=1) if waits:
            return _line(looks.say("thread.half"))
        case ev.ReviewReminded() if waits:
            who = mentions(on_duty, looks.say("thread.on_duty"))
            return _line(looks.say("thread.three_quarters", who=who).strip())
        case ev.ReviewEscalated() if waits:
            who = mentions(supervisors, looks.say("thread.supervisors"))
            return _line(looks.say("thread.deadline", who=who).strip())
        case ev.Received() as e if human:
            name = safe(looks.customer(about.sender.name if about.sender else ""), 200)
            return _received(e, name, looks)
        case ev.Sent() as e if human:
            return _sent(e, looks, channel=about.channel)
        case ev.TakenOver(by=by) if human:
            called = mentions(receiver, "") if receiver else ""
            return _line(f"{called} {looks.say('thread.has_it', by=safe(by, 300))}".strip())
        case ev.HandedBack(by=by) if human:
            return _line(looks.say("thread.handed_back", by=safe(by, 300)))
        case ev.Resolved(by=by) if human:
            return _line(looks.say("thread.closed", by=safe(by, 300)))
        case ev.Noted() as e:
            label = looks.say("thread.noted", by=safe(e.by, 300))
            shown = (context(label), *at_length(e.text, quote=False))
            return Posted(text=f"{label}: {safe(e.text, 500)}", blocks=shown)
        case ev.DeliveryRecorded(state=DeliveryState.FAILED) as e if human:
            why = safe(e.detail or e.code or e.state.value, 500)
            return _line(f":warning: {looks.say('thread.failed', why=why)}")
        case _:
            return None


def mentions(text: str, label: str) -> str:
    """User groups (S…) and members (U…, W…) as Slack mentions them; "" for none."""
    named = []
    for one in text.replace(",", " ").split()[:MENTIONS]:
        if one.isalnum():
            named.append(f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>")
        elif one in ("@here", "@channel"):
            named.append(f"<!{one[1:]}>")
    return " ".join([label, *named]) if named else ""


def before(
    history: Sequence[ev.Numbered], seq: int, *, leave_out: tuple[int, ...] = ()
) -> list[Turn]:
    """What was said before this event, notices left out."""
    turns = []
    for item in history:
        if item.seq >= seq:
            break
        match item.event:
            case ev.Received(text=text) if text and item.seq not in leave_out:
                turns.append(Turn(author=Author.CUSTOMER.value, text=text))
            case ev.Sent(text=text, author=author) if author is not Author.SYSTEM:
                turns.append(Turn(author=author.value, text=text))
            case _:
                pass
    return turns


def _received(e: ev.Received, name: str, looks: Looks) -> Posted:
    files = [
        looks.say("thread.attachment", name=safe(a.name or a.kind, 200)) for a in e.attachments
    ]
    blocks = [context(f":speech_balloon: *{name}*", *files)]
    if e.text:
        blocks += at_length(e.text, quote=True)
    return Posted(text=f"{name}: {safe(e.text, 500)}", blocks=tuple(blocks))


def _sent(e: ev.Sent, looks: Looks, *, channel: str) -> Posted:
    match e.author:
        case Author.AGENT:
            label = f":outbox_tray: *{looks.say('thread.to_customer', by=safe(e.by, 300))}*"
        case Author.AI:
            label = f"*{looks.say('thread.ai')}*"
        case _:
            return Posted(
                text=safe(e.text, 500) or looks.say("thread.system"),
                blocks=(context(f"_{looks.say('thread.system')}_", safe(e.text, 2000)),),
            )
    drawn = as_sent(e.text, e.citations, channel=channel, looks=looks, own=e.author is Author.AGENT)
    parts = [part for part in slack_parts(drawn) if to_plain(part).strip()]
    shown = [context(label), *(rich_text(part) for part in parts[:PARTS])]
    if len(parts) > PARTS:
        shown.append(context(looks.say("and_more")))
    return Posted(text=f"{label}: {safe(e.text, 500)}", blocks=tuple(shown))


def _line(text: str) -> Posted:
    return Posted(text=text, blocks=(section(text),))

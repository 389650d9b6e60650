"""Draws a card's thread: its head, and the message of each event; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from approvals.queue.fold import words_of
from approvals.queue.wording import consent_in_words, sender_in_words
from approvals.slack.views.cards import ACTION, Looks, as_sent, turn_lines
from core.domain import events as ev
from core.domain.amended import UNCHANGED, Amended, amended
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Turn
from core.domain.messages import Author, DeliveryState, Sender
from core.domain.quoting import whole
from core.engine.outbound.failure_words import failure_in_words
from core.rendering.slack import SlackMessage, rich_text, slack_parts
from core.rendering.tree import to_plain
from core.slack.blocks import Block, actions, at_length, button, context, header, section
from core.slack.mrkdwn import escaped

SUMMARY = 12  #: lines at the head of a thread
PARTS = 4  #: of a long message, 3,000 characters each
MENTIONS = 5  #: groups or members mentioned at once


def thread_head(
    c: Conversation, looks: Looks, *, before: Sequence[Turn], carried: str
) -> SlackMessage:
    """What heads the thread of a conversation in a person's hands, with its buttons.

    `carried` is the value of the buttons.
    """
    who = escaped(looks.customer(c.sender.name if c.sender else ""), 200)
    if c.status is Status.HUMAN:
        told = looks.say("thread.joined", by=escaped(c.assignee, 300), customer=who)
    elif c.status is Status.RESOLVED:
        told = looks.say("thread.resolved")
    else:
        told = looks.say("thread.over", customer=who)
    blocks: list[Block] = [section(f"*{told}*")]
    if before:
        lines = "\n".join(turn_lines(before[-SUMMARY:], looks))
        blocks += [context(f"*{looks.say('thread.summary')}*"), section(lines)]
    if c.status is Status.HUMAN:
        blocks += [context(looks.say("thread.how")), _talk_buttons(carried, looks)]
    return SlackMessage(text=told, blocks=tuple(blocks))


def talk_card(
    c: Conversation, looks: Looks, *, before: Sequence[Turn], carried: str
) -> SlackMessage:
    """The desk's message for a conversation that a person took over though no card led there."""
    name = looks.customer(c.sender.name if c.sender else "")
    head = thread_head(c, looks, before=before, carried=carried)
    title = header(f"{name} · {looks.channel(c.channel)}")
    blocks = [title, *head.blocks]
    if c.status is Status.HUMAN:
        blocks.append(context(looks.say("in_thread")))
    return SlackMessage(text=head.text, blocks=tuple(blocks))


def erased_card(looks: Looks) -> SlackMessage:
    """What is left of a card once its customer has been erased."""
    told = looks.say("erased")
    return SlackMessage(text=told, blocks=(section(f"_{told}_"),))


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
    lost: str | None = None,
) -> SlackMessage | None:
    """The message for this event; None for what the thread need not hear.

    `human`: a person holds the conversation at this event. `waits`: the draft still waits now,
    so that calling people makes sense. `receiver` is Slack's id of a colleague to whom the
    conversation was given. `lost` mentions who decided, where
    this event says that what they decided did not arrive.
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
            return _received(e, _who(e.sender, about, looks), looks)
        case ev.Edited() as e if human:
            label = f":pencil2: {looks.say('thread.customer_edited')}"
            words = whole(e.text, e.quotes)
            shown = (context(label), *at_length(words, quote=True)) if words else (context(label),)
            return SlackMessage(text=f"{label}: {escaped(words, 500)}", blocks=shown)
        case ev.Deleted(seq=seq) if human and seq:
            return _line(f":wastebasket: {looks.say('thread.customer_deleted')}")
        case ev.Reacted() as e if human:
            name = "thread.reaction_removed" if e.removed else "thread.reacted"
            who = _who(e.sender, about, looks)
            return _line(looks.say(name, customer=who, sign=escaped(e.sign, 100)))
        case ev.Sent() as e if human:
            return _sent(e, looks, channel=about.channel)
        case ev.TakenOver(by=by) if human:
            called = mentions(receiver, "") if receiver else ""
            return _line(f"{called} {looks.say('thread.has_it', by=escaped(by, 300))}".strip())
        case ev.ConsentChanged() as e:
            said = consent_in_words(e, words=looks.words, locale=looks.locale)
            return _line(f":no_bell: {escaped(said, 500)}" if e.opted_out else escaped(said, 500))
        case ev.HandedBack(by=by) if human and by:
            return _line(looks.say("thread.handed_back", by=escaped(by, 300)))
        case ev.Resolved(by=by) if human:
            return _line(looks.say("thread.closed", by=escaped(by, 300)))
        case ev.Noted() as e:
            label = looks.say("thread.noted", by=escaped(e.by, 300))
            shown = (context(label), *at_length(e.text, quote=False))
            return SlackMessage(text=f"{label}: {escaped(e.text, 500)}", blocks=shown)
        case ev.DeliveryRecorded() as e if lost is not None:
            state = looks.word(f"delivery.{e.state.value}")
            why = _why(e, about, looks)
            what = escaped(f"{state}: {why}" if why else state, 500).rstrip(".")
            line = looks.say("thread.undelivered", who=lost, what=what)
            return _line(f":warning: {line} {looks.word('undelivered.other_way')}")
        case ev.DeliveryRecorded(state=DeliveryState.FAILED) as e if human:
            why = escaped(_why(e, about, looks) or e.state.value, 500)
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
    later = amended(history)
    for item in history:
        if item.seq >= seq:
            break
        match item.event:
            case ev.Received() as e if (text := _now(item, e, later)) and item.seq not in leave_out:
                name = e.sender.name if e.sender else ""
                turns.append(Turn(author=Author.CUSTOMER.value, text=text, name=name))
            case ev.Sent(text=text, author=author) if author is not Author.SYSTEM:
                turns.append(Turn(author=author.value, text=text))
            case _:
                pass
    return turns


def _now(item: ev.Numbered, e: ev.Received, later: Mapping[int, Amended]) -> str:
    """A message of the customer's as it reads now; "" once it was taken back."""
    since = later.get(item.seq, UNCHANGED)
    if since.deleted_at is not None:
        return ""
    return words_of(e) if since.text is None else whole(since.text, since.quotes)


def _why(e: ev.DeliveryRecorded, about: Conversation, looks: Looks) -> str:
    return failure_in_words(
        looks.words,
        looks.locale,
        channel=about.channel,
        code=e.code,
        detail=e.detail or e.code,
    )


def _who(sender: Sender | None, about: Conversation, looks: Looks) -> str:
    named = sender_in_words(sender or about.sender, words=looks.words, locale=looks.locale)
    return escaped(looks.customer(named), 200)


def _received(e: ev.Received, name: str, looks: Looks) -> SlackMessage:
    files = [
        looks.say("thread.attachment", name=escaped(a.name or a.kind, 200)) for a in e.attachments
    ]
    blocks = [context(f":speech_balloon: *{name}*", *files)]
    words = whole(e.text, e.quotes) or (f"[{e.unreadable}]" if e.unreadable else "")
    if words:
        blocks += at_length(words, quote=True)
    return SlackMessage(text=f"{name}: {escaped(words, 500)}", blocks=tuple(blocks))


def _sent(e: ev.Sent, looks: Looks, *, channel: str) -> SlackMessage:
    match e.author:
        case Author.AGENT:
            label = f":outbox_tray: *{looks.say('thread.to_customer', by=escaped(e.by, 300))}*"
        case Author.AI:
            label = f"*{looks.say('thread.ai')}*"
        case _:
            return SlackMessage(
                text=escaped(e.text, 500) or looks.say("thread.system"),
                blocks=(context(f"_{looks.say('thread.system')}_", escaped(e.text, 2000)),),
            )
    drawn = as_sent(e.text, e.citations, channel=channel, looks=looks, own=e.author is Author.AGENT)
    parts = [part for part in slack_parts(drawn) if to_plain(part).strip()]
    shown = [context(label), *(rich_text(part) for part in parts[:PARTS])]
    if len(parts) > PARTS:
        shown.append(context(looks.say("and_more")))
    return SlackMessage(text=f"{label}: {escaped(e.text, 500)}", blocks=tuple(shown))


def _line(text: str) -> SlackMessage:
    return SlackMessage(text=text, blocks=(section(text),))


def _talk_buttons(carried: str, looks: Looks) -> Block:
    def one(name: str, style: str = "") -> Block:
        label = looks.say(f"thread.{name}")
        return button(label, action=f"{ACTION}{name}", value=carried, style=style)

    return actions(one("reply", "primary"), one("hand_back"), one("resolve"), one("transfer"))

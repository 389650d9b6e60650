"""The card of a draft: approval in, Block Kit out; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.blocks import (
    Block,
    Posted,
    actions,
    button,
    clip,
    context,
    header,
    link,
    literal,
    option,
    overflow,
    quoted,
    safe,
    section,
    when,
)
from approvals.console.view import channel_name, duration, reasons_in_words, sources_of, telling
from approvals.model import Approval, ApprovalState
from core.drafts import Turn
from core.messages import Address, Author, Citation, OutboundMessage
from core.rendering import Blocks, to_plain
from core.rendering_markdown import from_markdown, render_message
from core.rendering_slack import rich_text, slack_parts
from core.rendering_sms import size, to_sms
from core.wording import Words

ACTION = "desk:"  #: opens the action id and the callback id of everything the desk makes
QUESTION = 1500  #: characters of the question on a card; all of it stands on the console
SHOWN_PARTS = 2  #: of a long draft, 3,000 characters each
SOURCES = 5
EARLIER = 4  #: lines before the question
LINE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How cards are worded and where their links lead."""

    words: Words
    locale: str
    base_url: str  #: of the console, without a slash at the end

    def say(self, name: str, /, **values: object) -> str:
        """A text of the desk in Slack."""
        return self.words.text(f"slack.{name}", self.locale, **values)

    def word(self, name: str) -> str:
        """A text that the console shows as well."""
        return self.words.text(f"approvals.{name}", self.locale)

    def channel(self, channel_id: str) -> str:
        """What people call the channel."""
        return channel_name(channel_id, words=self.words, locale=self.locale)

    def customer(self, name: str) -> str:
        """What the customer is called on a card."""
        return " ".join(name.split()) or self.say("anonymous")

    def console(self, conversation_id: str) -> str:
        """Where the conversation stands on the console."""
        return f"{self.base_url}/console/conversations/{conversation_id}"


def card(a: Approval, looks: Looks, *, earlier: Sequence[Turn] = ()) -> Posted:
    """The draft's message in the desk's channel, as it is to look now."""
    if a.state is ApprovalState.PENDING:
        return _waiting(a, looks, earlier)
    return _over(a, looks)


def _waiting(a: Approval, looks: Looks, earlier: Sequence[Turn]) -> Posted:
    blocks = [_head(a, looks), context(*_facts(a, looks))]
    if earlier:
        blocks.append(context(f"*{looks.say('earlier')}*", *turn_lines(earlier[-EARLIER:], looks)))
    blocks.append(quoted(a.question, QUESTION))
    if a.draft.text.strip():
        blocks.append(section(f"*{looks.say('draft')}*"))
        blocks += preview(a.draft.text, a.draft.citations, channel=a.channel, looks=looks)
    else:
        blocks.append(section(f"_{looks.say('no_draft')}_"))
    blocks += sources_block(a, looks)
    blocks.append(_buttons(a, looks))
    return Posted(text=_text(a, looks), blocks=tuple(blocks))


def _over(a: Approval, looks: Looks) -> Posted:
    outcome = f"{_sign(a)} *{safe(outcome_of(a, looks), 500)}*"
    at = f" · {when(a.decided_at, '{date_short_pretty} {time}')}" if a.decided_at else ""
    blocks = [_head(a, looks), quoted(a.question, QUESTION), section(outcome + at)]
    if a.reason:
        blocks.append(context(looks.say("reason", reason=safe(_reason(a.reason, looks), 500))))
    sent = a.text or (a.draft.text if a.decision == "approve" else "")
    if sent:
        held = a.held_until is not None
        label = looks.say("will_send" if held else "sent_as")
        blocks.append(context(f"*{label}*"))
        blocks += preview(sent, a.draft.citations, channel=a.channel, looks=looks, own=bool(a.text))
    if a.held_until is not None:
        note = looks.say("undo_until", time=when(a.held_until, "{time_secs}"))
        blocks += [
            context(note),
            actions(
                button(looks.say("undo"), action=f"{ACTION}undo", value=value(a), style="danger")
            ),
        ]
    elif a.decision == "take_over":
        blocks.append(context(looks.say("in_thread")))
    text = f"{outcome_of(a, looks)} — {_text(a, looks)}"
    return Posted(text=safe(text, 900), blocks=tuple(blocks))


def small(a: Approval, looks: Looks) -> Posted:
    """The least of a card: for a Slack that refuses the whole of it."""
    blocks = [section(_text(a, looks))]
    if a.state is ApprovalState.PENDING:
        blocks += [section(looks.say("and_more")), _buttons(a, looks)]
    else:
        blocks.append(section(safe(outcome_of(a, looks), 500)))
    return Posted(text=_text(a, looks), blocks=tuple(blocks))


def outcome_of(a: Approval, looks: Looks) -> str:
    """What became of the draft: who did what, and how long it took."""
    if a.state is ApprovalState.DECIDED:
        return looks.words.text(
            f"approvals.outcome.{a.decision}",
            looks.locale,
            by=a.decided_by,
            after=duration(a.seconds),
        )
    return looks.word(f"outcome.{a.state.value}")


def value(a: Approval) -> str:
    """What a button carries: which draft, as it was when the button was drawn."""
    return f"{a.id} {a.version}"


def preview(
    text: str, citations: Sequence[Citation], *, channel: str, looks: Looks, own: bool = False
) -> list[Block]:
    """The text as the customer will see it; `own` when a person wrote it."""
    blocks = as_sent(text, () if own else citations, channel=channel, looks=looks, own=own)
    if channel == "sms":
        bodies = to_sms(blocks)
        sizes = [size(body) for body in bodies]
        count = sum(one.segments for one in sizes)
        encoding = "UCS-2" if any(s.encoding == "UCS-2" for s in sizes) else "GSM-7"
        told = looks.say("segment" if count == 1 else "segments", count=count, encoding=encoding)
        shown = [literal(body) for body in bodies[: SHOWN_PARTS + 1]]
        return [*shown, context(told)]
    drawn = from_markdown(text) if not own else blocks
    parts = slack_parts(drawn)
    shown = [rich_text(part) for part in parts[:SHOWN_PARTS] if to_plain(part).strip()]
    if len(parts) > SHOWN_PARTS:
        shown.append(context(looks.say("and_more")))
    return shown or [literal(text)]


def as_sent(
    text: str, citations: Sequence[Citation], *, channel: str, looks: Looks, own: bool
) -> Blocks:
    """The tree that the channel will draw."""
    message = OutboundMessage(
        id="preview",
        conversation_id="preview",
        address=Address(channel=channel or "web", account="", chat=""),
        author=Author.AGENT if own else Author.AI,
        text=text,
        citations=tuple(citations),
        locale=looks.locale,
    )
    return render_message(message, sources_label=looks.say("sources"), site=looks.base_url)


def _head(a: Approval, looks: Looks) -> Block:
    return header(f"{looks.customer(a.customer)} · {looks.channel(a.channel)}")


def _text(a: Approval, looks: Looks) -> str:
    return safe(
        looks.say(
            "card_text",
            customer=looks.customer(a.customer),
            channel=looks.channel(a.channel),
            question=clip(" ".join(a.question.split()), 200),
        ),
        600,
    )


def _facts(a: Approval, looks: Looks) -> list[str]:
    facts = [
        f":hourglass_flowing_sand: {looks.say('until', time=when(a.deadline, '{time} ({ago})'))}"
    ]
    if a.step >= 3:
        facts = [f":rotating_light: *{looks.say('escalated')}*", *facts]
    if a.draft.text.strip():
        facts.append(looks.say("sure", percent=round(a.draft.confidence * 100)))
    why = reasons_in_words(telling(a), words=looks.words, locale=looks.locale)
    if why:
        facts.append(safe(" ".join(why), 1500))
    if a.claimed_by:
        facts.append(f":raised_hand: *{looks.say('claimed', by=safe(a.claimed_by, 300))}*")
    return facts


def sources_block(a: Approval, looks: Looks) -> list[Block]:
    """The draft's sources as links; nothing where there is no draft or no source."""
    found = sources_of(a.draft.citations)[:SOURCES]
    if not found or not a.draft.text.strip():
        return []
    lines = [
        f"{number}. {link(looks.base_url + s.url if s.url[:1] == '/' else s.url, s.title)}"
        for number, s in enumerate(found, start=1)
    ]
    text = f"*{looks.say('sources')}*"
    for line in lines:
        if len(text) + len(line) + 1 <= 2900:
            text += f"\n{line}"
    return [section(text)]


def _buttons(a: Approval, looks: Looks) -> Block:
    name, carried = looks.word, value(a)
    row = []
    drafted = bool(a.draft.text.strip())
    if drafted:
        label = name("approve") if a.draft.citations else name("approve_own")
        row.append(button(label, action=f"{ACTION}approve", value=carried, style="primary"))
    row += [
        button(name("edit" if drafted else "write"), action=f"{ACTION}edit", value=carried),
        button(name("reject"), action=f"{ACTION}reject", value=carried),
        button(name("take_over"), action=f"{ACTION}take_over", value=carried),
    ]
    claim = "release" if a.claimed_by else "claim"
    menu = [
        option(looks.say(claim), value=f"{claim} {carried}"),
        option(looks.say("open"), value="console", url=looks.console(a.conversation_id)),
        option(looks.say("show.title"), value=f"show {carried}"),
    ]
    return actions(*row, overflow(menu, action=f"{ACTION}more"))


def _sign(a: Approval) -> str:
    if a.state is not ApprovalState.DECIDED:
        return ":leftwards_arrow_with_hook:"
    signs = {"approve": ":white_check_mark:", "edit": ":pencil2:", "reject": ":no_entry:"}
    return signs.get(a.decision, ":bust_in_silhouette:")


def _reason(reason: str, looks: Looks) -> str:
    try:
        return looks.word(f"why_rejected.{reason}")
    except KeyError:
        return reason


def turn_lines(turns: Sequence[Turn], looks: Looks) -> list[str]:
    """What was said, a line each."""
    return [f"*{speaker(turn.author, looks)}:* {_line(turn.text)}" for turn in turns]


def _line(text: str) -> str:
    return safe(clip(" ".join(text.split()), LINE), LINE * 2)


def speaker(author: str, looks: Looks) -> str:
    """Who speaks, in a word."""
    if author == Author.CUSTOMER.value:
        return looks.say("customer")
    return looks.word({"ai": "talk.ai", "system": "talk.system"}.get(author, "talk.you"))

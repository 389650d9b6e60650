"""Draws the card of a draft: approval in, Block Kit out; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals.queue.model import Approval, ApprovalState
from approvals.queue.wording import (
    arrival_in_words,
    channel_name,
    duration,
    reasons_in_words,
    sources_of,
    telling,
)
from core.domain.drafts import Reason, Turn
from core.domain.messages import Address, Author, Citation, OutboundMessage
from core.i18n import Words
from core.rendering.markdown import from_markdown, render_message
from core.rendering.slack import SlackMessage, rich_text, slack_parts
from core.rendering.sms import size, to_sms
from core.rendering.tree import Blocks, to_plain
from core.slack.blocks import (
    Block,
    actions,
    button,
    context,
    header,
    literal,
    option,
    overflow,
    quoted,
    section,
)
from core.slack.mrkdwn import clip, escaped, link, when

ACTION = "desk:"  #: opens the action id and the callback id of everything the desk makes
QUESTION = 1500  #: characters of the question on a card; all of it stands on the console
QUOTED = 500  #: characters of what the question points at
SHOWN_PARTS = 2  #: of a long draft, 3,000 characters each
SOURCES = 5
EARLIER = 4  #: lines before the question
SINCE = 6  #: lines after it
LINE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The language and links of cards."""

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


def card(a: Approval, looks: Looks, *, earlier: Sequence[Turn] = ()) -> SlackMessage:
    """The draft's message in the desk's channel, as it is to look now."""
    if a.state is ApprovalState.PENDING:
        return _waiting(a, looks, earlier)
    return _over(a, looks)


def _waiting(a: Approval, looks: Looks, earlier: Sequence[Turn]) -> SlackMessage:
    blocks = [_head(a, looks), context(*_facts(a, looks))]
    if earlier:
        blocks.append(context(f"*{looks.say('earlier')}*", *turn_lines(earlier[-EARLIER:], looks)))
    blocks += _asked(a)
    if a.draft.text.strip():
        blocks.append(section(f"*{looks.say('draft')}*"))
        blocks += preview(a.draft.text, a.draft.citations, channel=a.channel, looks=looks)
    else:
        blocks.append(section(f"_{looks.say('no_draft')}_"))
    blocks += sources_block(a, looks)
    if a.said:
        blocks.append(context(f"*{looks.say('said_since')}*", *turn_lines(a.said[-SINCE:], looks)))
    blocks.append(_buttons(a, looks))
    return SlackMessage(text=_text(a, looks), blocks=tuple(blocks))


def _over(a: Approval, looks: Looks) -> SlackMessage:
    outcome = f"{_sign(a)} *{escaped(outcome_of(a, looks), 500)}*"
    if a.undelivered:
        why = arrival_in_words(a, words=looks.words, locale=looks.locale)
        outcome += f"\n:warning: *{escaped(why, 600)}*"
    at = f" · {when(a.decided_at, '{date_short_pretty} {time}')}" if a.decided_at else ""
    blocks = [_head(a, looks), *_asked(a), section(outcome + at)]
    if a.reason:
        blocks.append(context(looks.say("reason", reason=escaped(_reason(a.reason, looks), 500))))
    sent = a.text or (a.draft.text if a.decision == "approve" else "")
    if sent:
        held = a.held_until is not None
        lost = "lost" if a.undelivered else "sent_as"
        label = looks.say("will_send" if held else lost)
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
    elif a.undelivered:
        blocks += _other_way(a, looks)
    elif a.decision == "take_over":
        blocks.append(context(looks.say("in_thread")))
    text = f"{escaped(outcome_of(a, looks), 300)} — {_text(a, looks)}"
    if a.undelivered:
        why = arrival_in_words(a, words=looks.words, locale=looks.locale)
        text = f":warning: {escaped(why, 300)} — {text}"
    return SlackMessage(text=text, blocks=tuple(blocks))


def small(a: Approval, looks: Looks) -> SlackMessage:
    """The least of a card: for a Slack that refuses the whole of it."""
    blocks = [section(_text(a, looks))]
    if a.state is ApprovalState.PENDING:
        blocks += [section(looks.say("and_more")), _buttons(a, looks)]
    else:
        blocks.append(section(escaped(outcome_of(a, looks), 500)))
    return SlackMessage(text=_text(a, looks), blocks=tuple(blocks))


def _other_way(a: Approval, looks: Looks) -> list[Block]:
    """What may be done about a message that did not arrive."""
    assert a.arrival is not None
    if a.arrival.settled:
        return []
    row = [button(looks.word("take_over"), action=f"{ACTION}another_way", value=value(a))]
    if a.arrival.retriable:
        again = looks.word("undelivered.again")
        row.insert(0, button(again, action=f"{ACTION}again", value=value(a)))
    return [context(looks.word("undelivered.other_way")), actions(*row)]


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


def _asked(a: Approval) -> list[Block]:
    """The question, under the words that it points at."""
    pointed_at = [context(escaped(a.quoted, QUOTED))] if a.quoted else []
    return [*pointed_at, quoted(a.question, QUESTION)]


def _head(a: Approval, looks: Looks) -> Block:
    return header(f"{looks.customer(a.customer)} · {looks.channel(a.channel)}")


def _text(a: Approval, looks: Looks) -> str:
    return escaped(
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
    why = reasons_in_words(
        telling(a), words=looks.words, locale=looks.locale, findings=a.draft.findings
    )
    if a.opted_out and Reason.OPTED_OUT not in a.reasons:
        facts.append(f":no_bell: *{looks.word('reason.opted_out')}*")
    if why:
        facts.append(escaped(" ".join(why), 1500))
    if a.claimed_by:
        facts.append(f":raised_hand: *{looks.say('claimed', by=escaped(a.claimed_by, 300))}*")
    return facts


def sources_block(a: Approval, looks: Looks) -> list[Block]:
    """The draft's sources as links; nothing where there are none."""
    found = sources_of(a.draft.citations)[:SOURCES]
    if not found:
        return []
    lines = [
        f"{number}. {link(looks.base_url + s.url if s.url[:1] == '/' else s.url, s.title)}"
        for number, s in enumerate(found, start=1)
    ]
    return [section("\n".join([f"*{looks.say('sources')}*", *lines]))]


def _buttons(a: Approval, looks: Looks) -> Block:
    name, carried = looks.word, value(a)
    row = []
    drafted = bool(a.draft.text.strip())
    if Reason.SEEMS_OPT_OUT in a.reasons and not a.opted_out:
        row.append(
            button(name("consent.button"), action=f"{ACTION}opt_out", value=carried, style="danger")
        )
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
        option(
            name("consent.set_in" if a.opted_out else "consent.set_out"),
            value=f"{'consent_in' if a.opted_out else 'consent_out'} {carried}",
        ),
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
    return [
        f"*{escaped(turn.name, 100) or speaker(turn.author, looks)}:* {_line(turn.text)}"
        for turn in turns
    ]


def _line(text: str) -> str:
    return escaped(" ".join(text.split()), LINE)


def speaker(author: str, looks: Looks) -> str:
    """Who speaks, in a word."""
    if author == Author.CUSTOMER.value:
        return looks.say("customer")
    return looks.word({"ai": "talk.ai", "system": "talk.system"}.get(author, "talk.you"))

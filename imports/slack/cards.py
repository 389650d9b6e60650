"""Draws groups of past questions for Slack: candidate in, Block Kit out; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.i18n import Words
from core.rendering.slack import SlackMessage
from core.slack.blocks import (
    METADATA,
    Block,
    actions,
    at_length,
    button,
    context,
    divider,
    literal,
    modal,
    quoted,
    section,
    text_input,
)
from core.slack.emoji_names import with_emoji
from core.slack.long_text import pieces, whole
from core.slack.mrkdwn import escaped, when
from imports.groups.approving import Candidate
from imports.groups.model import Group, GroupState

ACTION = "past:"  #: opens the action id and the callback id of everything that is made here
EXAMPLES = 3
LINE = 200
ANSWER_BLOCKS = 2  #: of 3,000 characters each; an answer of the past has 4,000 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The language of cards, and where the console is."""

    words: Words
    locale: str
    base_url: str  #: without a slash at the end

    def say(self, name: str, /, **values: object) -> str:
        """A text of these cards."""
        return self.words.text(f"imports.slack.{name}", self.locale, **values)

    def word(self, name: str, /, **values: object) -> str:
        """A text that the console's page shows as well."""
        return self.words.text(f"imports.{name}", self.locale, **values)

    def desk(self, name: str, /, **values: object) -> str:
        """A text of the desk in Slack."""
        return self.words.text(f"slack.{name}", self.locale, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press on something of ours."""

    action: str  #: without the prefix
    group_id: str
    version: int
    seen: str  #: `seen_of` the group when the card was drawn
    article: str  #: that is taught, "" for none
    slack_id: str
    channel: str
    ts: str  #: of the message that was pressed on, "" for a Home
    trigger: str


def seen_of(group: Group) -> str:
    """The same while the group asks and answers the same: what a person has read and means."""
    said = f"{group.question}\x1f{group.answer}"
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def card(candidate: Candidate, wording: Wording) -> SlackMessage:
    """A group as it waits, with what may be done about it."""
    group = candidate.group
    facts = [wording.word("times", count=group.size), wording.word("people", count=group.people)]
    if group.answers > 1:
        facts.append(wording.word("answers", count=group.answers))
    blocks: list[Block] = [
        section(f":card_index_dividers: *{wording.say('title')}*"),
        quoted(group.question, 500),
        context(" · ".join(facts)),
    ]
    blocks += [context(f":warning: {escaped(one, 800)}") for one in _doubts(group, wording)]
    blocks.append(section(f"*{wording.word('answer')}*"))
    blocks += at_length(group.answer, quote=False, most=ANSWER_BLOCKS) or [section(" ")]
    asked = [q for q, _ in candidate.examples if q.casefold() != group.question.casefold()]
    if asked:
        lines = [f"• {escaped(' '.join(q.split()), LINE)}" for q in asked[:EXAMPLES]]
        blocks.append(context(f"*{wording.say('also')}*", *lines))
    near = candidate.nearest
    if near is not None:
        said = escaped(" ".join(near.text.split()), 300)
        title = escaped(near.title, LINE)
        blocks.append(context(f"*{wording.word('known')}:* {title} — {said}"))
    blocks.append(_buttons(candidate, wording))
    return SlackMessage(text=escaped(group.question, 300), blocks=tuple(blocks))


def decided(group: Group, wording: Wording) -> SlackMessage:
    """A group about which somebody has decided, without buttons."""
    is_approved = group.state is GroupState.APPROVED
    sign = ":white_check_mark:" if is_approved else ":no_entry_sign:"
    deed = wording.say("approved_by" if is_approved else "rejected_by", by=group.decided_by)
    at = f" · {when(group.decided_at, '{date_short_pretty} {time}')}" if group.decided_at else ""
    blocks: list[Block] = [
        quoted(group.question, 500),
        section(f"{sign} *{escaped(deed, 300)}*{at}"),
    ]
    if is_approved and not group.is_new_article:
        told = wording.word("in_article", article=group.article_id)
        blocks.append(context(escaped(told, 400)))
    elif is_approved:
        blocks.append(literal(group.answer, 1500))
    return SlackMessage(text=escaped(f"{deed}: {group.question}", 300), blocks=tuple(blocks))


def put_off(group: Group, by: str, wording: Wording) -> SlackMessage:
    """A group that somebody wants to see later."""
    told = wording.say("skipped_by", by=by)
    blocks = (quoted(group.question, 500), context(escaped(told, 300)))
    return SlackMessage(text=escaped(told, 300), blocks=blocks)


def gone(wording: Wording) -> SlackMessage:
    """A group of which nothing is left: its customers were forgotten, or it grew into another."""
    return SlackMessage(text=wording.say("gone"), blocks=(context(wording.say("gone")),))


def home_part(count: int, wording: Wording) -> list[Block]:
    """What stands on a Home while groups wait."""
    more = button(wording.say("more"), action=f"{ACTION}more", value="more")
    title = f"*{wording.word('nav')}*\n{wording.word('candidates', count=count)}"
    return [divider(), section(title, accessory=more)]


def window(group: Group, wording: Wording) -> Block:
    """Question and answer, to be put in better words."""
    parts, glue = pieces(group.answer)
    blocks: list[Block] = [
        context(f":warning: {escaped(one, 800)}") for one in _doubts(group, wording)
    ]
    asked = text_input(wording.word("question"), block_id="question", initial=group.question)
    asked["element"] |= {"multiline": False, "max_length": 500}
    blocks.append(asked)
    for number, part in enumerate(parts, start=1):
        label = wording.word("answer")
        if len(parts) > 1:
            label += " · " + wording.desk("edit.part", number=number, of=len(parts))
        blocks.append(
            text_input(label, block_id=f"text:{number}", initial=part, optional=number > 1)
        )
    about = json.dumps([group.id, group.version, seen_of(group), glue])
    assert len(about) <= METADATA
    return modal(
        wording.say("window"),
        blocks,
        callback=f"{ACTION}edit",
        metadata=about,
        submit=wording.word("approve"),
        close=wording.desk("edit.cancel"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The content of a window that is sent off."""

    group_id: str
    version: int
    seen: str
    question: str
    answer: str


def typed_in(view: Mapping[str, Any]) -> Typed | None:
    """What was typed; None for what is no window of ours."""
    try:
        group_id, version, seen, glue = map(
            str, json.loads(str(view.get("private_metadata") or ""))
        )
        number = int(version)
    except (ValueError, TypeError):
        return None
    values = (view.get("state") or {}).get("values") or {}
    said = {
        str(block): str(field.get("value") or "")
        for block, fields in values.items()
        for field in fields.values()
    }
    texts = sorted((b for b in said if b.startswith("text:")), key=lambda b: int(b[5:]))
    return Typed(
        group_id=group_id,
        version=number,
        seen=seen,
        # An emoji picked in the window comes by Slack's own name for it.
        question=with_emoji(said.get("question", "")),
        answer=with_emoji(whole([said[b] for b in texts], glue)),
    )


def read_press(body: Mapping[str, Any]) -> Press | None:
    """A press from the body of an interaction; None for none of ours."""
    pressed = (body.get("actions") or [{}])[0]
    action = str(pressed.get("action_id") or "")
    if not action.startswith(ACTION):
        return None
    group_id, version, seen, article = [
        *str(pressed.get("value") or "").split(" ", 3), "", "", ""
    ][:4]  # fmt: skip
    container = body.get("container") or {}
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    return Press(
        action=action.removeprefix(ACTION),
        group_id=group_id,
        version=int(version) if version.isdecimal() else 0,
        seen=seen,
        article=article,
        slack_id=str((body.get("user") or {}).get("id") or ""),
        channel=channel,
        ts=str(container.get("message_ts") or message.get("ts") or ""),
        trigger=str(body.get("trigger_id") or ""),
    )


def _doubts(group: Group, wording: Wording) -> Sequence[str]:
    found = [f"{wording.word('conflict')}: “{a}” / “{b}”" for a, b in group.conflicts]
    flags = {"holes": group.holes, "one_customer": group.one_customer, "general": group.general}
    return [*found, *(wording.word(name) for name, is_so in flags.items() if is_so)]


def _buttons(candidate: Candidate, wording: Wording) -> Block:
    group = candidate.group
    carried = f"{group.id} {group.version} {seen_of(group)}"
    approve = "own_article" if candidate.nearest else "approve"
    made: list[Block] = []
    if candidate.nearest is not None:
        into = f"{carried} {candidate.nearest.article_id}"
        made.append(
            button(wording.say("into"), action=f"{ACTION}into", value=into, style="primary")
        )
    if not group.holes:
        # Where personal data was taken out, somebody has to write around the gaps first.
        style = "" if made else "primary"
        made.append(
            button(wording.word(approve), action=f"{ACTION}approve", value=carried, style=style)
        )
    made += [
        button(wording.say("edit"), action=f"{ACTION}edit", value=carried),
        button(wording.word("reject"), action=f"{ACTION}reject", value=carried),
        button(wording.say("skip"), action=f"{ACTION}skip", value=carried),
    ]
    return actions(*made)

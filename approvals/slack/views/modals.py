"""Draws the desk's windows: edit, reject, reply, transfer, notices; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.queue.model import Approval
from approvals.queue.wording import Entry
from approvals.slack.views.cards import (
    ACTION,
    SINCE,
    Looks,
    preview,
    sources_block,
    speaker,
    turn_lines,
)
from core.slack.blocks import (
    METADATA,
    Block,
    actions,
    button,
    choice,
    context,
    divider,
    literal,
    modal,
    option,
    plain,
    quoted,
    section,
    text_input,
)
from core.slack.emoji_names import with_emoji
from core.slack.long_text import pieces, whole
from core.slack.mrkdwn import escaped, when

REASONS = ("wrong", "incomplete", "not_ours", "abusive", "other")
NEXT = ("own", "tell", "retry", "take_over")
LINES = 30  #: of a conversation that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A window's private metadata: draft, version, where it was opened."""

    draft_id: str
    version: int
    channel: str = ""
    thread: str = ""
    glue: str = ""  #: a letter for each gap between the inputs: n new line, s space, x nothing

    def packed(self) -> str:
        """As `private_metadata`."""
        packed = json.dumps([self.draft_id, self.version, self.channel, self.thread, self.glue])
        assert len(packed) <= METADATA
        return packed


def unpack(metadata: str) -> About | None:
    """The inverse of `About.packed`; None for what is none of ours."""
    try:
        draft_id, version, channel, thread, glue = json.loads(metadata)
        return About(
            draft_id=str(draft_id),
            version=int(version),
            channel=str(channel),
            thread=str(thread),
            glue=str(glue),
        )
    except (ValueError, TypeError):
        return None


def edit(
    a: Approval, looks: Looks, about: About, *, warning: str = "", typed: str | None = None
) -> Block:
    """The window in which an answer is written; the draft stands in it already.

    With `warning`, in Slack's notation, it says what has happened meanwhile, and can no longer be
    sent; `typed` asks for a preview of that text.
    """
    drafted = bool(a.draft.text.strip())
    parts, glue = pieces(a.draft.text)
    about = About(
        draft_id=about.draft_id,
        version=about.version,
        channel=about.channel,
        thread=about.thread,
        glue=glue,
    )
    blocks: list[Block] = []
    if warning:
        blocks.append(section(f":warning: *{warning}*"))
    blocks += [context(f"*{looks.say('edit.question')}*"), quoted(a.question, 1500)]
    if a.said:
        blocks.append(context(f"*{looks.say('said_since')}*", *turn_lines(a.said[-SINCE:], looks)))
    for number, part in enumerate(parts, start=1):
        label = looks.say("edit.label")
        if len(parts) > 1:
            label += " · " + looks.say("edit.part", number=number, of=len(parts))
        blocks.append(
            text_input(label, block_id=f"text:{number}", initial=part, optional=len(parts) > 1)
        )
    blocks += sources_block(a, looks)
    remember = option(looks.say("edit.remember"), value="remember")
    remember["description"] = plain(looks.say("edit.remember_help"), 75)
    tick: Block = {"type": "checkboxes", "action_id": f"{ACTION}remember", "options": [remember]}
    look = button(looks.say("edit.preview"), action=f"{ACTION}preview", value=about.draft_id)
    blocks.append(actions(tick, look, block_id="more"))
    if typed is not None and typed.strip():
        blocks += [divider(), *preview(typed, (), channel=a.channel, looks=looks, own=True)]
    return modal(
        looks.say("edit.title" if drafted else "edit.own_title"),
        blocks,
        callback=f"{ACTION}edit",
        metadata=about.packed(),
        submit=looks.say("edit.send"),
        close=looks.say("edit.cancel"),
    )


def reject(a: Approval, looks: Looks, about: About) -> Block:
    """Asks what is wrong, and what happens next."""
    why = [option(looks.word(f"why_rejected.{name}"), value=name) for name in REASONS]
    following = [option(looks.say(f"reject.{name}"), value=name) for name in NEXT]
    blocks = [
        quoted(a.question, 600),
        choice(looks.say("reject.why"), why, block_id="why"),
        choice(looks.say("reject.next"), following, block_id="next"),
        text_input(looks.say("reject.text"), block_id="text:1", optional=True),
    ]
    return modal(
        looks.say("reject.title"),
        blocks,
        callback=f"{ACTION}reject",
        metadata=about.packed(),
        submit=looks.say("reject.send"),
        close=looks.say("edit.cancel"),
    )


def reply(looks: Looks, about: About, *, entries: Sequence[Entry] = ()) -> Block:
    """Asks for words to the customer."""
    blocks = [*conversation_lines(entries[-6:], looks)]
    blocks.append(text_input(looks.say("reply.label"), block_id="text:1"))
    return modal(
        looks.say("reply.title"),
        blocks,
        callback=f"{ACTION}reply",
        metadata=about.packed(),
        submit=looks.say("edit.send"),
        close=looks.say("edit.cancel"),
    )


def transfer(looks: Looks, about: About) -> Block:
    """Asks for a colleague."""
    to: Block = {
        "type": "input",
        "block_id": "to",
        "label": plain(looks.say("transfer.to"), 2000),
        "element": {"type": "users_select", "action_id": "user"},
    }
    note = text_input(looks.say("transfer.note"), block_id="text:1", optional=True)
    return modal(
        looks.say("transfer.title"),
        [to, note],
        callback=f"{ACTION}transfer",
        metadata=about.packed(),
        submit=looks.say("transfer.title"),
        close=looks.say("edit.cancel"),
    )


def consent(looks: Looks, about: About, *, opted_out: bool) -> Block:
    """Asks how one knows that the customer wants no messages, or wants them again."""
    name = "consent_out" if opted_out else "consent_in"
    label = looks.word("consent.set_out" if opted_out else "consent.set_in")
    return modal(
        looks.word("consent.title"),
        [section(f"*{label}*"), text_input(looks.word("consent.reason"), block_id="text:1")],
        callback=f"{ACTION}{name}",
        metadata=about.packed(),
        submit=looks.say("edit.send") if not opted_out else looks.word("consent.button"),
        close=looks.say("edit.cancel"),
    )


def conversation(entries: Sequence[Entry], looks: Looks, *, title: str) -> Block:
    """Shows what was said, the newest last."""
    blocks = conversation_lines(entries[-LINES:], looks) or [section(" ")]
    return modal(title, blocks, close=looks.words.text("console.close", looks.locale))


def conversation_lines(entries: Sequence[Entry], looks: Looks) -> list[Block]:
    """A conversation's history, two blocks a message."""
    blocks: list[Block] = []
    for entry in entries:
        if entry.side == "event":
            blocks.append(context(f"_{escaped(entry.text, 600)}_ · {when(entry.at)}"))
            continue
        who = looks.say("thread.noted", by=entry.by) if entry.side == "note" else ""
        who = who or speaker(entry.author, looks) + (f" · {entry.by}" if entry.by else "")
        blocks.append(context(f"*{escaped(who, 300)}* · {when(entry.at)}"))
        if entry.text:
            blocks.append(quoted(entry.text, 1200))
    return blocks


def loading(looks: Looks, *, title: str) -> Block:
    """What is shown until the rest is known: Slack waits three seconds for a window."""
    return modal(title, [section(looks.say("loading"))])


def notice(looks: Looks, text: str, *, typed: str = "", title: str = "") -> Block:
    """Tells something, in Slack's notation; what was typed is not lost."""
    blocks = [section(text)]
    if typed:
        blocks.append(context(looks.say("edit.your_text")))
        parts, _ = pieces(typed)
        blocks += [literal(part) for part in parts if part.strip()]
    return modal(
        title or looks.say("edit.stale_title"),
        blocks,
        close=looks.words.text("console.close", looks.locale),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The values of a window's fields."""

    text: str = ""
    choices: Mapping[str, str] | None = None
    user: str = ""
    remember: bool = False

    def chosen(self, name: str) -> str:
        """The value of a choice, "" for none."""
        return (self.choices or {}).get(name, "")


def read_state(view: Mapping[str, Any]) -> Typed:
    """What stands in the fields, from the `view` of an interaction; never raises."""
    values = _object(_object(view.get("state")).get("values"))
    about = unpack(str(view.get("private_metadata") or ""))
    texts: list[tuple[str, str]] = []
    choices: dict[str, str] = {}
    user, remember = "", False
    for block_id, fields in values.items():
        for field in map(_object, _object(fields).values()):
            selected = field.get("selected_option")
            if isinstance(selected, Mapping):
                choices[str(block_id)] = str(selected.get("value") or "")
            elif "selected_user" in field:
                user = str(field.get("selected_user") or "")
            elif "selected_options" in field:
                remember = bool(field.get("selected_options"))
            elif "value" in field:
                texts.append((str(block_id), str(field.get("value") or "")))
    ordered = [text for _, text in sorted(texts, key=_by_number)]
    return Typed(
        # An emoji picked in the window comes by Slack's own name for it.
        text=with_emoji(whole(ordered, about.glue if about else "")),
        choices=choices,
        user=user,
        remember=remember,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _by_number(pair: tuple[str, str]) -> int:
    number = pair[0].rpartition(":")[2]
    return int(number) if number.isdecimal() else 0

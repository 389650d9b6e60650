"""Normalizes Slack's events into inbound messages; pure, never raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from channels.slack.content import (
    NOBODY,
    attachments_of,
    plain,
    quotes_of,
    raw_text,
    reading_of,
    shared_in,
    words_of,
)
from core.domain.messages import (
    KNOWN,
    Address,
    InboundKind,
    InboundMessage,
    Sender,
)
from core.slack.emoji_names import emoji_of
from core.slack.mrkdwn import named_in
from core.slack.names import Named

CHANNEL = "slack"
ACTION = "customer:"  #: opens the action id of every button under a customer's message

_SERVICE = re.compile(
    r"(?:channel|group|bot|huddle|sh_room|assistant_app|app_conversation|file_comment|ekm|reminder"
    r"|pinned|unpinned|joiner|document|tombstone|hidden|message_replied|reply_broadcast|bot_message)"
    r"(?:_\w+)?"
)
"""Subtypes of what Slack or a program tells; nobody has said it. A newer one is read as words."""


NOBODYS = frozenset({"USLACK", "USLACKBOT"})
"""Members that Slack itself writes as: reminders and automatic responses, without a subtype."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Our identity in a Slack workspace, and its channels without customers."""

    team_id: str
    bot_user_id: str
    desks: frozenset[str] = frozenset()  #: channels of the agents; nothing there is a customer's


Serves = Callable[[str, str, str], bool]
"""Whether this member addressed us in this thread (channel, time stamp, member) before."""

ThreadOf = Callable[[str, str], str]
"""The thread in which a message (channel, time stamp) stands; "" where that is not known."""


def to_inbound(
    body: Mapping[str, Any],
    workspace: Workspace,
    *,
    serves: Serves = lambda _channel, _ts, _member: False,
    thread_of: ThreadOf = lambda _channel, _ts: "",
    names: Mapping[str, Named] = NOBODY,
) -> InboundMessage | None:
    """What a customer did, or None when it is nothing that a customer said to us.

    Takes the body of an Events API delivery or of an interaction, and the names of those whom it
    mentions by their ids (`mentions_of`).
    """
    if body.get("type") == "block_actions":
        return _press(body, workspace, names)
    if body.get("type") != "event_callback":
        return None
    event = _object(body.get("event"))
    if str(event.get("type")) in ("reaction_added", "reaction_removed"):
        return _reaction(body, event, workspace, thread_of, names)
    match event.get("subtype"):
        case "message_changed":
            return _changed(body, event, workspace, serves, names)
        case "message_deleted":
            gone = _object(event.get("previous_message"))
            gone = gone or {"ts": event.get("deleted_ts")}
            return _deleted(body, event, gone, workspace, serves)
        case _ if event.get("type") in ("message", "app_mention"):
            return _said(body, event, workspace, serves, names)
        case _:
            return None


def mentions_of(body: Mapping[str, Any]) -> Sequence[str]:
    """The ids whose names are needed to read this: who wrote it, and whom it mentions."""
    event = _object(body.get("event"))
    inner = _object(event.get("message")) or event
    who = str(inner.get("user") or _object(body.get("user")).get("id") or "")
    found = [who, *named_in(raw_text(inner))]
    for shared in shared_in(inner):
        found += named_in(words_of(shared))
    return [one for one in dict.fromkeys(found) if one]


def is_customers(body: Mapping[str, Any]) -> bool:
    """Whether an interaction comes from a button under a customer's message."""
    return body.get("type") == "block_actions" and bool(_action(body))


def _said(
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    workspace: Workspace,
    serves: Serves,
    names: Mapping[str, Named],
) -> InboundMessage | None:
    channel, ts = str(event.get("channel") or ""), str(event.get("ts") or "")
    direct = _is_direct(event, channel)
    if not _is_persons(event, channel, workspace, direct=direct) or not ts:
        return None
    raw = raw_text(event)
    if not direct and event.get("type") != "app_mention":
        # A mention comes as an event of its own, and must not count twice.
        replied = event.get("type") == "message" and not _mentions_us(raw, workspace)
        if not replied or not _is_for_us(event, channel, raw, workspace, serves):
            return None
    said = _message(body, event, workspace, names, channel=channel, direct=direct)
    if said.kind is InboundKind.UNREADABLE and _mentions_us(raw, workspace):
        said = replace(said, kind=InboundKind.START, value="")  # our name alone calls us
    # Not the event's id: a message that is read in its channel again is the same one.
    return replace(said, external_id=f"{channel}:{ts}")


def _is_persons(
    event: Mapping[str, Any], channel: str, workspace: Workspace, *, direct: bool
) -> bool:
    """Whether a person wrote it where customers write."""
    user = str(event.get("user") or "")
    if user in NOBODYS:
        return False
    told = _SERVICE.fullmatch(str(event.get("subtype") or ""))
    here = bool(channel) and channel not in workspace.desks
    # In a direct message nobody but the customer and we can write: what has another bot's id there
    # was sent through that app by the customer.
    alone = bool(workspace.bot_user_id and event.get("bot_profile")) and direct
    through = not event.get("bot_id") or alone
    return here and bool(user) and user != workspace.bot_user_id and not told and through


def _is_direct(event: Mapping[str, Any], channel: str) -> bool:
    return (event.get("channel_type") or ("im" if channel.startswith("D") else "")) == "im"


def _is_for_us(
    event: Mapping[str, Any], channel: str, raw: str, workspace: Workspace, serves: Serves
) -> bool:
    """In a thread we serve, the words of who asked us, unless they speak to somebody else."""
    speaks_to = _ADDRESSED.match(raw)
    if speaks_to and speaks_to[1] != workspace.bot_user_id:
        return False
    return serves(channel, str(event.get("thread_ts") or ""), str(event.get("user") or ""))


def _message(
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    workspace: Workspace,
    names: Mapping[str, Named],
    *,
    channel: str,
    direct: bool,
) -> InboundMessage:
    ts = str(event.get("ts") or "")
    thread = str(event.get("thread_ts") or "")
    bot = workspace.bot_user_id
    text, quotes = plain(raw_text(event), bot, names), quotes_of(event, bot, names)
    attachments = attachments_of(event.get("files"))
    for one in shared_in(event):
        attachments += attachments_of(one.get("files"))
    nothing = not (text or attachments or quotes)
    return InboundMessage(
        # A direct message is one conversation; a thread in it is only where the answer goes.
        address=_address(body, workspace, channel=channel, thread="" if direct else thread or ts),
        external_id=str(body.get("event_id") or f"{channel}:{ts}"),
        sender=_sender(str(event.get("user") or ""), names),
        text=text,
        kind=InboundKind.UNREADABLE if nothing else InboundKind.MESSAGE,
        value=str(event.get("subtype") or "message") if nothing else "",
        attachments=attachments,
        sent_at=_time(ts),
        message_id=ts,
        quotes=quotes,
        place=thread if direct and thread != ts else "",
    )


def _changed(
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    workspace: Workspace,
    serves: Serves,
    names: Mapping[str, Named],
) -> InboundMessage | None:
    now, before = _object(event.get("message")), _object(event.get("previous_message"))
    channel = str(event.get("channel") or "")
    if now.get("subtype") == "tombstone":
        return _deleted(body, event, before or now, workspace, serves)
    if not _is_persons(now, channel, workspace, direct=_is_direct(event, channel)):
        return None
    if before and reading_of(now) == reading_of(before):
        return None  # a link was unfurled, or somebody answered in the thread
    raw, direct = raw_text(now), _is_direct(event, channel)
    for_us = direct or _mentions_us(raw, workspace)
    message = _message(body, now, workspace, names, channel=channel, direct=direct)
    if message.kind is InboundKind.UNREADABLE:
        return None
    served = serves(channel, str(now.get("thread_ts") or ""), str(now.get("user") or ""))
    return replace(
        message,
        kind=InboundKind.EDIT,
        value="" if for_us or served else KNOWN,
        about=message.message_id,
    )


def _deleted(
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    gone: Mapping[str, Any],
    workspace: Workspace,
    serves: Serves,
) -> InboundMessage | None:
    channel, ts = str(event.get("channel") or ""), str(gone.get("ts") or "")
    direct = _is_direct(event, channel)
    ours = gone.get("user") == workspace.bot_user_id or (gone.get("bot_id") and not direct)
    if not (channel and ts) or channel in workspace.desks or ours:
        return None
    raw = raw_text(gone)
    for_us = direct or _mentions_us(raw, workspace)
    for_us = for_us or _is_for_us(gone, channel, raw, workspace, serves)
    thread = "" if direct else str(gone.get("thread_ts") or ts)
    return InboundMessage(
        address=_address(body, workspace, channel=channel, thread=thread),
        external_id=str(body.get("event_id") or f"deleted:{channel}:{ts}"),
        sender=Sender(id=str(gone.get("user") or "")),
        kind=InboundKind.DELETION,
        value="" if for_us else KNOWN,
        sent_at=_time(ts),
        about=ts,
    )


def _reaction(
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    workspace: Workspace,
    thread_of: ThreadOf,
    names: Mapping[str, Named],
) -> InboundMessage | None:
    item, user = _object(event.get("item")), str(event.get("user") or "")
    channel, ts = str(item.get("channel") or ""), str(item.get("ts") or "")
    name = str(event.get("reaction") or "")
    if not (channel and ts and name) or channel in workspace.desks:
        return None
    thread = "" if channel.startswith("D") else thread_of(channel, ts)
    if user in ("", workspace.bot_user_id) or not (thread or channel.startswith("D")):
        return None
    added = event.get("type") == "reaction_added"
    return InboundMessage(
        address=_address(body, workspace, channel=channel, thread=thread),
        external_id=str(body.get("event_id") or f"{event.get('event_ts')}:{channel}:{ts}:{name}"),
        sender=_sender(user, names),
        kind=InboundKind.REACTION if added else InboundKind.REACTION_REMOVED,
        value=emoji_of(name),
        about=ts,
    )


def _press(
    body: Mapping[str, Any], workspace: Workspace, names: Mapping[str, Named]
) -> InboundMessage | None:
    action = _action(body)
    container = _object(body.get("container"))
    channel = str(_object(body.get("channel")).get("id") or container.get("channel_id") or "")
    name, _, value = str(action.get("action_id") or "").removeprefix(ACTION).partition(":")
    kinds = {
        "human": InboundKind.HUMAN,
        "rating": InboundKind.RATING,
        "language": InboundKind.LANGUAGE,
    }
    kind = kinds.get(name)
    good = kind is not None and channel and channel not in workspace.desks
    if not good or (kind is InboundKind.RATING and value not in {"1", "2", "3", "4", "5"}):
        return None
    assert kind is not None
    message = _object(body.get("message"))
    user = _object(body.get("user"))
    thread, direct = str(message.get("thread_ts") or ""), channel.startswith("D")
    known = _sender(str(user.get("id") or ""), names)
    pressed = f"{container.get('message_ts', '')}:{action.get('action_id')}"
    return InboundMessage(
        address=_address(body, workspace, channel=channel, thread="" if direct else thread),
        external_id=f"press:{channel}:{pressed}:{action.get('action_ts', '')}",
        sender=known if known.name else replace(known, name=str(user.get("name") or "")),
        kind=kind,
        value=value,
        place=thread if direct else "",
    )


def _action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    actions = body.get("actions")
    first = _object(actions[0]) if isinstance(actions, Sequence) and actions else {}
    return first if str(first.get("action_id") or "").startswith(ACTION) else {}


def _address(
    body: Mapping[str, Any], workspace: Workspace, *, channel: str, thread: str
) -> Address:
    team = body.get("team_id") or _object(body.get("team")).get("id") or workspace.team_id
    # The workspace that installed us is our side, whatever shared channel a word comes from.
    account = workspace.team_id or str(team)
    return Address(channel=CHANNEL, account=account, chat=channel, thread=thread)


_ADDRESSED = re.compile(r"\A\s{0,50}<@([A-Z0-9]{1,32})[|>]")


def _mentions_us(raw: str, workspace: Workspace) -> bool:
    return f"<@{workspace.bot_user_id}" in raw


def _sender(user: str, names: Mapping[str, Named]) -> Sender:
    named = names.get(user)
    return Sender(id=user, name=named.name, locale=named.locale) if named else Sender(id=user)


def _time(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""Reads what Slack delivers into our words; pure, and never raises on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.messages import Address, Attachment, InboundKind, InboundMessage, Sender

CHANNEL = "slack"
ACTION = "customer:"  #: opens the action id of every button under a customer's message

_SPOKEN = frozenset({"", "file_share", "thread_broadcast", "me_message"})
_MARK = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Who we are on Slack, and where customers are not."""

    team_id: str
    bot_user_id: str
    desks: frozenset[str] = frozenset()  #: channels of the agents; nothing there is a customer's


Serves = Callable[[str, str], bool]
"""Whether we were addressed in this thread (channel, time stamp) before."""


def to_inbound(
    body: Mapping[str, Any], workspace: Workspace, *, serves: Serves = lambda _channel, _ts: False
) -> InboundMessage | None:
    """What a customer did, or None when it is nothing that a customer said to us.

    Takes the body of an Events API delivery or of an interaction.
    """
    match body.get("type"):
        case "event_callback":
            return _event(body, workspace, serves)
        case "block_actions":
            return _press(body, workspace)
        case _:
            return None


def is_customers(body: Mapping[str, Any]) -> bool:
    """Whether an interaction comes from a button under a customer's message."""
    return body.get("type") == "block_actions" and bool(_action(body))


def _event(body: Mapping[str, Any], workspace: Workspace, serves: Serves) -> InboundMessage | None:
    event = _object(body.get("event"))
    channel, user, ts = (str(event.get(name) or "") for name in ("channel", "user", "ts"))
    spoken = str(event.get("subtype") or "") in _SPOKEN
    if not (channel and user and ts and spoken) or event.get("bot_id"):
        return None
    if channel in workspace.desks or user == workspace.bot_user_id:
        return None
    direct = event.get("type") == "message" and event.get("channel_type") == "im"
    if not direct and event.get("type") != "app_mention":
        # A mention comes as an event of its own, and must not count twice.
        mentioned = f"<@{workspace.bot_user_id}" in str(event.get("text") or "")
        replied = event.get("type") == "message" and not mentioned
        if not replied or not serves(channel, str(event.get("thread_ts") or "")):
            return None
    thread = str(event.get("thread_ts") or ("" if direct else ts))
    text = plain(str(event.get("text") or ""), workspace)
    attachments = _attachments(event.get("files"))
    if not text and not attachments:
        return None
    return InboundMessage(
        address=_address(body, workspace, channel=channel, thread=thread),
        external_id=str(body.get("event_id") or f"{channel}:{ts}"),
        sender=Sender(id=user),
        text=text,
        attachments=attachments,
        sent_at=_time(ts),
    )


def _press(body: Mapping[str, Any], workspace: Workspace) -> InboundMessage | None:
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
    pressed = f"{container.get('message_ts', '')}:{action.get('action_id')}"
    return InboundMessage(
        address=_address(
            body, workspace, channel=channel, thread=str(message.get("thread_ts") or "")
        ),
        external_id=f"press:{channel}:{pressed}:{action.get('action_ts', '')}",
        sender=Sender(id=str(user.get("id") or ""), name=str(user.get("name") or "")),
        kind=kind,
        value=value,
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


def plain(text: str, workspace: Workspace) -> str:
    """Slack's notation as people read it, our own mention taken out."""

    def read(match: re.Match[str]) -> str:
        inner, _, label = match.group(1).partition("|")
        if inner == f"@{workspace.bot_user_id}":
            return ""
        if inner.startswith("!"):
            return label or f"@{inner[1:].partition('^')[0]}"
        if inner.startswith(("@", "#")):
            return f"{inner[0]}{label}" if label else inner
        address = inner.removeprefix("mailto:").removeprefix("tel:")
        return f"{label} ({address})" if label and label != address else address

    text = _MARK.sub(read, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _attachments(files: object) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for file in files if isinstance(files, Sequence) and not isinstance(files, str) else ():
        about = _object(file)
        media_type = str(about.get("mimetype") or "")
        kind = media_type.partition("/")[0]
        size = about.get("size")
        found.append(
            Attachment(
                kind=kind if kind in {"image", "audio", "video"} else "file",
                name=str(about.get("name") or ""),
                url=str(about.get("permalink") or ""),
                media_type=media_type,
                size=size if isinstance(size, int) else None,
            )
        )
    return tuple(found)


def _time(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

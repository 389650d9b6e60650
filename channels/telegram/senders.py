"""Tells who wrote a Telegram message: a person, somebody in a group's or channel's name, a bot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.telegram.content import user_name
from core.domain.messages import Sender, SenderKind


def sender_of(message: Mapping[str, Any]) -> Sender:
    """Who wrote it. An anonymous admin and a channel write through a bot of Telegram's own."""
    chat, user = _object(message.get("chat")), _object(message.get("from"))
    behind = _object(message.get("sender_chat"))
    if behind:
        same = behind.get("id") == chat.get("id")
        signature = str(message.get("author_signature") or "")
        return Sender(
            id=str(behind.get("id", "")),
            name=signature or str(behind.get("title") or behind.get("username") or ""),
            kind=SenderKind.ANONYMOUS_ADMIN if same else SenderKind.CHANNEL,
        )
    return Sender(
        id=str(user.get("id", chat.get("id", ""))),
        name=user_name(user) or str(user.get("username") or "") or str(chat.get("title") or ""),
        locale=str(user.get("language_code") or ""),
        kind=SenderKind.BOT if user.get("is_bot") else SenderKind.PERSON,
    )


def partner_of(chat: Mapping[str, Any]) -> Sender:
    """With whom a private chat is, as the chat names them."""
    return Sender(id=str(chat.get("id", "")), name=user_name(chat))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

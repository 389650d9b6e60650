"""Reads what Telegram delivers, as plain JSON, into our words; pure, and never raises on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.messages import Address, Attachment, InboundKind, InboundMessage, Sender

CHANNEL = "telegram"
ALLOWED_UPDATES = ("message", "callback_query", "business_message")
BUSINESS = "business:"  #: opens a thread that is a business connection

_COMMAND = re.compile(r"/(\w+)(?:@(\w+))?(?:\s+(.*))?\s*", re.DOTALL)
_LANGUAGES = {
    "en": "en", "english": "en", "영어": "en", "ko": "ko", "korean": "ko", "한국어": "ko",
}  # fmt: skip
_FILES = {
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "animation": "video",
    "document": "file",
    "sticker": "sticker",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Who we are on Telegram."""

    id: int
    username: str


def to_inbound(update: Mapping[str, Any], bot: Bot) -> InboundMessage | None:
    """What the customer did, or None when the update is nothing that a customer said to us."""
    number = update.get("update_id")
    if not isinstance(number, int):
        return None
    press = _object(update.get("callback_query"))
    if press:
        return _press(press, number, bot)
    business = _object(update.get("business_message"))
    message = business or _object(update.get("message"))
    if not message:
        return None
    return _message(message, number, bot, business=bool(business))


def moved_group(update: Mapping[str, Any]) -> tuple[str, str] | None:
    """The old and the new chat id, when the update tells that a group was upgraded."""
    message = _object(update.get("message"))
    here = _object(message.get("chat")).get("id")
    if not isinstance(here, int):
        return None
    match message.get("migrate_to_chat_id"), message.get("migrate_from_chat_id"):
        case int(new), _:
            return str(here), str(new)
        case _, int(old):
            return str(old), str(here)
    return None


def _message(
    message: Mapping[str, Any], number: int, bot: Bot, *, business: bool
) -> InboundMessage | None:
    chat, sender = _object(message.get("chat")), _object(message.get("from"))
    if not isinstance(chat.get("id"), int) or sender.get("is_bot"):
        return None
    if business and sender.get("id") != chat["id"]:
        return None  # the owner of the business account writes to his customer himself
    text = str(message.get("text") or message.get("caption") or "")
    attachments = _attachments(message)
    if not text and not attachments:
        return None
    command = _COMMAND.fullmatch(text)
    if command and command[2] and command[2].lower() != bot.username.lower():
        return None
    if chat.get("type") != "private" and not business:
        known = command is not None and command[1].lower() in {"start", "human", "language"}
        text, mentioned = _without_mention(message, text, bot)
        if not (mentioned or known or _is_reply_to_us(message, bot)):
            return None
        command = _COMMAND.fullmatch(text)
    kind, value = _command(command)
    return InboundMessage(
        address=_address(message, chat, bot),
        # An update's number alone starts anew at random after a quiet week, a message's number
        # is unique in its chat only; together they never meet again, and a repeat has both.
        external_id=f"{number}:{chat['id']}:{message.get('message_id', '')}",
        sender=_sender(sender, chat),
        text="" if kind is not InboundKind.MESSAGE else text,
        kind=kind,
        value=value,
        attachments=attachments,
        group_id=str(message.get("media_group_id") or ""),
        sent_at=_time(message.get("date")),
    )


def _press(press: Mapping[str, Any], number: int, bot: Bot) -> InboundMessage | None:
    message, sender = _object(press.get("message")), _object(press.get("from"))
    chat = _object(message.get("chat"))
    kind, value = button(str(press.get("data") or ""))
    if not isinstance(chat.get("id"), int) or kind is None:
        return None
    return InboundMessage(
        address=_address(message, chat, bot),
        external_id=f"{number}:press:{press.get('id', '')}",
        sender=_sender(sender, chat),
        kind=kind,
        value=value,
    )


def button(data: str) -> tuple[InboundKind | None, str]:
    """What a pressed button means; None for one that is not (or no longer) ours."""
    name, _, value = data.partition(":")
    if name == "human":
        return InboundKind.HUMAN, ""
    if name == "rating" and value in {"1", "2", "3", "4", "5"}:
        return InboundKind.RATING, value
    if name == "language" and value in _LANGUAGES.values():
        return InboundKind.LANGUAGE, value
    return None, ""


def message_number(external_id: str) -> int | None:
    """The message's number in its chat, out of an `external_id` of ours."""
    last = external_id.rpartition(":")[2]
    return int(last) if last.isdigit() else None


def _command(command: re.Match[str] | None) -> tuple[InboundKind, str]:
    match command[1].lower() if command else "":
        case "start":
            return InboundKind.START, ""
        case "human":
            return InboundKind.HUMAN, ""
        case "language":
            wanted = (command[3] or "").strip().lower() if command else ""
            return InboundKind.LANGUAGE, _LANGUAGES.get(wanted, "")
        case _:
            return InboundKind.MESSAGE, ""


def _address(message: Mapping[str, Any], chat: Mapping[str, Any], bot: Bot) -> Address:
    thread = ""
    if connection := message.get("business_connection_id"):
        thread = f"{BUSINESS}{connection}"
    elif message.get("is_topic_message") and message.get("message_thread_id"):
        thread = str(message["message_thread_id"])
    return Address(channel=CHANNEL, account=str(bot.id), chat=str(chat["id"]), thread=thread)


def _sender(sender: Mapping[str, Any], chat: Mapping[str, Any]) -> Sender:
    names = (str(sender.get("first_name") or ""), str(sender.get("last_name") or ""))
    name = " ".join(part for part in names if part) or str(chat.get("title") or "")
    return Sender(
        id=str(sender.get("id", chat["id"])),
        name=name,
        locale=str(sender.get("language_code") or ""),
    )


def _without_mention(message: Mapping[str, Any], text: str, bot: Bot) -> tuple[str, bool]:
    units = text.encode("utf-16-le")
    entities = message.get("entities") or message.get("caption_entities") or ()
    for entity in entities if isinstance(entities, Sequence) else ():
        about = _object(entity)
        start, length = about.get("offset"), about.get("length")
        if not isinstance(start, int) or not isinstance(length, int):
            continue
        named = units[start * 2 : (start + length) * 2].decode("utf-16-le", "replace")
        by_name = about.get("type") == "mention" and named.lower() == f"@{bot.username.lower()}"
        by_id = (
            about.get("type") == "text_mention" and _object(about.get("user")).get("id") == bot.id
        )
        if by_name or by_id:
            rest = units[: start * 2] + units[(start + length) * 2 :]
            return " ".join(rest.decode("utf-16-le", "replace").split(" ")).strip(" ,:"), True
    return text, False


def _is_reply_to_us(message: Mapping[str, Any], bot: Bot) -> bool:
    replied = _object(message.get("reply_to_message"))
    return bool(_object(replied.get("from")).get("id") == bot.id)


def _attachments(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    photos = message.get("photo")
    if isinstance(photos, Sequence) and photos:
        largest = _object(photos[-1])
        found.append(Attachment(kind="image", size=_size(largest)))
    for name, kind in _FILES.items():
        about = _object(message.get(name))
        # An animation comes a second time as a document, for clients that know no animation.
        if about and not (name == "document" and message.get("animation")):
            found.append(
                Attachment(
                    kind=kind,
                    name=str(about.get("file_name") or about.get("emoji") or ""),
                    media_type=str(about.get("mime_type") or ""),
                    size=_size(about),
                )
            )
    place = _object(message.get("location"))
    if place:
        name = f"{place.get('latitude')}, {place.get('longitude')}"
        found.append(Attachment(kind="location", name=name))
    contact = _object(message.get("contact"))
    if contact:
        named = f"{contact.get('first_name', '')} {contact.get('phone_number', '')}".strip()
        found.append(Attachment(kind="contact", name=named))
    poll = _object(message.get("poll"))
    if poll:
        found.append(Attachment(kind="poll", name=str(poll.get("question") or "")))
    return tuple(found)


def _size(about: Mapping[str, Any]) -> int | None:
    size = about.get("file_size")
    return size if isinstance(size, int) else None


def _time(date: object) -> datetime | None:
    if not isinstance(date, int) or not 0 <= date < 2**40:
        return None
    try:
        return datetime.fromtimestamp(date, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

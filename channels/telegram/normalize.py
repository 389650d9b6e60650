"""Normalizes Telegram's updates into inbound messages; pure, never raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels.telegram.content import entities_of, quotes, unreadable, words
from channels.telegram.senders import partner_of, sender_of
from config.languages import LANGUAGES, language_called
from core.domain.messages import (
    AUTOMATIC,
    KNOWN,
    OURS,
    Address,
    Attachment,
    InboundKind,
    InboundMessage,
    Sender,
    SenderKind,
)

CHANNEL = "telegram"
_SAID = ("message", "business_message", "edited_message", "edited_business_message")
ALLOWED_UPDATES = (
    *_SAID,
    "callback_query",
    "deleted_business_messages",
    "message_reaction",  # never sent unless it is asked for
)
BUSINESS = "business:"  #: opens a thread that is a business connection
DIRECT = "direct:"  #: opens a thread that is one person's talk with a channel

_COMMAND = re.compile(r"/(\w+)(?:@(\w+))?(?:\s+(.*))?\s*", re.DOTALL)
_FILES = {
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "animation": "video",
    "document": "file",
    "sticker": "sticker",
}
_READ_ELSEWHERE = ("photo", *_FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Our bot's identity on Telegram."""

    id: int
    username: str


IsOurs = Callable[[str, str], bool]
"""Whether an album (chat, group id) is known to be for us: one picture alone says so."""


def to_inbound(
    update: Mapping[str, Any], bot: Bot, *, is_ours: IsOurs = lambda _chat, _album: False
) -> InboundMessage | None:
    """What the customer did, or None when the update is nothing that a customer said to us."""
    number = update.get("update_id")
    if not isinstance(number, int):
        return None
    if press := _object(update.get("callback_query")):
        return _press(press, number, bot)
    if reaction := _object(update.get("message_reaction")):
        return _reaction(reaction, number, bot)
    for name in _SAID:
        if message := _object(update.get(name)):
            return _message(message, number, bot, said=name, is_ours=is_ours)
    return None


def album_of(update: Mapping[str, Any]) -> tuple[str, str] | None:
    """The album (chat, group id) that the update's picture belongs to; None where it has none."""
    message = _object(update.get("message"))
    album, chat = message.get("media_group_id"), _object(message.get("chat")).get("id")
    return (str(chat), str(album)) if album and isinstance(chat, int) else None


def deletions(update: Mapping[str, Any], bot: Bot) -> tuple[InboundMessage, ...]:
    """The messages that were taken back, one by one; Telegram says it of business chats only."""
    about = _object(update.get("deleted_business_messages"))
    chat, number = _object(about.get("chat")), update.get("update_id")
    gone = about.get("message_ids")
    if not isinstance(chat.get("id"), int) or not isinstance(gone, Sequence):
        return ()
    return tuple(
        InboundMessage(
            address=_address(about, chat, bot),
            external_id=f"{number}:{chat['id']}:{one}",
            sender=partner_of(chat),
            kind=InboundKind.DELETION,
            # Whoever clears a chat takes back what was read long ago; one may be on its way.
            value=KNOWN if len(gone) > 1 else "",
            about=str(one),
        )
        for one in gone
    )


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
    message: Mapping[str, Any], number: int, bot: Bot, *, said: str, is_ours: IsOurs
) -> InboundMessage | None:
    chat, sender = _object(message.get("chat")), sender_of(message)
    business, edited = "business" in said, said.startswith("edited_")
    if not isinstance(chat.get("id"), int) or message.get("is_automatic_forward"):
        return None
    if edited and "location" in message:
        return None  # a live location moves every few seconds; where it began is known
    partner = _partner(message, chat)
    direct = bool(_direct_topic(message))
    private = business or direct or chat.get("type") == "private"
    ours = _is_ours(message, sender, partner) if direct or business else False
    if message.get("sender_business_bot") or (sender.kind is SenderKind.BOT and not ours):
        return None  # we ourselves, or another program
    text, attachments = words(message), _attachments(message)
    strange = unreadable(message, read=_READ_ELSEWHERE)
    if not (text or attachments or strange):
        return None
    command = None if message.get("forward_origin") else _COMMAND.fullmatch(text)
    if command and command[2] and command[2].lower() != bot.username.lower():
        return None
    for_us = True
    if not private:
        known = command is not None and command[1].lower() in {"start", "human", "language"}
        text, mentioned = _without_mention(message, text, bot)
        album = str(message.get("media_group_id") or "")
        for_us = mentioned or known or _is_reply_to_us(message, bot)
        for_us = for_us or (bool(album) and is_ours(str(chat["id"]), album))
        if not (for_us or edited):
            return None
        command = None if message.get("forward_origin") else _COMMAND.fullmatch(text)
    kind, value = _command(command)
    if not (text or attachments or strange or edited or quotes(message)):
        kind = InboundKind.START  # our name alone calls us
    if ours:
        kind, value = InboundKind.OURS, AUTOMATIC if message.get("is_from_offline") else ""
    elif strange and not (text or attachments):
        kind, value = InboundKind.UNREADABLE, strange
    elif strange:
        attachments = (*attachments, Attachment(kind=strange))
    if edited and kind is not InboundKind.HUMAN:
        kind, value = InboundKind.EDIT, OURS if ours else "" if for_us else KNOWN
    name = str(message.get("message_id", ""))
    says_itself = kind in (
        InboundKind.MESSAGE,
        InboundKind.OURS,
        InboundKind.EDIT,
        InboundKind.HUMAN,
    )
    forwarded = bool(message.get("forward_origin"))
    return InboundMessage(
        address=_address(message, chat, bot),
        # An update's number alone starts anew at random after a quiet week, a message's number
        # is unique in its chat only; together they never meet again, and a repeat has both.
        external_id=f"{number}:{chat['id']}:{name}",
        sender=sender,
        text=_own_words(command, text) if says_itself and not forwarded else "",
        kind=kind,
        value=value,
        attachments=attachments,
        group_id=str(message.get("media_group_id") or ""),
        sent_at=_time(message.get("date")),
        message_id=name,
        about=name if edited else "",
        quotes=quotes(message),
        place=_place(message, chat),
        customer=partner if ours else None,
    )


def _reaction(about: Mapping[str, Any], number: int, bot: Bot) -> InboundMessage | None:
    chat, before, now = _object(about.get("chat")), _signs(about, "old"), _signs(about, "new")
    added = [sign for sign in now if sign not in before]
    removed = [sign for sign in before if sign not in now]
    who = {"chat": chat, "from": about.get("user"), "sender_chat": about.get("actor_chat")}
    if not isinstance(chat.get("id"), int) or not (added or removed):
        return None
    return InboundMessage(
        address=_address(about, chat, bot),
        external_id=f"{number}:reaction:{chat['id']}:{about.get('message_id', '')}",
        sender=sender_of(who),
        kind=InboundKind.REACTION if added else InboundKind.REACTION_REMOVED,
        value=" ".join(added or removed),
        sent_at=_time(about.get("date")),
        about=str(about.get("message_id", "")),
    )


def _signs(about: Mapping[str, Any], when: str) -> list[str]:
    given = about.get(f"{when}_reaction")
    kinds = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    named = {"paid": "⭐", "custom_emoji": "🙂"}  # one of Telegram's own pictures has no letter
    found = (
        str(_object(k).get("emoji") or named.get(str(_object(k).get("type")), "")) for k in kinds
    )
    return [sign for sign in found if sign]


def _press(press: Mapping[str, Any], number: int, bot: Bot) -> InboundMessage | None:
    message = _object(press.get("message"))
    chat = _object(message.get("chat"))
    kind, value = button(str(press.get("data") or ""))
    if not isinstance(chat.get("id"), int) or kind is None:
        return None
    return InboundMessage(
        address=_address(message, chat, bot),
        external_id=f"{number}:press:{press.get('id', '')}",
        sender=sender_of({"chat": chat, "from": press.get("from")}),
        kind=kind,
        value=value,
        place=_place(message, chat),
    )


def button(data: str) -> tuple[InboundKind | None, str]:
    """What a pressed button means; None for one that is not (or no longer) ours."""
    name, _, value = data.partition(":")
    if name == "human":
        return InboundKind.HUMAN, ""
    if name == "rating" and value in {"1", "2", "3", "4", "5"}:
        return InboundKind.RATING, value
    if name == "language" and value in LANGUAGES:
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
            return InboundKind.LANGUAGE, language_called(command[3] or "") if command else ""
        case _:
            return InboundKind.MESSAGE, ""


def _own_words(command: re.Match[str] | None, text: str) -> str:
    """The words of a message; of one that calls a person, those after the command."""
    calls = _command(command)[0] is InboundKind.HUMAN
    return str(command[3] or "").strip() if command and calls else text


def _address(message: Mapping[str, Any], chat: Mapping[str, Any], bot: Bot) -> Address:
    thread = ""
    if connection := message.get("business_connection_id"):
        thread = f"{BUSINESS}{connection}"
    elif direct := _direct_topic(message):
        thread = f"{DIRECT}{direct}"
    elif chat.get("type") != "private":
        thread = _topic(message)
    return Address(channel=CHANNEL, account=str(bot.id), chat=str(chat["id"]), thread=thread)


def _place(message: Mapping[str, Any], chat: Mapping[str, Any]) -> str:
    """A topic of a private chat: one person's, so it is a place and no conversation of its own."""
    in_private = chat.get("type") == "private" and not message.get("business_connection_id")
    return _topic(message) if in_private else ""


def _direct_topic(message: Mapping[str, Any]) -> str:
    """The topic of one person's talk with a channel of ours; such a chat is a supergroup's."""
    return str(_object(message.get("direct_messages_topic")).get("topic_id") or "")


def _is_ours(message: Mapping[str, Any], sender: Sender, partner: Sender) -> bool:
    """Whether a person of the company wrote it: the customer is known, or it says a channel."""
    topic = _object(message.get("direct_messages_topic"))
    if topic and not topic.get("user"):
        return sender.kind is SenderKind.CHANNEL
    return sender.id != partner.id


def _partner(message: Mapping[str, Any], chat: Mapping[str, Any]) -> Sender:
    """With whom a chat that is no group is."""
    user = _object(_object(message.get("direct_messages_topic")).get("user"))
    return partner_of(user or chat)


def _topic(message: Mapping[str, Any]) -> str:
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    return str(topic or "")


def _without_mention(message: Mapping[str, Any], text: str, bot: Bot) -> tuple[str, bool]:
    units = str(message.get("text") or message.get("caption") or "").encode("utf-16-le", "replace")
    for start, end, about in entities_of(message):
        named = units[start * 2 : end * 2].decode("utf-16-le", "replace")
        by_name = about.get("type") == "mention" and named.lower() == f"@{bot.username.lower()}"
        by_id = (
            about.get("type") == "text_mention" and _object(about.get("user")).get("id") == bot.id
        )
        if by_name or by_id:
            rest = words(message, without=(start, end))
            return " ".join(rest.split(" ")).strip(" ,:"), True
    return text, False


def _is_reply_to_us(message: Mapping[str, Any], bot: Bot) -> bool:
    replied = _object(message.get("reply_to_message"))
    return bool(_object(replied.get("from")).get("id") == bot.id)


def _attachments(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    photos = message.get("photo")
    if isinstance(photos, Sequence) and photos:
        largest = _object(photos[-1])
        ref = str(largest.get("file_id") or "")
        found.append(Attachment(kind="image", size=_size(largest), ref=ref))
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
                    ref=str(about.get("file_id") or ""),
                )
            )
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
